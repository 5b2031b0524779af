// Package espat is a simulated ESP-AT module: an ESP8266 or ESP32 with
// Espressif's AT firmware, seen from the other end of its serial line, byte for
// byte, with the firmware's quirks. It knows nothing of the drivers that use it.
//
// The module lives in the time of a clock.Clock. On a timed clock every byte
// takes ten bit times, the rings at both ends fill and overflow, and the
// module's work takes what Timing says; on the free-running clock nothing takes
// time, and the line behaves as if it had flow control.
package espat

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"sync"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

// Config describes a module and what is around it. The zero value is a module
// with the first of Versions on a free-running clock, an access point that takes
// any name and passphrase, and nobody on the network.
type Config struct {
	// Version is the firmware and chip, one of Versions; empty for the first.
	// New panics on others.
	Version string
	// MAC is the station's hardware address; zero for one of Espressif's.
	MAC [6]byte
	// Clock is the module's time; nil for clock.Free().
	Clock clock.Clock
	// Timing is what the module's work costs; the zero value for DefaultTiming.
	Timing Timing
	// HostRing is how many bytes the host's UART holds: what arrives beyond is
	// lost, or held up if the host has flow control. 0: 64 KB. It does not
	// count on the free-running clock.
	HostRing int

	// Attach connects the module to a network. It is called at the first join
	// after a reset; later drops and joins use SetLink, a reset Close. Nil: a
	// network on which nobody answers.
	Attach func(p network.Params) network.Station
	// AttachAP connects the module to a network of its own, when the host makes
	// it an access point. Nil: nobody ever joins.
	AttachAP func(p network.Params, ap network.AccessPoint) network.Station
	// AccessPoints are those in range. Empty: whatever is asked for is there
	// and takes any passphrase.
	AccessPoints []AccessPoint

	// Roots are the certificates in the module's CA partition, which clients
	// with CIPSSLCCONF 2 or 3 and servers with their CA parameter verify
	// against. Nil: none.
	Roots *x509.CertPool
	// ServerCert is the certificate of the module's SSL server; nil for a
	// self-signed one.
	ServerCert *tls.Certificate
	// ClientCert is the certificate of its SSL clients; nil for none.
	ClientCert *tls.Certificate

	// Trace is told of every line and message on the wire, and of what the
	// module does by itself. It may call the module, but must not block.
	Trace func(Event)
	// LinkEvent is told what becomes of the link to the access point. It may
	// call the module, but must not block.
	LinkEvent func(LinkEvent)

	// Seed seeds all noise, and which oddities happen when.
	Seed uint64
	// Oddities are what the module does that is rare on real ones.
	Oddities Oddities
	// LogOnWire makes text that newer firmware sends to its log UART appear
	// between the lines, as with firmware built to share the UART. AT 1.7 does
	// so always.
	LogOnWire bool
}

// AccessPoint is a Wi-Fi network in range.
type AccessPoint struct {
	SSID       string
	Passphrase string // empty for an open network
	BSSID      [6]byte
	Channel    uint8
	RSSI       int // dBm
}

// maxLinks is how many connections there are, ids 0 to 4 (esp-at docs).
const maxLinks = 5

// Bits of UART_CUR's flow control parameter.
const (
	flowRTS = 1 // the module tells the host to stop
	flowCTS = 2 // the module stops when the host tells it to
)

const defaultBaud = 115200

// Chip is a simulated module. Its methods may be called by several goroutines
// at once. Make one with New and end it with Close.
type Chip struct {
	cfg  Config
	v    *dialect
	clk  clock.Clock
	free bool // costs take no time
	port UART

	// mu guards everything below. It is never held while time passes.
	mu         sync.Mutex
	calls      []func() // callbacks to make once mu is free, in order
	delivering bool
	rng        *rand.Rand
	odd        oddState
	ledger     Ledger

	closed    bool
	away      bool // the access point is gone
	bootTimer clock.Timer
	fw        *firmware // nil while it boots

	baud, flow int  // of the module's UART
	tx, rx     wire // from the module, to the module

	outputChanged cond // for the host: something was sent, or the line changed
	inputChanged  cond // for the module
	taken         cond // the module has taken input
	drained       cond // the host has taken output

	flash flash
	tasks sync.WaitGroup
}

// New returns a module that has just been powered: it prints ready after
// Timing.Boot. It panics if cfg.Version is not one of Versions.
func New(cfg Config) *Chip {
	if cfg.MAC == ([6]byte{}) {
		cfg.MAC = [6]byte{0x24, 0x0a, 0xc4, 0x10, 0x20, 0x30}
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Free()
	}
	if cfg.Timing == (Timing{}) {
		cfg.Timing = DefaultTiming()
	}
	if cfg.HostRing <= 0 {
		cfg.HostRing = 64 << 10
	}
	c := &Chip{
		cfg:  cfg,
		v:    lookupDialect(cfg.Version),
		clk:  cfg.Clock,
		free: cfg.Clock == clock.Free(),
		rng:  rand.New(rand.NewPCG(cfg.Seed, 0x65737061)),
	}
	c.odd.init(cfg.Oddities, cfg.Seed)
	c.port = UART{c: c, baud: defaultBaud}
	c.flash = factory(c)
	c.rx.size, _ = c.v.rings()
	c.tx.size = cfg.HostRing
	if c.free {
		c.tx.size, c.rx.size = 1<<20, 1<<20
	}
	c.rx.per = c.perByte(c.port.baud)
	c.rx.mangle, c.tx.mangle = c.garble, c.garble
	c.lock()
	c.powerUp()
	c.unlock()
	return c
}

// UART returns the host's end of the module's serial line.
func (c *Chip) UART() *UART { return &c.port }

// Close ends the module: its goroutines and timers end, its sockets are closed,
// and reads of its UART return io.EOF. It must not be called from a callback.
func (c *Chip) Close() {
	c.lock()
	c.closed = true
	c.powerDown()
	c.outputChanged.wake()
	c.taken.wake()
	c.unlock()
	c.tasks.Wait()
}

// Restart makes the module restart by itself, as after a drop of its supply: it
// says nothing before its ready, and is then as after a reset.
func (c *Chip) Restart() {
	c.lock()
	defer c.unlock()
	if !c.closed {
		c.restart()
	}
}

// DropLink makes the access point go away. A module that has joined notices at
// once; joining fails until RestoreLink.
func (c *Chip) DropLink() {
	c.lock()
	defer c.unlock()
	c.away = true
	if c.fw != nil {
		c.fw.accessPointLost()
	}
}

// RestoreLink brings the access point back. The firmware joins again by itself,
// unless it was told not to.
func (c *Chip) RestoreLink() {
	c.lock()
	defer c.unlock()
	c.away = false
}

func (c *Chip) lock() { c.mu.Lock() }

// unlock frees the module and then makes the callbacks that came up. Only one
// goroutine makes them at a time, so that they come in order.
func (c *Chip) unlock() {
	if c.delivering {
		c.mu.Unlock()
		return
	}
	c.delivering = true
	for len(c.calls) > 0 {
		calls := c.calls
		c.calls = nil
		c.mu.Unlock()
		for _, f := range calls {
			f()
		}
		c.mu.Lock()
	}
	c.delivering = false
	c.mu.Unlock()
}

// block runs fn, which may take time, with the module unlocked.
func (c *Chip) block(fn func()) {
	c.unlock()
	fn()
	c.lock()
}

// until waits, unlocked, until the time t, or for one of two channels.
func (c *Chip) until(t time.Time, changed, done <-chan struct{}) {
	d := t.Sub(c.clk.Now())
	if d <= 0 {
		return
	}
	late := make(chan struct{})
	timer := c.clk.Later(d, func() { close(late) })
	c.block(func() {
		select {
		case <-late:
		case <-changed:
		case <-done:
		}
	})
	timer.Stop()
}

// powerUp starts the firmware, from its boot loader on.
func (c *Chip) powerUp() {
	c.ledger.Resets++
	now := c.clk.Now()
	c.settle()
	c.baud, c.flow = c.flash.baud, c.flash.flow
	c.tx.setSpeed(now, c.perByte(c.baud))
	c.follow()
	c.setFlow()
	c.bootTimer = c.clk.Later(c.cfg.Timing.Boot, func() {
		c.lock()
		defer c.unlock()
		if c.closed || c.fw != nil {
			return
		}
		c.rx.settle(c.clk.Now())
		c.rx.ring, c.rx.stopped = nil, false
		c.taken.wake()
		c.fw = newFirmware(c)
		c.fw.begin()
	})
}

// powerDown forgets everything but the flash.
func (c *Chip) powerDown() {
	if c.bootTimer != nil {
		c.bootTimer.Stop()
		c.bootTimer = nil
	}
	if c.fw != nil {
		c.fw.end()
		c.fw = nil
	}
}

// restart resets the module. What has not left its UART is lost.
func (c *Chip) restart() {
	c.powerDown()
	c.tx.settle(c.clk.Now())
	c.tx.q, c.tx.stopped = nil, false
	c.drained.wake()
	c.powerUp()
}

// cond is a condition to wait for.
type cond struct{ ch chan struct{} }

// wait returns a channel that the next wake closes.
func (c *cond) wait() <-chan struct{} {
	if c.ch == nil {
		c.ch = make(chan struct{})
	}
	return c.ch
}

func (c *cond) wake() {
	if c.ch != nil {
		close(c.ch)
		c.ch = nil
	}
}

// firmware is one run of the firmware, from boot to reset. Tasks of an earlier
// run that are still on their way out change nothing any more.
type firmware struct {
	c      *Chip
	v      *dialect
	ctx    context.Context
	cancel context.CancelFunc

	// The command interpreter.
	echo    bool
	syslog  bool
	running bool   // a command is
	line    []byte // of a command, so far
	long    bool   // it has more bytes than a command may have
	flood   []byte // input while a command runs
	floodAt time.Time
	sending bool // data is on its way to the network
	data    *dataMode
	after   []func() // what the running command does right behind its OK
	errno   uint32   // for +ERRNO

	store      bool // settings go to flash too
	sysmsg     int
	timeOffset time.Duration // set by SYSTIMESTAMP or SNTP
	synced     bool
	sntp       sntp

	frame      chan struct{} // something came in from the network
	netChanged cond          // it did, or a connection changed

	odd         *oddState
	rebootAfter bool // OddReboot comes after the command's effect
	holding     bool // OddHeldIPD
	mute        bool // OddTornPayload
	resultDue   cond

	wifi wifi
	ap   softAP
	tcp  tcpip
}

func newFirmware(c *Chip) *firmware {
	f := &firmware{
		c:     c,
		v:     c.v,
		odd:   &c.odd,
		echo:  true,
		store: true,
		frame: make(chan struct{}, 1),
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.sysmsg = c.flash.sysmsg
	f.timeOffset = time.Unix(0, 0).Sub(c.clk.Now())
	f.wifi.init(f)
	f.tcp.init(f)
	return f
}

// bootNoise is what is left of an ESP8266's boot loader, which talks at 74880
// baud; that of others goes elsewhere.
const bootNoise = 48

// begin prints ready and starts the tasks.
func (f *firmware) begin() {
	if f.v.nonOS() {
		f.out(string(noise(f.c.rng, bootNoise)))
	}
	f.out("\r\nready\r\n")
	f.task(f.inputTask)
	f.task(f.netTask)
	f.startRadio()
}

// task runs fn in a goroutine, locked.
func (f *firmware) task(fn func()) {
	f.c.tasks.Add(1)
	go func() {
		defer f.c.tasks.Done()
		f.c.lock()
		defer f.c.unlock()
		if !f.dead() {
			fn()
		}
	}()
}

// later calls fn, locked, when d has passed and the firmware still runs.
func (f *firmware) later(d time.Duration, fn func()) clock.Timer {
	return f.c.clk.AfterFunc(d, f.guarded(fn))
}

func (f *firmware) guarded(fn func()) func() {
	return func() {
		f.c.lock()
		defer f.c.unlock()
		if !f.dead() {
			fn()
		}
	}
}

// end stops the tasks and closes the sockets.
func (f *firmware) end() {
	f.cancel()
	f.tcp.end()
	f.wifi.end(f)
	f.ap.end(f)
}

func (f *firmware) dead() bool { return f.c.fw != f || f.c.closed }

// sleep makes a task spend d, unlocked. It reports false if the module was reset
// meanwhile.
func (f *firmware) sleep(d time.Duration) bool {
	if !f.c.free && d > 0 {
		f.c.until(f.c.clk.Now().Add(d), nil, f.ctx.Done())
	}
	return !f.dead()
}

// pause is sleep for what takes its time on every clock.
func (f *firmware) pause(d time.Duration, changed <-chan struct{}) bool {
	late := make(chan struct{})
	timer := f.c.clk.AfterFunc(d, func() { close(late) })
	f.c.block(func() {
		select {
		case <-late:
		case <-changed:
		case <-f.ctx.Done():
		}
	})
	timer.Stop()
	return !f.dead()
}

// out queues bytes for the host. Those of one call are never torn apart.
func (f *firmware) out(s string) {
	if f.dead() || f.mute || s == "" {
		return
	}
	c := f.c
	c.traceOut(s)
	c.tx.send(c.clk.Now(), []byte(s))
	c.outputChanged.wake()
}

// print is out, and then waits until the module's ring has room for what is
// queued.
func (f *firmware) print(s string) {
	f.out(s)
	f.drain()
}

func (f *firmware) drain() {
	_, ring := f.v.rings()
	f.drainTo(ring)
}

// drainTo waits until at most n bytes are left to be sent.
func (f *firmware) drainTo(n int) {
	c := f.c
	for !f.dead() {
		c.tx.settle(c.clk.Now())
		over := len(c.tx.q) - n
		if over <= 0 {
			return
		}
		changed := c.drained.wait()
		if c.tx.stopped {
			c.block(func() {
				select {
				case <-changed:
				case <-f.ctx.Done():
				}
			})
		} else {
			c.until(c.tx.arrival(over-1), changed, f.ctx.Done())
		}
	}
}

// poke makes the network task look at everything again.
func (f *firmware) poke() {
	select {
	case f.frame <- struct{}{}:
	default:
	}
}

// frameIn is told by the network that something came in. If that is that all
// connections are cut, the radio has noticed why before they do.
func (f *firmware) frameIn() {
	f.c.lock()
	if !f.dead() {
		f.checkAccessPoint()
	}
	f.netChanged.wake()
	f.c.unlock()
	f.poke()
}
