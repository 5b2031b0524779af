package net

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// wantOpError fails the test unless err is an OpError for op whose cause is
// target.
func wantOpError(t *testing.T, err error, op string, target error) {
	t.Helper()
	var oe *OpError
	if !errors.As(err, &oe) || oe.Op != op || !errors.Is(err, target) {
		t.Errorf("got error %v (%T), want an OpError of %s for: %v", err, err, op, target)
	}
	if target == os.ErrDeadlineExceeded {
		if ne, ok := err.(Error); !ok || !ne.Timeout() {
			t.Errorf("%v does not say that it is a timeout", err)
		}
	}
}

func mustListen(t testing.TB, network, address string) *TCPListener {
	t.Helper()
	l, err := Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*TCPListener)
}

func mustDial(t testing.TB, network, address string) Conn {
	t.Helper()
	c, err := Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// loopbackConns returns the two ends of a connection.
func loopbackConns(t testing.TB) (near, far *TCPConn) {
	t.Helper()
	l := mustListen(t, "tcp", "127.0.0.1:0")
	near = mustDial(t, "tcp", l.Addr().String()).(*TCPConn)
	far, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far
}

// errorOf runs f in a goroutine, gives it time to block, and returns where its
// error will arrive.
func errorOf(f func() error) <-chan error {
	c := make(chan error, 1)
	go func() { c <- f() }()
	for range 10 {
		runtime.Gosched()
	}
	time.Sleep(2 * time.Millisecond)
	return c
}

func readError(c io.Reader) func() error {
	return func() error { _, err := c.Read(make([]byte, 10)); return err }
}

// writeError writes until something goes wrong, as when nobody reads.
func writeError(c io.Writer) func() error {
	return func() error {
		for {
			if _, err := c.Write(make([]byte, 1<<16)); err != nil {
				return err
			}
		}
	}
}

func acceptError(l Listener) func() error {
	return func() error { _, err := l.Accept(); return err }
}

func TestLoopbackAddresses(t *testing.T) {
	for _, c := range []struct{ network, listen, addr, dial, remote string }{
		{"tcp", "127.0.0.1:0", "127.0.0.1", "127.0.0.1", "127.0.0.1"},
		{"tcp", "localhost:0", "127.0.0.1", "localhost", "127.0.0.1"},
		{"tcp", "127.9.8.7:0", "127.9.8.7", "127.9.8.7", "127.9.8.7"},
		{"tcp6", "[::1]:0", "::1", "::1", "::1"},
		{"tcp", "[::ffff:127.0.0.1]:0", "127.0.0.1", "0.0.0.0", "127.0.0.1"},
		{"tcp4", "localhost:0", "127.0.0.1", "", "127.0.0.1"},
	} {
		l := mustListen(t, c.network, c.listen)
		host, port, _ := SplitHostPort(l.Addr().String())
		if host != c.addr || port == "0" || port == "" {
			t.Errorf("Listen(%s): address %v, want %s with a port", c.listen, l.Addr(), c.addr)
		}
		near := mustDial(t, c.network, JoinHostPort(c.dial, port))
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got := near.RemoteAddr().String(); got != JoinHostPort(c.remote, port) {
			t.Errorf("Dial(%s): the peer is %s", JoinHostPort(c.dial, port), got)
		}
		if near.RemoteAddr().String() != far.LocalAddr().String() || near.LocalAddr().String() != far.RemoteAddr().String() {
			t.Errorf("the ends do not agree: %v to %v, %v to %v", near.LocalAddr(), near.RemoteAddr(), far.LocalAddr(), far.RemoteAddr())
		}
		far.Close()
	}
}

func TestLoopbackPortInUse(t *testing.T) {
	l := mustListen(t, "tcp", "127.0.0.1:0")
	_, err := Listen("tcp", l.Addr().String())
	wantOpError(t, err, "listen", syscall.EADDRINUSE)
	l.Close()
	mustListen(t, "tcp", l.Addr().String())
}

func TestLoopbackRefusesWithoutListener(t *testing.T) {
	l := mustListen(t, "tcp", "127.0.0.1:0")
	l.Close()
	_, err := Dial("tcp", l.Addr().String())
	wantOpError(t, err, "dial", syscall.ECONNREFUSED)
	if want := "dial tcp " + l.Addr().String() + ": connect: connection refused"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestLoopbackFreesThePort(t *testing.T) {
	before := countBindings()
	for range 3 {
		near, far := loopbackConns(t)
		near.Close()
		far.Close()
	}
	a, _ := ListenPacket("udp", "127.0.0.1:0")
	b := mustDial(t, "udp", a.LocalAddr().String())
	b.Close()
	a.Close()
	if got := countBindings() - before; got != 3 {
		t.Errorf("%d ports are in use, want those of the 3 listeners", got)
	}
}

func countBindings() (n int) {
	ports.mu.Lock()
	defer ports.mu.Unlock()
	for b := ports.first; b != nil; b = b.next {
		n++
	}
	return n
}

func TestPortsAreGivenOnce(t *testing.T) {
	ports.mu.Lock()
	old := ports.first
	ports.mu.Unlock()
	var all [2000]binding
	seen := map[uint16]bool{}
	for i := range all {
		all[i].local = netip.AddrPortFrom(netip.MustParseAddr("127.3.3.3"), 0)
		if err := all[i].take(); err != nil {
			t.Fatal(err)
		}
		p := all[i].local.Port()
		if p < firstEphemeral || seen[p] {
			t.Fatalf("port %d was given twice or is not ephemeral", p)
		}
		seen[p] = true
	}
	for _, i := range rand.New(rand.NewSource(1)).Perm(len(all)) {
		all[i].release()
	}
	if ports.first != old {
		t.Error("the list of ports is not what it was")
	}
}

func TestLoopbackCloseWakes(t *testing.T) {
	near, _ := loopbackConns(t)
	read, write := errorOf(readError(near)), errorOf(writeError(near))
	if err := near.Close(); err != nil {
		t.Fatal(err)
	}
	wantOpError(t, <-read, "read", ErrClosed)
	wantOpError(t, <-write, "write", ErrClosed)
	wantOpError(t, near.Close(), "close", ErrClosed)
	wantOpError(t, near.SetDeadline(time.Now()), "set", ErrClosed)

	l := mustListen(t, "tcp", "127.0.0.1:0")
	accept := errorOf(acceptError(l))
	l.Close()
	wantOpError(t, <-accept, "accept", ErrClosed)
	wantOpError(t, l.Close(), "close", ErrClosed)

	p, err := ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	from := errorOf(func() error { _, _, err := p.ReadFrom(nil); return err })
	p.Close()
	wantOpError(t, <-from, "read", ErrClosed)
}

// Each case is a call that blocks, and where to set its deadline.
func deadlineCases(t *testing.T) map[string]struct {
	op  string
	set func(time.Time) error
	f   func() error
} {
	near, _ := loopbackConns(t)
	l := mustListen(t, "tcp", "127.0.0.1:0")
	p, err := ListenUDP("udp", &UDPAddr{IP: IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return map[string]struct {
		op  string
		set func(time.Time) error
		f   func() error
	}{
		"Read":   {"read", near.SetReadDeadline, readError(near)},
		"Write":  {"write", near.SetWriteDeadline, writeError(near)},
		"Accept": {"accept", l.SetDeadline, acceptError(l)},
		"UDP":    {"read", p.SetReadDeadline, readError(p)},
	}
}

func TestLoopbackDeadlines(t *testing.T) {
	for name, c := range deadlineCases(t) {
		t.Run(name, func(t *testing.T) {
			c.set(time.Now().Add(-time.Second))
			wantOpError(t, c.f(), c.op, os.ErrDeadlineExceeded)
			c.set(time.Now().Add(5 * time.Millisecond))
			wantOpError(t, c.f(), c.op, os.ErrDeadlineExceeded)
			wantOpError(t, c.f(), c.op, os.ErrDeadlineExceeded)
			c.set(time.Time{})
			err := errorOf(c.f)
			c.set(time.Now().Add(time.Hour))
			c.set(time.Now().Add(2 * time.Millisecond))
			wantOpError(t, <-err, c.op, os.ErrDeadlineExceeded)
			err = putOff(t, c.set, c.f)
			c.set(time.Unix(1, 0))
			wantOpError(t, <-err, c.op, os.ErrDeadlineExceeded)
		})
	}
}

// putOff moves the deadline of a call from near to far while it is blocked, and
// returns where its error will arrive when the far one has come.
func putOff(t *testing.T, set func(time.Time) error, f func() error) <-chan error {
	t.Helper()
	for wait := 8 * time.Millisecond; ; wait *= 2 {
		near := time.Now().Add(wait)
		set(near)
		err := errorOf(f)
		set(time.Now().Add(time.Hour))
		if time.Until(near) <= 0 {
			// This machine was too slow. Once more, with more time.
			set(time.Unix(1, 0))
			<-err
			continue
		}
		time.Sleep(time.Until(near) + 5*time.Millisecond)
		select {
		case e := <-err:
			t.Fatalf("the old deadline still counts: %v", e)
		default:
		}
		return err
	}
}

func TestLoopbackReadAfterDeadlineLosesNothing(t *testing.T) {
	near, far := loopbackConns(t)
	far.Write([]byte("late"))
	near.SetReadDeadline(time.Unix(1, 0))
	wantOpError(t, readError(near)(), "read", os.ErrDeadlineExceeded)
	near.SetReadDeadline(time.Time{})
	b := make([]byte, 9)
	if n, err := near.Read(b); err != nil || string(b[:n]) != "late" {
		t.Errorf("read %q, %v", b[:n], err)
	}
}

func TestLoopbackHalfClose(t *testing.T) {
	near, far := loopbackConns(t)
	near.Write([]byte("request"))
	if err := near.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(far); err != nil || string(b) != "request" {
		t.Fatalf("read %q, %v", b, err)
	}
	if n, err := far.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("at the end Read gives %d, %v, want bare io.EOF", n, err)
	}
	if _, err := near.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write after CloseWrite: %v", err)
	}
	far.Write([]byte("response"))
	far.Close()
	if b, err := io.ReadAll(near); err != nil || string(b) != "response" {
		t.Fatalf("read %q, %v", b, err)
	}
	wantOpError(t, far.CloseWrite(), "close", ErrClosed)
}

func TestLoopbackCloseRead(t *testing.T) {
	near, far := loopbackConns(t)
	read := errorOf(readError(near))
	near.CloseRead()
	if err := <-read; err != io.EOF {
		t.Errorf("a blocked Read gives %v after CloseRead, want io.EOF", err)
	}
	if n, err := far.Write(make([]byte, 1<<20)); n != 1<<20 || err != nil {
		t.Errorf("Write to who does not listen: %d, %v", n, err)
	}
}

func TestLoopbackReset(t *testing.T) {
	near, far := loopbackConns(t)
	far.Write([]byte("answer"))
	near.Write([]byte("unread"))
	far.Close()
	b := make([]byte, 10)
	if n, err := near.Read(b); err != nil || string(b[:n]) != "answer" {
		t.Errorf("what came before the reset: %q, %v", b[:n], err)
	}
	_, err := near.Read(b)
	wantOpError(t, err, "read", syscall.ECONNRESET)
	_, err = near.Write(b)
	wantOpError(t, err, "write", syscall.ECONNRESET)

	near, far = loopbackConns(t)
	far.SetLinger(0)
	far.Write([]byte("lost"))
	far.Close()
	_, err = near.Read(b)
	wantOpError(t, err, "read", syscall.ECONNRESET)

	near, far = loopbackConns(t)
	far.Close()
	// TCP notices with the answer to the first Write.
	if n, err := near.Write(b); n != len(b) || err != nil {
		t.Errorf("the first Write after the peer's Close: %d, %v", n, err)
	}
	_, err = near.Write(b)
	wantOpError(t, err, "write", syscall.EPIPE)
}

func TestLoopbackListenerCloseResetsWaitingConnections(t *testing.T) {
	l := mustListen(t, "tcp", "127.0.0.1:0")
	a := mustDial(t, "tcp", l.Addr().String())
	b := mustDial(t, "tcp", l.Addr().String())
	l.Close()
	for _, c := range []Conn{a, b} {
		wantOpError(t, readError(c)(), "read", syscall.ECONNRESET)
	}
}

func TestLoopbackListenerCloseKeepsAcceptedConnections(t *testing.T) {
	l := mustListen(t, "tcp", "127.0.0.1:0")
	near := mustDial(t, "tcp", l.Addr().String())
	far, _ := l.Accept()
	l.Close()
	far.Write([]byte("on"))
	b := make([]byte, 5)
	if n, err := near.Read(b); string(b[:n]) != "on" {
		t.Errorf("read %q, %v", b[:n], err)
	}
	far.Close()
}

func TestLoopbackAcceptsInOrder(t *testing.T) {
	l := mustListen(t, "tcp", "127.0.0.1:0")
	var near []Conn
	for range 5 {
		near = append(near, mustDial(t, "tcp", l.Addr().String()))
	}
	for _, n := range near {
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if far.RemoteAddr().String() != n.LocalAddr().String() {
			t.Errorf("accepted %v, want %v", far.RemoteAddr(), n.LocalAddr())
		}
		far.Close()
	}
}

// A stream of random pieces arrives as it was sent, in both directions at
// once.
func TestLoopbackTransfer(t *testing.T) {
	near, far := loopbackConns(t)
	send := func(c *TCPConn, data []byte, r *rand.Rand) {
		for len(data) > 0 {
			n := min(1+r.Intn(1<<uint(1+r.Intn(18))), len(data))
			if _, err := c.Write(data[:n]); err != nil {
				t.Error(err)
				return
			}
			data = data[n:]
		}
		c.CloseWrite()
	}
	receive := func(c *TCPConn, want []byte, r *rand.Rand) {
		var got []byte
		b := make([]byte, 1<<17)
		for {
			n, err := c.Read(b[:1+r.Intn(1<<uint(1+r.Intn(17)))])
			got = append(got, b[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes arrived that are not the %d that were sent", len(got), len(want))
		}
	}
	data := [2][]byte{make([]byte, 3<<20), make([]byte, 2<<20)}
	var wg sync.WaitGroup
	for i, c := range [2][2]*TCPConn{{near, far}, {far, near}} {
		rand.New(rand.NewSource(int64(i))).Read(data[i])
		wg.Add(2)
		go func() { defer wg.Done(); send(c[0], data[i], rand.New(rand.NewSource(int64(i)))) }()
		go func() { defer wg.Done(); receive(c[1], data[i], rand.New(rand.NewSource(int64(i+5)))) }()
	}
	wg.Wait()
}

func TestLoopbackConcurrentWritesDoNotMix(t *testing.T) {
	near, far := loopbackConns(t)
	const size, each = 3 * loopbackBuffer / 2, 4
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range each {
				if _, err := near.Write(bytes.Repeat([]byte{byte('a' + i)}, size)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	b := make([]byte, size)
	for range 4 * each {
		if _, err := io.ReadFull(far, b); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(b, b[:1]) != size {
			t.Fatal("two Writes are mixed")
		}
	}
	wg.Wait()
}

func TestLoopbackReadFromAndWriteTo(t *testing.T) {
	near, far := loopbackConns(t)
	data := strings.Repeat("0123456789", 30000)
	go func() {
		if n, err := near.ReadFrom(strings.NewReader(data)); n != int64(len(data)) || err != nil {
			t.Errorf("ReadFrom: %d, %v", n, err)
		}
		near.CloseWrite()
	}()
	var got bytes.Buffer
	if n, err := far.WriteTo(&got); n != int64(len(data)) || err != nil || got.String() != data {
		t.Errorf("WriteTo: %d, %v", n, err)
	}
}

func TestLoopbackUDP(t *testing.T) {
	server, err := ListenUDP("udp", &UDPAddr{IP: IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client := mustDial(t, "udp", server.LocalAddr().String()).(*UDPConn)
	other, err := ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()

	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	client.Write(nil)
	b := make([]byte, 3)
	n, from, err := server.ReadFromUDP(b)
	if err != nil || string(b[:n]) != "hel" || from.String() != client.LocalAddr().String() {
		t.Errorf("got %q from %v, %v", b[:n], from, err)
	}
	if n, _, err := server.ReadFromUDPAddrPort(b); n != 0 || err != nil {
		t.Errorf("an empty datagram: %d, %v", n, err)
	}
	// A connected socket hears its peer only.
	if _, err := other.WriteTo([]byte("no"), client.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if _, err := server.WriteToUDP([]byte("yes"), from); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(b); err != nil || string(b[:n]) != "yes" {
		t.Errorf("got %q, %v", b[:n], err)
	}
	_, err = client.WriteTo(b, server.LocalAddr())
	wantOpError(t, err, "write", ErrWriteToConnected)
	_, err = client.Write(make([]byte, maxDatagram+1))
	wantOpError(t, err, "write", syscall.EMSGSIZE)
	if n, err := client.Write(make([]byte, maxDatagram)); n != maxDatagram || err != nil {
		t.Errorf("the largest datagram: %d, %v", n, err)
	}
	_, err = server.Write(b)
	wantOpError(t, err, "write", syscall.ENOTCONN)
	_, err = other.WriteTo(b, &UDPAddr{IP: IPv4(10, 0, 0, 1), Port: 9})
	wantOpError(t, err, "write", errUnreachable)
	server.Close()
	_, err = client.Write(b)
	wantOpError(t, err, "write", syscall.ECONNREFUSED)
}

func TestDatagramsAreLostWhenTheInboxIsFull(t *testing.T) {
	var q datagrams
	r := rand.New(rand.NewSource(1))
	var want [][]byte
	used := 0
	for range 3000 {
		if r.Intn(2) == 0 {
			b := make([]byte, r.Intn(3000))
			r.Read(b)
			from := netip.AddrPortFrom(loopback4, uint16(len(b)))
			q.put(b, from)
			if used+len(b)+datagramHeader <= loopbackBuffer {
				used += len(b) + datagramHeader
				want = append(want, b)
			}
		} else if len(want) > 0 {
			b := make([]byte, 2000)
			n, from := q.take(b)
			if int(from.Port()) != len(want[0]) || !bytes.Equal(b[:n], want[0][:min(2000, len(want[0]))]) {
				t.Fatalf("took %d bytes from %v, want those of %d", n, from, len(want[0]))
			}
			used -= len(want[0]) + datagramHeader
			want = want[1:]
		}
		if q.n != len(want) {
			t.Fatalf("%d datagrams, want %d", q.n, len(want))
		}
	}
}

func TestLoopbackDoesNotAllocate(t *testing.T) {
	near, far := loopbackConns(t)
	near.SetDeadline(time.Now().Add(time.Hour))
	out, in := make([]byte, 1000), make([]byte, 2000)
	if n := testing.AllocsPerRun(100, func() {
		near.Write(out)
		far.Read(in)
	}); n != 0 {
		t.Errorf("a Write and a Read of TCP allocate %v times", n)
	}
	go io.Copy(far, far)
	near.Write(out)
	io.ReadFull(near, in[:1000])
	if n := testing.AllocsPerRun(100, func() {
		near.Write(out)
		io.ReadFull(near, in[:1000])
	}); n != 0 {
		t.Errorf("blocking Reads of TCP allocate %v times", n)
	}
	server, _ := ListenUDP("udp", &UDPAddr{IP: IPv4(127, 0, 0, 1)})
	defer server.Close()
	client := mustDial(t, "udp", server.LocalAddr().String()).(*UDPConn)
	if n := testing.AllocsPerRun(100, func() {
		client.Write(out)
		_, from, _ := server.ReadFromUDPAddrPort(in)
		server.WriteToUDPAddrPort(out, from)
		client.Read(in)
	}); n != 0 {
		t.Errorf("Writes and Reads of UDP allocate %v times", n)
	}
}

func TestWithoutDevice(t *testing.T) {
	use(t, nil)
	_, err := Dial("tcp", "10.0.0.1:80")
	wantOpError(t, err, "dial", errNoDevice)
	_, err = Listen("tcp", ":80")
	wantOpError(t, err, "listen", errNoDevice)
	_, err = Listen("tcp", "10.0.0.2:80")
	wantOpError(t, err, "listen", errNoDevice)
	_, err = ListenPacket("udp", ":80")
	wantOpError(t, err, "listen", errNoDevice)
	_, err = Dial("udp", "10.0.0.1:80")
	wantOpError(t, err, "dial", errNoDevice)
	_, err = LookupHost("example.com")
	if !errors.Is(err, errNoDevice) {
		t.Errorf("LookupHost: %v", err)
	}
	use(t, "not a device")
	_, err = Dial("tcp", "10.0.0.1:80")
	wantOpError(t, err, "dial", errNotDevice)
}

func TestUnsupportedSaysSo(t *testing.T) {
	near, _ := loopbackConns(t)
	l := mustListen(t, "tcp", "127.0.0.1:0")
	for name, f := range map[string]func() error{
		"DialUnix":       func() error { _, err := Dial("unix", "/tmp/x"); return err },
		"ListenUnix":     func() error { _, err := Listen("unix", "/tmp/x"); return err },
		"ListenUnixgram": func() error { _, err := ListenPacket("unixgram", "/tmp/x"); return err },
		"DialIP":         func() error { _, err := Dial("ip4:1", "127.0.0.1"); return err },
		"ListenIP":       func() error { _, err := ListenPacket("ip4:icmp", "127.0.0.1"); return err },
		"File":           func() error { _, err := near.File(); return err },
		"SyscallConn":    func() error { _, err := near.SyscallConn(); return err },
		"ListenerFile":   func() error { _, err := l.File(); return err },
		"FileConn":       func() error { _, err := FileConn(os.Stdin); return err },
	} {
		if err := f(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestZeroConnsFail(t *testing.T) {
	var c TCPConn
	var u UDPConn
	var l TCPListener
	if _, err := c.Read(nil); err != syscall.EINVAL {
		t.Error(err)
	}
	if err := u.Close(); err != syscall.EINVAL {
		t.Error(err)
	}
	if _, err := l.Accept(); err != syscall.EINVAL {
		t.Error(err)
	}
	if c.LocalAddr() != nil || c.RemoteAddr() != nil || l.Addr() != nil {
		t.Error("a zero value has an address")
	}
}

func TestDialErrors(t *testing.T) {
	for _, c := range []struct{ network, address, want string }{
		{"tcp", "", "dial tcp: missing address"},
		{"foo", "127.0.0.1:1", "dial foo: unknown network foo"},
		{"tcp", "127.0.0.1", "dial tcp: address 127.0.0.1: missing port in address"},
		{"tcp", "127.0.0.1:99999", "dial tcp: address 99999: invalid port"},
		{"tcp", "127.0.0.1:nosuch", "dial tcp: lookup tcp/nosuch: unknown port"},
		{"tcp6", "127.0.0.1:1", "dial tcp6: address 127.0.0.1: no suitable address found"},
		{"tcp4", "[::1]:1", "dial tcp4: address ::1: no suitable address found"},
	} {
		if _, err := Dial(c.network, c.address); err == nil || err.Error() != c.want {
			t.Errorf("Dial(%q, %q): %v, want %s", c.network, c.address, err, c.want)
		}
	}
	_, err := Listen("udp", "127.0.0.1:0")
	if err == nil || err.Error() != "listen udp: address 127.0.0.1:0: unexpected address type" {
		t.Errorf("Listen on udp: %v", err)
	}
	d := Dialer{LocalAddr: &UDPAddr{}}
	if _, err := d.Dial("tcp", "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "mismatched local address type") {
		t.Errorf("a UDPAddr for TCP: %v", err)
	}
	_, err = DialTCP("tcp", nil, nil)
	wantOpError(t, err, "dial", errMissingAddress)
	_, err = DialTCP("udp", nil, &TCPAddr{})
	wantOpError(t, err, "dial", UnknownNetworkError("udp"))
}

func TestDialLimits(t *testing.T) {
	l := mustListen(t, "tcp", "127.0.0.1:0")
	addr := l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := new(Dialer).DialContext(ctx, "tcp", addr)
	wantOpError(t, err, "dial", context.Canceled)
	_, err = (&Dialer{Deadline: time.Unix(1, 0)}).Dial("tcp", addr)
	wantOpError(t, err, "dial", context.DeadlineExceeded)
	if ne, ok := err.(Error); !ok || !ne.Timeout() {
		t.Errorf("%v is no timeout", err)
	}
	_, err = DialTimeout("tcp", addr, -time.Second)
	wantOpError(t, err, "dial", context.DeadlineExceeded)
	if c, err := DialTimeout("tcp", addr, time.Hour); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
}

func TestControl(t *testing.T) {
	var got []string
	control := func(network, address string, c syscall.RawConn) error {
		got = append(got, network+" "+address)
		return c.Control(func(uintptr) {})
	}
	lc := ListenConfig{Control: control}
	_, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:1234")
	wantOpError(t, err, "listen", errors.ErrUnsupported)
	d := Dialer{Control: control}
	_, err = d.Dial("udp", "[::1]:1234")
	wantOpError(t, err, "dial", errors.ErrUnsupported)
	d.ControlContext = func(ctx context.Context, network, address string, c syscall.RawConn) error { return io.ErrNoProgress }
	_, err = d.Dial("tcp", "127.0.0.1:1234")
	wantOpError(t, err, "dial", io.ErrNoProgress)
	if s := strings.Join(got, ", "); s != "tcp4 127.0.0.1:1234, udp6 [::1]:1234" {
		t.Errorf("Control got %s", s)
	}
}

func TestDialLocalAddr(t *testing.T) {
	l := mustListen(t, "tcp", "127.0.0.1:0")
	d := Dialer{LocalAddr: &TCPAddr{IP: IPv4(127, 0, 0, 9), Port: 4321}}
	c, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if c.LocalAddr().String() != "127.0.0.9:4321" {
		t.Errorf("local address %v", c.LocalAddr())
	}
	_, err = d.Dial("tcp", l.Addr().String())
	wantOpError(t, err, "dial", syscall.EADDRINUSE)
	c.Close()
	d.LocalAddr = &TCPAddr{IP: IPv4(10, 0, 0, 9)}
	_, err = d.Dial("tcp", l.Addr().String())
	wantOpError(t, err, "dial", syscall.EADDRNOTAVAIL)
}

// A datagram socket in memory keeps to its deadline for writing, and to its
// family.
func TestLoopbackUDPRefuses(t *testing.T) {
	use(t, nil)
	for _, tt := range []struct{ network, local, good, other string }{
		{"udp4", "127.0.0.1:0", "127.0.0.1:9", "[::1]:9"},
		{"udp4", ":0", "127.0.0.1:9", "[::1]:9"},
		{"udp", "127.0.0.1:0", "127.0.0.1:9", "[::1]:9"},
		{"udp6", "[::1]:0", "[::1]:9", "127.0.0.1:9"},
	} {
		p, err := ListenPacket(tt.network, tt.local)
		if err != nil {
			if tt.local == ":0" {
				continue // for all addresses there has to be a device
			}
			t.Fatal(err)
		}
		defer p.Close()
		c := p.(*UDPConn)
		write := func(to string) error {
			_, err := c.WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort(to))
			return err
		}
		if err := write(tt.good); err != nil {
			t.Errorf("%s from %s to %s: %v", tt.network, tt.local, tt.good, err)
		}
		var addr *AddrError
		if err := write(tt.other); !errors.As(err, &addr) {
			t.Errorf("%s from %s to %s: %v, want an AddrError", tt.network, tt.local, tt.other, err)
		}
		c.SetWriteDeadline(longAgo.time())
		if err := write(tt.good); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after the deadline: %v", err)
		}
		c.SetWriteDeadline(time.Time{})
		if err := write(tt.good); err != nil {
			t.Errorf("without a deadline: %v", err)
		}
	}
}

// Buffers arrive whole, also empty ones among them, and are used up.
func TestLoopbackBuffers(t *testing.T) {
	use(t, nil)
	l, err := Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	b := Buffers{nil, []byte("a"), nil, []byte("bc"), nil}
	if n, err := b.WriteTo(c); n != 3 || err != nil || len(b) != 0 {
		t.Errorf("wrote %d, %v, %d slices are left", n, err, len(b))
	}
	c.Close()
	if got, err := io.ReadAll(peer); string(got) != "abc" || err != nil {
		t.Errorf("%q, %v arrived", got, err)
	}
	b = Buffers{[]byte("x")}
	if n, err := b.WriteTo(c); n != 0 || !errors.Is(err, ErrClosed) || len(b) != 1 {
		t.Errorf("on a closed connection: %d, %v, %d slices are left", n, err, len(b))
	}
}
