package net

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// deviceConn dials through the device and returns the device's socket too.
func deviceConn(t *testing.T, d *fakeDevice) (*TCPConn, *fakeSock) {
	t.Helper()
	c := mustDial(t, "tcp", fakePeer.String()).(*TCPConn)
	_, s := d.only(t)
	return c, s
}

func TestDeviceDial(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		d.hosts["host.example"] = []netip.Addr{fakePeer.Addr()}
		c := mustDial(t, "tcp", "host.example:7000")
		fd, s := d.only(t)
		if s.peer != fakePeer || d.hostOf[fd] != "host.example" || s.domain != afInet || s.stype != sockStream {
			t.Errorf("the device was asked to connect to %v, host %q", s.peer, d.hostOf[fd])
		}
		if c.RemoteAddr().String() != fakePeer.String() || !strings.HasPrefix(c.LocalAddr().String(), "10.0.0.2:") {
			t.Errorf("addresses %v, %v", c.LocalAddr(), c.RemoteAddr())
		}
		c.Close()
		c = mustDial(t, "tcp", fakePeer.String())
		if fd, _ := d.only(t); d.hostOf[fd] != "" {
			t.Errorf("host %q for an address", d.hostOf[fd])
		}
		c.Close()
		d.wantSockets(t, 0)
		d.ipv6 = true
		d.hosts["host6.example"] = []netip.Addr{netip.MustParseAddr("2001:db8::1")}
		mustDial(t, "tcp", "host6.example:1")
		if _, s := d.only(t); s.domain != afInet6 {
			t.Errorf("domain %d for IPv6", s.domain)
		}
	})
}

// Drivers for TinyGo's net hand their device to net by a function.
func TestUseNetdev(t *testing.T) {
	use(t, nil)
	d := newFakeDevice(t)
	useNetdev(d)
	deviceConn(t, d)
}

// Of a device that does not tell, net knows the local address of a connection
// because it has chosen the port. One that refuses to bind connects all the same.
func TestDeviceThatDoesNotTellItsPort(t *testing.T) {
	d := newFakeDevice(t)
	use(t, d)
	c, err := Dial("tcp", fakePeer.String())
	if err != nil {
		t.Fatal(err)
	}
	_, s := d.only(t)
	want := netip.AddrPortFrom(fakeAddr, s.local.Port()).String()
	if s.local.Port() < firstEphemeral || c.LocalAddr().String() != want {
		t.Errorf("the local address is %v, want %v, and the device is bound to %v", c.LocalAddr(), want, s.local)
	}
	c.Close()
	d.fail["Bind"] = errors.ErrUnsupported
	if c, err = Dial("tcp", fakePeer.String()); err != nil {
		t.Fatal(err)
	}
	if _, port, _ := SplitHostPort(c.LocalAddr().String()); port != "0" {
		t.Errorf("the local address is %v, which nobody knows", c.LocalAddr())
	}
	c.Close()
	// An address that was asked for is another matter.
	from := Dialer{LocalAddr: &TCPAddr{IP: fakeAddr.AsSlice()}}
	if _, err = from.Dial("tcp", fakePeer.String()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
}

func TestDeviceDialTriesAllAddresses(t *testing.T) {
	d := newFakeDevice(t)
	use(t, fullDevice{d})
	d.hosts["many"] = []netip.Addr{netip.MustParseAddr("10.0.0.8"), netip.MustParseAddr("10.0.0.9")}
	d.fail["Connect"] = errFake
	_, err := Dial("tcp", "many:80")
	wantOpError(t, err, "dial", errFake)
	if !strings.Contains(err.Error(), "10.0.0.8") || d.called("Connect") != 2 {
		t.Errorf("%d attempts, error %v: want the first one's of 2", d.called("Connect"), err)
	}
}

func TestDeviceReadAndWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		c, s := deviceConn(t, d)
		d.do(func() { s.in = []byte("hello"); s.ended = true })
		b := make([]byte, 3)
		for _, want := range []string{"hel", "lo"} {
			if n, err := c.Read(b); err != nil || string(b[:n]) != want {
				t.Errorf("Read: %q, %v, want %q", b[:n], err, want)
			}
		}
		if n, err := c.Read(b); n != 0 || err != io.EOF {
			t.Errorf("Read at the end: %d, %v, want bare io.EOF", n, err)
		}
		if n, err := c.Read(nil); n != 0 || err != nil {
			t.Errorf("Read of nothing: %d, %v", n, err)
		}
		if n, err := c.Write(nil); n != 0 || err != nil || d.called("Send") != 0 {
			t.Errorf("Write of nothing: %d, %v", n, err)
		}
	})
}

// TinyGo's drivers threw the count of a partial send away.
func TestDevicePartialSendsAreContinued(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		c, s := deviceConn(t, d)
		d.mostPerSend = 7
		data := make([]byte, 1000)
		rand.New(rand.NewSource(1)).Read(data)
		if n, err := c.Write(data); n != len(data) || err != nil {
			t.Errorf("Write: %d, %v", n, err)
		}
		if !bytes.Equal(s.out, data) {
			t.Error("the peer gets something else")
		}
	})
}

func TestDeviceConcurrentWritesDoNotMix(t *testing.T) {
	d := newFakeDevice(t)
	use(t, fullDevice{d})
	c, s := deviceConn(t, d)
	d.mostPerSend = 7
	var wg sync.WaitGroup
	for _, text := range []string{"a", "b", "c"} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c.Write([]byte(strings.Repeat(text, 700)))
		}()
	}
	wg.Wait()
	for i := 0; i < len(s.out); i += 700 {
		if bytes.Count(s.out[i:i+700], s.out[i:i+1]) != 700 {
			t.Fatal("two Writes are mixed")
		}
	}
}

func TestDeviceWriteSaysHowMuch(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		c, _ := deviceConn(t, d)
		n := 0
		for wait := 10 * time.Millisecond; n == 0; wait *= 2 { // more for a slow machine
			c.SetWriteDeadline(time.Now().Add(wait))
			var err error
			n, err = c.Write(make([]byte, 1<<17))
			wantOpError(t, err, "write", os.ErrDeadlineExceeded)
		}
		if n != 1<<16 {
			t.Errorf("%d bytes written, want those that fit the device", n)
		}
	})
}

func TestDeviceCloseWakes(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		c, _ := deviceConn(t, d)
		read, second := errorOf(readError(c)), errorOf(readError(c))
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		wantOpError(t, <-read, "read", ErrClosed)
		wantOpError(t, <-second, "read", ErrClosed)
		wantOpError(t, c.Close(), "close", ErrClosed)
		wantOpError(t, readError(c)(), "read", ErrClosed)
		wantOpError(t, c.SetDeadline(time.Time{}), "set", ErrClosed)
		wantOpError(t, c.SetNoDelay(true), "set", ErrClosed)
		d.wantSockets(t, 0)
		if n := d.called("Close"); n != 1 {
			t.Errorf("the device's socket was closed %d times", n)
		}

		l := mustListen(t, "tcp", ":80")
		accept, second := errorOf(acceptError(l)), errorOf(acceptError(l))
		l.Close()
		wantOpError(t, <-accept, "accept", ErrClosed)
		wantOpError(t, <-second, "accept", ErrClosed)
		d.wantSockets(t, 0)
		if n := d.called("Close"); n != 2 {
			t.Errorf("the device's listener was closed %d times", n-1)
		}
		// The port is free as soon as Close returns.
		mustListen(t, "tcp", ":80")
	})
}

// A socket that is freed while a call is inside the device may have its number
// given to another, whose data the call would take.
func TestDeviceSocketIsNotFreedUnderACall(t *testing.T) {
	d := newFakeDevice(t)
	use(t, fullDevice{d})
	c, s := deviceConn(t, d)
	write := errorOf(writeError(c))
	c.Close()
	wantOpError(t, <-write, "write", ErrClosed)
	if !s.closed {
		t.Error("Close returned before the socket was free")
	}
}

func TestDeviceDeadlines(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		c, s := deviceConn(t, d)
		c.SetReadDeadline(time.Now().Add(-time.Second))
		wantOpError(t, readError(c)(), "read", os.ErrDeadlineExceeded)
		c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		wantOpError(t, readError(c)(), "read", os.ErrDeadlineExceeded)
		// Set while the call is blocked.
		c.SetReadDeadline(time.Time{})
		err := errorOf(readError(c))
		c.SetReadDeadline(time.Unix(1, 0))
		wantOpError(t, <-err, "read", os.ErrDeadlineExceeded)
		err = putOff(t, c.SetReadDeadline, readError(c))
		d.do(func() { s.in = []byte("x") })
		if e := <-err; e != nil {
			t.Error(e)
		}

		l := mustListen(t, "tcp", ":80")
		l.SetDeadline(time.Now().Add(5 * time.Millisecond))
		wantOpError(t, acceptError(l)(), "accept", os.ErrDeadlineExceeded)
		l.SetDeadline(time.Time{})
		err = errorOf(acceptError(l))
		l.SetDeadline(time.Unix(1, 0))
		wantOpError(t, <-err, "accept", os.ErrDeadlineExceeded)
	})
}

func TestDeviceWithoutGroups(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		_, err := ListenMulticastUDP("udp", nil, &UDPAddr{IP: IPv4(224, 0, 0, 254), Port: 5353})
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("error %v", err)
		}
		d.wantSockets(t, 0)
	})
}

// A blocked Write sees a deadline that is set meanwhile, and goes on where it was
// if that is put off again.
func TestDeviceWriteDeadlineChangedWhileBlocked(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		c, s := deviceConn(t, d)
		if _, err := c.Write(make([]byte, 1<<16)); err != nil { // all that it takes
			t.Fatal(err)
		}
		err := errorOf(writeError(c))
		c.SetWriteDeadline(time.Unix(1, 0))
		wantOpError(t, <-err, "write", os.ErrDeadlineExceeded)
		c.SetWriteDeadline(time.Time{})
		err = errorOf(func() error { _, err := c.Write([]byte("more")); return err })
		d.do(func() { s.out = nil })
		if e := <-err; e != nil || string(s.out) != "more" {
			t.Errorf("error %v, and %q went out", e, s.out)
		}
	})
}

// secretiveDevice does not say how much a Send has taken that ran out of time.
type secretiveDevice struct{ *fakeDevice }

func (d secretiveDevice) Send(int, []byte, int, time.Time) (int, error) { return -1, errFakeTimeout }

// To send again what a device may have taken would be worse than an error.
func TestDeviceThatDoesNotSayHowMuch(t *testing.T) {
	d := newFakeDevice(t)
	use(t, secretiveDevice{d})
	c, _ := deviceConn(t, d)
	wantOpError(t, writeError(c)(), "write", os.ErrDeadlineExceeded)
}

// slowDeadlines lets another SetReadDeadline overtake the first one.
type slowDeadlines struct {
	fullDevice
	overtake func()
}

func (d *slowDeadlines) SetReadDeadline(sockfd int, t time.Time) error {
	if f := d.overtake; f != nil {
		d.overtake = nil
		f()
	}
	return d.fullDevice.SetReadDeadline(sockfd, t)
}

func TestDeviceDeadlinesThatOvertakeEachOther(t *testing.T) {
	d := &slowDeadlines{fullDevice: fullDevice{newFakeDevice(t)}}
	use(t, d)
	c, s := deviceConn(t, d.fakeDevice)
	d.overtake = func() { c.SetReadDeadline(time.Time{}) }
	c.SetReadDeadline(time.Now().Add(time.Hour))
	if !s.rd.IsZero() {
		t.Error("the device is left with a deadline that is no longer set")
	}
}

// lateDevice is a plain device whose Accept returns a connection after all when
// the listener is closed.
type lateDevice struct {
	*fakeDevice
	closed chan struct{}
}

func (d *lateDevice) Accept(sockfd int) (int, netip.AddrPort, error) {
	<-d.closed
	fd, err := d.Socket(afInet, sockStream, protoTCP)
	return fd, fakePeer, err
}

func (d *lateDevice) Close(sockfd int) error {
	if sockfd == 3 {
		defer close(d.closed)
	}
	return d.fakeDevice.Close(sockfd)
}

func TestDeviceConnectionAfterCloseOfTheListenerIsFreed(t *testing.T) {
	d := &lateDevice{newFakeDevice(t), make(chan struct{})}
	use(t, d)
	l := mustListen(t, "tcp", ":80")
	err := errorOf(acceptError(l))
	l.Close()
	wantOpError(t, <-err, "accept", ErrClosed)
	for d.called("Socket") < 2 {
		time.Sleep(time.Millisecond)
	}
	d.wantSockets(t, 0)
}

// A deadline that is over leaves nothing behind for the next call.
func TestDeviceAcceptAfterDeadline(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		l := mustListen(t, "tcp", ":80")
		_, s := d.only(t)
		l.SetDeadline(time.Now().Add(2 * time.Millisecond))
		wantOpError(t, acceptError(l)(), "accept", os.ErrDeadlineExceeded)
		l.SetDeadline(time.Time{})
		d.do(func() { s.backlog = append(s.backlog, fakePeer) })
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if c.RemoteAddr().String() != fakePeer.String() || c.LocalAddr().String() != "10.0.0.2:80" {
			t.Errorf("addresses %v, %v", c.LocalAddr(), c.RemoteAddr())
		}
		c.Close()
	})
}

// TinyGo's net blocked for ever in Get to a dead host.
func TestDeviceDialEndsWithItsContext(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		d.stuck = make(chan struct{})
		ctx, cancel := context.WithCancel(context.Background())
		err := errorOf(func() error {
			_, err := new(Dialer).DialContext(ctx, "tcp", fakePeer.String())
			return err
		})
		cancel()
		wantOpError(t, <-err, "dial", context.Canceled)
		if d.called("Close") != 0 {
			t.Error("the socket was freed under the call")
		}

		_, e := DialTimeout("tcp", fakePeer.String(), 5*time.Millisecond)
		wantOpError(t, e, "dial", context.DeadlineExceeded)
		if ne, ok := e.(Error); !ok || !ne.Timeout() {
			t.Errorf("%v is no timeout", e)
		}

		stop := make(chan struct{})
		err = errorOf(func() error { _, err := (&Dialer{Cancel: stop}).Dial("tcp", fakePeer.String()); return err })
		close(stop)
		wantOpError(t, <-err, "dial", context.Canceled)
		close(d.stuck) // the device lets go: no socket stays open
		d.wantSockets(t, 0)
	})
}

func TestDeviceDialWithinItsContext(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		c, err := new(Dialer).DialContext(ctx, "tcp", fakePeer.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		cancel()
		if n, err := c.Write([]byte("x")); n != 1 || err != nil {
			t.Errorf("the context still counts: %v", err)
		}
		if _, s := d.only(t); !s.wd.IsZero() {
			t.Errorf("a deadline is left on the socket: %v", s.wd)
		}
	})
}

// TinyGo's net leaks the socket when Bind fails.
func TestDeviceErrorsLeakNoSocket(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		before := countBindings()
		for method, calls := range map[string][]func() error{
			"Socket":  {dialing("tcp", fakePeer.String()), dialing("udp", fakePeer.String()), listening("tcp", ":80"), listeningPacket(":80")},
			"Bind":    {dialingFrom("udp", fakePeer.String()), listening("tcp", ":80"), listening("tcp", ":0"), listeningPacket(":80"), listeningPacket(":0")},
			"Listen":  {listening("tcp", ":80"), listening("tcp", ":0")},
			"Connect": {dialing("tcp", fakePeer.String()), dialing("udp", fakePeer.String())},
		} {
			d.fail[method] = errFake
			for i, call := range calls {
				if err := call(); !errors.Is(err, errFake) {
					t.Errorf("%s fails, call %d: error %v", method, i, err)
				}
				d.wantSockets(t, 0)
			}
			delete(d.fail, method)
		}
		if n := countBindings(); n != before {
			t.Errorf("%d ports are left in use", n-before)
		}
	})
}

func dialing(network, address string) func() error {
	return func() error { _, err := Dial(network, address); return err }
}

func dialingFrom(network, address string) func() error {
	return func() error {
		d := Dialer{LocalAddr: &UDPAddr{Port: 4000}}
		_, err := d.Dial(network, address)
		return err
	}
}

func listening(network, address string) func() error {
	return func() error { _, err := Listen(network, address); return err }
}

func listeningPacket(address string) func() error {
	return func() error { _, err := ListenPacket("udp", address); return err }
}

// A listener on all addresses accepts from the device and in memory alike,
// whoever comes first and however many wait.
func TestListenerOnDeviceAndLoopback(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		l := mustListen(t, "tcp", ":0")
		_, s := d.only(t)
		host, port, _ := SplitHostPort(l.Addr().String())
		if host != "::" || port == "0" || s.local.Addr() != netip.IPv4Unspecified() {
			t.Errorf("listens at %v, on the device at %v", l.Addr(), s.local)
		}
		r := rand.New(rand.NewSource(1))
		type peer struct {
			device bool
			err    error
		}
		accepted := make(chan peer)
		const each, acceptors = 30, 3
		for range acceptors {
			go func() {
				for {
					c, err := l.Accept()
					p := peer{err: err}
					if err == nil {
						p.device = c.RemoteAddr().String() == fakePeer.String()
						c.Close()
					}
					accepted <- p
					if err != nil {
						return
					}
				}
			}()
		}
		var fromDevice, fromLoopback int
		for range 2 * each {
			n := 1 + r.Intn(3)
			want := 0
			for range n {
				if r.Intn(2) == 0 {
					d.do(func() { s.backlog = append(s.backlog, fakePeer) })
				} else if c, err := Dial("tcp", []string{"127.0.0.1:", "[::1]:", ":"}[r.Intn(3)]+port); err != nil {
					t.Fatal(err)
				} else {
					defer c.Close()
				}
				want++
			}
			for range want {
				p := <-accepted
				if p.err != nil {
					t.Fatal(p.err)
				}
				if p.device {
					fromDevice++
				} else {
					fromLoopback++
				}
			}
		}
		if fromDevice < each/2 || fromLoopback < each/2 {
			t.Errorf("%d from the device, %d in memory", fromDevice, fromLoopback)
		}
		l.Close()
		for range acceptors {
			if p := <-accepted; !errors.Is(p.err, ErrClosed) {
				t.Errorf("after Close: %v", p.err)
			}
		}
	})
}

func TestDeviceListensOnOneAddressOnly(t *testing.T) {
	d := newFakeDevice(t)
	use(t, d)
	l := mustListen(t, "tcp", "10.0.0.2:80")
	if _, err := Dial("tcp", "127.0.0.1:80"); err == nil {
		t.Error("a listener on the device's address takes loopback connections")
	}
	_, err := Listen("tcp", ":80")
	wantOpError(t, err, "listen", errAddrInUse)
	l.Close()
	// And the other way round.
	mustListen(t, "tcp", "127.0.0.1:80")
	if d.wantSockets(t, 0); d.called("Listen") != 1 {
		t.Error("the device listens for a listener on the loopback")
	}
}

// The device has ports in use that net does not know of.
func TestDevicePortZeroIsTriedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		ports.mu.Lock()
		taken := ports.last + 1
		ports.mu.Unlock()
		if taken < firstEphemeral {
			taken = firstEphemeral
		}
		d.socks[99] = &fakeSock{local: netip.AddrPortFrom(netip.IPv4Unspecified(), taken)}
		l := mustListen(t, "tcp", ":0")
		if p := l.Addr().(*TCPAddr).Port; p == int(taken) || p == 0 {
			t.Errorf("port %d, and %d is taken on the device", p, taken)
		}
		d.do(func() { delete(d.socks, 99) })
		_, err := Listen("tcp", l.Addr().String())
		wantOpError(t, err, "listen", errAddrInUse)
	})
}

func TestDeviceHalfClose(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		c, s := deviceConn(t, d)
		err := c.CloseWrite()
		if _, full := tinynetDevice.(fullDevice); full {
			if err != nil || !s.shut {
				t.Errorf("CloseWrite: %v, on the device %v", err, s.shut)
			}
		} else {
			wantOpError(t, err, "close", errors.ErrUnsupported)
		}
	})
}

func TestDeviceOptions(t *testing.T) {
	d := newFakeDevice(t)
	use(t, d)
	c, _ := deviceConn(t, d)
	check := func(want map[[2]int]any) {
		t.Helper()
		if !reflect.DeepEqual(d.options, want) {
			t.Errorf("options %v, want %v", d.options, want)
		}
		clear(d.options)
	}
	check(map[[2]int]any{
		{solSocket, soKeepalive}: true, {solTCP, tcpKeepidle}: 15 * time.Second,
		{solTCP, tcpKeepintvl}: 15 * time.Second, {solTCP, tcpKeepcnt}: 9,
	})
	c.SetNoDelay(true)
	c.SetLinger(3)
	c.SetKeepAliveConfig(KeepAliveConfig{Enable: true, Interval: time.Second, Count: -1})
	check(map[[2]int]any{
		{solTCP, tcpNodelay}: true, {solSocket, soLinger}: 3, {solSocket, soKeepalive}: true,
		{solTCP, tcpKeepidle}: 15 * time.Second, {solTCP, tcpKeepintvl}: time.Second,
	})
	c.Close()
	none, err := (&Dialer{KeepAlive: -1}).Dial("tcp", fakePeer.String())
	if err != nil {
		t.Fatal(err)
	}
	check(map[[2]int]any{})
	none.Close()
	// What a Dialer asks for is a wish.
	d.fail["SetSockOpt"] = errFake
	c2, err := (&Dialer{KeepAlive: time.Second}).Dial("tcp", fakePeer.String())
	if err != nil {
		t.Fatal(err)
	}
	wantOpError(t, c2.(*TCPConn).SetNoDelay(true), "set", errFake)
	c2.Close()
}

func TestDeviceUDP(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		c := mustDial(t, "udp", fakePeer.String())
		_, s := d.only(t)
		// A device that tells its ports chooses one by itself.
		if _, tells := tinynetDevice.(localAddrer); s.stype != sockDgram || s.peer != fakePeer || (s.local.Port() == 0) != tells {
			t.Errorf("the device's socket: %+v", s)
		}
		c.Write([]byte("question"))
		c.Write(nil)
		if len(s.outbox) != 2 || string(s.outbox[0].data) != "question" || len(s.outbox[1].data) != 0 {
			t.Errorf("sent %v", s.outbox)
		}
		d.do(func() { s.inbox = []fakeDatagram{{fakePeer, []byte("answer")}, {fakePeer, nil}} })
		b := make([]byte, 10)
		if n, err := c.Read(b); string(b[:n]) != "answer" {
			t.Errorf("Read: %q, %v", b[:n], err)
		}
		if n, err := c.Read(b); n != 0 || err != nil {
			t.Errorf("an empty datagram: %d, %v", n, err)
		}
		c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		wantOpError(t, readError(c)(), "read", os.ErrDeadlineExceeded)
		c.SetReadDeadline(time.Time{})
		err := errorOf(readError(c))
		c.Close()
		wantOpError(t, <-err, "read", ErrClosed)
	})
}

// A datagram socket on all addresses takes from the device and in memory.
func TestUDPOnDeviceAndLoopback(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		p, err := ListenUDP("udp", &UDPAddr{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		_, s := d.only(t)
		to := UDPAddrFromAddrPort(fakePeer)
		if n, err := p.WriteToUDP([]byte("out"), to); n != 3 || err != nil {
			t.Errorf("WriteToUDP: %d, %v", n, err)
		}
		_, full := tinynetDevice.(fullDevice)
		if !full {
			// Without the extension a device knows one peer at a time.
			if s.peer != fakePeer {
				t.Errorf("the device's peer is %v", s.peer)
			}
		}
		if len(s.outbox) != 1 || s.outbox[0].peer != fakePeer {
			t.Errorf("sent %v", s.outbox)
		}
		local := mustDial(t, "udp", (&UDPAddr{Port: p.LocalAddr().(*UDPAddr).Port}).String())
		r := rand.New(rand.NewSource(1))
		b := make([]byte, 10)
		for i := range 40 {
			want := fakePeer.String()
			got := make(chan string)
			if i%2 == 0 {
				go func() { _, from, _ := p.ReadFromUDPAddrPort(b); got <- from.String() }()
				time.Sleep(time.Duration(r.Intn(300)) * time.Microsecond)
			}
			if full && r.Intn(2) == 0 || !full && i > 36 {
				d.do(func() { s.inbox = append(s.inbox, fakeDatagram{fakePeer, []byte("in")}) })
			} else if !full && i%2 == 0 {
				d.do(func() { s.inbox = append(s.inbox, fakeDatagram{fakePeer, []byte("in")}) })
			} else {
				local.Write([]byte("in"))
				want = local.LocalAddr().String()
			}
			if i%2 != 0 {
				go func() { _, from, _ := p.ReadFromUDPAddrPort(b); got <- from.String() }()
			}
			if from := <-got; from != want {
				t.Fatalf("datagram %d is from %s, want %s", i, from, want)
			}
		}
		if _, err := p.WriteTo([]byte("echo"), local.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if n, err := local.Read(b); string(b[:n]) != "echo" {
			t.Errorf("Read: %q, %v", b[:n], err)
		}
	})
}

func TestDeviceThatDoesNotTellTheSender(t *testing.T) {
	d := newFakeDevice(t)
	use(t, d)
	p, err := ListenPacket("udp", "10.0.0.2:5353")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, _, err = p.ReadFrom(make([]byte, 1))
	wantOpError(t, err, "read", errors.ErrUnsupported)
}

// badDevice gives results that no device should.
type badDevice struct {
	*fakeDevice
	n     int
	err   error
	panic bool
}

func (d badDevice) result() (int, error) {
	if d.panic {
		panic("bad device")
	}
	return d.n, d.err
}

func (d badDevice) Recv(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	return d.result()
}

func (d badDevice) Send(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	return d.result()
}

func (d badDevice) Accept(sockfd int) (int, netip.AddrPort, error) {
	n, err := d.result()
	return n, netip.AddrPort{}, err
}

func TestBadDevice(t *testing.T) {
	for name, bad := range map[string]badDevice{
		"too much":          {n: 11},
		"negative":          {n: -1},
		"nothing":           {n: 0},
		"panic":             {panic: true},
		"too much and fail": {n: 99, err: errFake},
		"negative and fail": {n: -5, err: errFake},
	} {
		t.Run(name, func(t *testing.T) {
			bad.fakeDevice = newFakeDevice(t)
			use(t, bad)
			c := mustDial(t, "tcp", fakePeer.String())
			b := make([]byte, 10)
			if n, err := c.Read(b); err == nil || n < 0 || n > len(b) {
				t.Errorf("Read: %d, %v", n, err)
			}
			if n, err := c.Write(b); err == nil || n < 0 || n > len(b) {
				t.Errorf("Write: %d, %v", n, err)
			}
			u := mustDial(t, "udp", fakePeer.String())
			if n, err := u.Read(b); n < 0 || n > len(b) || err == nil && bad.n != 0 {
				t.Errorf("UDP Read: %d, %v", n, err)
			}
			if n, err := u.Write(b); err == nil || n < 0 || n > len(b) {
				t.Errorf("UDP Write: %d, %v", n, err)
			}
			if bad.n <= 0 {
				l := mustListen(t, "tcp", ":80")
				if c, err := l.Accept(); err == nil {
					if bad.n < 0 {
						t.Error("Accept takes a negative socket")
					}
					c.Close()
				}
			}
		})
	}
}

// panicDevice panics in whatever is called.
type panicDevice struct{ netdever }

func TestDeviceThatPanics(t *testing.T) {
	use(t, panicDevice{})
	for name, f := range map[string]func() error{
		"Dial":   dialing("tcp", fakePeer.String()),
		"Listen": listening("tcp", ":80"),
		"lookup": func() error { _, err := LookupHost("example.com"); return err },
		"UDP":    listeningPacket(":80"),
	} {
		if err := f(); !errors.Is(err, errPanicked) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeviceDoesNotMakeNetAllocate(t *testing.T) {
	d := &quietDevice{}
	use(t, d)
	c, err := Dial("tcp", fakePeer.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := make([]byte, 100)
	c.SetDeadline(time.Now().Add(time.Hour))
	if n := testing.AllocsPerRun(100, func() {
		c.Write(b)
		c.Read(b)
	}); n != 0 {
		t.Errorf("a Write and a Read allocate %v times", n)
	}
	u, err := ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if n := testing.AllocsPerRun(100, func() {
		u.WriteToUDPAddrPort(b, fakePeer)
		u.ReadFromUDPAddrPort(b)
	}); n != 0 {
		t.Errorf("a datagram each way allocates %v times", n)
	}
}

// quietDevice does nothing and allocates nothing.
type quietDevice struct{}

func (*quietDevice) GetHostByName(name string) (netip.Addr, error)                      { return fakeAddr, nil }
func (*quietDevice) Addr() (netip.Addr, error)                                          { return fakeAddr, nil }
func (*quietDevice) Socket(domain int, stype int, protocol int) (int, error)            { return 1, nil }
func (*quietDevice) Bind(sockfd int, ip netip.AddrPort) error                           { return nil }
func (*quietDevice) Connect(sockfd int, host string, ip netip.AddrPort) error           { return nil }
func (*quietDevice) Listen(sockfd int, backlog int) error                               { return nil }
func (*quietDevice) Accept(sockfd int) (int, netip.AddrPort, error)                     { return 2, fakePeer, nil }
func (*quietDevice) Close(sockfd int) error                                             { return nil }
func (*quietDevice) SetSockOpt(sockfd int, level int, opt int, value interface{}) error { return nil }
func (*quietDevice) Send(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	return len(buf), nil
}
func (*quietDevice) Recv(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	return len(buf), nil
}

// ownLoopback is a device that has a loopback.
type ownLoopback struct{ *fakeDevice }

func (ownLoopback) HasLoopback() bool { return true }

func TestDeviceWithALoopbackOfItsOwn(t *testing.T) {
	d := newFakeDevice(t)
	use(t, ownLoopback{d})
	mustDial(t, "tcp", "localhost:80")
	if _, s := d.only(t); s.peer.String() != "127.0.0.1:80" {
		t.Errorf("the device connects to %v", s.peer)
	}
	mustListen(t, "tcp", "127.0.0.1:0")
	d.wantSockets(t, 2)
}

func TestLookup(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		_, full := tinynetDevice.(fullDevice)
		for _, name := range []string{"localhost", "LocalHost.", "a.localhost"} {
			if got, err := LookupHost(name); err != nil || strings.Join(got, " ") != "127.0.0.1 ::1" {
				t.Errorf("LookupHost(%s): %v, %v", name, got, err)
			}
		}
		for _, text := range []string{"192.0.2.1", "2001:db8::1", "fe80::1%eth0", "::ffff:127.1.2.3", "0:0::1"} {
			if got, err := LookupHost(text); err != nil || len(got) != 1 || got[0] != text {
				t.Errorf("LookupHost(%s): %v, %v", text, got, err)
			}
		}
		if len(d.calls) != 0 {
			t.Errorf("the device was asked: %v", d.calls)
		}
		d.hosts["both"] = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
		got, err := LookupHost("both")
		if want := "192.0.2.1 2001:db8::1"; err != nil || full && strings.Join(got, " ") != want {
			t.Errorf("LookupHost: %v, %v", got, err)
		}
		ips, err := DefaultResolver.LookupNetIP(context.Background(), "ip4", "both")
		if err != nil || len(ips) != 1 || ips[0].String() != "192.0.2.1" {
			t.Errorf("LookupNetIP: %v, %v", ips, err)
		}
		if full && d.called("LookupHost:ip4") != 1 {
			t.Errorf("the device was asked for %v", d.calls)
		}
		if ip, err := LookupIP("both"); err != nil || len(ip[0]) != 16 || ip[0].String() != "192.0.2.1" {
			t.Errorf("LookupIP: %v, %v", ip, err)
		}
		if a, err := ResolveTCPAddr("tcp", "both:http"); err != nil || a.String() != "192.0.2.1:80" {
			t.Errorf("ResolveTCPAddr: %v, %v", a, err)
		}
		if a, err := ResolveIPAddr("ip", "both"); err != nil || a.String() != "192.0.2.1" {
			t.Errorf("ResolveIPAddr: %v, %v", a, err)
		}
		if name, err := LookupCNAME("both"); err != nil || name != "both." {
			t.Errorf("LookupCNAME: %v, %v", name, err)
		}
		if names, err := LookupAddr("127.0.0.1"); err != nil || len(names) != 1 || names[0] != "localhost" {
			t.Errorf("LookupAddr: %v, %v", names, err)
		}
		_, err = LookupHost("nobody")
		var de *DNSError
		if !errors.As(err, &de) || !de.IsNotFound || err.Error() != "lookup nobody: no such host" {
			t.Errorf("LookupHost of an unknown name: %v", err)
		}
		_, err = Dial("tcp", "nobody:80")
		if !errors.As(err, &de) || err.Error() != "dial tcp: lookup nobody: no such host" {
			t.Errorf("Dial to an unknown name: %v", err)
		}
		_, err = LookupMX("both")
		if !errors.As(err, &de) || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("LookupMX on a device that tells no DNS server: %v", err)
		}
		d.fail["GetHostByName"], d.fail["LookupHost:ip"] = os.ErrDeadlineExceeded, os.ErrDeadlineExceeded
		_, err = LookupHost("both")
		if ne, ok := err.(Error); !ok || !ne.Timeout() {
			t.Errorf("a device's timeout: %v", err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err = DefaultResolver.LookupHost(ctx, "both")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled look-up: %v", err)
		}
	})
}

// Close, deadlines and traffic at once, for the race detector.
func TestDeviceUnderStress(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		for round := range 30 {
			c := mustDial(t, "tcp", fakePeer.String())
			_, s := d.only(t)
			var wg sync.WaitGroup
			run := func(f func()) {
				wg.Add(1)
				go func() { defer wg.Done(); f() }()
			}
			for range 2 {
				run(func() {
					b := make([]byte, 10)
					for {
						if _, err := c.Read(b); errors.Is(err, ErrClosed) {
							return
						}
					}
				})
				run(func() {
					for {
						if _, err := c.Write([]byte("0123456789")); errors.Is(err, ErrClosed) {
							return
						}
					}
				})
			}
			run(func() {
				for i := range 20 {
					c.SetDeadline(time.Now().Add(time.Duration(i%3-1) * time.Millisecond))
					d.do(func() { s.in = append(s.in, "data"...); s.out = nil })
				}
			})
			time.Sleep(time.Duration(round%5) * 100 * time.Microsecond)
			c.Close()
			wg.Wait()
			d.wantSockets(t, 0)
		}
	})
}
