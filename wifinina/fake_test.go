package wifinina

import (
	"bytes"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"tinynet/netlink"
	"tinynet/offload"
)

// fakeChip is the least of a chip that a driver can be tested on: the READY
// handshake, the state of a station, and sockets in memory. It checks every
// frame it gets. Fields are guarded by mu.
type fakeChip struct {
	t  testing.TB
	mu sync.Mutex

	// The wire.
	selected, ready bool // CS and READY low
	irq             bool // GPIO0
	answering       bool // the next pulse takes the reply
	rx, tx          []byte
	clocked         int
	transfers       int
	commands        []byte // all that came, in order
	frames          [][]byte
	pinModes        []string
	resets          int

	// Faults.
	absent  bool                                // READY stays low whatever happens
	dead    bool                                // READY stays high
	stuck   byte                                // the reply to this command is not given before the next release
	hostile bool                                // replies are forged: the driver may not know what it did
	onCmd   func(cmd byte, reply []byte) []byte // may change a reply

	// The station.
	version            string
	status, reason     byte
	ssid, pass         string  // of the access point, "" for none
	outcome            [2]byte // status and reason once the join has ended
	mac                [6]byte
	oldFirmware        bool // no commands of descriptors
	adafruit           bool
	refuseAP           bool
	names              map[string][4]byte
	resolved           [4]byte
	joins, disconnects int

	// Sockets.
	errno     byte
	socks     map[byte]*fakeSock
	maxSocks  int
	window    int                // bytes that a peer takes before it reads
	refuse    func(to addr) bool // connect
	silent    func(to addr) bool // connect never ends
	datagrams []fakeDatagram     // sent
	opened    int                // descriptors ever
	slots     [10]fakeSlot
	grouped   [4]byte // group that was joined last
}

type fakeSock struct {
	typ         byte
	port        uint16
	nonblocking bool
	listening   bool
	connected   bool
	connecting  bool
	pending     []addr
	peer        addr
	in          []byte // to be read by the driver
	eof, reset  bool
	out         []byte // written by the driver
	taken       int    // of out, read by the peer
	dgrams      []fakeDatagram
	reuse       bool
}

type fakeDatagram struct {
	port uint16 // local
	peer addr
	data []byte
}

func newFake(t testing.TB) *fakeChip {
	return &fakeChip{
		t: t, version: "2.0.0", ssid: "home", pass: "passw0rd",
		mac:   [6]byte{6, 5, 4, 3, 2, 1},
		socks: map[byte]*fakeSock{}, maxSocks: 10, window: 5744,
		names: map[string][4]byte{"host": {10, 0, 0, 1}}, slots: newSlots(),
	}
}

type fakePin struct {
	c    *fakeChip
	name string
}

func (p fakePin) High()   { p.c.set(p.name, true) }
func (p fakePin) Low()    { p.c.set(p.name, false) }
func (p fakePin) Output() { p.c.mode(p.name + " out") }
func (p fakePin) Input()  { p.c.mode(p.name + " in") }
func (p fakePin) Get() bool {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	if p.name == "gpio0" {
		return p.c.irq
	}
	return p.name == "ack" && (!p.c.ready || p.c.dead) && !p.c.absent
}

func (c *fakeChip) mode(s string) {
	c.mu.Lock()
	c.pinModes = append(c.pinModes, s)
	c.mu.Unlock()
}

func (c *fakeChip) set(pin string, high bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch pin {
	case "reset":
		if high {
			break
		}
		c.resets++
		c.ready, c.answering, c.status, c.reason = true, false, statusIdle, 0
		c.dead = false
		c.socks, c.slots = map[byte]*fakeSock{}, newSlots()
	case "cs":
		if !high && !c.selected {
			c.selected, c.ready = true, false
			c.clocked, c.rx = 0, nil
			return
		}
		if !high || !c.selected {
			return
		}
		c.selected = false
		if c.answering {
			if c.clocked > 0 {
				c.answering = false
			}
			c.ready = true
			return
		}
		if len(c.rx) == 0 {
			c.ready = true
			return
		}
		cmd := byte(0)
		if len(c.rx) > 1 {
			cmd = c.rx[1]
		}
		c.tx = c.handle(c.rx)
		if c.onCmd != nil {
			c.tx = c.onCmd(cmd, c.tx)
		}
		c.answering = true
		c.ready = c.stuck == 0 || cmd != c.stuck
	}
}

// release lets the reply held back by stuck go.
func (c *fakeChip) release() {
	c.mu.Lock()
	c.stuck, c.ready = 0, true
	c.mu.Unlock()
}

func (c *fakeChip) Transfer(b byte) (byte, error) {
	c.t.Error("the driver transfers single bytes")
	return 0, nil
}

func (c *fakeChip) Tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.transfers++
	if !c.selected {
		c.t.Error("transfer without chip select")
	}
	n := max(len(w), len(r))
	for i := 0; i < n; i++ {
		in, out := byte(0), byte(0xA5)
		if w != nil {
			in = w[i]
		}
		if c.answering {
			out = 0
			if c.clocked < len(c.tx) {
				out = c.tx[c.clocked]
			}
		} else {
			c.rx = append(c.rx, in)
		}
		c.clocked++
		if r != nil {
			r[i] = out
		}
	}
	return nil
}

var refusal = []byte{0xEF, 0, 0xEE, 0}

// params checks a frame and splits it.
func (c *fakeChip) params(b []byte) ([][]byte, bool) {
	if len(b)%4 != 0 || len(b) > maxFrame {
		c.t.Errorf("frame of %d bytes: % X", len(b), b[:min(len(b), 16)])
		return nil, false
	}
	at := 3
	var ps [][]byte
	for i := 0; i < int(b[2]); i++ {
		n := int(b[at])
		at++
		if bytes.IndexByte([]byte{0x40, 0x44, 0x45, 0x46, 0x77, 0x79}, b[1]) >= 0 {
			n = n<<8 | int(b[at])
			at++
		}
		if at+n > len(b) {
			c.t.Errorf("parameter %d of % X leaves the frame", i, b[:min(len(b), 16)])
			return nil, false
		}
		ps = append(ps, b[at:at+n])
		at += n
	}
	if at >= len(b) || b[at] != 0xEE || len(b)-at > 4 {
		c.t.Errorf("frame does not end where its parameters do: % X", b[:min(len(b), 32)])
		return nil, false
	}
	return ps, true
}

func answer(cmd byte, ps ...[]byte) []byte {
	r := []byte{0xE0, cmd | 0x80, byte(len(ps))}
	for _, p := range ps {
		if cmd == 0x45 || cmd == 0x78 || cmd == 0x7A {
			r = append(r, byte(len(p)>>8))
		}
		r = append(append(r, byte(len(p))), p...)
	}
	r = append(r, 0xEE)
	for len(r)%4 != 0 {
		r = append(r, 0)
	}
	return r
}

func yesNo(ok bool) []byte {
	if ok {
		return []byte{1}
	}
	return []byte{0}
}

// handle runs a command.
func (c *fakeChip) handle(b []byte) []byte {
	if len(b) < 4 || b[0] != 0xE0 || b[1] >= 0x80 {
		return refusal
	}
	cmd := b[1]
	ps, ok := c.params(b)
	if !ok {
		return refusal
	}
	c.commands = append(c.commands, cmd)
	c.frames = append(c.frames, append([]byte(nil), b...))
	if cmd >= 0x70 {
		if c.oldFirmware {
			return refusal
		}
		return c.socket(cmd, ps)
	}
	switch cmd {
	case 0x10, 0x11:
		c.joins++
		pass := ""
		if cmd == 0x11 {
			pass = string(ps[1])
		}
		c.status = statusConnecting
		switch {
		case c.ssid == "" || string(ps[0]) != c.ssid:
			c.outcome = [2]byte{statusConnectFailed, reasonNoAccessPoint}
			if c.adafruit {
				c.outcome[0] = statusConnecting // which is not what it means there
			}
		case pass != c.pass:
			c.outcome = [2]byte{statusDisconnected, reasonHandshakeTimeout}
		default:
			c.outcome = [2]byte{statusConnected, 0}
		}
		return answer(cmd, []byte{1})
	case 0x16, 0x17:
		return answer(cmd, []byte{1})
	case 0x1F:
		if c.oldFirmware && c.version >= "1.5" { // Adafruit's
			return refusal
		}
		return answer(cmd, []byte{c.reason})
	case 0x20:
		st := c.status
		if st == statusConnecting {
			c.status, c.reason = c.outcome[0], c.outcome[1]
		}
		return answer(cmd, []byte{st})
	case 0x21:
		return answer(cmd, []byte{10, 0, 0, 2}, []byte{255, 255, 255, 0}, []byte{10, 0, 0, 1})
	case 0x22:
		return answer(cmd, c.mac[:])
	case 0x30:
		c.disconnects++
		switch c.status {
		case statusConnected:
			c.status, c.reason = statusDisconnected, 8
		case statusAPListening, statusAPConnected:
			c.status = statusIdle
		}
		return answer(cmd, []byte{1})
	case 0x34:
		ip, ok := c.names[string(ps[0])]
		if c.resolved = ip; !ok {
			c.resolved = [4]byte{255, 255, 255, 255}
		}
		return answer(cmd, yesNo(ok))
	case 0x35:
		return answer(cmd, c.resolved[:])
	case 0x37:
		return answer(cmd, append([]byte(c.version), 0))
	case 0x28, 0x29, 0x2B, 0x2C, 0x2D, 0x2E, 0x2F, 0x39, 0x3A, 0x44, 0x45, 0x46:
		return c.slot(cmd, ps)
	}
	return c.radio(cmd, ps)
}

func (c *fakeChip) socket(cmd byte, ps [][]byte) []byte {
	if cmd == 0x72 {
		return answer(cmd, []byte{c.errno})
	}
	c.errno = 0
	if cmd == 0x70 {
		if len(c.socks) >= c.maxSocks {
			c.errno = 23
			return answer(cmd, []byte{255})
		}
		return answer(cmd, []byte{c.newSock(&fakeSock{typ: ps[0][0]})})
	}
	fd := ps[0][0]
	s := c.socks[fd]
	if s == nil {
		s = &fakeSock{nonblocking: true} // swallows what follows
		c.errno = errnoBadFD
	}
	bad := c.errno != 0
	port := func(p []byte) uint16 { return binary.BigEndian.Uint16(p) }
	reset := s.reset && len(s.in) == 0
	if !s.nonblocking && cmd != 0x7B && cmd != 0x71 && !c.hostile {
		c.t.Errorf("command %02X on a blocking socket", cmd)
	}
	switch cmd {
	case 0x71:
		delete(c.socks, fd)
		return answer(cmd, yesNo(!bad))
	case 0x73:
		for _, o := range c.socks {
			if o != s && o.typ == s.typ && o.port == port(ps[1]) && !(o.reuse && s.reuse) {
				c.errno = 112
				return answer(cmd, []byte{0})
			}
		}
		s.port = port(ps[1])
		return answer(cmd, yesNo(!bad))
	case 0x74:
		s.listening = true
		return answer(cmd, yesNo(!bad))
	case 0x75:
		if bad || len(s.pending) == 0 || len(c.socks) >= c.maxSocks {
			if !bad {
				c.errno = errnoAgain
			}
			return answer(cmd, []byte{255}, []byte{9, 9, 9, 9}, []byte{9, 9})
		}
		peer := s.pending[0]
		s.pending = s.pending[1:]
		n := c.newSock(&fakeSock{typ: 1, port: s.port, connected: true, peer: peer, reuse: s.reuse})
		return answer(cmd, []byte{n}, peer.ip[:], []byte{byte(peer.port), byte(peer.port >> 8)})
	case 0x76:
		to := addr{[4]byte(ps[1]), port(ps[2])}
		s.peer = to
		if s.typ == 2 {
			return answer(cmd, yesNo(!bad))
		}
		if !bad {
			c.errno = errnoInProgress
		}
		s.connecting = true
		if c.silent == nil || !c.silent(to) {
			s.connected = c.refuse == nil || !c.refuse(to)
			s.reset = !s.connected
		}
		return answer(cmd, []byte{0})
	case 0x77:
		n := max(0, min(len(ps[1]), c.window-(len(s.out)-s.taken)))
		switch {
		case bad:
			n = 0
		case s.reset:
			c.errno, n = errnoConnReset, 0
		case n == 0:
			c.errno = errnoAgain
		}
		s.out = append(s.out, ps[1][:n]...)
		return answer(cmd, []byte{byte(n >> 8), byte(n)})
	case 0x78:
		n := min(int(binary.LittleEndian.Uint16(ps[1])), len(s.in), 4076)
		if n == 0 {
			switch {
			case bad:
			case reset:
				c.errno = errnoConnReset
			case s.eof:
				c.errno = 128
			default:
				c.errno = errnoAgain
			}
		}
		data := s.in[:n]
		s.in = s.in[n:]
		return answer(cmd, data)
	case 0x79:
		d := fakeDatagram{s.port, addr{[4]byte(ps[1]), port(ps[2])}, bytes.Clone(ps[3])}
		c.datagrams = append(c.datagrams, d)
		return answer(cmd, []byte{byte(len(d.data) >> 8), byte(len(d.data))})
	case 0x7A:
		if len(s.dgrams) == 0 {
			if !bad {
				c.errno = errnoAgain
			}
			return answer(cmd, []byte{9, 9, 9, 9}, []byte{9, 9}, nil)
		}
		d := s.dgrams[0]
		s.dgrams = s.dgrams[1:]
		size := min(int(binary.LittleEndian.Uint16(ps[1])), len(d.data))
		return answer(cmd, d.peer.ip[:], []byte{byte(d.peer.port), byte(d.peer.port >> 8)}, d.data[:size])
	case 0x7B:
		if !bytes.Equal(ps[1], []byte{0x7E, 0x66, 0x04, 0x80}) {
			c.t.Errorf("ioctl % X", ps[1])
		}
		if bad {
			return answer(cmd, nil)
		}
		s.nonblocking = ps[2][0] == 1
		return answer(cmd, ps[2])
	case 0x7C:
		flags := byte(0)
		if len(s.in) > 0 || s.eof || s.reset || len(s.pending) > 0 || len(s.dgrams) > 0 {
			flags |= pollReadable
		}
		if s.reset || s.typ == 2 || s.connected && c.window-(len(s.out)-s.taken) > c.window/2 {
			flags |= pollWritable
		}
		if s.reset {
			flags |= pollError
		}
		if bad {
			flags = 0
		}
		return answer(cmd, []byte{flags})
	case 0x7E:
		if bad {
			return answer(cmd, nil)
		}
		return answer(cmd, []byte{s.typ, 0, 0, 0})
	case 0x7D:
		if ps[1][0] == 4 {
			s.reuse = true
		}
		return answer(cmd, yesNo(!bad))
	}
	return refusal
}

func (c *fakeChip) newSock(s *fakeSock) byte {
	c.opened++
	for fd := byte(54); ; fd++ {
		if c.socks[fd] == nil {
			c.socks[fd] = s
			return fd
		}
	}
}

// do runs f on the chip's state.
func (c *fakeChip) do(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// sock returns the chip's socket of a driver's descriptor.
func (c *fakeChip) sock(d *Device, fd int) *fakeSock {
	return c.socks[byte(d.chip().eng.Find(fd).Handle)]
}

// count returns how often a command came.
func (c *fakeChip) count(cmd byte) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.commands {
		if x == cmd {
			n++
		}
	}
	return n
}

// drop is the loss of the link: the chip closes what is connected.
func (c *fakeChip) drop() {
	c.do(func() {
		c.status, c.reason = statusDisconnected, 200
		for fd, s := range c.socks {
			if s.connected {
				delete(c.socks, fd)
			}
		}
	})
}

var fastLimits = limits{
	reset: spanOf(time.Millisecond), boot: spanOf(time.Millisecond), ready: spanOf(50 * time.Millisecond),
	spin: spanOf(10 * time.Microsecond), selects: spanOf(5 * time.Millisecond),
	command: spanOf(50 * time.Millisecond), slow: spanOf(50 * time.Millisecond), resolve: spanOf(100 * time.Millisecond),
	settle: spanOf(20 * time.Millisecond), join: spanOf(time.Millisecond), dial: spanOf(10 * time.Second), grace: spanOf(20 * time.Millisecond),
}

var fastTimes = offload.Times{Check: 20 * time.Millisecond, Retry: time.Millisecond, Dial: 10 * time.Second}

// newFast returns a device that waits for little.
func newFast(cfg *Config) *Device {
	d := newDevice(cfg, fastTimes)
	d.chip().bus.lim = &fastLimits
	return d
}

// config returns a Config for the fake.
func (c *fakeChip) config() *Config {
	return &Config{
		Ssid: "home", Passphrase: "passw0rd", Spi: c,
		Cs: fakePin{c, "cs"}, Ack: fakePin{c, "ack"}, Gpio0: fakePin{c, "gpio0"}, Resetn: fakePin{c, "reset"},
	}
}

// connected returns a device on a fake chip that has joined its network.
func connected(t testing.TB) (*Device, *fakeChip) {
	t.Helper()
	c := newFake(t)
	d := newFast(c.config())
	if err := d.NetConnect(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.NetDisconnect)
	return d, c
}

// events collects link events.
type events struct {
	mu   sync.Mutex
	got  []netlink.Event
	more chan struct{}
}

func (e *events) add(ev netlink.Event) {
	e.mu.Lock()
	e.got = append(e.got, ev)
	e.mu.Unlock()
	e.more <- struct{}{}
}

// Error makes a fault printable in tests, and comparable by is.
func (f fault) Error() string {
	if f == 0 {
		return "no fault"
	}
	return faults[f].Error()
}
