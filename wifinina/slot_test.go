package wifinina

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"tinynet/netdev"
)

// older returns a device on a fake of firmware that has slots only.
func older(t testing.TB) (*Device, *fakeChip) {
	t.Helper()
	c := newFake(t)
	c.version, c.oldFirmware = "1.4.8", true
	d := newFast(c.config())
	ok(t, d.NetConnect())
	t.Cleanup(d.NetDisconnect)
	return d, c
}

// slotOf returns the chip's slot of a descriptor.
func (c *fakeChip) slotOf(d *Device, fd int) *fakeSlot {
	return &c.slots[d.chip().eng.Find(fd).Handle]
}

func TestOldFirmwareUsesSlotsOnly(t *testing.T) {
	d, c := older(t)
	fd := dialed(t, d)
	must(d.Send(fd, []byte("hi"), 0, forever))(t)
	c.do(func() { c.slotOf(d, fd).in = []byte("answer") })
	buf := make([]byte, 10)
	if n := must(d.Recv(fd, buf, 0, forever))(t); string(buf[:n]) != "answer" {
		t.Errorf("%q", buf[:n])
	}
	if out := c.slotOf(d, fd).out; string(out) != "hi" {
		t.Errorf("the peer has %q", out)
	}
	ok(t, d.Close(fd))
	for _, cmd := range c.commands {
		if cmd >= 0x70 {
			t.Errorf("command %02X", cmd)
		}
	}
	if c.slots[0].typ != 255 {
		t.Error("the slot was not freed")
	}
}

// To ask the chip for a slot does not reserve it; two sockets must not get the
// same.
func TestSlotNumbersAreTheDriversOwn(t *testing.T) {
	d, c := older(t)
	a, b := stream(t, d), stream(t, d)
	ok(t, d.Connect(a, "", ap("10.0.0.1:80")))
	ok(t, d.Connect(b, "", ap("10.0.0.1:81")))
	if d.chip().eng.Find(a).Handle == d.chip().eng.Find(b).Handle {
		t.Error("both have the same slot")
	}
	if c.count(0x3F) != 0 {
		t.Error("the chip was asked for a slot")
	}
}

// The fake fails the test if the state of a slot is asked that has no
// connection, which would leak it.
func TestStateOfDatagramAndServerSlotsIsNeverAsked(t *testing.T) {
	d, c := older(t)
	l, u := listener(t, d, 80), datagram(t, d)
	ok(t, d.Bind(u, ap("0.0.0.0:5000")))
	soon := time.Now().Add(50 * time.Millisecond)
	d.SetReadDeadline(l, soon)
	done := make(chan error)
	go func() { _, _, err := d.RecvFrom(u, make([]byte, 10), 0, soon); done <- err }()
	_, _, err := d.Accept(l)
	is(t, err, netdev.ErrTimeout)
	is(t, <-done, netdev.ErrTimeout)
	ok(t, d.Close(u))
	ok(t, d.Close(l))
	if c.count(cmdAvailable) == 0 {
		t.Error("nothing was asked at all")
	}
}

// The slot of a connection that has ended is freed as soon as that is known,
// and never again: by then it may be another's.
func TestEndedSlotIsFreedOnce(t *testing.T) {
	d, c := older(t)
	fd := dialed(t, d)
	c.do(func() { s := c.slotOf(d, fd); s.in, s.ended = []byte("bye"), true })
	text, err := io.ReadAll(sock{d, fd})
	ok(t, err)
	if string(text) != "bye" {
		t.Errorf("%q", text)
	}
	_, err = d.Send(fd, []byte("x"), 0, forever)
	is(t, err, netdev.ErrConnReset)
	before := c.count(cmdStopClient)
	if before != 2 { // before it was connected, and now: Adafruit's does not free it by itself
		t.Errorf("the slot was stopped %d times", before)
	}
	ok(t, d.Close(fd))
	if c.count(cmdStopClient) != before {
		t.Error("the slot was stopped again")
	}
	if c.slots[0].typ != 255 {
		t.Error("the slot is not free")
	}
}

// sock is a socket as a reader.
type sock struct {
	d  *Device
	fd int
}

func (s sock) Read(p []byte) (int, error) { return s.d.Recv(s.fd, p, 0, forever) }

func TestSlotPartialSendIsCompleted(t *testing.T) {
	d, c := older(t)
	fd := dialed(t, d)
	var s *fakeSlot
	c.do(func() { s = c.slotOf(d, fd) })
	want := bytes.Repeat([]byte("0123456789"), 2000)
	done := make(chan error)
	go func() { _, err := d.Send(fd, want, 0, forever); done <- err }()
	for reading := true; reading; {
		select {
		case err := <-done:
			ok(t, err)
			reading = false
		default:
			c.do(func() { s.window = len(s.out) + 1000 })
			time.Sleep(100 * time.Microsecond)
		}
	}
	if !bytes.Equal(s.out, want) {
		t.Errorf("the peer has %d bytes", len(s.out))
	}
}

func TestSlotAcceptSkipsKnownConnections(t *testing.T) {
	d, c := older(t)
	l := listener(t, d, 80)
	c.do(func() { s := c.slotOf(d, l); s.pending = []addr{{[4]byte{10, 0, 0, 9}, 1}, {[4]byte{10, 0, 0, 9}, 2}} })
	a, from, err := d.Accept(l)
	ok(t, err)
	if from != ap("10.0.0.9:1") {
		t.Errorf("peer %v", from)
	}
	// Its data is unread, and hides the second.
	d.SetReadDeadline(l, time.Now().Add(20*time.Millisecond))
	_, _, err = d.Accept(l)
	is(t, err, netdev.ErrTimeout)
	d.SetReadDeadline(l, forever)
	must(d.Recv(a, make([]byte, 10), 0, forever))(t)
	b, from, err := d.Accept(l)
	ok(t, err)
	if from != ap("10.0.0.9:2") || a == b {
		t.Errorf("%d, peer %v", b, from)
	}
	// What is written to an accepted connection is cut small, since it may
	// block the chip.
	c.do(func() { c.frames = nil })
	must(d.Send(b, make([]byte, 3000), 0, forever))(t)
	for _, f := range c.frames {
		if f[1] == cmdSendSlot && len(f) > 1436+12 {
			t.Errorf("a frame of %d bytes", len(f))
		}
	}
}

// A listener in a slot cannot be closed: it is kept, what knocks is dropped, and
// who listens on the port again gets it back.
func TestClosedSlotListenerIsKeptAndTakenUpAgain(t *testing.T) {
	d, c := older(t)
	for i := 0; i < 15; i++ {
		l := listener(t, d, 80)
		ok(t, d.Close(l))
	}
	if n := c.count(cmdStartServer); n != 1 {
		t.Errorf("%d servers were started", n)
	}
	c.do(func() { c.slots[0].pending = []addr{{[4]byte{10, 0, 0, 9}, 1}} })
	eventually(t, "the connection is dropped", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.slots[0].pending) == 0 && c.slots[1].typ == 255
	})
	l := listener(t, d, 80)
	c.do(func() { c.slotOf(d, l).pending = []addr{{[4]byte{10, 0, 0, 9}, 2}} })
	_, from, err := d.Accept(l)
	ok(t, err)
	if from.Port() != 2 {
		t.Errorf("peer %v", from)
	}
}

func TestSlotDatagramsKeepTheirSizeAndSource(t *testing.T) {
	d, c := older(t)
	u := datagram(t, d)
	ok(t, d.Bind(u, ap("0.0.0.0:5000")))
	big := bytes.Repeat([]byte("d"), 1472)
	c.do(func() {
		c.slotOf(d, u).queue = []fakeDatagram{
			{5000, addr{[4]byte{10, 0, 0, 7}, 1}, big},
			{5000, addr{[4]byte{10, 0, 0, 8}, 2}, []byte("cut short")},
			{5000, addr{[4]byte{10, 0, 0, 9}, 3}, []byte("last")},
		}
	})
	// What is sent meanwhile names another peer, in the same place.
	must(d.SendTo(u, []byte("x"), 0, ap("10.0.0.77:7"), forever))(t)
	buf := make([]byte, 1500)
	for _, want := range []struct{ text, from string }{{string(big), "10.0.0.7:1"}, {"cut", "10.0.0.8:2"}, {"last", "10.0.0.9:3"}} {
		if want.text == "cut" {
			buf = buf[:3]
		}
		n, from, err := d.RecvFrom(u, buf, 0, forever)
		ok(t, err)
		if string(buf[:n]) != want.text || from != ap(want.from) {
			t.Errorf("%d bytes %.10q from %v, want those of %s", n, buf[:n], from, want.from)
		}
		buf = buf[:cap(buf)]
	}
	c.do(func() {
		if len(c.datagrams) != 1 || c.datagrams[0].peer.port != 7 || string(c.datagrams[0].data) != "x" {
			t.Errorf("%v", c.datagrams)
		}
		c.slotOf(d, u).queue = []fakeDatagram{{5000, addr{[4]byte{10, 0, 0, 7}, 1}, []byte("left")}}
	})
	ok(t, d.Close(u))
	// What a slot's last user left is not the next one's.
	c.do(func() { c.slots[0].current = []byte("stale") })
	u = datagram(t, d)
	ok(t, d.Bind(u, ap("0.0.0.0:5000")))
	_, _, err := d.RecvFrom(u, buf, 0, time.Now().Add(20*time.Millisecond))
	is(t, err, netdev.ErrTimeout)
}

// # TLS

func TestTLSByHostName(t *testing.T) {
	d, c := connected(t)
	open := func(host string, to netip.AddrPort) (int, error) {
		fd := must(d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS))(t)
		return fd, d.Connect(fd, host, to)
	}
	fd, err := open("example.com", ap("10.0.0.1:443"))
	ok(t, err)
	s := c.slotOf(d, fd)
	if s.typ != 2 || s.host != "example.com" || s.peer.port != 443 {
		t.Errorf("the chip connected to %+v", s)
	}
	must(d.Send(fd, []byte("GET /"), 0, forever))(t)
	c.do(func() { s.in, c.irq = []byte("200 OK"), true })
	buf := make([]byte, 10)
	if n := must(d.Recv(fd, buf, 0, forever))(t); string(buf[:n]) != "200 OK" || string(s.out) != "GET /" {
		t.Errorf("%q, %q", buf[:n], s.out)
	}
	ok(t, d.Close(fd))
	if s.typ != 255 {
		t.Error("the slot was not freed")
	}
	// By address: as text, since as bytes the firmware reverses them.
	fd, err = open("", ap("10.0.0.1:443"))
	ok(t, err)
	if h := c.slotOf(d, fd).host; h != "10.0.0.1" {
		t.Errorf("host %q", h)
	}
	// A refused certificate looks like a refused connection.
	c.do(func() { c.refuse = func(addr) bool { return true } })
	_, err = open("bad.example", ap("10.0.0.1:443"))
	is(t, err, netdev.ErrConnRefused)
	// It is for clients only.
	fd = must(d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS))(t)
	is(t, d.Listen(fd, 1), errors.ErrUnsupported)
}

// A record that did not go has to be sent again as it was: half of it may be out.
func TestTLSSendsTheSameRecordAgain(t *testing.T) {
	d, c := connected(t)
	fd := must(d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS))(t)
	ok(t, d.Connect(fd, "host", ap("10.0.0.1:443")))
	s := c.slotOf(d, fd)
	c.do(func() { s.window = 100 })
	done := make(chan error)
	record := bytes.Repeat([]byte("r"), 200)
	go func() { _, err := d.Send(fd, record, 0, forever); done <- err }()
	blocked(t, d, 1)
	c.do(func() { s.window = 1000 })
	ok(t, <-done)
	if !bytes.Equal(s.out, record) {
		t.Errorf("%q", s.out)
	}
	c.do(func() { s.window = 0 })
	_, err := d.Send(fd, record, 0, time.Now().Add(20*time.Millisecond))
	is(t, err, netdev.ErrTimeout)
	c.do(func() { s.window = 1000 })
	_, err = d.Send(fd, []byte("other"), 0, forever)
	is(t, err, netdev.ErrConnReset)
	if !bytes.Equal(s.out, record) {
		t.Errorf("%q went out", s.out)
	}
}

// A handshake that the chip does not end is given up at the deadline; what
// comes of it later is nobody's answer.
func TestTLSHandshakeObeysTheDeadline(t *testing.T) {
	d, c := connected(t)
	other := dialed(t, d)
	fd := must(d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS))(t)
	c.do(func() { c.stuck = cmdStartClient })
	ok(t, d.SetWriteDeadline(fd, time.Now().Add(30*time.Millisecond)))
	start := time.Now()
	is(t, d.Connect(fd, "host", ap("10.0.0.1:443")), netdev.ErrTimeout)
	if d := time.Since(start); d > time.Second {
		t.Errorf("after %v", d)
	}
	c.release()
	must(d.Send(other, []byte("x"), 0, forever))(t)
	ok(t, d.Close(fd))
	fd = must(d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS))(t)
	ok(t, d.Connect(fd, "host", ap("10.0.0.1:443"))) // in a slot that is free
}
