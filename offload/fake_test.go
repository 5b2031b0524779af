//go:build go1.25

package offload

import (
	"errors"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
)

// exchange is what every command to the fake takes.
const exchange = 300 * time.Microsecond

// fakeChip is a chip of few words. Its peers are the test's, by sock. It
// checks that the engine keeps the rules of Chip.
type fakeChip struct {
	t    testing.TB
	eng  *Engine
	busy atomic.Bool

	mu        sync.Mutex
	calls     map[string]int
	socks     map[Handle]*fakeSock
	lowest    Handle // first handle to give out
	most      int    // sockets that the chip has
	mute      bool   // Poll knows nothing, as of a chip that tells
	signalled bool   // sockets are of the signalled kind
	high      bool   // Signal
	up        bool
	hung      bool          // until it is started again
	refuse    error         // of Join
	noBind    bool          // Bind is not supported
	taken     uint16        // port that Bind says is in use
	resolving time.Duration // Resolve takes
	attend    func()
}

type fakeSock struct {
	s         *Socket
	in        []byte
	eof       bool
	err       error
	out       []byte
	window    int
	pending   []netip.AddrPort
	connected chan bool // Connect ends with what comes
	dgrams    []fakeDatagram
	drained   bool
	refused   bool
}

type fakeDatagram struct {
	peer netip.AddrPort
	data string
}

func newFake(t testing.TB) *fakeChip {
	return &fakeChip{t: t, calls: map[string]int{}, socks: map[Handle]*fakeSock{}, lowest: 50, most: 10}
}

// device returns the engine on the fake, with its link up.
func (c *fakeChip) device(cfg Config) *Device {
	if cfg.Sockets == 0 {
		cfg.Sockets = 10
	}
	if cfg.Link.Ssid == "" {
		cfg.Link.Ssid = "home"
	}
	d := New(c, cfg)
	c.eng = d.Engine()
	if err := d.NetConnect(); err != nil {
		c.t.Fatal(err)
	}
	return d
}

// bubble runs f with a fake and its device in a bubble, and takes the link
// down afterwards: a goroutine that is left makes the test fail.
func bubble(t *testing.T, cfg Config, f func(t *testing.T, d *Device, c *fakeChip)) {
	synctest.Test(t, func(t *testing.T) {
		c := newFake(t)
		d := c.device(cfg)
		defer d.NetDisconnect()
		f(t, d, c)
	})
}

// enter begins a command.
func (c *fakeChip) enter(name string) func() {
	if c.busy.Swap(true) {
		c.t.Errorf("%s while another command runs", name)
	}
	c.eng.mu.Lock()
	held := c.eng.bus.held
	c.eng.mu.Unlock()
	if !held {
		c.t.Errorf("%s without the bus", name)
	}
	time.Sleep(exchange)
	c.mu.Lock()
	c.calls[name]++
	c.calls["all"]++
	return func() { c.mu.Unlock(); c.busy.Store(false) }
}

func (c *fakeChip) count(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[name]
}

// sock returns the chip's side of a descriptor.
func (c *fakeChip) sock(d *Device, fd int) *fakeSock {
	h := d.Engine().Find(fd).Handle
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.socks[h]
}

func (c *fakeChip) do(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

var errHung = Wrap("the fake hangs", netdev.ErrDevice)

func (c *fakeChip) Start() error {
	defer c.enter("Start")()
	c.hung, c.up = false, false
	c.socks = map[Handle]*fakeSock{}
	return nil
}

func (c *fakeChip) Join(p *netlink.ConnectParams) (netip.Addr, error) {
	c.eng.Take()
	leave := c.enter("Join")
	err, hung := c.refuse, c.hung
	leave()
	c.eng.Give()
	if hung {
		return netip.Addr{}, errHung
	}
	if err == nil {
		err = c.eng.Pause(20 * time.Millisecond)
	}
	if err != nil {
		return netip.Addr{}, err
	}
	c.do(func() { c.up = true })
	return netip.MustParseAddr("10.0.0.2"), nil
}

func (c *fakeChip) Leave() error {
	defer c.enter("Leave")()
	c.up = false
	return nil
}

func (c *fakeChip) Check() (bool, error) {
	defer c.enter("Check")()
	if c.hung {
		return false, errHung
	}
	return c.up, nil
}

func (c *fakeChip) Broken() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.hung }

func (c *fakeChip) Resolve(name string) (netip.Addr, error) {
	for end := time.Now().Add(c.resolving); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if err := c.eng.Interrupted(); err != nil {
			return netip.Addr{}, err
		}
	}
	defer c.enter("Resolve")()
	if name != "host" {
		return netip.Addr{}, netdev.ErrHostUnknown
	}
	return netip.MustParseAddr("10.0.0.1"), nil
}

// add makes a socket with the lowest number; the caller holds mu.
func (c *fakeChip) add(s *Socket, fs *fakeSock) bool {
	if len(c.socks) >= c.most {
		return false
	}
	for h := c.lowest; ; h++ {
		if c.socks[h] == nil {
			fs.s, fs.window = s, 1000
			c.socks[h] = fs
			s.Handle, s.Signalled = h, c.signalled
			return true
		}
	}
}

func (c *fakeChip) Open(s *Socket) error {
	defer c.enter("Open")()
	if c.hung {
		return errHung
	}
	if !c.add(s, &fakeSock{}) {
		return netdev.ErrNoMoreSockets
	}
	return nil
}

func (c *fakeChip) of(s *Socket) *fakeSock {
	fs := c.socks[s.Handle]
	if fs == nil {
		return &fakeSock{err: netdev.ErrLinkDown}
	}
	if fs.s != s {
		c.t.Errorf("a command for socket %d is for another that had the number", s.Handle)
	}
	return fs
}

func (c *fakeChip) Bind(s *Socket, port uint16) error {
	defer c.enter("Bind")()
	switch {
	case c.noBind:
		return netdev.ErrNotSupported
	case port == c.taken:
		return netdev.ErrAddrInUse
	}
	return nil
}

func (c *fakeChip) Listen(s *Socket, backlog int) error {
	defer c.enter("Listen")()
	return nil
}

func (c *fakeChip) Accept(l, s *Socket) (bool, error) {
	defer c.enter("Accept")()
	fl := c.of(l)
	if len(fl.pending) == 0 || !c.add(s, &fakeSock{}) {
		return false, nil
	}
	s.Peer, fl.pending = fl.pending[0], fl.pending[1:]
	return true, nil
}

func (c *fakeChip) Connect(s *Socket, host string, to netip.AddrPort) (bool, error) {
	defer c.enter("Connect")()
	if to.Port() == 2 { // a handshake that the chip waits for
		for c.mu.Unlock(); ; time.Sleep(time.Millisecond) {
			c.eng.Waiting()
			if err := c.eng.Interrupted(); err != nil {
				c.mu.Lock()
				return false, err
			}
		}
	}
	if to.Port() == 1 { // nobody answers
		c.of(s).connected = make(chan bool, 1)
		return false, nil
	}
	return true, nil
}

func (c *fakeChip) Send(s *Socket, p []byte) (int, error) {
	defer c.enter("Send")()
	fs := c.of(s)
	if c.hung {
		return 0, errHung
	}
	if fs.err != nil {
		return 0, fs.err
	}
	n := max(0, min(len(p), fs.window-len(fs.out)))
	fs.out = append(fs.out, p[:n]...)
	return n, nil
}

func (c *fakeChip) SendTo(s *Socket, p []byte, to netip.AddrPort) (bool, error) {
	defer c.enter("SendTo")()
	return true, c.of(s).err
}

func (c *fakeChip) Recv(s *Socket, p []byte, sure bool) (int, error) {
	defer c.enter("Recv")()
	fs := c.of(s)
	n := copy(p, fs.in)
	fs.in = fs.in[n:]
	switch {
	case c.hung:
		return 0, errHung
	case n > 0:
		return n, nil
	case fs.err != nil:
		return 0, fs.err
	case fs.eof && sure:
		return 0, io.EOF
	}
	return 0, nil
}

func (c *fakeChip) RecvFrom(s *Socket, p []byte) (int, netip.AddrPort, bool, error) {
	defer c.enter("RecvFrom")()
	fs := c.of(s)
	if len(fs.dgrams) == 0 {
		return 0, netip.AddrPort{}, false, fs.err
	}
	d := fs.dgrams[0]
	fs.dgrams = fs.dgrams[1:]
	return copy(p, d.data), d.peer, true, nil
}

func (c *fakeChip) Poll(s *Socket, want Ready) (r Ready, err error) {
	defer c.enter("Poll")()
	if c.hung {
		return 0, errHung
	}
	fs := c.of(s)
	if c.mute {
		return 0, nil
	}
	if len(fs.in) > 0 || fs.eof || len(fs.pending) > 0 || len(fs.dgrams) > 0 || fs.err != nil {
		r |= Readable
	}
	if fs.connected != nil {
		select {
		case ok := <-fs.connected:
			if !ok {
				fs.refused = true
			}
			fs.connected = nil
		default:
			return 0, nil
		}
	}
	if fs.refused {
		return Failed, nil
	}
	if len(fs.out) < fs.window {
		r |= Writable
	}
	return r, nil
}

func (c *fakeChip) Drain(s *Socket) (bool, error) {
	defer c.enter("Drain")()
	fs := c.of(s)
	more := len(fs.in) > 0
	fs.in, fs.drained = nil, true
	return more, nil
}

func (c *fakeChip) Close(s *Socket) error {
	defer c.enter("Close")()
	c.of(s)
	delete(c.socks, s.Handle)
	return nil
}

func (c *fakeChip) Signal() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.high }

func (c *fakeChip) Attend() error {
	defer c.enter("Attend")()
	if c.attend != nil {
		c.mu.Unlock()
		c.attend()
		c.mu.Lock()
	}
	return nil
}

// # Helpers of tests

var forever time.Time

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func check1[T any](v T, err error) func(t testing.TB) T {
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

func stream(t testing.TB, d *Device) int {
	t.Helper()
	return check1(d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP))(t)
}

func dialed(t testing.TB, d *Device) int {
	t.Helper()
	fd := stream(t, d)
	ok(t, d.Connect(fd, "", ap("10.0.0.1:80")))
	return fd
}

func datagram(t testing.TB, d *Device, port uint16) int {
	t.Helper()
	fd := check1(d.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP))(t)
	ok(t, d.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	return fd
}

func listener(t testing.TB, d *Device, port uint16) int {
	t.Helper()
	fd := stream(t, d)
	ok(t, d.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	ok(t, d.Listen(fd, 5))
	return fd
}

// call runs f in a goroutine and returns where its error comes, once it is
// blocked or done.
func call(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	time.Sleep(time.Second)
	return done
}

// soon asserts that what was blocked ends within limit, with the given error.
func soon(t *testing.T, what string, done <-chan error, limit time.Duration, want error) {
	t.Helper()
	select {
	case err := <-done:
		if !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", what, err, want)
		}
	case <-time.After(limit):
		t.Errorf("%s: still blocked after %v", what, limit)
	}
}

func within(t *testing.T, what string, got, low, high time.Duration) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s took %v, want %v to %v", what, got, low, high)
	}
}
