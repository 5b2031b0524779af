//go:build go1.25

package offload

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
)

// # Streams

func TestPartialSendIsCompleted(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		want := bytes.Repeat([]byte("0123456789"), 1234)
		done := call(func() error {
			n, err := d.Send(fd, want, 0, forever)
			if n != len(want) {
				t.Errorf("Send says %d", n)
			}
			return err
		})
		c.do(func() { fs.window = 5000 }) // a full buffer is not the end
		time.Sleep(time.Second)
		c.do(func() { fs.window = 1 << 20 })
		soon(t, "Send", done, 2*time.Second, nil)
		if !bytes.Equal(fs.out, want) {
			t.Errorf("the peer has %d bytes", len(fs.out))
		}
	})
}

func TestSendWithoutADeadlineWaits(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		c.do(func() { fs.window = 0 })
		done := call(func() error { _, err := d.Send(fd, []byte("late"), 0, forever); return err })
		time.Sleep(time.Hour)
		c.do(func() { fs.window = 1000 })
		soon(t, "Send", done, time.Second, nil)
	})
}

func TestSendSaysHowMuchWentOutBeforeTheDeadline(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		n, err := d.Send(fd, make([]byte, 1500), 0, time.Now().Add(time.Second))
		if n != 1000 || err != netdev.ErrTimeout {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestEndOfStreamIsRememberedAndEndsOnlyReceiving(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		c.do(func() { fs.in, fs.eof = []byte("bye"), true })
		buf := make([]byte, 10)
		if n := check1(d.Recv(fd, buf, 0, forever))(t); string(buf[:n]) != "bye" {
			t.Errorf("%q", buf[:n])
		}
		for range 2 {
			_, err := d.Recv(fd, buf, 0, forever)
			is(t, err, io.EOF)
		}
		before := c.count("Recv")
		d.Recv(fd, buf, 0, forever)
		if c.count("Recv") != before {
			t.Error("the chip was asked again after the end")
		}
		check1(d.Send(fd, buf, 0, forever))(t)
	})
}

func TestErrorEndsAStreamForGood(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		recv := call(func() error { _, err := d.Recv(fd, make([]byte, 1), 0, forever); return err })
		c.do(func() { fs.err = netdev.ErrConnReset })
		_, err := d.Send(fd, []byte("x"), 0, forever)
		is(t, err, netdev.ErrConnReset)
		soon(t, "Recv", recv, time.Millisecond, netdev.ErrConnReset) // at once, without being asked about
		c.do(func() { fs.err = nil })
		_, err = d.Send(fd, []byte("x"), 0, forever)
		is(t, err, netdev.ErrConnReset)
		ok(t, d.Close(fd))
	})
}

func TestSendsDoNotMingle(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if i == 2 { // one that gives up passes its turn on
					d.Send(fd, make([]byte, 100), 0, time.Now().Add(-1))
					return
				}
				check1(d.Send(fd, bytes.Repeat([]byte{byte('a' + i)}, 3000), 0, forever))(t)
			}()
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 40 {
				time.Sleep(50 * time.Millisecond)
				c.do(func() { fs.window += 500 })
			}
		}()
		wg.Wait()
		if len(fs.out) != 4*3000 {
			t.Fatalf("%d bytes", len(fs.out))
		}
		for i := range 4 {
			part := fs.out[i*3000 : (i+1)*3000]
			if bytes.Count(part, part[:1]) != 3000 {
				t.Error("sends are mingled")
			}
		}
	})
}

func TestDrainBeforeClose(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		c.do(func() { fs.in = []byte("never read") })
		ok(t, d.Close(fd))
		if !fs.drained {
			t.Error("closed with data unread")
		}
	})
}

// # Waking

// Every call that blocks ends when its socket is closed, and when its deadline
// passes or is moved into the past; the bus is free meanwhile.
func TestCloseAndDeadlinesWakeEveryBlockedCall(t *testing.T) {
	calls := map[string]struct {
		write bool
		begin func(t *testing.T, d *Device, c *fakeChip) (fd int, f func() error)
	}{
		"Recv": {false, func(t *testing.T, d *Device, c *fakeChip) (int, func() error) {
			fd := dialed(t, d)
			return fd, func() error { _, err := d.Recv(fd, make([]byte, 1), 0, forever); return err }
		}},
		"Send": {true, func(t *testing.T, d *Device, c *fakeChip) (int, func() error) {
			fd := dialed(t, d)
			return fd, func() error { _, err := d.Send(fd, make([]byte, 5000), 0, forever); return err }
		}},
		"Connect": {true, func(t *testing.T, d *Device, c *fakeChip) (int, func() error) {
			fd := stream(t, d)
			return fd, func() error { return d.Connect(fd, "", ap("10.0.0.1:1")) }
		}},
		"Accept": {false, func(t *testing.T, d *Device, c *fakeChip) (int, func() error) {
			fd := listener(t, d, 80)
			return fd, func() error { _, _, err := d.Accept(fd); return err }
		}},
		"RecvFrom": {false, func(t *testing.T, d *Device, c *fakeChip) (int, func() error) {
			fd := datagram(t, d, 5000)
			return fd, func() error { _, _, err := d.RecvFrom(fd, make([]byte, 1), 0, forever); return err }
		}},
		"second Send": {true, func(t *testing.T, d *Device, c *fakeChip) (int, func() error) {
			fd := dialed(t, d)
			go d.Send(fd, make([]byte, 5000), 0, forever)
			time.Sleep(time.Second)
			return fd, func() error { _, err := d.Send(fd, make([]byte, 1), 0, forever); return err }
		}},
	}
	for name, tt := range calls {
		set := func(d *Device, fd int, at time.Time) {
			if tt.write {
				d.SetWriteDeadline(fd, at)
			} else {
				d.SetReadDeadline(fd, at)
			}
		}
		for how, wake := range map[string]struct {
			f     func(d *Device, fd int)
			limit time.Duration
			want  error
		}{
			"Close":                {func(d *Device, fd int) { d.Close(fd) }, time.Millisecond, netdev.ErrInvalidSocketFd},
			"deadline in the past": {func(d *Device, fd int) { set(d, fd, time.Unix(1, 0)) }, time.Millisecond, netdev.ErrTimeout},
			"deadline to come":     {func(d *Device, fd int) { set(d, fd, time.Now().Add(time.Second)) }, time.Second + time.Millisecond, netdev.ErrTimeout},
			"link":                 {func(d *Device, fd int) { go d.NetDisconnect() }, time.Millisecond, netdev.ErrLinkDown},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
					fd, f := tt.begin(t, d, c)
					done := call(f)
					if n := d.Engine().Blocked(); n == 0 {
						t.Error("nothing is blocked")
					}
					wake.f(d, fd)
					soon(t, name, done, wake.limit, wake.want)
				})
			})
		}
	}
}

// A chip that is long about something does not hold up the deadlines of
// others, and is interrupted by its own.
func TestDeadlinesPassWhileTheChipIsBusy(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		c.resolving = time.Hour
		d.SetReadDeadline(fd, time.Now().Add(2*time.Second))
		recv := call(func() error { _, err := d.Recv(fd, make([]byte, 1), 0, forever); return err })
		lookup := call(func() error {
			_, err := d.LookupHost("ip", "host", time.Now().Add(5*time.Second))
			return err
		})
		soon(t, "Recv", recv, time.Millisecond, netdev.ErrTimeout)
		d.SetWriteDeadline(fd, time.Now().Add(time.Second))
		start := time.Now()
		_, err := d.Send(fd, []byte("x"), 0, forever)
		is(t, err, netdev.ErrTimeout)
		within(t, "Send", time.Since(start), time.Second, time.Second+10*time.Millisecond)
		soon(t, "LookupHost", lookup, 5*time.Second, netdev.ErrTimeout)
		lookup = call(func() error { _, err := d.GetHostByName("host"); return err })
		go d.NetDisconnect()
		soon(t, "GetHostByName", lookup, 10*time.Millisecond, netdev.ErrLinkDown)
	})
}

// A chip that connects while it does nothing else is interrupted by all that ends
// a call.
func TestConnectThatTheChipWaitsForIsInterrupted(t *testing.T) {
	for name, end := range map[string]struct {
		f    func(d *Device, fd int)
		want error
	}{
		"deadline": {func(d *Device, fd int) { d.SetWriteDeadline(fd, time.Now()) }, netdev.ErrTimeout},
		"Close":    {func(d *Device, fd int) { d.Close(fd) }, netdev.ErrInvalidSocketFd},
		"link":     {func(d *Device, fd int) { d.NetDisconnect() }, netdev.ErrLinkDown},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
				fd := stream(t, d)
				done := call(func() error { return d.Connect(fd, "", ap("10.0.0.1:2")) })
				other := dialed2(d)
				go end.f(d, fd)
				soon(t, "Connect", done, 2*time.Millisecond, end.want)
				if err := <-other; name != "link" && err != nil {
					t.Errorf("a call that waited for the bus: %v", err)
				}
			})
		})
	}
}

// dialed2 makes another connection in a goroutine.
func dialed2(d *Device) <-chan error {
	return call(func() error {
		fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, 0)
		if err == nil {
			err = d.Connect(fd, "", ap("10.0.0.1:80"))
		}
		return err
	})
}

func TestConnectToASilentPeerEnds(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := stream(t, d)
		start := time.Now()
		is(t, d.Connect(fd, "", ap("10.0.0.1:1")), netdev.ErrConnRefused)
		within(t, "Connect", time.Since(start), 30*time.Second, 31*time.Second)
	})
}

func TestConnectIsRefusedOrDoneLater(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		for _, answer := range []bool{false, true} {
			fd := stream(t, d)
			done := call(func() error { return d.Connect(fd, "", ap("10.0.0.1:1")) })
			c.sock(d, fd).connected <- answer
			if answer {
				soon(t, "Connect", done, time.Second, nil)
				check1(d.Send(fd, []byte("x"), 0, forever))(t)
			} else {
				soon(t, "Connect", done, time.Second, netdev.ErrConnRefused)
			}
			ok(t, d.Close(fd))
		}
	})
}

// # The table

func TestLowestDescriptorFirstAndNoneBeyondTheChips(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		for i := range 10 {
			if fd := stream(t, d); fd != i {
				t.Fatalf("descriptor %d, want %d", fd, i)
			}
		}
		before := c.count("all")
		_, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, 0)
		is(t, err, netdev.ErrNoMoreSockets)
		if c.count("all") != before {
			t.Error("the chip was asked for an eleventh")
		}
		ok(t, d.Close(3))
		ok(t, d.Close(7))
		if fd := stream(t, d); fd != 3 {
			t.Errorf("descriptor %d, want 3", fd)
		}
		d.Engine().SetSockets(6)
		_, err = d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, 0)
		is(t, err, netdev.ErrNoMoreSockets)
	})
}

// A call on a descriptor that was closed and given out again belongs to the old
// socket.
func TestBlockedCallDoesNotMoveToTheNextSocket(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		done := call(func() error { _, err := d.Recv(fd, make([]byte, 1), 0, forever); return err })
		ok(t, d.Close(fd))
		if again := dialed(t, d); again != fd {
			t.Fatalf("descriptor %d", again)
		}
		fs := c.sock(d, fd)
		c.do(func() { fs.in = []byte("for the new one") })
		soon(t, "Recv", done, time.Millisecond, netdev.ErrInvalidSocketFd)
		buf := make([]byte, 20)
		if n := check1(d.Recv(fd, buf, 0, forever))(t); string(buf[:n]) != "for the new one" {
			t.Errorf("%q", buf[:n])
		}
	})
}

// A chip that closed a socket by itself gives its number to the next; the old
// one's Close must not close that.
func TestLateCloseDoesNotHitAnotherConnection(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		a := dialed(t, d)
		c.do(func() { clear(c.socks) })
		b := dialed(t, d)
		_, err := d.Send(a, []byte("x"), 0, forever)
		is(t, err, netdev.ErrConnReset)
		ok(t, d.Close(a))
		check1(d.Send(b, []byte("x"), 0, forever))(t)
		if c.count("Close") != 0 {
			t.Error("the chip was told to close")
		}
	})
}

func TestAcceptWaitsForAFreeEntry(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		l := listener(t, d, 80)
		for range 9 {
			stream(t, d)
		}
		fl := c.sock(d, l)
		c.do(func() { fl.pending = []netip.AddrPort{ap("10.0.0.9:1234")} })
		done := call(func() error {
			fd, from, err := d.Accept(l)
			if fd != 5 || from != ap("10.0.0.9:1234") {
				t.Errorf("%d from %v", fd, from)
			}
			return err
		})
		if n := c.count("Accept"); n != 0 {
			t.Errorf("the chip was asked %d times to accept what there is no room for", n)
		}
		ok(t, d.Close(5))
		soon(t, "Accept", done, time.Second, nil)
		if a := check1(d.LocalAddr(5))(t); a != ap("10.0.0.2:80") {
			t.Errorf("local address %v", a)
		}
	})
}

func TestPorts(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		listener(t, d, 80)
		fd := stream(t, d)
		before := c.count("Bind")
		is(t, d.Bind(fd, ap("0.0.0.0:80")), netdev.ErrAddrInUse)
		is(t, d.Bind(fd, ap("10.0.0.77:81")), netdev.ErrMalAddr)
		is(t, d.Bind(fd, ap("[::1]:81")), errors.ErrUnsupported)
		if c.count("Bind") != before {
			t.Error("the chip was asked")
		}
		datagram(t, d, 80) // another kind of socket
		ok(t, d.Bind(fd, ap("10.0.0.2:0")))
		is(t, d.Bind(fd, ap("10.0.0.2:0")), errors.ErrUnsupported)
		first := check1(d.LocalAddr(fd))(t).Port()
		if first < 49152 {
			t.Errorf("port %d", first)
		}
		// One that the chip has in use is passed over.
		c.do(func() { c.taken = first + 1 })
		if first == 65535 {
			t.Skip("the port after the first is not the next")
		}
		fd = dialed(t, d)
		if p := check1(d.LocalAddr(fd))(t).Port(); p < 49152 || p == first || p == first+1 {
			t.Errorf("port %d after %d", p, first)
		}
		// A chip that cannot bind a client connects all the same.
		c.do(func() { c.noBind = true })
		if a := check1(d.LocalAddr(dialed(t, d)))(t); a != ap("10.0.0.2:0") {
			t.Errorf("local address %v", a)
		}
	})
}

// A connection that is just being closed does not keep its listener's port.
func TestPortOfAConnectionThatIsBeingClosed(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		l := listener(t, d, 80)
		fl := c.sock(d, l)
		c.do(func() { fl.pending = []netip.AddrPort{ap("10.0.0.9:1234")} })
		fd, _, err := d.Accept(l)
		ok(t, err)
		ok(t, d.Close(l))
		again := stream(t, d)
		d.Engine().Take()
		closed := call(func() error { return d.Close(fd) }) // waits for the bus
		bound := call(func() error { return d.Bind(again, ap("0.0.0.0:80")) })
		d.Engine().Give()
		soon(t, "Close", closed, time.Second, nil)
		soon(t, "Bind", bound, time.Second, nil)
	})
}

func TestBadInputNeverReachesTheChip(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := stream(t, d)
		u := datagram(t, d, 5000)
		tls := check1(d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS))(t)
		d.Engine().Take() // the poller's looks are not meant
		before := c.calls["all"]
		long := strings.Repeat("x", 256)
		to := ap("10.0.0.1:80")
		for name, tt := range map[string]struct {
			err, want error
		}{
			"IPv6 socket":          {err: second(d.Socket(netdev.AF_INET6, netdev.SOCK_STREAM, 0)), want: errors.ErrUnsupported},
			"raw socket":           {err: second(d.Socket(netdev.AF_INET, netdev.SOCK_RAW, 0)), want: errors.ErrUnsupported},
			"descriptor below 0":   {err: d.Close(-1), want: netdev.ErrInvalidSocketFd},
			"descriptor beyond":    {err: second(d.Recv(1000, nil, 0, forever)), want: netdev.ErrInvalidSocketFd},
			"descriptor not open":  {err: d.SetReadDeadline(9, forever), want: netdev.ErrInvalidSocketFd},
			"IPv6 peer":            {err: d.Connect(fd, "", ap("[2001:db8::1]:80")), want: errors.ErrUnsupported},
			"no peer":              {err: d.Connect(fd, "", netip.AddrPort{}), want: netdev.ErrMalAddr},
			"long host":            {err: d.Connect(tls, long, to), want: netdev.ErrMalAddr},
			"host with a zero":     {err: d.Connect(tls, "a\x00b", to), want: netdev.ErrHostUnknown},
			"not connected, Recv":  {err: second(d.Recv(fd, make([]byte, 1), 0, forever)), want: netdev.ErrNotConnected},
			"not connected, Send":  {err: second(d.Send(fd, make([]byte, 1), 0, forever)), want: netdev.ErrNotConnected},
			"not connected, dgram": {err: second(d.Send(u, make([]byte, 1), 0, forever)), want: netdev.ErrNotConnected},
			"datagram of 1473":     {err: second(d.SendTo(u, make([]byte, 1473), 0, to, forever)), want: netdev.ErrMsgSize},
			"SendTo on a stream":   {err: second(d.SendTo(fd, make([]byte, 1), 0, to, forever)), want: errors.ErrUnsupported},
			"name of 256 bytes":    {err: second(d.GetHostByName(long)), want: netdev.ErrMalAddr},
			"name with a zero":     {err: second(d.GetHostByName("a\x00b")), want: netdev.ErrHostUnknown},
			"empty name":           {err: second(d.GetHostByName("")), want: netdev.ErrHostUnknown},
			"IPv6 look-up":         {err: second(d.LookupHost("ip6", "host", forever)), want: errors.ErrUnsupported},
			"no SSID":              {err: d.NetConnect(&netlink.ConnectParams{}), want: netlink.ErrMissingSSID},
			"long SSID":            {err: d.NetConnect(&netlink.ConnectParams{Ssid: long[:33]}), want: netlink.ErrLongSSID},
			"long passphrase":      {err: d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: long[:64]}), want: netlink.ErrLongPassphrase},
			"short passphrase":     {err: d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "1234567", ConnectMode: netlink.ConnectModeAP}), want: netlink.ErrShortPassphrase},
			"long host name":       {err: d.NetConnect(&netlink.ConnectParams{Ssid: "home", Hostname: long[:33]}), want: netlink.ErrNotSupported},
			"mode":                 {err: d.NetConnect(&netlink.ConnectParams{Ssid: "home", ConnectMode: 7}), want: netlink.ErrConnectModeNoGood},
			"protection":           {err: d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "12345678", AuthType: 9}), want: netlink.ErrAuthTypeNoGood},
		} {
			if !errors.Is(tt.err, tt.want) {
				t.Errorf("%s: error %v, want %v", name, tt.err, tt.want)
			}
		}
		if n := c.calls["all"] - before; n != 0 {
			t.Errorf("the chip was asked %d times", n)
		}
		d.Engine().Give()
	})
}

func second[T any](_ T, err error) error { return err }

// # Datagrams

func TestDatagrams(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := datagram(t, d, 5000)
		fs := c.sock(d, fd)
		recv := call(func() error {
			buf := make([]byte, 3)
			n, from, err := d.RecvFrom(fd, buf, 0, forever)
			if string(buf[:n]) != "lon" || from != ap("10.0.0.7:9") {
				t.Errorf("%q from %v", buf[:n], from)
			}
			return err
		})
		c.do(func() { fs.dgrams = []fakeDatagram{{ap("10.0.0.7:9"), "longer"}, {ap("10.0.0.8:9"), ""}} })
		soon(t, "RecvFrom", recv, time.Second, nil)
		if n, from, err := d.RecvFrom(fd, nil, 0, forever); n != 0 || from != ap("10.0.0.8:9") || err != nil {
			t.Errorf("empty datagram: %d from %v, %v", n, from, err)
		}
		// A stray error concerns one datagram, a lost link all.
		c.do(func() { fs.err = netdev.ErrDevice })
		_, err := d.SendTo(fd, []byte("x"), 0, ap("10.0.0.7:9"), forever)
		is(t, err, netdev.ErrDevice)
		c.do(func() { fs.err = nil })
		ok(t, d.Connect(fd, "", ap("10.0.0.7:9")))
		check1(d.Send(fd, []byte("x"), 0, forever))(t)
		c.do(func() { fs.err = netdev.ErrLinkDown })
		_, err = d.Send(fd, []byte("x"), 0, forever)
		is(t, err, netdev.ErrLinkDown)
		c.do(func() { fs.err = nil })
		_, err = d.Send(fd, []byte("x"), 0, forever)
		is(t, err, netdev.ErrLinkDown)
	})
}

// # Readiness

// After a pause of a second the first byte is noticed as fast as the table of
// intervals says.
func TestFirstByteAfterASecond(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		worst := time.Duration(0)
		for i := range 50 {
			done := make(chan time.Time)
			go func() {
				d.Recv(fd, make([]byte, 1), 0, forever)
				done <- time.Now()
			}()
			time.Sleep(time.Second + time.Duration(i)*700*time.Microsecond)
			start := time.Now()
			c.do(func() { fs.in = []byte("x") })
			worst = max(worst, (<-done).Sub(start))
		}
		within(t, "the worst of 50", worst, 10*time.Millisecond, 22*time.Millisecond)
	})
}

func TestHotSocketIsLookedAtOften(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		for range 20 {
			start := time.Now()
			time.AfterFunc(3*time.Millisecond, func() { c.do(func() { fs.in = []byte("x") }) })
			check1(d.Recv(fd, make([]byte, 1), 0, forever))(t)
			within(t, "a byte after 3 ms", time.Since(start), 3*time.Millisecond, 4700*time.Microsecond)
		}
	})
}

// Sockets that have been silent for a minute cost 20 exchanges a second
// however many there are, and still notice the end within a second. One alone
// is as fast as after a second.
func TestIdleSocketsCostLittle(t *testing.T) {
	for n, most := range map[int]int{1: 530, 2: 200, 8: 200, 10: 200} {
		bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
			last := listener(t, d, 80)
			go d.Accept(last)
			for range n - 1 {
				last = dialed(t, d)
				go d.Recv(last, make([]byte, 1), 0, forever)
			}
			time.Sleep(time.Minute)
			before := c.count("all")
			time.Sleep(10 * time.Second)
			if got := c.count("all") - before; got > most || got < 20 {
				t.Errorf("%d sockets: %d exchanges in 10 s", n, got)
			}
			if n == 1 {
				return
			}
			fs := c.sock(d, last)
			done := call(func() error { _, err := d.Recv(last, make([]byte, 1), 0, forever); return err })
			c.do(func() { fs.eof = true })
			soon(t, "the end", done, time.Second, io.EOF)
		})
	}
}

func TestNobodyWaitsNobodyIsAsked(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		dialed(t, d)
		listener(t, d, 80)
		before := c.count("Poll")
		time.Sleep(time.Minute)
		if c.count("Poll") != before {
			t.Error("the chip was polled")
		}
	})
}

func TestSignalWakesASocketFromCold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t)
		c.signalled = true
		d := c.device(Config{})
		defer d.NetDisconnect()
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		for range 5 {
			done := make(chan error, 1)
			go func() { _, err := d.Recv(fd, make([]byte, 1), 0, forever); done <- err }()
			time.Sleep(time.Minute)
			before := c.count("all")
			time.Sleep(10 * time.Second)
			if n := c.count("all") - before; n > 50 {
				t.Errorf("%d exchanges in 10 s of silence", n)
			}
			c.do(func() { fs.in, c.high = []byte("x"), true })
			soon(t, "Recv", done, 6*time.Millisecond, nil)
			c.do(func() { c.high = false })
		}
		// What the signal does not tell of is found all the same, in time.
		done := call(func() error { _, err := d.Recv(fd, make([]byte, 1), 0, forever); return err })
		c.do(func() { fs.eof = true })
		soon(t, "the end", done, time.Second, io.EOF)
	})
}

// A signal tells of data, not of room.
func TestRoomOnASignalledSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t)
		c.signalled = true
		d := c.device(Config{})
		defer d.NetDisconnect()
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		start := time.Now()
		go func() {
			for range 20 {
				time.Sleep(20 * time.Millisecond)
				c.do(func() { fs.window += 1000 })
			}
		}()
		check1(d.Send(fd, make([]byte, 20000), 0, forever))(t)
		within(t, "Send", time.Since(start), 380*time.Millisecond, 400*time.Millisecond)
		time.Sleep(time.Second)
	})
}

// A signal that stays high for data that nobody wants costs little.
func TestSignalThatStaysHigh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t)
		c.signalled, c.high = true, true
		d := c.device(Config{})
		defer d.NetDisconnect()
		fd := dialed(t, d)
		go d.Recv(fd, make([]byte, 1), 0, forever)
		time.Sleep(time.Minute)
		before := c.count("all")
		time.Sleep(10 * time.Second)
		if n := c.count("all") - before; n > 200 {
			t.Errorf("%d exchanges in 10 s", n)
		}
	})
}

// # Telling chips

func TestNotifyIsNotLost(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		c.do(func() { fs.eof, c.mute = true, true })
		d.Engine().Notify(fs.s, Readable) // nobody waits yet
		start := time.Now()
		_, err := d.Recv(fd, make([]byte, 1), 0, forever)
		is(t, err, io.EOF)
		within(t, "Recv", time.Since(start), 0, time.Millisecond)
	})
}

// What a chip tells on a UART is read soon, however it was silent before, and sooner if the
// driver says that it has to be. A connection that was just made is no silence.
func TestUARTIsLookedAtInTime(t *testing.T) {
	bubble(t, Config{Buffer: 100, Push: true}, func(t *testing.T, d *Device, c *fakeChip) {
		attended := make(chan time.Time, 100)
		c.attend = func() {
			c.do(func() { c.high = false })
			attended <- time.Now()
		}
		late := func(limit time.Duration) {
			t.Helper()
			start := time.Now()
			c.do(func() { c.high = true })
			if took := (<-attended).Sub(start) - exchange; took > limit { // one may be under way
				t.Errorf("read %v late, want %v at most", took, limit)
			}
		}
		time.Sleep(time.Minute)
		late(5100 * time.Microsecond)
		time.Sleep(time.Minute)
		fd := dialed(t, d) // at once
		time.Sleep(6 * time.Millisecond)
		for _, silence := range []time.Duration{6 * time.Millisecond, 300 * time.Millisecond, time.Second, 3 * time.Second} {
			d.Engine().Push(c.sock(d, fd).s, []byte("x"), netip.AddrPort{})
			for range 5 {
				time.Sleep(silence / 5)
				late(max(600*time.Microsecond, silence/900))
			}
		}
		d.Engine().SetSignalTime(200 * time.Microsecond)
		for _, silence := range []time.Duration{10 * time.Millisecond, time.Minute} {
			for i := range 5 {
				time.Sleep(silence + time.Duration(i)*110*time.Microsecond)
				late(250 * time.Microsecond)
			}
		}
		d.Engine().SetSignalTime(time.Second)
		time.Sleep(time.Minute)
		late(5100 * time.Microsecond)
	})
}

func TestPushedStream(t *testing.T) {
	bubble(t, Config{Buffer: 100, Push: true}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := dialed(t, d)
		fs := c.sock(d, fd)
		recv := call(func() error {
			buf := make([]byte, 10)
			n, err := d.Recv(fd, buf, 0, forever)
			if string(buf[:n]) != "hello" {
				t.Errorf("%q", buf[:n])
			}
			return err
		})
		// The chip tells by its signal; Attend reads what it says.
		c.attend = func() {
			c.do(func() { c.high = false })
			d.Engine().Push(fs.s, []byte("hello"), netip.AddrPort{})
		}
		c.do(func() { c.high = true })
		soon(t, "Recv", recv, 6*time.Millisecond, nil)

		var want, got []byte
		for i := range 50 { // around the ring
			p := bytes.Repeat([]byte{byte(i)}, 1+i%37)
			want = append(want, p...)
			if n := d.Engine().Push(fs.s, p, netip.AddrPort{}); n != len(p) {
				t.Fatalf("%d of %d bytes fitted", n, len(p))
			}
			buf := make([]byte, 40)
			for len(got) < len(want) {
				got = append(got, buf[:check1(d.Recv(fd, buf, 0, forever))(t)]...)
			}
		}
		if !bytes.Equal(got, want) {
			t.Error("the bytes differ")
		}
		// What does not fit is said; what was there before a failure is read.
		if n := d.Engine().Push(fs.s, make([]byte, 150), netip.AddrPort{}); n != 100 {
			t.Errorf("%d bytes fitted", n)
		}
		d.Engine().Fail(fs.s, netdev.ErrConnReset)
		if n, err := d.Recv(fd, make([]byte, 200), 0, forever); n != 0 || err != netdev.ErrConnReset {
			t.Errorf("after a failure: %d, %v", n, err)
		}
		if c.count("Recv") != 0 {
			t.Error("the chip was asked for data")
		}
		fd = dialed(t, d)
		fs = c.sock(d, fd)
		d.Engine().Push(fs.s, []byte("last"), netip.AddrPort{})
		d.Engine().Push(fs.s, nil, netip.AddrPort{})
		if text, err := io.ReadAll(reader{d, fd}); string(text) != "last" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
	})
}

type reader struct {
	d  *Device
	fd int
}

func (r reader) Read(p []byte) (int, error) { return r.d.Recv(r.fd, p, 0, forever) }

func TestPushedDatagrams(t *testing.T) {
	bubble(t, Config{Buffer: 100}, func(t *testing.T, d *Device, c *fakeChip) {
		fd := datagram(t, d, 5000)
		s := c.sock(d, fd).s
		for i := range 20 {
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), uint16(1000+i))
			p := bytes.Repeat([]byte{byte(i)}, i)
			if i == 0 {
				p = []byte{}
			}
			if n := d.Engine().Push(s, p, from); n != i {
				t.Fatalf("%d bytes of %d fitted", n, i)
			}
			buf := make([]byte, 15)
			n, got, err := d.RecvFrom(fd, buf, 0, forever)
			if got != from || err != nil || !bytes.Equal(buf[:n], p[:min(15, i)]) {
				t.Fatalf("datagram %d: % x from %v, %v", i, buf[:n], got, err)
			}
		}
		if n := d.Engine().Push(s, make([]byte, 81), ap("10.0.0.1:1")); n != 0 {
			t.Errorf("part of a datagram: %d bytes", n)
		}
	})
}

// A chip that closes a connection by itself may have given its number away
// before anybody looks.
func TestGoneSocketIsNotTouched(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		c.mute = true
		a, l, u := dialed(t, d), listener(t, d, 80), datagram(t, d, 5000)
		s := c.sock(d, a).s
		recv := call(func() error { _, err := d.Recv(a, make([]byte, 1), 0, forever); return err })
		send := call(func() error { _, err := d.Send(a, make([]byte, 2000), 0, forever); return err })
		accept := call(func() error { _, _, err := d.Accept(l); return err })
		from := call(func() error { _, _, err := d.RecvFrom(u, make([]byte, 1), 0, forever); return err })
		for _, s := range []*Socket{s, c.sock(d, l).s, c.sock(d, u).s} {
			d.Engine().Gone(s)
		}
		c.do(func() { clear(c.socks) })
		b := dialed(t, d) // gets the number
		if c.sock(d, b).s.Handle != s.Handle {
			t.Fatal("another number")
		}
		soon(t, "Recv", recv, time.Millisecond, io.EOF)
		soon(t, "Send", send, time.Millisecond, netdev.ErrConnReset)
		soon(t, "Accept", accept, time.Millisecond, netdev.ErrConnReset)
		soon(t, "RecvFrom", from, time.Millisecond, netdev.ErrConnReset)
		if n, err := d.Recv(a, make([]byte, 1), 0, forever); n != 0 || err != io.EOF {
			t.Errorf("%d, %v; want the end", n, err)
		}
		for _, fd := range []int{a, l, u} {
			ok(t, d.Close(fd))
		}
		c.do(func() { c.mute = false })
		check1(d.Send(b, []byte("x"), 0, forever))(t)
	})
}

// # The link

func TestLinkLossFailsEverySocketAtOnce(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		var events []netlink.Event
		d.NetNotify(func(e netlink.Event) { events = append(events, e) })
		fds := []int{dialed(t, d), listener(t, d, 80), datagram(t, d, 5000)}
		recv := call(func() error { _, err := d.Recv(fds[0], make([]byte, 1), 0, forever); return err })
		accept := call(func() error { _, _, err := d.Accept(fds[1]); return err })
		c.do(func() { c.up = false })
		soon(t, "Recv", recv, 510*time.Millisecond, netdev.ErrLinkDown)
		soon(t, "Accept", accept, time.Millisecond, netdev.ErrLinkDown)
		time.Sleep(10 * time.Millisecond)
		c.do(func() {
			if len(c.socks) != 0 {
				t.Errorf("%d sockets left on the chip", len(c.socks))
			}
		})
		_, err := d.SendTo(fds[2], []byte("x"), 0, ap("10.0.0.1:1"), forever)
		is(t, err, netdev.ErrLinkDown)
		_, err = d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, 0)
		is(t, err, netdev.ErrLinkDown)
		for _, fd := range fds {
			ok(t, d.Close(fd))
		}
		ok(t, d.NetConnect())
		check1(d.Send(dialed(t, d), []byte("x"), 0, forever))(t)
		if len(events) != 2 || events[0] != netlink.EventNetDown || events[1] != netlink.EventNetUp {
			t.Errorf("events %v", events)
		}
	})
}

func TestWatchdogRestoresLinkAndHungChip(t *testing.T) {
	watch := netlink.ConnectParams{Ssid: "home", WatchdogTimeout: time.Second}
	bubble(t, Config{Link: watch}, func(t *testing.T, d *Device, c *fakeChip) {
		for _, what := range []string{"link", "chip"} {
			fd := dialed(t, d)
			starts := c.count("Start")
			recv := call(func() error { _, err := d.Recv(fd, make([]byte, 1), 0, forever); return err })
			if what == "link" {
				c.do(func() { c.up = false })
			} else {
				c.do(func() { c.hung = true })
			}
			soon(t, what, recv, 600*time.Millisecond, netdev.ErrLinkDown)
			time.Sleep(100 * time.Millisecond)
			check1(d.Send(dialed(t, d), []byte("x"), 0, forever))(t)
			if started := c.count("Start") != starts; started != (what == "chip") {
				t.Errorf("%s lost: started anew is %v", what, started)
			}
			ok(t, d.Close(fd))
		}
		// It keeps trying.
		c.do(func() { c.up, c.refuse = false, netlink.ErrNoAccessPoint })
		joins := c.count("Join")
		time.Sleep(10 * time.Second)
		if n := c.count("Join") - joins; n < 5 || n > 15 {
			t.Errorf("%d attempts in 10 s", n)
		}
		c.do(func() { c.refuse = nil })
		time.Sleep(2 * time.Second)
		if _, err := d.Addr(); err != nil {
			t.Error(err)
		}
	})
}

// A socket that finds the chip mute does not wait for the next regular look.
func TestErrorOfTheChipIsLookedIntoAtOnce(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		a, b := dialed(t, d), dialed(t, d)
		recv := call(func() error { _, err := d.Recv(b, make([]byte, 1), 0, forever); return err })
		time.Sleep(time.Minute)
		c.do(func() { c.hung = true })
		_, err := d.Send(a, []byte("x"), 0, forever)
		is(t, err, netdev.ErrDevice)
		soon(t, "Recv", recv, 5*time.Millisecond, netdev.ErrLinkDown)
	})
}

func TestNetConnectAndNetDisconnectAnyNumberOfTimes(t *testing.T) {
	bubble(t, Config{Link: netlink.ConnectParams{Ssid: "home", WatchdogTimeout: time.Second}}, func(t *testing.T, d *Device, c *fakeChip) {
		for i := range 30 {
			is(t, d.NetConnect(), netlink.ErrConnected)
			fd := dialed(t, d)
			if i%3 == 0 {
				c.do(func() { c.up = false }) // the watchdog may be at it
				time.Sleep(time.Duration(i) * 20 * time.Millisecond)
			}
			d.NetDisconnect()
			d.NetDisconnect()
			_, err := d.Send(fd, []byte("x"), 0, forever)
			is(t, err, netdev.ErrLinkDown)
			ok(t, d.Close(fd))
			ok(t, d.NetConnect())
		}
		if n := c.count("Start"); n != 1 {
			t.Errorf("the chip was started %d times", n)
		}
	})
}

func TestAttemptsToConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t)
		d := New(c, Config{Sockets: 1})
		c.eng = d.Engine()
		p := &netlink.ConnectParams{Ssid: "home", Passphrase: "12345678", Retries: 3}
		for _, tt := range []struct {
			err   error
			joins int
		}{
			{netlink.ErrNoAccessPoint, 3},
			{netlink.ErrAuthFailure, 1}, // for it will not be right the next time
			{netdev.ErrNotSupported, 1},
		} {
			c.refuse = tt.err
			before := c.count("Join")
			is(t, d.NetConnect(p), tt.err)
			if n := c.count("Join") - before; n != tt.joins {
				t.Errorf("%v: %d attempts, want %d", tt.err, n, tt.joins)
			}
		}
		c.refuse = netlink.ErrNoAccessPoint
		done := call(func() error { return d.NetConnect(&netlink.ConnectParams{Ssid: "home"}) })
		d.NetDisconnect()
		soon(t, "NetConnect", done, 60*time.Millisecond, netlink.ErrConnectFailed)
	})
}

func TestCallbackMayUseTheDevice(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		up := make(chan struct{})
		d.Notify(func(e netlink.Event) {
			if e == netlink.EventNetDown {
				ok(t, d.NetConnect())
			} else {
				close(up)
			}
		})
		c.do(func() { c.up = false })
		<-up
		d.Notify(nil)
	})
}

// # All together

// Many goroutines open, use and close sockets as they like; each stream arrives
// in order, nothing stays open.
func TestRandomUse(t *testing.T) {
	for seed := range uint64(20) {
		bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
			var wg sync.WaitGroup
			for g := range uint64(8) {
				wg.Add(1)
				go func() {
					defer wg.Done()
					r := rand.New(rand.NewPCG(seed, g))
					for range 30 {
						fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, 0)
						if err == netdev.ErrNoMoreSockets {
							time.Sleep(time.Millisecond)
							continue
						}
						ok(t, err)
						ok(t, d.Connect(fd, "", ap("10.0.0.1:80")))
						fs := c.sock(d, fd)
						deadline := time.Now().Add(time.Duration(r.IntN(50)) * time.Millisecond)
						sent, err := d.Send(fd, make([]byte, r.IntN(1500)), 0, deadline)
						if err != nil && err != netdev.ErrTimeout {
							t.Error(err)
						}
						if sent != len(fs.out) {
							t.Errorf("%d bytes sent, %d arrived", sent, len(fs.out))
						}
						if r.IntN(2) == 0 {
							go d.Recv(fd, make([]byte, 1), 0, forever)
						}
						time.Sleep(time.Duration(r.IntN(5)) * time.Millisecond)
						ok(t, d.Close(fd))
					}
				}()
			}
			wg.Wait()
			if len(c.socks) != 0 {
				t.Errorf("seed %d: %d sockets left", seed, len(c.socks))
			}
			if n := d.Engine().Blocked(); n != 0 {
				t.Errorf("seed %d: %d calls still blocked", seed, n)
			}
		})
	}
}

// # Memory

func TestSendAndRecvDoNotAllocate(t *testing.T) {
	c := &idleChip{}
	d := New(c, Config{Sockets: 4, Link: netlink.ConnectParams{Ssid: "x"}})
	ok(t, d.NetConnect())
	defer d.NetDisconnect()
	fd := dialed(t, d)
	buf := make([]byte, 64)
	deadline := time.Now().Add(time.Hour)
	if n := testing.AllocsPerRun(200, func() {
		d.Send(fd, buf, 0, deadline)
		d.Recv(fd, buf, 0, deadline)
		d.SetReadDeadline(fd, deadline)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	u := datagram(t, d, 5000)
	if n := testing.AllocsPerRun(200, func() {
		d.SendTo(u, buf, 0, ap10, deadline)
		d.RecvFrom(u, buf, 0, deadline)
	}); n != 0 {
		t.Errorf("datagrams: %v allocations", n)
	}
	// Nor when it has to wait.
	c.shy = true
	if n := testing.AllocsPerRun(50, func() {
		if _, err := d.Recv(fd, buf, 0, deadline); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("with waiting: %v allocations", n)
	}
}

var ap10 = ap("10.0.0.1:80")

// idleChip answers at once.
type idleChip struct {
	shy    bool // the first Recv of two gets nothing
	odd    bool
	opened Handle
}

func (c *idleChip) Start() error { return nil }
func (c *idleChip) Join(*netlink.ConnectParams) (netip.Addr, error) {
	return netip.MustParseAddr("10.0.0.2"), nil
}
func (c *idleChip) Leave() error                                          { return nil }
func (c *idleChip) Check() (bool, error)                                  { return true, nil }
func (c *idleChip) Broken() bool                                          { return false }
func (c *idleChip) Resolve(string) (netip.Addr, error)                    { return netip.Addr{}, nil }
func (c *idleChip) Open(s *Socket) error                                  { c.opened++; s.Handle = c.opened; return nil }
func (c *idleChip) Bind(*Socket, uint16) error                            { return nil }
func (c *idleChip) Listen(*Socket, int) error                             { return nil }
func (c *idleChip) Accept(l, s *Socket) (bool, error)                     { return false, nil }
func (c *idleChip) Send(_ *Socket, p []byte) (int, error)                 { return len(p), nil }
func (c *idleChip) SendTo(*Socket, []byte, netip.AddrPort) (bool, error)  { return true, nil }
func (c *idleChip) Poll(*Socket, Ready) (Ready, error)                    { return Readable | Writable, nil }
func (c *idleChip) Close(*Socket) error                                   { return nil }
func (c *idleChip) Connect(*Socket, string, netip.AddrPort) (bool, error) { return true, nil }
func (c *idleChip) RecvFrom(_ *Socket, p []byte) (int, netip.AddrPort, bool, error) {
	return len(p), ap10, true, nil
}
func (c *idleChip) Recv(_ *Socket, p []byte, sure bool) (int, error) {
	if c.odd = !c.odd; c.odd && c.shy {
		return 0, nil
	}
	return len(p), nil
}

func TestIPv6OfAChipThatHasIt(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, d *Device, c *fakeChip) {
		_, err := d.Socket(netdev.AF_INET6, netdev.SOCK_STREAM, 0)
		is(t, err, errors.ErrUnsupported)
		own := netip.MustParseAddr("2001:db8::2")
		d.Engine().SetIPv6(own)
		fd := check1(d.Socket(netdev.AF_INET6, netdev.SOCK_STREAM, 0))(t)
		is(t, d.Bind(fd, ap("[2001:db8::3]:80")), netdev.ErrMalAddr)
		ok(t, d.Connect(fd, "", ap("[2001:db8::1]:80")))
		if a := check1(d.LocalAddr(fd))(t); a.Addr() != own {
			t.Error("local address of a connection:", a)
		}
		u := check1(d.Socket(netdev.AF_INET6, netdev.SOCK_DGRAM, 0))(t)
		ok(t, d.Bind(u, ap("[::]:5000")))
		if a := check1(d.LocalAddr(u))(t); a != ap("[::]:5000") {
			t.Error("local address of a datagram socket:", a)
		}
		if a := check1(d.GetHostByName("2001:db8::9"))(t); a.String() != "2001:db8::9" {
			t.Error("address:", a)
		}
		_, err = d.LookupHost("ip6", "host", forever) // the chip does not look it up
		is(t, err, errors.ErrUnsupported)
	})
}
