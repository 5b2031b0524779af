package wifinina

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
)

var (
	forever time.Time
	past    = time.Unix(1, 0)
)

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// eventually waits until f says yes.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for i := 0; i < 10000; i++ {
		if f() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func stream(t testing.TB, d *Device) int {
	t.Helper()
	return must(d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP))(t)
}

func datagram(t testing.TB, d *Device) int {
	t.Helper()
	return must(d.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP))(t)
}

func dialed(t testing.TB, d *Device) int {
	t.Helper()
	fd := stream(t, d)
	ok(t, d.Connect(fd, "", ap("10.0.0.1:80")))
	return fd
}

func listener(t testing.TB, d *Device, port uint16) int {
	t.Helper()
	fd := stream(t, d)
	ok(t, d.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	ok(t, d.Listen(fd, 5))
	return fd
}

// blocked waits until n calls wait for something.
func blocked(t testing.TB, d *Device, n int) {
	t.Helper()
	eventually(t, "calls are blocked", func() bool { return d.chip().eng.Blocked() >= n })
}

// # Bringing up

func TestNewTouchesNoHardware(t *testing.T) {
	c := newFake(t)
	New(c.config())
	if c.transfers != 0 || c.resets != 0 || len(c.pinModes) != 0 {
		t.Error("New touched the chip")
	}
}

func TestConnectAndWhatTheDeviceSaysOfItself(t *testing.T) {
	d, c := connected(t)
	if v := must(d.FirmwareVersion())(t); v != "2.0.0" {
		t.Errorf("version %q", v)
	}
	if a := must(d.Addr())(t); a.String() != "10.0.0.2" {
		t.Errorf("address %v", a)
	}
	is(t, d.NetConnect(), netlink.ErrConnected)
	if got := strings.Join(c.pinModes, ","); got != "cs out,gpio0 out,reset out,ack in,gpio0 in" {
		t.Errorf("pins: %s", got)
	}
	if c.count(cmdSetPowerMode) == 0 {
		t.Error("modem sleep left on")
	}
}

func TestMACByteOrderByFirmware(t *testing.T) {
	for version, want := range map[string]string{"2.0.0": "01:02:03:04:05:06", "1.5.0": "01:02:03:04:05:06", "3.3.0": "06:05:04:03:02:01"} {
		c := newFake(t)
		c.version = version
		d := newFast(c.config())
		if mac := must(d.GetHardwareAddr())(t); mac.String() != want {
			t.Errorf("%s: %v", version, mac)
		}
	}
}

func TestWrongPassphraseIsAnErrorAtOnce(t *testing.T) {
	c := newFake(t)
	d := newFast(c.config())
	err := d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "something"})
	is(t, err, netlink.ErrAuthFailure)
	if c.joins != 1 {
		t.Errorf("%d attempts", c.joins)
	}
	// The same again, now that the chip has a reason from before, and then
	// with the right one.
	is(t, d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "something"}), netlink.ErrAuthFailure)
	ok(t, d.NetConnect())
	d.NetDisconnect()
}

func TestMissingAccessPointAfterRetries(t *testing.T) {
	c := newFake(t)
	d := newFast(c.config())
	is(t, d.NetConnect(&netlink.ConnectParams{Ssid: "away", Passphrase: "passw0rd", Retries: 3}), netlink.ErrNoAccessPoint)
	if c.joins != 3 {
		t.Errorf("%d attempts, want 3", c.joins)
	}
}

func TestNetDisconnectEndsNetConnect(t *testing.T) {
	c := newFake(t)
	d := newFast(c.config())
	done := make(chan error)
	go func() { done <- d.NetConnect(&netlink.ConnectParams{Ssid: "away", Passphrase: "passw0rd"}) }()
	eventually(t, "it tries", func() bool { return c.count(cmdSetPassphrase) > 1 })
	d.NetDisconnect()
	is(t, <-done, netlink.ErrConnectFailed)
}

func TestOpenNetwork(t *testing.T) {
	c := newFake(t)
	c.pass = ""
	d := newFast(c.config())
	ok(t, d.NetConnect(&netlink.ConnectParams{Ssid: "home", Hostname: "board"}))
	d.NetDisconnect()
	if c.count(cmdSetNet) != 1 || c.count(cmdSetPassphrase) != 0 || c.count(cmdSetHostname) != 1 {
		t.Errorf("commands % X", c.commands)
	}
}

func TestBadParametersNeverReachTheWire(t *testing.T) {
	c := newFake(t)
	d := New(c.config())
	long := strings.Repeat("x", 64)
	for _, p := range []struct {
		netlink.ConnectParams
		want error
	}{
		{netlink.ConnectParams{}, netlink.ErrMissingSSID},
		{netlink.ConnectParams{Ssid: long[:33], Passphrase: "passw0rd"}, netlink.ErrLongSSID},
		{netlink.ConnectParams{Ssid: "home", Passphrase: long}, netlink.ErrLongPassphrase},
		{netlink.ConnectParams{Ssid: "home", Hostname: long}, netlink.ErrNotSupported},
		{netlink.ConnectParams{Ssid: "home", ConnectMode: 7}, netlink.ErrConnectModeNoGood},
		{netlink.ConnectParams{Ssid: "home", ConnectMode: netlink.ConnectModeAP, Passphrase: "short"}, netlink.ErrShortPassphrase},
		{netlink.ConnectParams{Ssid: long[:33], ConnectMode: netlink.ConnectModeAP}, netlink.ErrLongSSID},
		{netlink.ConnectParams{Ssid: "home", Passphrase: "passw0rd", AuthType: 9}, netlink.ErrAuthTypeNoGood},
	} {
		is(t, d.NetConnect(&p.ConnectParams), p.want)
	}
	_, err := d.GetHostByName(strings.Repeat("a", 256))
	is(t, err, netdev.ErrMalAddr)
	_, err = d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	is(t, err, netdev.ErrLinkDown)
	if c.transfers != 0 {
		t.Error("something was sent")
	}
}

// A key too short for WPA may be one of an old WEP network.
func TestShortPassphraseIsForTheAccessPointToRefuse(t *testing.T) {
	c := newFake(t)
	d := New(c.config())
	is(t, d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "bar"}), netlink.ErrAuthFailure)
	if c.count(cmdSetPassphrase) != 1 {
		t.Errorf("commands % X", c.commands)
	}
}

func TestNoBusGiven(t *testing.T) {
	d := New(&Config{Ssid: "home"})
	err := d.NetConnect()
	is(t, err, netdev.ErrDevice)
	if !strings.Contains(err.Error(), "no SPI bus or pins given") {
		t.Error(err)
	}
	c := newFake(t)
	cfg := c.config()
	cfg.Ack = nil
	is(t, New(cfg).NetConnect(), errSomePins)
}

func TestOldFirmwareIsSaidToBeOld(t *testing.T) {
	for _, version := range []string{"1.3.0", "1.0.0", "0.9.9"} {
		f := newFake(t)
		f.version = version
		d := newFast(f.config())
		err := d.NetConnect()
		is(t, err, errors.ErrUnsupported)
		if !strings.Contains(err.Error(), version) || !strings.Contains(err.Error(), "1.4.0") {
			t.Error(err)
		}
		if !bytes.Equal(f.commands, []byte{cmdFirmwareVersion}) {
			t.Errorf("%s was asked % X", version, f.commands)
		}
	}
}

func TestDeadOrAbsentChipIsAnErrorNotAHang(t *testing.T) {
	c := newFake(t)
	d := newFast(c.config())
	c.onCmd = func(cmd byte, reply []byte) []byte { c.dead = true; return reply }
	err := d.NetConnect()
	is(t, err, netdev.ErrDevice)
	if !strings.Contains(err.Error(), "does not answer") {
		t.Error(err)
	}
	a := newFake(t)
	a.absent = true
	d = newFast(a.config())
	is(t, d.NetConnect(), faults[errNoSelect])
}

// # Streams

func TestPartialSendIsCompleted(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	want := make([]byte, 20000)
	for i := range want {
		want[i] = byte(i * 7 >> 3)
	}
	var s *fakeSock
	c.do(func() { s = c.sock(d, fd) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		n, err := d.Send(fd, want, 0, forever)
		if n != len(want) || err != nil {
			t.Errorf("Send: %d, %v", n, err)
		}
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
			c.do(func() { s.taken = min(len(s.out), s.taken+1000) })
			time.Sleep(100 * time.Microsecond)
		}
	}
	if !bytes.Equal(s.out, want) {
		t.Errorf("the peer has %d bytes, not what was sent", len(s.out))
	}
}

func TestSendThatTakesNothingIsNotTheEnd(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	c.do(func() { c.window = 0 })
	done := make(chan error)
	go func() { _, err := d.Send(fd, []byte("hello"), 0, forever); done <- err }()
	blocked(t, d, 1)
	eventually(t, "it asks for room", func() bool { return c.count(cmdPoll) > 3 })
	select {
	case err := <-done:
		t.Fatalf("Send gave up: %v", err)
	default:
	}
	c.do(func() { c.window = 5744 })
	ok(t, <-done)
}

// A Send that waits for room learns that the connection is gone, from a chip to
// which both look the same.
func TestSendThatWaitsLearnsOfTheEnd(t *testing.T) {
	for name, end := range map[string]struct {
		f    func(c *fakeChip, s *fakeSock)
		want error
	}{
		"reset":    {func(c *fakeChip, s *fakeSock) { s.reset = true }, netdev.ErrConnReset},
		"vanished": {func(c *fakeChip, s *fakeSock) { clear(c.socks) }, netdev.ErrLinkDown},
	} {
		for _, patience := range []time.Duration{0, 300 * time.Millisecond} {
			d, c := connected(t)
			fd := dialed(t, d)
			var s *fakeSock
			c.do(func() { s = c.sock(d, fd); c.window = 1000 })
			done := make(chan error)
			go func() { _, err := d.Send(fd, make([]byte, 5000), 0, forever); done <- err }()
			blocked(t, d, 1)
			time.Sleep(patience)
			c.do(func() { end.f(c, s) })
			select {
			case err := <-done:
				is(t, err, end.want)
			case <-time.After(5 * time.Second):
				t.Fatalf("%s: Send still waits", name)
			}
		}
	}
}

// A deadline that passes before anything was sent leaves the stream as it was.
func TestDeadlineBeforeTheChipIsReady(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	for i := 0; i < 3; i++ {
		c.do(func() { c.dead = true })
		done := make(chan error)
		go func() { _, err := d.Send(fd, []byte("x"), 0, time.Now().Add(5*time.Millisecond)); done <- err }()
		is(t, <-done, netdev.ErrTimeout)
		go func() { _, err := d.Recv(fd, make([]byte, 1), 0, time.Now().Add(5*time.Millisecond)); done <- err }()
		is(t, <-done, netdev.ErrTimeout)
		c.do(func() { c.dead = false })
		must(d.Send(fd, []byte("x"), 0, forever))(t)
	}
}

func TestSendObeysItsDeadline(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	c.do(func() { c.window = 3 })
	n, err := d.Send(fd, []byte("hello"), 0, time.Now().Add(20*time.Millisecond))
	is(t, err, netdev.ErrTimeout)
	if n != 3 {
		t.Errorf("%d bytes, want 3", n)
	}
}

func TestConcurrentSendsDoNotMingle(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	var s *fakeSock
	c.do(func() { s = c.sock(d, fd) })
	done := make(chan error)
	const size = 9000
	for i := 0; i < 4; i++ {
		go func() {
			_, err := d.Send(fd, bytes.Repeat([]byte{byte('a' + i)}, size), 0, forever)
			done <- err
		}()
	}
	for left := 4; left > 0; {
		select {
		case err := <-done:
			ok(t, err)
			left--
		default:
			c.do(func() { s.taken = len(s.out) })
			time.Sleep(100 * time.Microsecond)
		}
	}
	for i := 0; i < 4; i++ {
		part := s.out[i*size : (i+1)*size]
		if bytes.Count(part, part[:1]) != size {
			t.Fatal("sends are mingled")
		}
	}
}

func TestOneExchangePerSendAndPerRecv(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	c.do(func() { c.commands, c.transfers = nil, 0; c.sock(d, fd).in = []byte("answer") })
	must(d.Send(fd, []byte("question"), 0, forever))(t)
	buf := make([]byte, 100)
	if n := must(d.Recv(fd, buf, 0, forever))(t); string(buf[:n]) != "answer" {
		t.Errorf("%q", buf[:n])
	}
	c.do(func() {
		var got []byte
		for _, cmd := range c.commands {
			if cmd != cmdStatus {
				got = append(got, cmd)
			}
		}
		if !bytes.Equal(got, []byte{cmdSend, cmdRecv}) {
			t.Errorf("commands % X", got)
		}
		if c.transfers > 20 {
			t.Errorf("%d transfers for two exchanges", c.transfers)
		}
	})
}

func TestRecvReadsAsMuchAsAFrameHolds(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	c.do(func() { c.sock(d, fd).in = bytes.Repeat([]byte("0123456789"), 1000) })
	buf := make([]byte, 10000)
	if n := must(d.Recv(fd, buf, 0, forever))(t); n != maxRecv {
		t.Errorf("%d bytes", n)
	}
	if !bytes.HasPrefix(buf, []byte("01234567890123")) || bytes.Contains(buf[maxRecv:], []byte("1")) {
		t.Error("wrong bytes")
	}
}

func TestEndOfStreamAndReset(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	buf := make([]byte, 10)
	go func() {
		blocked(t, d, 1)
		c.do(func() { s := c.sock(d, fd); s.in, s.eof = []byte("bye"), true })
	}()
	if n := must(d.Recv(fd, buf, 0, forever))(t); string(buf[:n]) != "bye" {
		t.Errorf("%q", buf[:n])
	}
	for range 2 {
		_, err := d.Recv(fd, buf, 0, forever)
		is(t, err, io.EOF)
	}
	// The peer has closed only its own direction.
	must(d.Send(fd, []byte("still here"), 0, forever))(t)

	fd = dialed(t, d)
	c.do(func() { c.sock(d, fd).reset = true })
	_, err := d.Recv(fd, buf, 0, forever)
	is(t, err, netdev.ErrConnReset)
	_, err = d.Send(fd, buf, 0, forever)
	is(t, err, netdev.ErrConnReset)
}

func TestConnectRefused(t *testing.T) {
	d, c := connected(t)
	c.do(func() { c.refuse = func(addr) bool { return true } })
	fd := stream(t, d)
	is(t, d.Connect(fd, "", ap("10.0.0.1:81")), netdev.ErrConnRefused)
	ok(t, d.Close(fd))
}

// Connecting to nobody takes the chip 18.5 s, during which it must be there
// for others.
func TestConnectToASilentPeerBlocksNobody(t *testing.T) {
	d, c := connected(t)
	c.do(func() { c.silent = func(a addr) bool { return a.port == 81 } })
	fd := stream(t, d)
	done := make(chan error)
	go func() { done <- d.Connect(fd, "", ap("10.0.0.1:81")) }()
	blocked(t, d, 1)
	other := dialed(t, d)
	must(d.Send(other, []byte("x"), 0, forever))(t)
	ok(t, d.SetWriteDeadline(fd, time.Now().Add(time.Millisecond)))
	is(t, <-done, netdev.ErrTimeout)
	ok(t, d.Close(fd))
}

func TestCloseAndDeadlinesWakeBlockedCalls(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	c.do(func() { c.window = 0 })
	l := listener(t, d, 80)
	u := datagram(t, d)
	ok(t, d.Bind(u, ap("0.0.0.0:5000")))
	read := make(chan error)
	start := func() {
		buf := make([]byte, 10)
		go func() { _, err := d.Recv(fd, buf, 0, forever); read <- err }()
		go func() { _, _, err := d.Accept(l); read <- err }()
		go func() { _, _, err := d.RecvFrom(u, buf[5:], 0, forever); read <- err }()
		blocked(t, d, 3)
	}
	start()
	for _, s := range []int{fd, l, u} {
		ok(t, d.SetReadDeadline(s, past))
		is(t, <-read, netdev.ErrTimeout)
		_, _, err := d.RecvFrom(s, nil, 0, forever)
		is(t, err, netdev.ErrTimeout)
		ok(t, d.SetReadDeadline(s, forever))
	}
	start()
	for _, s := range []int{fd, l, u} {
		ok(t, d.SetReadDeadline(s, time.Now().Add(5*time.Millisecond)))
		is(t, <-read, netdev.ErrTimeout)
		ok(t, d.SetReadDeadline(s, forever))
	}
	start()
	wrote := make(chan error)
	go func() { _, err := d.Send(fd, []byte("x"), 0, forever); wrote <- err }()
	blocked(t, d, 4)
	ok(t, d.SetWriteDeadline(fd, past))
	is(t, <-wrote, netdev.ErrTimeout)
	for _, s := range []int{fd, l, u} {
		ok(t, d.Close(s))
		is(t, <-read, netdev.ErrInvalidSocketFd)
		is(t, d.Close(s), netdev.ErrInvalidSocketFd)
	}
	if len(c.socks) != 0 {
		t.Errorf("%d sockets left on the chip", len(c.socks))
	}
}

// # Listeners and the table

func TestAcceptSendRecv(t *testing.T) {
	d, c := connected(t)
	l := listener(t, d, 80)
	go func() {
		blocked(t, d, 1)
		c.do(func() { s := c.sock(d, l); s.pending = append(s.pending, addr{[4]byte{10, 0, 0, 9}, 50000}) })
	}()
	fd, from, err := d.Accept(l)
	ok(t, err)
	if from.String() != "10.0.0.9:50000" {
		t.Errorf("peer %v", from)
	}
	if a := must(d.LocalAddr(fd))(t); a.String() != "10.0.0.2:80" {
		t.Errorf("local address %v", a)
	}
	if a := must(d.LocalAddr(l))(t); a.String() != "0.0.0.0:80" {
		t.Errorf("listener's address %v", a)
	}
	c.do(func() { c.sock(d, fd).in = []byte("GET /") })
	buf := make([]byte, 10)
	if n := must(d.Recv(fd, buf, 0, forever))(t); string(buf[:n]) != "GET /" {
		t.Errorf("%q", buf[:n])
	}
}

func TestClosedListenerGivesItsSocketAndPortBack(t *testing.T) {
	d, c := connected(t)
	for i := 0; i < 25; i++ {
		l := listener(t, d, 80)
		c.do(func() { s := c.sock(d, l); s.pending = append(s.pending, addr{[4]byte{10, 0, 0, 9}, 50000}) })
		fd, _, err := d.Accept(l)
		ok(t, err)
		// The port can be had again while the connection is still open.
		ok(t, d.Close(l))
		l = listener(t, d, 80)
		ok(t, d.Close(l))
		ok(t, d.Close(fd))
	}
	if len(c.socks) != 0 {
		t.Errorf("%d sockets left on the chip", len(c.socks))
	}
}

func TestPortInUse(t *testing.T) {
	d, _ := connected(t)
	listener(t, d, 80)
	fd := stream(t, d)
	is(t, d.Bind(fd, ap("0.0.0.0:80")), netdev.ErrAddrInUse)
	is(t, d.Bind(fd, ap("10.0.0.77:81")), netdev.ErrMalAddr)
	is(t, d.Bind(fd, ap("[::1]:81")), errors.ErrUnsupported)
	ok(t, d.Bind(fd, ap("10.0.0.2:0")))
	if a := must(d.LocalAddr(fd))(t); a.Port() < 49152 {
		t.Errorf("port %d", a.Port())
	}
}

func TestEleventhSocketIsRefusedBeforeTheWire(t *testing.T) {
	d, c := connected(t)
	for i := 0; i < maxSockets; i++ {
		if fd := stream(t, d); fd != i {
			t.Fatalf("socket %d is %d", i, fd)
		}
	}
	before := c.count(cmdSocket)
	_, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	is(t, err, netdev.ErrNoMoreSockets)
	if c.count(cmdSocket) != before {
		t.Error("the chip was asked")
	}
	ok(t, d.Close(3))
	if fd := stream(t, d); fd != 3 {
		t.Errorf("descriptor %d, want 3", fd)
	}
	// A chip with fewer sockets says so itself.
	ok(t, d.Close(0))
	c.do(func() { c.maxSocks = 6 })
	_, err = d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	is(t, err, netdev.ErrNoMoreSockets)
}

func TestAcceptWaitsForAFreeSocket(t *testing.T) {
	d, c := connected(t)
	l := listener(t, d, 80)
	for i := 1; i < maxSockets; i++ {
		stream(t, d)
	}
	c.do(func() { s := c.sock(d, l); s.pending = append(s.pending, addr{[4]byte{10, 0, 0, 9}, 50000}) })
	done := make(chan int)
	go func() {
		fd, _, err := d.Accept(l)
		if err != nil {
			t.Error(err)
		}
		done <- fd
	}()
	blocked(t, d, 1)
	ok(t, d.Close(5))
	if fd := <-done; fd != 5 {
		t.Errorf("descriptor %d", fd)
	}
}

// The chip numbers its sockets anew as they are closed; closing one late, or
// twice, must not hit the one that has the number by then.
func TestLateCloseDoesNotHitAnotherConnection(t *testing.T) {
	d, c := connected(t)
	a := dialed(t, d)
	c.do(func() { // the chip closes it by itself and gives the number to the next
		delete(c.socks, byte(d.chip().eng.Find(a).Handle))
	})
	b := dialed(t, d)
	_, err := d.Send(a, []byte("x"), 0, forever)
	is(t, err, netdev.ErrConnReset)
	ok(t, d.Close(a))
	must(d.Send(b, []byte("x"), 0, forever))(t)
	if n := len(c.socks); n != 1 {
		t.Errorf("%d sockets on the chip, want 1", n)
	}
}

func TestCloseDrainsWhatWasNotRead(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	var s *fakeSock
	c.do(func() { s = c.sock(d, fd); s.in = make([]byte, 5744) })
	ok(t, d.Close(fd))
	if len(s.in) != 0 {
		t.Errorf("%d bytes unread: the chip would reset the connection", len(s.in))
	}
}

func TestUnsupported(t *testing.T) {
	d, _ := connected(t)
	_, err := d.Socket(netdev.AF_INET6, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	is(t, err, errors.ErrUnsupported)
	fd := stream(t, d)
	is(t, d.SetSockOpt(fd, netdev.SOL_TCP, netdev.TCP_NODELAY, true), errors.ErrUnsupported)
	is(t, d.SetSockOpt(9, 0, 0, nil), netdev.ErrInvalidSocketFd)
	is(t, d.Connect(fd, "", ap("[2001:db8::1]:80")), errors.ErrUnsupported)
	_, err = d.Recv(fd, make([]byte, 1), 0, forever)
	is(t, err, netdev.ErrNotConnected)
	_, err = d.Send(fd, make([]byte, 1), 0, forever)
	is(t, err, netdev.ErrNotConnected)
	_, _, err = d.Accept(fd)
	is(t, err, errors.ErrUnsupported)
	for _, bad := range []int{-1, 7, 10, 1 << 20} {
		_, err = d.Recv(bad, nil, 0, forever)
		is(t, err, netdev.ErrInvalidSocketFd)
		is(t, d.Close(bad), netdev.ErrInvalidSocketFd)
		is(t, d.SetReadDeadline(bad, forever), netdev.ErrInvalidSocketFd)
		_, err = d.LocalAddr(bad)
		is(t, err, netdev.ErrInvalidSocketFd)
	}
}

// # Datagrams and names

func TestDatagramsKeepTheirSizeAndSource(t *testing.T) {
	d, c := connected(t)
	fd := datagram(t, d)
	ok(t, d.Bind(fd, ap("0.0.0.0:5000")))
	peer := addr{[4]byte{10, 0, 0, 7}, 5001}
	big := bytes.Repeat([]byte("d"), 1472)
	c.do(func() {
		s := c.sock(d, fd)
		for _, b := range [][]byte{big, []byte("small"), {}, []byte("cut short")} {
			s.dgrams = append(s.dgrams, fakeDatagram{5000, peer, b})
		}
	})
	buf := make([]byte, 2000)
	for _, want := range []string{string(big), "small", "", "cut"} {
		if want == "cut" {
			buf = buf[:3]
		}
		n, from, err := d.RecvFrom(fd, buf, 0, forever)
		ok(t, err)
		if string(buf[:n]) != want || from.String() != "10.0.0.7:5001" {
			t.Errorf("%d bytes %.10q from %v", n, buf[:n], from)
		}
	}
	_, err := d.Recv(fd, buf, 0, time.Now().Add(5*time.Millisecond))
	is(t, err, netdev.ErrTimeout)

	must(d.SendTo(fd, big, 0, ap("10.0.0.7:5001"), forever))(t)
	must(d.SendTo(fd, nil, 0, ap("10.0.0.7:5001"), forever))(t)
	_, err = d.SendTo(fd, append(big, 0), 0, ap("10.0.0.7:5001"), forever)
	is(t, err, netdev.ErrMsgSize)
	_, err = d.Send(fd, big, 0, forever)
	is(t, err, netdev.ErrNotConnected)
	ok(t, d.Connect(fd, "", ap("10.0.0.7:5002")))
	must(d.Send(fd, []byte("to the peer"), 0, forever))(t)
	c.do(func() {
		if len(c.datagrams) != 3 || len(c.datagrams[0].data) != 1472 || c.datagrams[0].peer != peer ||
			c.datagrams[0].port != 5000 || c.datagrams[2].peer.port != 5002 {
			t.Errorf("%v", c.datagrams)
		}
	})
}

func TestUnboundDatagramSocketKnowsItsPort(t *testing.T) {
	d, c := connected(t)
	fd := datagram(t, d)
	must(d.SendTo(fd, []byte("x"), 0, ap("10.0.0.7:5001"), forever))(t)
	if a := must(d.LocalAddr(fd))(t); a.Port() < 49152 || a.Port() != c.datagrams[0].port {
		t.Errorf("%v, sent from %d", a, c.datagrams[0].port)
	}
}

func TestHostNames(t *testing.T) {
	d, _ := connected(t)
	for name, want := range map[string]string{"host": "10.0.0.1", "host.": "10.0.0.1", "192.168.1.2": "192.168.1.2"} {
		if a := must(d.GetHostByName(name))(t); a.String() != want {
			t.Errorf("%s: %v", name, a)
		}
	}
	for _, name := range []string{"nobody", "", "a\x00b", "a b", "."} {
		_, err := d.GetHostByName(name)
		is(t, err, netdev.ErrHostUnknown)
	}
	fd := stream(t, d)
	ok(t, d.Connect(fd, "host", netip.AddrPortFrom(netip.Addr{}, 80)))
}

// # Faults

// started returns a chip that runs but has joined no network, so that nobody
// else makes exchanges.
func started(t testing.TB) (*Device, *fakeChip) {
	t.Helper()
	c := newFake(t)
	c.names["other"] = [4]byte{10, 0, 0, 5}
	d := newFast(c.config())
	must(d.FirmwareVersion())(t)
	return d, c
}

func resolves(t testing.TB, d *Device, name string, want byte) {
	t.Helper()
	ip, found, err := d.chip().bus.resolve(name)
	if ip != [4]byte{10, 0, 0, want} || !found || err != 0 {
		t.Errorf("%s is %v, %v, %v", name, ip, found, err)
	}
}

func TestLateReplyIsNotTheNextCommandsAnswer(t *testing.T) {
	d, c := started(t)
	c.do(func() { c.stuck = cmdResolve })
	_, _, err := d.chip().bus.resolve("host")
	is(t, err, errNoAnswer)
	c.release()
	before := c.count(cmdResolve)
	resolves(t, d, "other", 5)
	if n := c.count(cmdResolve); n != before+1 {
		t.Errorf("the command went out %d times", n-before)
	}
	resolves(t, d, "host", 1)
}

// A chip whose reply was damaged, or that has lost the beat, is found again
// by the next command.
func TestResyncAfterADamagedReply(t *testing.T) {
	d, c := started(t)
	for i, damage := range []func(r []byte) []byte{
		func(r []byte) []byte { r[0] ^= 0x10; return r },
		func(r []byte) []byte { r[1] ^= 0x01; return r },
		func(r []byte) []byte { r[2] = 200; return r },
		func(r []byte) []byte { r[3] = 255; return r },
		func(r []byte) []byte { return r[1:] },
		func(r []byte) []byte { return refusal },
		func(r []byte) []byte { return nil },
	} {
		once := true
		c.do(func() {
			c.onCmd = func(cmd byte, r []byte) []byte {
				if once && cmd == cmdResolve {
					once = false
					return damage(append([]byte(nil), r...))
				}
				return r
			}
		})
		if _, _, err := d.chip().bus.resolve("host"); err == 0 {
			t.Errorf("damage %d was not seen", i)
		}
		resolves(t, d, "other", 5)
	}
	for _, answering := range []bool{true, false} {
		// The chip takes a pulse too many, or too few.
		c.do(func() { c.answering = answering })
		if d.chip().bus.phase = inStep; !answering {
			d.chip().bus.phase = replyDue
		}
		if _, _, err := d.chip().bus.resolve("host"); (err == 0) == answering {
			t.Errorf("out of step: %v", err)
		}
		resolves(t, d, "other", 5)
	}
}

// A connection that the chip has closed behind the driver's back, while the
// link is up, must not be waited on for ever.
func TestVanishedConnectionEndsRecv(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	done := make(chan error)
	go func() { _, err := d.Recv(fd, make([]byte, 1), 0, forever); done <- err }()
	blocked(t, d, 1)
	c.do(func() {
		delete(c.socks, byte(d.chip().eng.Find(fd).Handle))
	})
	is(t, <-done, netdev.ErrLinkDown)
}

func TestDamagedAcceptEndsNoServerAndLeaksNothing(t *testing.T) {
	d, c := connected(t)
	l := listener(t, d, 80)
	once := true
	c.do(func() {
		c.onCmd = func(cmd byte, r []byte) []byte {
			if once && cmd == cmdAccept && r[4] != noFD {
				once = false
				r[1] = 0
			}
			return r
		}
		s := c.sock(d, l)
		s.pending = []addr{{[4]byte{10, 0, 0, 9}, 1}, {[4]byte{10, 0, 0, 9}, 2}}
	})
	fd, from, err := d.Accept(l)
	ok(t, err)
	if from.Port() != 2 {
		t.Errorf("peer %v", from)
	}
	ok(t, d.Close(fd))
	if n := len(c.socks); n != 1 {
		t.Errorf("%d sockets on the chip, want the listener", n)
	}
}

func TestLinkLossFailsSocketsAndNotifies(t *testing.T) {
	d, c := connected(t)
	e := events{more: make(chan struct{}, 10)}
	d.Notify(e.add)
	fd, l := dialed(t, d), listener(t, d, 80)
	done := make(chan error)
	go func() { _, err := d.Recv(fd, make([]byte, 1), 0, forever); done <- err }()
	go func() { _, _, err := d.Accept(l); done <- err }()
	blocked(t, d, 2)
	c.drop()
	is(t, <-done, netdev.ErrLinkDown)
	is(t, <-done, netdev.ErrLinkDown)
	<-e.more
	_, err := d.Send(fd, []byte("x"), 0, forever)
	is(t, err, netdev.ErrLinkDown)
	_, err = d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	is(t, err, netdev.ErrLinkDown)
	ok(t, d.Close(fd))
	ok(t, d.Close(l))
	eventually(t, "the chip has no sockets", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.socks) == 0 })
	ok(t, d.NetConnect())
	<-e.more
	must(d.Send(dialed(t, d), []byte("x"), 0, forever))(t)
	if len(e.got) != 2 || e.got[0] != netlink.EventNetDown || e.got[1] != netlink.EventNetUp {
		t.Errorf("events %v", e.got)
	}
}

func TestWatchdogRestoresLinkAndHungChip(t *testing.T) {
	c := newFake(t)
	d := newFast(c.config())
	e := events{more: make(chan struct{}, 10)}
	d.NetNotify(e.add)
	ok(t, d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "passw0rd", WatchdogTimeout: time.Millisecond}))
	<-e.more
	fd := dialed(t, d)
	c.drop()
	<-e.more
	<-e.more
	_, err := d.Send(fd, []byte("x"), 0, forever)
	is(t, err, netdev.ErrLinkDown)
	ok(t, d.Close(fd))
	c.do(func() { c.dead = true }) // until it is reset
	<-e.more
	<-e.more
	must(d.Send(dialed(t, d), []byte("x"), 0, forever))(t)
	d.NetDisconnect()
	<-e.more
	want := []netlink.Event{netlink.EventNetUp, netlink.EventNetDown, netlink.EventNetUp, netlink.EventNetDown, netlink.EventNetUp, netlink.EventNetDown}
	for i := range want {
		if e.got[i] != want[i] {
			t.Fatalf("events %v", e.got)
		}
	}
	if c.resets != 2 {
		t.Errorf("%d resets", c.resets)
	}
}

func TestNetDisconnectDoesNotDeadlockWithTheWatchdog(t *testing.T) {
	c := newFake(t)
	d := newFast(c.config())
	p := &netlink.ConnectParams{Ssid: "home", Passphrase: "passw0rd", WatchdogTimeout: time.Millisecond, Retries: 1}
	for i := 0; i < 5; i++ {
		ok(t, d.NetConnect(p))
		c.do(func() { c.ssid = "" })
		c.drop()
		joins := c.count(cmdSetPassphrase)
		eventually(t, "the watchdog tries", func() bool { return c.count(cmdSetPassphrase) > joins })
		d.NetDisconnect()
		c.do(func() { c.ssid = "home" })
	}
}

func TestCallbackMayUseTheDevice(t *testing.T) {
	d, c := connected(t)
	up := make(chan struct{})
	d.NetNotify(func(e netlink.Event) {
		if e == netlink.EventNetDown {
			if err := d.NetConnect(); err != nil {
				t.Error(err)
			}
		} else {
			close(up)
		}
	})
	c.drop()
	<-up
	d.NetNotify(nil)
}

func TestHungChipEndsBlockedCalls(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	done := make(chan error)
	go func() { _, err := d.Recv(fd, make([]byte, 1), 0, forever); done <- err }()
	blocked(t, d, 1)
	c.do(func() { c.dead = true })
	is(t, <-done, netdev.ErrLinkDown)
	_, err := d.GetHostByName("host")
	is(t, err, netdev.ErrLinkDown)
}

// # Memory

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	d.NetNotify(nil)
	buf := make([]byte, 64)
	var s *fakeSock
	c.do(func() {
		s = c.sock(d, fd)
		c.window = 1 << 30
		s.in = make([]byte, 1<<20)
		s.out = make([]byte, 0, 1<<20)
	})
	quiet := &quietBus{}
	b := &d.chip().bus
	d.chip().eng.Take()
	b.spi = quiet
	b.cs, b.ack = quiet, quiet
	quiet.reply[cmdSend] = answer(cmdSend, []byte{0, 64})
	quiet.reply[cmdRecv] = answer(cmdRecv, make([]byte, 64))
	quiet.reply[cmdStatus] = answer(cmdStatus, []byte{statusConnected})
	quiet.reply[cmdClose] = answer(cmdClose, []byte{1})
	quiet.reply[cmdDisconnect] = answer(cmdDisconnect, []byte{1})
	d.chip().eng.Give()
	deadline := time.Now().Add(time.Hour)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := d.Send(fd, buf, 0, deadline); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Recv(fd, buf, 0, deadline); err != nil {
			t.Fatal(err)
		}
		d.SetReadDeadline(fd, deadline)
	}); n != 0 {
		t.Errorf("%v allocations per Send and Recv", n)
	}
}

// quietBus answers from a table and allocates nothing.
type quietBus struct {
	reply   [256][]byte
	cmd     byte
	at      int
	sel, ex bool
	desc    byte // descriptors count up
}

func (q *quietBus) High()     { q.sel = false }
func (q *quietBus) Low()      { q.sel = true; q.ex = !q.ex; q.at = 0 }
func (q *quietBus) Get() bool { return q.sel }

func (q *quietBus) Transfer(byte) (byte, error) { return 0, nil }

func (q *quietBus) Tx(w, r []byte) error {
	if len(w) > 1 && w[0] == frameStart && q.at == 0 {
		if q.cmd = w[1]; q.cmd == cmdSocket && q.desc != 0 {
			q.reply[cmdSocket][4] = q.desc
			q.desc++
		}
	}
	q.at += len(w)
	if r != nil {
		q.at += copy(r, q.reply[q.cmd][min(q.at, len(q.reply[q.cmd])):])
	}
	return nil
}

// quietPin is a pin that does nothing.
type quietPin struct{}

func (quietPin) High()     {}
func (quietPin) Low()      {}
func (quietPin) Get() bool { return false }

// What the driver takes of the heap, connected and with ten sockets and a
// blocked call on each. On 32 bits it has to be 3 KB at most; goroutines, whose stacks
// come on top, are one of the device's own and those of the calls.
func TestMemory(t *testing.T) {
	q := &quietBus{desc: 54}
	one := func(cmd, v byte) { q.reply[cmd] = answer(cmd, []byte{v}) }
	q.reply[cmdFirmwareVersion] = answer(cmdFirmwareVersion, []byte("2.0.0\x00"))
	q.reply[cmdMAC] = answer(cmdMAC, make([]byte, 6))
	q.reply[cmdIPConfig] = answer(cmdIPConfig, []byte{10, 0, 0, 2}, make([]byte, 4), make([]byte, 4))
	q.reply[cmdIoctl] = answer(cmdIoctl, make([]byte, 4))
	q.reply[cmdRecvFrom] = answer(cmdRecvFrom, make([]byte, 4), make([]byte, 2), nil)
	for _, cmd := range []byte{cmdSetPowerMode, cmdDisconnect, cmdSetPassphrase, cmdClose, cmdBind} {
		one(cmd, 1)
	}
	one(cmdStatus, statusConnected)
	one(cmdErrno, errnoAgain)
	one(cmdPoll, 0)
	one(cmdSocket, 0)
	one(cmdReason, 0)
	cfg := &Config{Ssid: "home", Passphrase: "passw0rd", Spi: q, Cs: q, Ack: q, Gpio0: quietPin{}, Resetn: quietPin{}}
	limits := fastLimits
	var fds [maxSockets]int
	done := make(chan struct{}, maxSockets)
	buf := make([]byte, 1)

	// The runtime keeps what a goroutine needs for the next one: that is not the
	// driver's, and comes first.
	var ended sync.WaitGroup
	for range 2 * maxSockets {
		ended.Add(1)
		go func() { time.Sleep(time.Millisecond); ended.Done() }()
	}
	ended.Wait()

	var before, after runtime.MemStats
	connected := func() (*Device, uint64) {
		q.desc = 54
		runtime.ReadMemStats(&before)
		d := newDevice(cfg, fastTimes)
		d.chip().bus.lim = &limits
		ok(t, d.NetConnect())
		for i := range fds {
			fds[i] = datagram(t, d)
		}
		runtime.ReadMemStats(&after)
		return d, after.TotalAlloc - before.TotalAlloc
	}
	d, base := connected()
	for range 4 { // the runtime's own allocations can only add to it
		d.NetDisconnect()
		var n uint64
		d, n = connected()
		base = min(base, n)
	}
	// Sockets come and go without a byte more.
	q.reply[cmdSendTo] = answer(cmdSendTo, []byte{0, 1})
	to := ap("10.0.0.1:9")
	if n := testing.AllocsPerRun(2000, func() {
		d.Close(fds[3])
		fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, 0)
		if err == nil {
			_, err = d.SendTo(fd, buf, 0, to, forever)
		}
		if q.desc == 100 {
			q.desc = 70
		}
		if err != nil || fd != fds[3] {
			t.Fatal(fd, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per socket", n)
	}
	for _, fd := range fds {
		go func() { d.Recv(fd, buf, 0, forever); done <- struct{}{} }()
	}
	blocked(t, d, maxSockets)
	runtime.ReadMemStats(&after)
	d.NetDisconnect()
	for range fds {
		<-done
	}
	const pointer = 4 << (^uintptr(0) >> 63) // bytes
	t.Logf("%d bytes on %d bits, and with 10 blocked calls and their goroutines %d", base, 8*pointer, after.TotalAlloc-before.TotalAlloc)
	if most := uint64(3 << 10 * pointer / 4); base > most {
		t.Errorf("%d bytes, want %d at most", base, most)
	}
}
