// Package netdevtest is the conformance suite of network devices: Run checks a
// netdev.Netdever against what package netdev promises. It also makes standard
// net.Conns and net.Listeners of a device's sockets (Dial, Listen).
package netdevtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"tinynet/netdev"
)

// Peer is the machine at the other end of the device's network.
type Peer interface {
	// Addr is the peer's address as the device sees it.
	Addr() netip.Addr
	// Dial connects to a port of the device.
	Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Listen opens a TCP port on the peer.
	Listen(port uint16) (net.Listener, error)
	// ListenPacket opens a UDP port on the peer.
	ListenPacket(port uint16) (net.PacketConn, error)
}

// Setup is one device, connected, with its peer.
type Setup struct {
	Dev netdev.Netdever
	// Peer is the machine at the other end.
	Peer Peer
	// PeerName is the peer's name; empty stands for "host".
	PeerName string
	// Sockets is how many sockets the device has.
	Sockets int
	// MoreSockets says that the device has more than Sockets, so that running
	// out of them is not tested.
	MoreSockets bool
	// MaxDatagram is how many bytes the longest datagram has; 0 stands for 1472,
	// which fills an Ethernet frame.
	MaxDatagram int
	// AcceptNeedsData says that a connection is accepted only when its first
	// data has come, as firmware before accept mode does.
	AcceptNeedsData bool
	// FullBufferCloses says that the device loses a connection whose peer does
	// not read for long, so that peers read at once.
	FullBufferCloses bool
	// WallClock says that the test does not run on simulated time, so that
	// nothing is asserted about how late something may be.
	WallClock bool
	// Close takes all of it down.
	Close func()

	peers []net.Conn // ends of connections to close before
}

// notLater asserts that no more than limit has passed since start.
func (s *Setup) notLater(t *testing.T, start time.Time, limit time.Duration) {
	t.Helper()
	if d := time.Since(start); d > limit && !s.WallClock {
		t.Errorf("it took %v, want %v at most", d, limit)
	}
}

// end closes what the test left open at the peer, then everything.
func (s *Setup) end() {
	for _, c := range s.peers {
		c.Close()
	}
	s.Close()
}

// Run runs the suite. start makes a fresh, connected device; bubble runs a test in
// the device's time: synctest.Test, or a plain call.
func Run(t *testing.T, start func(t *testing.T) *Setup, bubble func(*testing.T, func(*testing.T))) {
	tests := []struct {
		name string
		f    func(*testing.T, *Setup)
	}{
		{"ClientEcho", testClientEcho},
		{"ServerEcho", testServerEcho},
		{"DownloadIsExact", testDownload},
		{"UploadIsExact", testUpload},
		{"EndOfStream", testEndOfStream},
		{"PeerSeesEnd", testPeerSeesEnd},
		{"Refused", testRefused},
		{"LookupHost", testLookup},
		{"ReadDeadline", testReadDeadline},
		{"DeadlineChangedWhileBlocked", testDeadlineChanged},
		{"CloseWakesRecv", testCloseWakesRecv},
		{"CloseWakesAccept", testCloseWakesAccept},
		{"ListenAgain", testListenAgain},
		{"SocketsAreFreed", testSocketsFreed},
		{"OutOfSockets", testOutOfSockets},
		{"ClosedSocketIsInvalid", testInvalid},
		{"DatagramsKeepTheirSender", testDatagrams},
		{"DatagramTooLong", testDatagramTooLong},
		{"SeveralAtOnce", testSeveral},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := start(t)
				defer s.end()
				tt.f(t, s)
			})
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// payload returns n bytes that differ by seed.
func payload(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

// boardPort is where the device is reached from the peer.
func boardPort(t *testing.T, s *Setup, port uint16) netip.AddrPort {
	t.Helper()
	ip, err := s.Dev.Addr()
	check(t, err)
	return netip.AddrPortFrom(ip, port)
}

// pair returns a connection that the device opened and the peer's end of it.
func pair(t *testing.T, s *Setup, port uint16) (device, peer net.Conn) {
	t.Helper()
	l, err := s.Peer.Listen(port)
	check(t, err)
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	device, err = Dial(s.Dev, netip.AddrPortFrom(s.Peer.Addr(), port))
	check(t, err)
	peer = <-accepted
	if peer == nil {
		t.FailNow()
	}
	s.peers = append(s.peers, peer)
	return device, peer
}

func testClientEcho(t *testing.T, s *Setup) {
	device, peer := pair(t, s, 7000)
	defer device.Close()
	go func() {
		io.Copy(peer, peer)
		peer.Close()
	}()
	for i := range 20 {
		want := payload(uint64(i), 1+i*37)
		_, err := device.Write(want)
		check(t, err)
		got := make([]byte, len(want))
		_, err = io.ReadFull(device, got)
		check(t, err)
		if !bytes.Equal(got, want) {
			t.Fatalf("round %d: the echo differs", i)
		}
	}
}

func testServerEcho(t *testing.T, s *Setup) {
	l, err := Listen(s.Dev, 7014)
	check(t, err)
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 5 {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			io.Copy(c, c)
			c.Close()
		}
	}()
	for i := range 5 {
		c, err := s.Peer.Dial(t.Context(), boardPort(t, s, 7014))
		check(t, err)
		want := payload(uint64(i), 100)
		_, err = c.Write(want)
		check(t, err)
		got := make([]byte, len(want))
		_, err = io.ReadFull(c, got)
		check(t, err)
		if !bytes.Equal(got, want) {
			t.Fatalf("client %d: the echo differs", i)
		}
		c.Close()
	}
	<-done
}

func testDownload(t *testing.T, s *Setup) {
	device, peer := pair(t, s, 7001)
	defer device.Close()
	want := payload(1, 100_000)
	go func() {
		peer.Write(want)
		peer.Close()
	}()
	got, err := io.ReadAll(device)
	check(t, err)
	if !bytes.Equal(got, want) {
		t.Fatalf("received %d bytes that differ from the %d sent", len(got), len(want))
	}
}

func testUpload(t *testing.T, s *Setup) {
	device, peer := pair(t, s, 7002)
	want := payload(2, 100_000)
	sent := make(chan error, 1)
	go func() {
		n, err := device.Write(want)
		if err == nil && n != len(want) {
			err = io.ErrShortWrite
		}
		device.Close()
		sent <- err
	}()
	// A peer that starts to read late fills every buffer on the way first.
	if !s.FullBufferCloses {
		time.Sleep(300 * time.Millisecond)
	}
	got, err := io.ReadAll(peer)
	check(t, err)
	check(t, <-sent)
	if !bytes.Equal(got, want) {
		t.Fatalf("the peer received %d bytes that differ from the %d sent", len(got), len(want))
	}
}

func testEndOfStream(t *testing.T, s *Setup) {
	device, peer := pair(t, s, 7003)
	defer device.Close()
	peer.Write([]byte("last words"))
	peer.Close()
	got, err := io.ReadAll(device)
	check(t, err)
	if string(got) != "last words" {
		t.Fatalf("read %q", got)
	}
	for range 2 { // the end stays the end
		if n, err := device.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Fatalf("after the end: %d, %v; want 0, EOF", n, err)
		}
	}
}

func testPeerSeesEnd(t *testing.T, s *Setup) {
	device, peer := pair(t, s, 7004)
	_, err := device.Write([]byte("bye"))
	check(t, err)
	check(t, device.Close())
	got, err := io.ReadAll(peer)
	check(t, err)
	if string(got) != "bye" {
		t.Fatalf("the peer read %q", got)
	}
}

func testRefused(t *testing.T, s *Setup) {
	for range s.Sockets + 1 { // each failure frees its socket
		_, err := Dial(s.Dev, netip.AddrPortFrom(s.Peer.Addr(), 1))
		// A device on an operating system gives the system's errors.
		if !errors.Is(err, netdev.ErrConnRefused) {
			t.Fatalf("got %v, want ErrConnRefused", err)
		}
	}
}

func testLookup(t *testing.T, s *Setup) {
	name := cmp.Or(s.PeerName, "host")
	ip, err := s.Dev.GetHostByName(name)
	check(t, err)
	if ip != s.Peer.Addr() {
		t.Errorf("%s is %v, want %v", name, ip, s.Peer.Addr())
	}
	if ip, err = s.Dev.GetHostByName("10.0.0.77"); err != nil || ip != netip.MustParseAddr("10.0.0.77") {
		t.Errorf("an address in text gave %v, %v", ip, err)
	}
	if _, err = s.Dev.GetHostByName("no-such-host.invalid"); !errors.Is(err, netdev.ErrHostUnknown) {
		t.Errorf("unknown name: %v, want ErrHostUnknown", err)
	}
	if _, err = s.Dev.GetHostByName(string(make([]byte, 300))); err == nil {
		t.Error("a name of 300 bytes was looked up")
	}
}

func testReadDeadline(t *testing.T, s *Setup) {
	device, peer := pair(t, s, 7005)
	defer device.Close()
	defer peer.Close()
	start := time.Now()
	device.SetReadDeadline(start.Add(500 * time.Millisecond))
	_, err := device.Read(make([]byte, 1))
	if !errors.Is(err, netdev.ErrTimeout) {
		t.Fatalf("got %v, want ErrTimeout", err)
	}
	if d := time.Since(start); d < 500*time.Millisecond {
		t.Errorf("timed out after %v, want 500 ms", d)
	}
	s.notLater(t, start, 600*time.Millisecond)
	// The connection is as good as before.
	device.SetReadDeadline(time.Time{})
	peer.Write([]byte("x"))
	if _, err := io.ReadFull(device, make([]byte, 1)); err != nil {
		t.Errorf("after the timeout: %v", err)
	}
}

func testDeadlineChanged(t *testing.T, s *Setup) {
	device, peer := pair(t, s, 7006)
	defer device.Close()
	defer peer.Close()
	start := time.Now()
	device.SetReadDeadline(start.Add(time.Hour))
	go func() {
		time.Sleep(200 * time.Millisecond)
		device.SetReadDeadline(time.Now())
	}()
	_, err := device.Read(make([]byte, 1))
	if !errors.Is(err, netdev.ErrTimeout) {
		t.Fatalf("got %v, want ErrTimeout", err)
	}
	s.notLater(t, start, 300*time.Millisecond)
}

func testCloseWakesRecv(t *testing.T, s *Setup) {
	device, peer := pair(t, s, 7007)
	defer peer.Close()
	start := time.Now()
	go func() {
		time.Sleep(200 * time.Millisecond)
		device.Close()
	}()
	if _, err := device.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("got %v, want an error", err)
	}
	s.notLater(t, start, 300*time.Millisecond)
}

func testCloseWakesAccept(t *testing.T, s *Setup) {
	l, err := Listen(s.Dev, 7008)
	check(t, err)
	start := time.Now()
	go func() {
		time.Sleep(200 * time.Millisecond)
		l.Close()
	}()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("got %v, want an error", err)
	}
	s.notLater(t, start, 300*time.Millisecond)
}

// Listening again on a port that was closed must work however often.
func testListenAgain(t *testing.T, s *Setup) {
	for i := range 2 * s.Sockets {
		l, err := Listen(s.Dev, 7009)
		if err != nil {
			t.Fatalf("time %d: %v", i, err)
		}
		c, err := s.Peer.Dial(t.Context(), boardPort(t, s, 7009))
		check(t, err)
		if s.AcceptNeedsData {
			_, err = c.Write([]byte("x"))
			check(t, err)
		}
		d, err := l.Accept()
		check(t, err)
		if !s.AcceptNeedsData {
			_, err = c.Write([]byte("x"))
			check(t, err)
		}
		_, err = io.ReadFull(d, make([]byte, 1))
		check(t, err)
		d.Close()
		c.Close()
		check(t, l.Close())
	}
}

func testSocketsFreed(t *testing.T, s *Setup) {
	for i := range 4 * s.Sockets {
		device, peer := pair(t, s, 7010)
		if i%2 == 0 { // either end may close first
			peer.Close()
			io.Copy(io.Discard, device)
			check(t, device.Close())
		} else {
			check(t, device.Close())
			peer.Close()
		}
	}
}

func testOutOfSockets(t *testing.T, s *Setup) {
	if s.MoreSockets {
		t.Skip("the device has more sockets than the test may open")
	}
	l, err := s.Peer.Listen(7011)
	check(t, err)
	defer l.Close()
	go func() {
		for {
			if _, err := l.Accept(); err != nil {
				return
			}
		}
	}()
	var open []net.Conn
	for len(open) <= s.Sockets {
		c, err := Dial(s.Dev, netip.AddrPortFrom(s.Peer.Addr(), 7011))
		if err != nil {
			if !errors.Is(err, netdev.ErrNoMoreSockets) {
				t.Fatalf("connection %d: %v, want ErrNoMoreSockets", len(open), err)
			}
			break
		}
		open = append(open, c)
	}
	if len(open) > s.Sockets || len(open) < s.Sockets-2 {
		t.Errorf("%d connections at once, the device has %d sockets", len(open), s.Sockets)
	}
	for _, c := range open {
		check(t, c.Close())
	}
	c, err := Dial(s.Dev, netip.AddrPortFrom(s.Peer.Addr(), 7011))
	if err != nil {
		t.Fatalf("after all were closed: %v", err)
	}
	c.Close()
}

func testInvalid(t *testing.T, s *Setup) {
	for _, fd := range []int{-1, 0, 9, 1000} {
		if _, err := s.Dev.Recv(fd, make([]byte, 1), 0, time.Time{}); err == nil {
			t.Errorf("Recv on socket %d, which is not open, gave no error", fd)
		}
		if err := s.Dev.Close(fd); err == nil {
			t.Errorf("Close of socket %d, which is not open, gave no error", fd)
		}
	}
}

func testDatagrams(t *testing.T, s *Setup) {
	dg, ok := s.Dev.(netdev.Datagrammer)
	if !ok {
		t.Skip("the device does not name the senders of datagrams")
	}
	fd, err := s.Dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
	check(t, err)
	defer s.Dev.Close(fd)
	check(t, s.Dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 7012)))

	var peers [3]net.PacketConn
	for i := range peers {
		peers[i], err = s.Peer.ListenPacket(uint16(7020 + i))
		check(t, err)
		defer peers[i].Close()
	}
	deadline := time.Now().Add(10 * time.Second)
	for round := range 4 {
		for i, p := range peers {
			want := payload(uint64(round*10+i), []int{1, 1000, 1472, 2}[round])
			_, err := p.WriteTo(want, net.UDPAddrFromAddrPort(boardPort(t, s, 7012)))
			check(t, err)
			buf := make([]byte, 1500)
			n, from, err := dg.RecvFrom(fd, buf, 0, deadline)
			check(t, err)
			if !bytes.Equal(buf[:n], want) {
				t.Fatalf("round %d, peer %d: the datagram differs", round, i)
			}
			if from != netip.AddrPortFrom(s.Peer.Addr(), uint16(7020+i)) {
				t.Fatalf("round %d, peer %d: sender %v", round, i, from)
			}
			_, err = dg.SendTo(fd, want, 0, from, deadline)
			check(t, err)
			p.SetReadDeadline(deadline)
			n, _, err = p.ReadFrom(buf)
			check(t, err)
			if !bytes.Equal(buf[:n], want) {
				t.Fatalf("round %d, peer %d: the answer differs", round, i)
			}
		}
	}
}

func testDatagramTooLong(t *testing.T, s *Setup) {
	dg, ok := s.Dev.(netdev.Datagrammer)
	if !ok {
		t.Skip("the device does not name the peers of datagrams")
	}
	fd, err := s.Dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
	check(t, err)
	defer s.Dev.Close(fd)
	check(t, s.Dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 7013)))
	_, err = dg.SendTo(fd, make([]byte, cmp.Or(s.MaxDatagram, 1472)+1), 0, netip.AddrPortFrom(s.Peer.Addr(), 9), time.Time{})
	if !errors.Is(err, netdev.ErrMsgSize) {
		t.Errorf("got %v, want ErrMsgSize", err)
	}
}

func testSeveral(t *testing.T, s *Setup) {
	const n = 4
	done := make(chan error, n)
	for i := range n {
		device, peer := pair(t, s, uint16(7030+i))
		go func() {
			io.Copy(peer, peer)
			peer.Close()
		}()
		go func() {
			want := payload(uint64(i), 20_000)
			go device.Write(want)
			got := make([]byte, len(want))
			_, err := io.ReadFull(device, got)
			if err == nil && !bytes.Equal(got, want) {
				err = errors.New("the echo differs")
			}
			device.Close()
			done <- err
		}()
	}
	for range n {
		check(t, <-done)
	}
}
