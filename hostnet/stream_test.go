//go:build linux || darwin

package hostnet

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"tinynet/netdev"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// payload returns n bytes that differ by seed.
func payload(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// loopbacks runs f for each family's loopback.
func loopbacks(t *testing.T, f func(t *testing.T, ip netip.Addr)) {
	for _, text := range []string{"127.0.0.1", "::1"} {
		t.Run(text, func(t *testing.T) {
			l, err := net.Listen("tcp", net.JoinHostPort(text, "0"))
			if err != nil {
				t.Skipf("no loopback at %s: %v", text, err)
			}
			l.Close()
			f(t, netip.MustParseAddr(text))
		})
	}
}

func domainOf(ip netip.Addr) int {
	if ip.Is4() {
		return netdev.AF_INET
	}
	return netdev.AF_INET6
}

// stream makes a TCP socket.
func stream(t testing.TB, d *Device, ip netip.Addr) int {
	t.Helper()
	fd, err := d.Socket(domainOf(ip), netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	check(t, err)
	return fd
}

// listen makes a listener on a free port.
func listen(t testing.TB, d *Device, ip netip.Addr) (int, netip.AddrPort) {
	t.Helper()
	fd := stream(t, d, ip)
	check(t, d.Bind(fd, netip.AddrPortFrom(ip, 0)))
	check(t, d.Listen(fd, 0))
	addr, err := d.LocalAddr(fd)
	check(t, err)
	return fd, addr
}

// connected returns a device's connection to a peer on stock net.
func connected(t testing.TB, d *Device, ip netip.Addr) (int, *net.TCPConn) {
	t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	check(t, err)
	defer l.Close()
	fd := stream(t, d, ip)
	check(t, d.Connect(fd, "", l.Addr().(*net.TCPAddr).AddrPort()))
	peer, err := l.AcceptTCP()
	check(t, err)
	return fd, peer
}

// reader is a stream of a device as an io.Reader.
type reader struct {
	d  *Device
	fd int
}

func (r reader) Read(b []byte) (int, error) { return r.d.Recv(r.fd, b, 0, time.Time{}) }

func TestStreamBothWays(t *testing.T) {
	d := New()
	loopbacks(t, func(t *testing.T, ip netip.Addr) {
		fd, peer := connected(t, d, ip)
		defer peer.Close()
		go io.Copy(peer, peer)
		for i := range 50 {
			want := payload(byte(i), 1+i*997)
			n, err := d.Send(fd, want, 0, time.Time{})
			if err != nil || n != len(want) {
				t.Fatalf("Send took %d of %d bytes: %v", n, len(want), err)
			}
			got := make([]byte, len(want))
			_, err = io.ReadFull(reader{d, fd}, got)
			check(t, err)
			if !bytes.Equal(got, want) {
				t.Fatal("the echo differs")
			}
		}
		local, err := d.LocalAddr(fd)
		check(t, err)
		if want := peer.RemoteAddr().(*net.TCPAddr).AddrPort(); local != want {
			t.Errorf("LocalAddr is %v, the peer sees %v", local, want)
		}
		remote, err := d.PeerAddr(fd)
		check(t, err)
		if want := peer.LocalAddr().(*net.TCPAddr).AddrPort(); remote != want {
			t.Errorf("PeerAddr is %v, the peer is at %v", remote, want)
		}
		check(t, d.Close(fd))
	})
}

func TestAccept(t *testing.T) {
	d := New()
	loopbacks(t, func(t *testing.T, ip netip.Addr) {
		l, addr := listen(t, d, ip)
		defer d.Close(l)
		if addr.Port() == 0 || addr.Addr() != ip {
			t.Fatalf("port 0 became %v", addr)
		}
		for range 3 {
			peer, err := net.Dial("tcp", addr.String())
			check(t, err)
			fd, from, err := d.Accept(l)
			check(t, err)
			if want := peer.LocalAddr().(*net.TCPAddr).AddrPort(); from != want {
				t.Errorf("the peer's address is %v, want %v", from, want)
			}
			if on := option(t, d, fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY); on == 0 {
				t.Error("an accepted connection has not got TCP_NODELAY")
			}
			_, err = d.Send(fd, []byte("hello"), 0, time.Time{})
			check(t, err)
			check(t, d.Close(fd))
			got, err := io.ReadAll(peer)
			check(t, err)
			if string(got) != "hello" {
				t.Errorf("the peer read %q", got)
			}
			peer.Close()
		}
	})
}

func TestHalfClose(t *testing.T) {
	d := New()
	loopbacks(t, func(t *testing.T, ip netip.Addr) {
		fd, peer := connected(t, d, ip)
		defer d.Close(fd)
		defer peer.Close()
		_, err := d.Send(fd, []byte("question"), 0, time.Time{})
		check(t, err)
		check(t, d.Shutdown(fd, netdev.SHUT_WR))
		got, err := io.ReadAll(peer)
		check(t, err)
		if string(got) != "question" {
			t.Errorf("the peer read %q", got)
		}
		if _, err := d.Send(fd, []byte("more"), 0, time.Time{}); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Send after SHUT_WR: %v, want EPIPE", err)
		}
		peer.Write([]byte("answer"))
		peer.CloseWrite()
		got, err = io.ReadAll(reader{d, fd})
		check(t, err)
		if string(got) != "answer" {
			t.Errorf("read %q", got)
		}
		if n, err := d.Recv(fd, make([]byte, 1), 0, time.Time{}); n != 0 || err != io.EOF {
			t.Errorf("after the end: %d, %v; want 0, io.EOF", n, err)
		}
	})
}

func TestShutdownWakesRecv(t *testing.T) {
	d := New()
	fd, peer := connected(t, d, netip.MustParseAddr("127.0.0.1"))
	defer d.Close(fd)
	defer peer.Close()
	done := make(chan error)
	go func() {
		_, err := d.Recv(fd, make([]byte, 1), 0, time.Time{})
		done <- err
	}()
	check(t, d.Shutdown(fd, netdev.SHUT_RD))
	if err := <-done; err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
}

func TestRefused(t *testing.T) {
	d := New()
	loopbacks(t, func(t *testing.T, ip netip.Addr) {
		l, addr := listen(t, d, ip)
		check(t, d.Close(l))
		fd := stream(t, d, ip)
		defer d.Close(fd)
		err := d.Connect(fd, "", addr)
		sys, ok := err.(*os.SyscallError)
		if !ok || sys.Syscall != "connect" || sys.Err != error(syscall.ECONNREFUSED) {
			t.Errorf("got %#v, want a SyscallError of connect with ECONNREFUSED", err)
		}
	})
}

func TestReset(t *testing.T) {
	d := New()
	fd, peer := connected(t, d, netip.MustParseAddr("127.0.0.1"))
	defer d.Close(fd)
	peer.SetLinger(0)
	peer.Close()
	if _, err := d.Recv(fd, make([]byte, 1), 0, time.Time{}); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want ECONNRESET", err)
	}
}

// A slow reader fills every buffer on the way, so that Send has to wait in the
// middle of its data.
func TestBigTransferToSlowReader(t *testing.T) {
	d := New()
	fd, peer := connected(t, d, netip.MustParseAddr("127.0.0.1"))
	defer peer.Close()
	check(t, peer.SetReadBuffer(16<<10))
	want := payload(1, 16<<20)
	sent := make(chan error, 1)
	go func() {
		n, err := d.Send(fd, want, 0, time.Time{})
		if err == nil && n != len(want) {
			err = io.ErrShortWrite
		}
		d.Close(fd)
		sent <- err
	}()
	got := make([]byte, 0, len(want))
	buf := make([]byte, 256<<10)
	for i := 0; ; i++ {
		if i < 20 {
			time.Sleep(time.Millisecond)
		}
		n, err := peer.Read(buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			break
		}
		check(t, err)
	}
	check(t, <-sent)
	if !bytes.Equal(got, want) {
		t.Errorf("the peer read %d bytes that differ from the %d sent", len(got), len(want))
	}
}

func TestManySockets(t *testing.T) {
	d := New()
	before := descriptors(t)
	const n = 200
	l, addr := listen(t, d, netip.MustParseAddr("127.0.0.1"))
	var all sync.WaitGroup
	all.Add(2 * n)
	go func() {
		for range n {
			fd, _, err := d.Accept(l)
			if err != nil {
				t.Error(err)
				return
			}
			go func() {
				defer all.Done()
				got, err := io.ReadAll(reader{d, fd})
				if err == nil {
					_, err = d.Send(fd, got, 0, time.Time{})
				}
				if err != nil {
					t.Error(err)
				}
				d.Close(fd)
			}()
		}
	}()
	for i := range n {
		go func() {
			defer all.Done()
			fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close(fd)
			want := payload(byte(i), 10_000+i)
			if err := d.Connect(fd, "", addr); err != nil {
				t.Error(err)
				return
			}
			if _, err := d.Send(fd, want, 0, time.Time{}); err != nil {
				t.Error(err)
			}
			d.Shutdown(fd, netdev.SHUT_WR)
			got, err := io.ReadAll(reader{d, fd})
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("connection %d: %d bytes, %v; want its %d back", i, len(got), err, len(want))
			}
		}()
	}
	all.Wait()
	check(t, d.Close(l))
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors are open, %d before", after, before)
	}
}

// Each error path frees the descriptor.
func TestFailuresLeakNothing(t *testing.T) {
	d := New()
	ip := netip.MustParseAddr("127.0.0.1")
	l, addr := listen(t, d, ip)
	defer d.Close(l)
	before := descriptors(t)
	for range 20 {
		fd := stream(t, d, ip)
		if err := d.Bind(fd, addr); err == nil {
			if err = d.Listen(fd, 1); !errors.Is(err, syscall.EADDRINUSE) {
				t.Fatalf("a second listener: %v, want EADDRINUSE", err)
			}
		}
		check(t, d.Close(fd))
		if _, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS); !errors.Is(err, netdev.ErrProtocolNotSupported) {
			t.Fatalf("TLS: %v, want ErrProtocolNotSupported", err)
		}
		if _, err := d.Socket(99, netdev.SOCK_STREAM, 0); !errors.Is(err, netdev.ErrFamilyNotSupported) {
			t.Fatalf("family 99: %v, want ErrFamilyNotSupported", err)
		}
		if _, _, _, err := d.FromFile(os.Stderr.Fd()); err == nil {
			t.Fatal("FromFile took what is no socket")
		}
		_, err := d.Addr()
		check(t, err)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors are open, %d before", after, before)
	}
}

// descriptors counts the descriptors of the process.
func descriptors(t *testing.T) int {
	dir := "/proc/self/fd"
	if _, err := os.Stat(dir); err != nil {
		dir = "/dev/fd"
	}
	all, err := os.ReadDir(dir)
	check(t, err)
	return len(all)
}

// option reads an option back.
func option(t *testing.T, d *Device, fd, level, opt int) (value int) {
	t.Helper()
	raw, err := d.SyscallConn(fd)
	check(t, err)
	check(t, raw.Control(func(fd uintptr) {
		value, err = syscall.GetsockoptInt(int(fd), level, opt)
	}))
	check(t, err)
	return value
}

func TestOptions(t *testing.T) {
	d := New()
	fd, peer := connected(t, d, netip.MustParseAddr("127.0.0.1"))
	defer d.Close(fd)
	defer peer.Close()
	for _, o := range []struct {
		level, opt       int
		value            any
		sysLevel, sysOpt int
		want             int
	}{
		{netdev.SOL_TCP, netdev.TCP_NODELAY, false, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 0},
		{netdev.SOL_SOCKET, netdev.SO_KEEPALIVE, true, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{netdev.SOL_TCP, netdev.TCP_KEEPIDLE, 90 * time.Second, syscall.IPPROTO_TCP, sysTCPKeepIdle, 90},
		{netdev.SOL_TCP, netdev.TCP_KEEPIDLE, 1.5, syscall.IPPROTO_TCP, sysTCPKeepIdle, 2},
		{netdev.SOL_TCP, netdev.TCP_KEEPINTVL, 1500 * time.Millisecond, syscall.IPPROTO_TCP, sysTCPKeepInterval, 2},
		{netdev.SOL_TCP, netdev.TCP_KEEPCNT, 7, syscall.IPPROTO_TCP, sysTCPKeepCount, 7},
		{netdev.SOL_SOCKET, netdev.SO_REUSEADDR, true, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1},
	} {
		if err := d.SetSockOpt(fd, o.level, o.opt, o.value); err != nil {
			t.Errorf("level %d, option %d: %v", o.level, o.opt, err)
			continue
		}
		got := option(t, d, fd, o.sysLevel, o.sysOpt)
		if o.want <= 1 && got != 0 {
			got = 1 // macOS has the option's bit
		}
		if got != o.want {
			t.Errorf("level %d, option %d, set to %v, is %d; want %d", o.level, o.opt, o.value, got, o.want)
		}
	}
	if err := d.SetSockOpt(fd, netdev.SOL_SOCKET, 12345, 1); !errors.Is(err, netdev.ErrNotSupported) {
		t.Errorf("unknown option: %v, want ErrNotSupported", err)
	}
	if err := d.SetSockOpt(fd, netdev.SOL_SOCKET, netdev.SO_KEEPALIVE, "yes"); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("wrong type: %v, want EINVAL", err)
	}
	// SO_LINGER 0 makes Close a reset.
	check(t, d.SetSockOpt(fd, netdev.SOL_SOCKET, netdev.SO_LINGER, 0))
	check(t, d.Close(fd))
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after a Close that does not linger the peer reads %v, want ECONNRESET", err)
	}
}

func TestDualStack(t *testing.T) {
	d := New()
	fd, err := d.Socket(netdev.AF_INET6, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	if err != nil {
		t.Skipf("no IPv6: %v", err)
	}
	defer d.Close(fd)
	if option(t, d, fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY) == 0 {
		t.Error("an AF_INET6 socket takes IPv4 without being asked")
	}
	check(t, d.SetSockOpt(fd, netdev.SOL_IPV6, netdev.IPV6_V6ONLY, false))
	check(t, d.Bind(fd, netip.AddrPort{}))
	check(t, d.Listen(fd, 1))
	at, err := d.LocalAddr(fd)
	check(t, err)
	loopbacks(t, func(t *testing.T, ip netip.Addr) {
		peer, err := net.Dial("tcp", netip.AddrPortFrom(ip, at.Port()).String())
		check(t, err)
		defer peer.Close()
		conn, from, err := d.Accept(fd)
		check(t, err)
		defer d.Close(conn)
		if from.Addr() != ip {
			t.Errorf("the peer is %v, want %v", from.Addr(), ip)
		}
		if local, err := d.LocalAddr(conn); err != nil || local.Addr() != ip {
			t.Errorf("LocalAddr: %v, %v; want %v", local, err, ip)
		}
	})
}

// A number that is not in use any more stays invalid when its place in the
// table is taken again.
func TestClosedNumberIsNotReused(t *testing.T) {
	d := New()
	ip := netip.MustParseAddr("127.0.0.1")
	old := stream(t, d, ip)
	check(t, d.Close(old))
	fd := stream(t, d, ip)
	defer d.Close(fd)
	for _, n := range []int{old, -1, fd + 1, fd + 1<<20, 1<<31 - 1} {
		if err := d.Close(n); !errors.Is(err, netdev.ErrInvalidSocketFd) {
			t.Errorf("Close(%d): %v, want ErrInvalidSocketFd", n, err)
		}
		if _, err := d.Recv(n, make([]byte, 1), 0, time.Time{}); !errors.Is(err, netdev.ErrInvalidSocketFd) {
			t.Errorf("Recv(%d): %v, want ErrInvalidSocketFd", n, err)
		}
		if err := d.SetReadDeadline(n, time.Now()); !errors.Is(err, netdev.ErrInvalidSocketFd) {
			t.Errorf("SetReadDeadline(%d): %v, want ErrInvalidSocketFd", n, err)
		}
	}
}

func TestTable(t *testing.T) {
	var tab table
	seen := map[int]bool{}
	var open []*socket
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		if len(open) > 0 && r.IntN(3) == 0 {
			i := r.IntN(len(open))
			s := open[i]
			if got, err := tab.take(s.number); err != nil || got != s {
				t.Fatalf("take(%d): %p, %v; want %p", s.number, got, err, s)
			}
			open[i] = open[len(open)-1]
			open = open[:len(open)-1]
			if _, err := tab.get(s.number); err == nil {
				t.Fatalf("%d is still there", s.number)
			}
			continue
		}
		s := &socket{}
		check(t, tab.put(s))
		if s.number < 0 || s.number > 1<<31-1 || seen[s.number] {
			t.Fatalf("number %d", s.number)
		}
		seen[s.number] = true
		open = append(open, s)
	}
	for _, s := range open {
		if got, err := tab.get(s.number); err != nil || got != s {
			t.Fatalf("get(%d): %p, %v; want %p", s.number, got, err, s)
		}
	}
}

// Several goroutines open, use and close at once: for the race detector.
func TestTableInParallel(t *testing.T) {
	var tab table
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 500 {
				s := &socket{}
				if err := tab.put(s); err != nil {
					t.Error(err)
					return
				}
				if got, err := tab.get(s.number); err != nil || got != s {
					t.Errorf("get(%d): %p, %v; want %p", s.number, got, err, s)
				}
				if got, err := tab.take(s.number); err != nil || got != s {
					t.Errorf("take(%d): %p, %v; want %p", s.number, got, err, s)
				}
			}
		}()
	}
	all.Wait()
}

func TestFlagsAreRefused(t *testing.T) {
	d := New()
	fd, peer := connected(t, d, netip.MustParseAddr("127.0.0.1"))
	defer d.Close(fd)
	defer peer.Close()
	if _, err := d.Send(fd, []byte("x"), 1, time.Time{}); !errors.Is(err, netdev.ErrNotSupported) {
		t.Errorf("Send: %v, want ErrNotSupported", err)
	}
	if _, err := d.Recv(fd, make([]byte, 1), 1, time.Time{}); !errors.Is(err, netdev.ErrNotSupported) {
		t.Errorf("Recv: %v, want ErrNotSupported", err)
	}
}
