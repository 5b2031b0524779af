package network

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
)

// hosted is a board on the host's network, and what was announced.
type hosted struct {
	*Host
	s      Station
	frames chan struct{}

	mu        sync.Mutex
	announced []Announcement
}

// host makes an isolated network with a board, and checks at the end of the
// test that it leaves no goroutine behind.
func host(t *testing.T, cfg HostConfig) *hosted {
	t.Helper()
	before := runtime.NumGoroutine()
	h := &hosted{frames: make(chan struct{}, 1)}
	cfg.Isolated = true
	cfg.Announce = func(a Announcement) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.announced = append(h.announced, a)
	}
	var err error
	h.Host, err = NewHost(cfg)
	check(t, err)
	h.s = h.Station(nina)
	h.s.OnFrame(h.frame)
	t.Cleanup(func() {
		h.Close()
		noMoreGoroutines(t, before)
	})
	return h
}

func (h *hosted) frame() {
	select {
	case h.frames <- struct{}{}:
	default:
	}
}

// noMoreGoroutines waits for those that are about to end.
func noMoreGoroutines(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, before there were %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}

// await waits for frames until ok.
func (h *hosted) await(ok func() bool) {
	for !ok() {
		<-h.frames
	}
}

func (h *hosted) accept(l Listener) Conn {
	var c Conn
	h.await(func() bool {
		var err error
		c, err = l.Accept()
		return err == nil
	})
	return c
}

// readAll reads until the end.
func (h *hosted) readAll(c Conn) (all []byte, err error) {
	buf := make([]byte, 4000)
	h.await(func() bool {
		for {
			var n int
			n, _, err = c.Read(buf)
			all = append(all, buf[:n]...)
			if err != nil {
				return !errors.Is(err, ErrWouldBlock)
			}
		}
	})
	if err == io.EOF {
		err = nil
	}
	return all, err
}

// loopback listens on the host for the test's duration.
func loopback(t *testing.T, addr string) (*net.TCPListener, netip.AddrPort) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil && strings.Contains(addr, "::1") {
		t.Skip("this machine has no ::1:", err)
	}
	check(t, err)
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener), netip.AddrPortFrom(HostAddr, l.Addr().(*net.TCPAddr).AddrPort().Port())
}

// connect connects the board to a server on the host.
func (h *hosted) connect(t *testing.T) (Conn, *net.TCPConn) {
	t.Helper()
	l, at := loopback(t, "127.0.0.1:0")
	c, err := h.s.Connect(t.Context(), at)
	check(t, err)
	p, err := l.AcceptTCP()
	check(t, err)
	t.Cleanup(func() { p.Close() })
	return c, p
}

// listen makes the board listen and dials that.
func (h *hosted) listen(t *testing.T, port uint16) (Listener, *net.TCPConn) {
	t.Helper()
	l, err := h.s.Listen(port, 1)
	check(t, err)
	return l, dialTCP(t, h.announced[len(h.announced)-1].HostAddr)
}

func dialTCP(t *testing.T, at netip.AddrPort) *net.TCPConn {
	t.Helper()
	p, err := net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(at))
	check(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// resetAtOnce checks that connections to a place do not live.
func resetAtOnce(t *testing.T, at netip.AddrPort) {
	t.Helper()
	p, err := net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(at))
	if err == nil {
		defer p.Close()
		_, err = p.Read(make([]byte, 1))
	}
	wantErr(t, err, syscall.ECONNRESET)
}

func freePort(t *testing.T) uint16 {
	t.Helper()
	l, at := loopback(t, "127.0.0.1:0")
	l.Close()
	return at.Port()
}

func TestHostIsLoopback(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			h := host(t, HostConfig{})
			l, at := loopback(t, addr)
			c, err := h.s.Connect(t.Context(), at)
			check(t, err)
			if c.RemoteAddr() != at || c.LocalAddr().Addr() != BoardAddr {
				t.Errorf("%v to %v", c.LocalAddr(), c.RemoteAddr())
			}
			p, err := l.Accept()
			check(t, err)
			defer p.Close()
			go func() {
				io.Copy(p, p)
				p.(*net.TCPConn).CloseWrite()
			}()
			data := random(100_000)
			go func() {
				for sent := 0; sent < len(data); {
					n, _ := c.Write(data[sent:min(len(data), sent+1000)])
					sent += n
					c.WaitWritable(t.Context())
				}
			}()
			var got []byte
			buf := make([]byte, 4000)
			h.await(func() bool {
				for {
					n, _, err := c.Read(buf)
					if err != nil {
						return len(got) == len(data)
					}
					got = append(got, buf[:n]...)
				}
			})
			if !bytes.Equal(got, data) {
				t.Error("other data came back")
			}
			c.Close()
		})
	}
}

func TestHostRefuses(t *testing.T) {
	h := host(t, HostConfig{})
	_, err := h.s.Connect(t.Context(), netip.AddrPortFrom(HostAddr, freePort(t)))
	wantErr(t, err, ErrRefused)
	_, err = h.s.Connect(t.Context(), netip.MustParseAddrPort("127.0.0.1:80"))
	wantErr(t, err, ErrRefused)
}

func TestIsolatedHostHasNothingBeyond(t *testing.T) {
	h := host(t, HostConfig{Hosts: map[string]netip.Addr{"Broker.test": netip.MustParseAddr("127.0.0.1")}})
	_, err := h.s.Connect(t.Context(), netip.MustParseAddrPort("192.0.2.1:80"))
	wantErr(t, err, ErrUnreachable)
	u, err := h.s.ListenPacket(0)
	check(t, err)
	wantErr(t, u.WriteTo(nil, netip.MustParseAddrPort("192.0.2.1:80")), ErrUnreachable)
	_, err = h.s.Lookup(t.Context(), "localhost")
	wantErr(t, err, ErrUnknownHost)
	for _, name := range []string{"host", "broker.test"} {
		if addr, err := h.s.Lookup(t.Context(), name); addr != HostAddr || err != nil {
			t.Errorf("%s: %v, %v", name, addr, err)
		}
	}
}

func TestOpenHostAsksTheResolver(t *testing.T) {
	h, err := NewHost(HostConfig{})
	check(t, err)
	defer h.Close()
	s := h.Station(nina)
	if addr, err := s.Lookup(t.Context(), "localhost"); addr != HostAddr || err != nil {
		t.Errorf("localhost: %v, %v", addr, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Lookup(ctx, "unknown.invalid")
	wantErr(t, err, context.Canceled)
}

func TestNobodyInTheHostsSubnetIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := NewHost(HostConfig{Clock: clock.Virtual()})
		check(t, err)
		defer h.Close()
		s := h.Station(nina)
		start := time.Now()
		_, err = s.Connect(t.Context(), netip.MustParseAddrPort("10.0.0.77:80"))
		wantErr(t, err, ErrUnreachable)
		if d := time.Since(start); d != 18500*time.Millisecond {
			t.Errorf("failed after %v", d)
		}
	})
}

func TestStationsOnTheHostReachOneAnother(t *testing.T) {
	h := host(t, HostConfig{})
	other := h.Station(nina)
	if other.Addr().String() != "10.0.0.3" {
		t.Errorf("second board is %v", other.Addr())
	}
	l, err := h.s.Listen(freePort(t), 1)
	check(t, err)
	c, err := other.Connect(t.Context(), netip.AddrPortFrom(h.s.Addr(), l.Port()))
	check(t, err)
	in := h.accept(l)
	c.Write([]byte("hello"))
	c.Close()
	got, err := h.readAll(in)
	if string(got) != "hello" || err != nil || in.RemoteAddr() != c.LocalAddr() {
		t.Errorf("%q, %v from %v", got, err, in.RemoteAddr())
	}
	u, err := h.s.ListenPacket(0)
	check(t, err)
	v, err := other.ListenPacket(0)
	check(t, err)
	check(t, v.WriteTo([]byte("x"), netip.AddrPortFrom(h.s.Addr(), u.Port())))
	if _, from, err := u.ReadFrom(nil); from != netip.AddrPortFrom(other.Addr(), v.Port()) || err != nil {
		t.Errorf("from %v, %v", from, err)
	}
}

func TestPortAppearsAtTheSameNumber(t *testing.T) {
	for range 5 { // a free port may be taken in between
		h := host(t, HostConfig{})
		port := freePort(t)
		l, p := h.listen(t, port)
		in := h.accept(l)
		if want := netip.AddrPortFrom(HostAddr, p.LocalAddr().(*net.TCPAddr).AddrPort().Port()); in.RemoteAddr() != want {
			t.Errorf("peer is %v, want %v", in.RemoteAddr(), want)
		}
		if in.LocalAddr() != netip.AddrPortFrom(BoardAddr, port) {
			t.Errorf("local address is %v", in.LocalAddr())
		}
		want := Announcement{"tcp", BoardAddr, port, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)}
		if h.announced[0] == want {
			return
		}
	}
	t.Error("never")
}

func TestPortBelow1024AppearsAt8000More(t *testing.T) {
	h := host(t, HostConfig{})
	l, p := h.listen(t, 80)
	h.accept(l)
	// 8080 itself may be in use on this machine.
	if at := p.RemoteAddr().(*net.TCPAddr).Port; at < 8080 || at > 8180 {
		t.Errorf("port 80 appeared at %d", at)
	}
}

func TestPortThatIsTakenAppearsAtTheNextFreeOne(t *testing.T) {
	h := host(t, HostConfig{})
	_, taken := loopback(t, "127.0.0.1:0")
	l, p := h.listen(t, taken.Port())
	h.accept(l)
	if at := p.RemoteAddr().(*net.TCPAddr).Port; at <= int(taken.Port()) {
		t.Errorf("port %d appeared at %d", taken.Port(), at)
	}
}

func TestPortKeepsItsPlaceAndIsAnnouncedOnce(t *testing.T) {
	h := host(t, HostConfig{})
	l, _ := h.listen(t, 80)
	h.accept(l)
	at := h.announced[0].HostAddr
	l.Close()
	resetAtOnce(t, at)
	l, err := h.s.Listen(80, 1)
	check(t, err)
	dialTCP(t, at)
	h.accept(l)
	// Nor does a reset of the chip change it.
	h.s.Close()
	s := h.Station(nina)
	s.OnFrame(h.frame)
	l, err = s.Listen(80, 1)
	check(t, err)
	dialTCP(t, at)
	h.accept(l)
	if len(h.announced) != 1 {
		t.Errorf("announced %v", h.announced)
	}
}

func TestForward(t *testing.T) {
	port := freePort(t)
	h := host(t, HostConfig{Forward: []Forward{
		{HostPort: port, BoardPort: 80},
		{BoardPort: 80},
		{Proto: "udp", BoardPort: 53},
	}})
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
	// The place is taken at once, before the board listens.
	if l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at)); err == nil {
		l.Close()
		t.Error("the place is free")
	}
	resetAtOnce(t, at)
	if len(h.announced) != 0 {
		t.Errorf("announced %v", h.announced)
	}
	l, err := h.s.Listen(80, 1)
	check(t, err)
	if len(h.announced) != 2 || h.announced[0] != (Announcement{"tcp", BoardAddr, 80, at}) {
		t.Fatalf("announced %v", h.announced)
	}
	for _, a := range h.announced {
		dialTCP(t, a.HostAddr)
		h.accept(l)
	}
}

func TestForwardToATakenPortFailsAtOnce(t *testing.T) {
	_, taken := loopback(t, "127.0.0.1:0")
	before := runtime.NumGoroutine()
	_, err := NewHost(HostConfig{Forward: []Forward{
		{BoardPort: 81}, // given back
		{HostPort: taken.Port(), BoardPort: 80},
	}})
	wantErr(t, err, ErrInUse)
	noMoreGoroutines(t, before)
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	check(t, err)
	defer u.Close()
	_, err = NewHost(HostConfig{Forward: []Forward{
		{Proto: "udp", HostPort: u.LocalAddr().(*net.UDPAddr).AddrPort().Port(), BoardPort: 80},
	}})
	wantErr(t, err, ErrInUse)
}

func TestForwardIsChecked(t *testing.T) {
	for _, fw := range [][]Forward{
		{{Proto: "sctp", BoardPort: 80}},
		{{BoardPort: 0}},
		{{BoardPort: 80, HostIP: netip.IPv6Loopback()}},
		{{BoardPort: 80, Board: HostAddr}},
		{{BoardPort: 80, Board: netip.MustParseAddr("192.0.2.1")}},
		{{Proto: "udp", BoardPort: 80}, {Proto: "udp", BoardPort: 80}},
	} {
		h, err := NewHost(HostConfig{Forward: fw})
		if err == nil {
			h.Close()
			t.Errorf("%+v was taken", fw)
		}
	}
	if _, err := NewHost(HostConfig{Hosts: map[string]netip.Addr{"x": netip.MustParseAddr("2001:db8::1")}}); err == nil {
		t.Error("an IPv6 address for a name was taken")
	}
}

func TestHostsPeerFeelsAFullWindow(t *testing.T) {
	h := host(t, HostConfig{})
	c, p := h.connect(t)
	data := random(16 << 20) // more than an operating system holds
	done := make(chan error, 1)
	go func() {
		_, err := p.Write(data)
		p.CloseWrite()
		done <- err
	}()
	h.await(func() bool { return c.Buffered() == nina.Window })
	select {
	case <-done:
		t.Fatal("the peer could write all that the board has not read")
	default:
	}
	got, err := h.readAll(c)
	if !bytes.Equal(got, data) || err != nil {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	check(t, <-done)
}

func TestHostsReadsAreCutIntoSegmentsWithPSHOnTheLast(t *testing.T) {
	h := host(t, HostConfig{})
	c, p := h.connect(t)
	p.Write(random(5744))
	h.await(func() bool { return c.Buffered() == 5744 })
	pushes := 0
	buf := make([]byte, 4000)
	for total := 0; total < 5744; {
		n, push, err := c.Read(buf)
		check(t, err)
		if n > 1436 {
			t.Errorf("segment of %d", n)
		}
		if push {
			pushes++
		}
		if total += n; total == 5744 && !push {
			t.Error("no PSH at the end")
		}
	}
	if pushes == 4 {
		t.Log("the write came in four reads")
	}
}

func TestHostKeepsToSegmentQueue(t *testing.T) {
	h := host(t, HostConfig{})
	c, p := h.connect(t)
	p.SetNoDelay(true)
	// One segment for each: wait for it.
	for i := range 6 {
		p.Write([]byte{byte(i)})
		h.await(func() bool { return c.Buffered() == i+1 })
	}
	h.f.lock()
	b := bridge{h: h.Host, e: c.(*conn).e.peer}
	if n := b.room(1000); n != 0 {
		t.Errorf("%d bytes more would be taken from the host", n)
	}
	h.f.unlock()
	p.Write([]byte{6})
	p.Write([]byte{7})
	p.CloseWrite()
	got, err := h.readAll(c)
	if !bytes.Equal(got, []byte{0, 1, 2, 3, 4, 5, 6, 7}) || err != nil {
		t.Errorf("read %v, %v", got, err)
	}
}

func TestBoardsCloseSendsWhatIsQueuedToTheHost(t *testing.T) {
	h := host(t, HostConfig{})
	c, p := h.connect(t)
	data := random(8 << 20)
	go func() {
		writeAll(c, data)
		c.Close()
	}()
	got, err := io.ReadAll(p)
	if !bytes.Equal(got, data) || err != nil {
		t.Errorf("the peer read %d bytes, %v", len(got), err)
	}
	// What comes after that is answered with a reset.
	for err == nil {
		_, err = p.Write(data)
	}
}

func TestBoardsCloseWithUnreadDataResetsTheHostsPeer(t *testing.T) {
	h := host(t, HostConfig{})
	c, p := h.connect(t)
	p.Write(random(100))
	h.await(func() bool { return c.Buffered() == 100 })
	c.Read(make([]byte, 50))
	c.Close()
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer reads %v", err)
	}
}

func TestHostsPeerResets(t *testing.T) {
	h := host(t, HostConfig{})
	c, p := h.connect(t)
	p.SetLinger(0)
	p.Close()
	h.await(c.Ended)
	_, _, err := c.Read(make([]byte, 1))
	wantErr(t, err, ErrReset)
	_, err = c.Write([]byte("x"))
	wantErr(t, err, ErrReset)
}

func TestHostsPeerHalfCloses(t *testing.T) {
	h := host(t, HostConfig{})
	c, p := h.connect(t)
	p.CloseWrite()
	_, err := h.readAll(c)
	check(t, err)
	if _, err := c.Write([]byte("reply")); err != nil {
		t.Fatal(err)
	}
	c.Close()
	got, err := io.ReadAll(p)
	if string(got) != "reply" || err != nil {
		t.Errorf("the peer read %q, %v", got, err)
	}
}

func TestLinkDownResetsTheHostsPeers(t *testing.T) {
	h := host(t, HostConfig{})
	c, p := h.connect(t)
	l, q := h.listen(t, freePort(t))
	at := q.RemoteAddr().(*net.TCPAddr).AddrPort()
	h.accept(l)
	h.s.SetLink(false)
	_, _, err := c.Read(make([]byte, 1))
	wantErr(t, err, ErrReset)
	resetAtOnce(t, at)
	for _, p := range []net.Conn{p, q} {
		if _, err := p.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a peer reads %v", err)
		}
	}
	_, err = h.s.Connect(t.Context(), netip.AddrPortFrom(HostAddr, 1))
	wantErr(t, err, ErrDown)
	h.s.SetLink(true)
	dialTCP(t, at)
	h.accept(l)
}

func TestClosingTheHostResetsPeers(t *testing.T) {
	h := host(t, HostConfig{})
	_, p := h.connect(t)
	_, q := h.listen(t, freePort(t)) // never accepted
	third := dialTCP(t, q.RemoteAddr().(*net.TCPAddr).AddrPort())
	h.Close()
	for i, p := range []net.Conn{p, q, third} {
		if _, err := p.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("peer %d reads %v", i, err)
		}
	}
	_, err := h.s.Listen(81, 1)
	wantErr(t, err, ErrDown)
	check(t, h.Close())
}

func TestConnectionsWaitWhileTheBacklogIsFull(t *testing.T) {
	h := host(t, HostConfig{})
	l, p := h.listen(t, 80)
	at := p.RemoteAddr().(*net.TCPAddr).AddrPort()
	peers := map[uint16]bool{}
	for range 5 {
		dialTCP(t, at)
	}
	for range 6 {
		h.await(l.Pending)
		h.f.lock()
		if n := len(l.(*listener).l.pending); n > 1 {
			t.Errorf("%d connections wait in the board", n)
		}
		h.f.unlock()
		peers[h.accept(l).RemoteAddr().Port()] = true
	}
	if len(peers) != 6 {
		t.Errorf("accepted %d of 6", len(peers))
	}
}

func (h *hosted) receive(u PacketConn) (string, netip.AddrPort) {
	h.await(func() bool { return u.Pending() >= 0 })
	b := make([]byte, 2000)
	n, from, _ := u.ReadFrom(b)
	return string(b[:n]), from
}

func TestHostUDP(t *testing.T) {
	h := host(t, HostConfig{})
	p, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	check(t, err)
	defer p.Close()
	server := netip.AddrPortFrom(HostAddr, p.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	u, err := h.s.ListenPacket(0)
	check(t, err)
	check(t, u.WriteTo([]byte("ask"), server))
	b := make([]byte, 2000)
	n, from, err := p.ReadFromUDPAddrPort(b)
	check(t, err)
	if string(b[:n]) != "ask" {
		t.Errorf("the server got %q", b[:n])
	}
	p.WriteToUDPAddrPort([]byte("answer"), from)
	if data, from := h.receive(u); data != "answer" || from != server {
		t.Errorf("the board got %q from %v", data, from)
	}
	if len(h.announced) != 0 {
		t.Errorf("an ephemeral port was announced: %v", h.announced)
	}
	u.Close()
	wantErr(t, u.WriteTo(nil, server), net.ErrClosed)
}

func TestHostUDPServer(t *testing.T) {
	h := host(t, HostConfig{})
	u, err := h.s.ListenPacket(123)
	check(t, err)
	if len(h.announced) != 1 || h.announced[0].Proto != "udp" || h.announced[0].HostAddr.Port() < 8123 {
		t.Fatalf("announced %v", h.announced)
	}
	at := h.announced[0].HostAddr
	for range 2 {
		p, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(at))
		check(t, err)
		p.Write([]byte("ask"))
		data, from := h.receive(u)
		if want := p.LocalAddr().(*net.UDPAddr).AddrPort().Port(); data != "ask" || from != netip.AddrPortFrom(HostAddr, want) {
			t.Errorf("%q from %v, want port %d", data, from, want)
		}
		check(t, u.WriteTo([]byte("answer"), from))
		b := make([]byte, 2000)
		// A connected socket takes answers only from where it sent to.
		if n, err := p.Read(b); string(b[:n]) != "answer" || err != nil {
			t.Errorf("the client got %q, %v", b[:n], err)
		}
		p.Close()
	}
	// What comes while the port is closed is lost, then it is where it was.
	u.Close()
	p, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(at))
	check(t, err)
	defer p.Close()
	u, err = h.s.ListenPacket(123)
	check(t, err)
	p.Write([]byte("again"))
	if data, _ := h.receive(u); data != "again" || len(h.announced) != 1 {
		t.Errorf("got %q, announced %v", data, h.announced)
	}
}

func TestHostHasNoMulticast(t *testing.T) {
	h := host(t, HostConfig{})
	u, err := h.s.ListenPacket(0)
	check(t, err)
	group := netip.MustParseAddr("224.0.0.251")
	wantErr(t, u.JoinGroup(group), errors.ErrUnsupported)
	wantErr(t, u.WriteTo(nil, netip.AddrPortFrom(group, 5353)), errors.ErrUnsupported)
	wantErr(t, u.WriteTo(nil, netip.MustParseAddrPort("10.0.0.255:9")), errors.ErrUnsupported)
}

// What ends leaves nothing behind while the network goes on.
func TestNoLeaks(t *testing.T) {
	h := host(t, HostConfig{})
	before := runtime.NumGoroutine()
	for i := range 20 {
		c, p := h.connect(t)
		switch i % 4 {
		case 0:
			c.Close()
			io.ReadAll(p)
			p.Close()
		case 1:
			p.Close()
			h.await(c.Ended)
			c.Close()
		case 2:
			p.SetLinger(0)
			p.Close()
			h.await(c.Ended)
			c.Close()
		case 3:
			c.Close() // and the peer never does
		}
		u, err := h.s.ListenPacket(0)
		check(t, err)
		check(t, u.WriteTo(nil, netip.AddrPortFrom(HostAddr, 9)))
		u.Close()
	}
	noMoreGoroutines(t, before)
	h.Host.mu.Lock()
	defer h.Host.mu.Unlock()
	h.f.lock()
	defer h.f.unlock()
	n := h.s.(*station).n
	if n.sockets != 0 || len(n.conns) != 0 || len(h.f.host.conns) != 0 || len(h.open) != 0 || len(h.flows) != 0 {
		t.Errorf("%d sockets, %d and %d ends, %d system sockets, %d flows are left",
			n.sockets, len(n.conns), len(h.f.host.conns), len(h.open), len(h.flows))
	}
}
