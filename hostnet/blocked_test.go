//go:build linux || darwin

package hostnet

import (
	"errors"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"tinynet/netdev"
)

// A blockedCall is a way to block on a socket.
type blockedCall struct {
	name  string
	write bool // the write deadline bounds it
	// start makes a socket on which call blocks.
	start func(t *testing.T, d *Device) (fd int, call func() error)
}

var loopback4 = netip.MustParseAddr("127.0.0.1")

var blockedCalls = []blockedCall{
	{"Accept", false, func(t *testing.T, d *Device) (int, func() error) {
		fd, _ := listen(t, d, loopback4)
		return fd, func() error { _, _, err := d.Accept(fd); return err }
	}},
	{"Recv", false, func(t *testing.T, d *Device) (int, func() error) {
		fd, peer := connected(t, d, loopback4)
		t.Cleanup(func() { peer.Close() })
		return fd, func() error { _, err := d.Recv(fd, make([]byte, 1), 0, time.Time{}); return err }
	}},
	{"Send", true, func(t *testing.T, d *Device) (int, func() error) {
		fd, peer := connected(t, d, loopback4)
		t.Cleanup(func() { peer.Close() })
		return fd, func() error {
			for { // fills every buffer on the way
				if _, err := d.Send(fd, make([]byte, 1<<20), 0, time.Time{}); err != nil {
					return err
				}
			}
		}
	}},
	{"RecvFrom", false, func(t *testing.T, d *Device) (int, func() error) {
		fd, _ := datagrams(t, d, loopback4)
		return fd, func() error { _, _, err := d.RecvFrom(fd, make([]byte, 1), 0, time.Time{}); return err }
	}},
	{"Recv of datagrams", false, func(t *testing.T, d *Device) (int, func() error) {
		fd, _ := datagrams(t, d, loopback4)
		return fd, func() error { _, err := d.Recv(fd, make([]byte, 1), 0, time.Time{}); return err }
	}},
	{"Connect", true, func(t *testing.T, d *Device) (int, func() error) {
		addr := deaf(t)
		fd := stream(t, d, loopback4)
		return fd, func() error { return d.Connect(fd, "", addr) }
	}},
}

// deaf returns the address of a listener whose queue is full, so that Linux
// does not answer who connects.
func deaf(t *testing.T) netip.AddrPort {
	if runtime.GOOS != "linux" {
		t.Skip("what a full listener does is known of Linux only")
	}
	l, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	check(t, err)
	t.Cleanup(func() { syscall.Close(l) })
	check(t, syscall.Bind(l, &syscall.SockaddrInet4{Addr: loopback4.As4()}))
	check(t, syscall.Listen(l, 0))
	sa, err := syscall.Getsockname(l)
	check(t, err)
	d := &Device{}
	addr := d.addrPort(sa)
	for range 3 {
		fd := stream(t, d, loopback4)
		t.Cleanup(func() { d.Close(fd) })
		d.SetWriteDeadline(fd, time.Now().Add(200*time.Millisecond))
		if err := d.Connect(fd, "", addr); errors.Is(err, netdev.ErrTimeout) {
			return addr
		}
	}
	t.Skip("a listener of backlog 0 has taken 3 connections")
	return addr
}

// blocked makes the call in a goroutine and gives it time to block. When it
// has not blocked by then the test has less to say, but is not wrong.
func blocked(call func() error) chan error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		done <- err
	case <-time.After(50 * time.Millisecond):
	}
	return done
}

func (c blockedCall) setDeadline(d *Device, fd int, t time.Time) error {
	if c.write {
		return d.SetWriteDeadline(fd, t)
	}
	return d.SetReadDeadline(fd, t)
}

func eachBlocked(t *testing.T, f func(t *testing.T, d *Device, c blockedCall, fd int, call func() error)) {
	for _, c := range blockedCalls {
		t.Run(c.name, func(t *testing.T) {
			d := New()
			fd, call := c.start(t, d)
			defer d.Close(fd)
			f(t, d, c, fd, call)
		})
	}
}

func TestCloseWakes(t *testing.T) {
	eachBlocked(t, func(t *testing.T, d *Device, c blockedCall, fd int, call func() error) {
		done := blocked(call)
		check(t, d.Close(fd))
		if err := <-done; !errors.Is(err, netdev.ErrInvalidSocketFd) {
			t.Errorf("got %v, want ErrInvalidSocketFd", err)
		}
	})
}

func TestDeadlineBefore(t *testing.T) {
	eachBlocked(t, func(t *testing.T, d *Device, c blockedCall, fd int, call func() error) {
		at := time.Now().Add(30 * time.Millisecond)
		check(t, c.setDeadline(d, fd, at))
		if err := call(); err != netdev.ErrTimeout {
			t.Errorf("got %v, want ErrTimeout", err)
		}
		if time.Now().Before(at) {
			t.Error("timed out before the deadline")
		}
	})
}

func TestDeadlineInThePast(t *testing.T) {
	eachBlocked(t, func(t *testing.T, d *Device, c blockedCall, fd int, call func() error) {
		check(t, c.setDeadline(d, fd, time.Unix(1, 0)))
		for range 2 {
			if err := call(); err != netdev.ErrTimeout {
				t.Errorf("got %v, want ErrTimeout", err)
			}
		}
	})
}

func TestDeadlineChangedWhileBlocked(t *testing.T) {
	eachBlocked(t, func(t *testing.T, d *Device, c blockedCall, fd int, call func() error) {
		check(t, c.setDeadline(d, fd, time.Now().Add(time.Hour)))
		done := blocked(call)
		check(t, c.setDeadline(d, fd, time.Now()))
		if err := <-done; err != netdev.ErrTimeout {
			t.Errorf("got %v, want ErrTimeout", err)
		}
	})
}

// A call's own deadline is its own: another call waits on.
func TestOwnDeadline(t *testing.T) {
	d := New()
	for _, datagram := range []bool{false, true} {
		var fd int
		var write func()
		if datagram {
			var addr netip.AddrPort
			fd, addr = datagrams(t, d, loopback4)
			write = func() {
				_, err := d.SendTo(fd, []byte("x"), 0, addr, time.Time{})
				check(t, err)
			}
		} else {
			c, peer := connected(t, d, loopback4)
			defer peer.Close()
			fd = c
			write = func() { peer.Write([]byte("x")) }
		}
		defer d.Close(fd)
		patient := blocked(func() error {
			n, err := d.Recv(fd, make([]byte, 1), 0, time.Time{})
			if err == nil && n != 1 {
				err = errors.New("nothing received")
			}
			return err
		})
		for range 3 {
			at := time.Now().Add(20 * time.Millisecond)
			if _, err := d.Recv(fd, make([]byte, 1), 0, at); err != netdev.ErrTimeout {
				t.Fatalf("got %v, want ErrTimeout", err)
			}
			if time.Now().Before(at) {
				t.Error("timed out before the deadline")
			}
		}
		write()
		check(t, <-patient)

		// The earlier of the two counts.
		check(t, d.SetReadDeadline(fd, time.Now().Add(20*time.Millisecond)))
		if _, err := d.Recv(fd, make([]byte, 1), 0, time.Now().Add(time.Hour)); err != netdev.ErrTimeout {
			t.Errorf("got %v, want ErrTimeout", err)
		}
		check(t, d.SetReadDeadline(fd, time.Time{}))
		if err := d.read(fd); len(err.calls) != 0 {
			t.Errorf("%d deadlines of calls are left", len(err.calls))
		}
	}
}

// read returns a socket's read deadline.
func (d *Device) read(fd int) *deadline {
	s, _ := d.table.get(fd)
	return &s.read
}

func TestSendWithOwnDeadlineCountsBytes(t *testing.T) {
	d := New()
	fd, peer := connected(t, d, loopback4)
	defer d.Close(fd)
	defer peer.Close()
	total := 0
	for {
		n, err := d.Send(fd, make([]byte, 1<<20), 0, time.Now().Add(50*time.Millisecond))
		total += n
		if err != nil {
			if err != netdev.ErrTimeout {
				t.Fatalf("got %v, want ErrTimeout", err)
			}
			break
		}
	}
	check(t, d.Close(fd))
	read, buf := 0, make([]byte, 1<<20)
	for {
		n, err := peer.Read(buf)
		read += n
		if err != nil {
			break
		}
	}
	if read != total {
		t.Errorf("Send counted %d bytes, the peer read %d", total, read)
	}
}

// Connections to a port of this machine on which nobody listens can, by TCP's
// rules, reach themselves.
func TestNoConnectionToItself(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lets a socket choose among one port")
	}
	d := New()
	l, addr := listen(t, d, loopback4)
	check(t, d.Close(l))
	fd := stream(t, d, loopback4)
	defer d.Close(fd)
	raw, err := d.SyscallConn(fd)
	check(t, err)
	check(t, raw.Control(func(fd uintptr) {
		const ipLocalPortRange = 51 // ip(7), since Linux 6.3
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipLocalPortRange, int(addr.Port())<<16|int(addr.Port()))
	}))
	if err != nil {
		t.Skipf("IP_LOCAL_PORT_RANGE: %v", os.NewSyscallError("setsockopt", err))
	}
	if err := d.Connect(fd, "", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		local, _ := d.LocalAddr(fd)
		t.Errorf("connecting to %v from %v: %v, want ECONNREFUSED", addr, local, err)
	}
}
