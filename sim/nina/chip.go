// Package nina is a simulated WiFiNINA module: an ESP32 with Arduino's nina-fw
// or Adafruit's fork of it, seen from its pins and its SPI bus, byte for byte,
// with the firmware's quirks and side effects. It knows nothing of the drivers
// that use it.
//
// What the firmware leaves undefined (levels during boot, bytes past the end of
// a reply, addresses of closed sockets) is filled with seeded noise. Where the
// firmware would corrupt its memory the chip hangs until reset and says so to
// Config.Trace.
package nina

import (
	"context"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

// Config describes a chip and what is around it. The zero value is a chip with
// Arduino's firmware 2.0.0 on a free-running clock, an access point that takes any name
// and passphrase, and nobody on the network.
type Config struct {
	// Firmware is the one to simulate, such as Arduino20; empty for that. New
	// panics on names that Firmwares does not list.
	Firmware string
	// MAC is the station's hardware address; zero for one of Espressif's.
	MAC [6]byte
	// Clock is the chip's time; nil for clock.Free().
	Clock clock.Clock
	// Timing is what the chip's work costs; the zero value for DefaultTiming.
	Timing Timing
	// Attach connects the chip to a network. It is called at the first
	// successful join after a reset, with the size of the chip's TCP/IP
	// stack; the number of sockets in it is unlimited because the chip keeps
	// count itself. Later drops and joins use SetLink, a reset Close. Nil: a
	// network on which nobody answers.
	Attach func(p network.Params) network.Station
	// AttachAP connects the chip to a network of its own, when the host makes
	// it an access point. The network ends when the station is closed: when
	// access-point mode ends, or at a reset. Nil: nobody ever joins.
	AttachAP func(p network.Params, ap network.AccessPoint) network.Station
	// Roots is the root store of the chip's TLS client. Nil: no certificate is
	// trusted, and no TLS connection comes about.
	Roots *x509.CertPool
	// AccessPoints are those in range. Empty: whatever is asked for is there
	// and takes any passphrase.
	AccessPoints []AccessPoint
	// ResetInverted is set for boards whose reset pin is high to reset
	// (Arduino MKR WiFi 1010).
	ResetInverted bool
	// Trace is told of every command and of what the chip does by itself. It
	// may call the chip, but must not block.
	Trace func(Event)
	// LinkEvent is told what becomes of the link to the access point. It may
	// call the chip, but must not block.
	LinkEvent func(LinkEvent)
	// Seed seeds the phase of the tick and all noise.
	Seed uint64
	// Readings chooses between readings of what is known only by inference.
	Readings Readings
}

// AccessPoint is a Wi-Fi network in range.
type AccessPoint struct {
	SSID       string // empty if hidden
	Passphrase string // empty for an open network
	Auth       Auth   // AuthDefault for one that follows from Passphrase
	BSSID      [6]byte
	Channel    uint8
	RSSI       int32 // dBm

	// User and Password are what an AuthEnterprise network asks for; without
	// a User it takes anybody who comes with enterprise credentials.
	User, Password string
	// Full makes it refuse associations (reason 203).
	Full bool
}

// Auth is how an access point keeps others out.
type Auth byte

// Kinds of Auth.
const (
	AuthDefault    Auth = iota // open without a passphrase, AuthWPA2 with one
	AuthOpen                   // the passphrase, if any, does not count
	AuthWEP                    // the passphrase is a key
	AuthWPA                    // WPA
	AuthWPA2                   // WPA2
	AuthWPAWPA2                // both
	AuthEnterprise             // WPA2 with a user's name and password, or a certificate
)

// Readings chooses the other reading where the firmware's source does not
// settle what happens; docs/protocols/wifinina.md has the list. The zero value
// is the reading that the simulator takes by default.
type Readings struct {
	// TailKept: the last bytes of a frame whose length is no multiple of 4
	// arrive. By default they are lost.
	TailKept bool
	// WrongPassphraseFails: a wrong passphrase ends with reason 202 and
	// status 4. By default with reason 15 and status 6.
	WrongPassphraseFails bool
	// EmptyPulseKeepsReply: a CS pulse without a byte leaves a pending reply
	// pending. By default the reply is lost.
	EmptyPulseKeepsReply bool
	// GPIO0Misses: the firmware is told of a frame when it was handed to lwIP,
	// which may be before lwIP has queued its data; then nothing raises GPIO0
	// until the next frame or command. Every fourth frame is missed so. By
	// default lwIP is always first.
	GPIO0Misses bool
	// AcceptRaces: every fourth connection to a server of accept mode comes
	// just when the GPIO0 task has looked for one and goes on to the legacy
	// path, which takes it: accept mode never reports it. By default none does.
	AcceptRaces bool
	// ScanFails: the radio does not start a scan. By default it always does.
	ScanFails bool
	// StrictBacklog: a listener lets as many connections wait as it asked
	// for, 1 in slots. By default the 6 that its mailbox holds.
	StrictBacklog bool
}

// frameMax is the size of the command and reply buffers (nina-fw 2.0.0
// sketch.ino.cpp, SPI_MAX_DMA_LEN).
const frameMax = 4092

// maxSlots is CONFIG_LWIP_MAX_SOCKETS of nina-fw 2.0.0 (sdkconfig).
const maxSlots = 10

// Chip is a simulated module. Its methods may be called by several goroutines
// at once. Make one with New and end it with Close.
type Chip struct {
	cfg  Config
	v    variant
	clk  clock.Clock
	free bool // costs take no time

	cs, ready, gpio0, reset *Pin

	// mu guards everything below. It is never held while time passes.
	mu         sync.Mutex
	calls      []func() // callbacks to make once mu is free, in order
	delivering bool
	rng        *rand.Rand
	ledger     Ledger

	held      bool // in reset
	closed    bool
	away      bool // the access point is gone
	bootAt    time.Time
	bootTimer clock.Timer
	fw        *firmware

	bus
	csLow bool

	inputs [gpioPins]inputLevel
	adc    [adcChannels]uint16
	files  map[string][]byte // of the file system in flash
	tasks  sync.WaitGroup
}

// New returns a chip that has just been powered: it boots unless the host holds
// it in reset, and takes commands after Timing.Boot. It panics if
// cfg.Firmware is not known.
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
	c := &Chip{
		cfg:   cfg,
		v:     lookupVariant(cfg.Firmware),
		clk:   cfg.Clock,
		free:  cfg.Clock == clock.Free(),
		files: make(map[string][]byte),
		rng:   rand.New(rand.NewPCG(cfg.Seed, 0x6e696e61)),
	}
	c.cs = &Pin{c: c, line: lineCS, out: true, latch: true}
	c.ready = &Pin{c: c, line: lineReady}
	c.gpio0 = &Pin{c: c, line: lineGPIO0}
	c.reset = &Pin{c: c, line: lineReset, out: true, latch: !cfg.ResetInverted}
	c.lock()
	c.released()
	c.unlock()
	return c
}

// Close ends the chip: its goroutines and timers end, its sockets are closed,
// its pins no longer change. It must not be called from a callback.
func (c *Chip) Close() {
	c.lock()
	c.closed = true
	c.powerDown()
	c.unlock()
	c.tasks.Wait()
}

// DropLink makes the access point go away. A station that has joined notices
// at once; joining fails until RestoreLink.
func (c *Chip) DropLink() {
	c.lock()
	defer c.unlock()
	c.away = true
	if c.fw != nil && !c.fw.hung {
		c.fw.accessPointLost()
	}
}

// RestoreLink brings the access point back. The firmware does not join again
// by itself.
func (c *Chip) RestoreLink() {
	c.lock()
	defer c.unlock()
	c.away = false
}

// lock also boots a chip whose time has come, so that a host that waited for
// exactly that long finds it running.
func (c *Chip) lock() {
	c.mu.Lock()
	if c.phase == phaseBoot && !c.closed && !c.clk.Now().Before(c.bootAt) {
		c.boot()
	}
}

// unlock frees the chip and then makes the callbacks that came up. Only one
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

// released starts the chip when reset is let go of.
func (c *Chip) released() {
	if c.closed {
		return
	}
	c.ledger.Resets++
	if !c.gpio0.driven() {
		c.phase = phaseDead
		c.note("GPIO0 low at reset: chip is in the downloader until the next reset")
		return
	}
	c.phase = phaseBoot
	c.ledger.Chip += c.cfg.Timing.Boot
	c.bootAt = c.after(c.cfg.Timing.Boot)
	c.bootTimer = c.clk.Later(c.cfg.Timing.Boot, func() {
		c.lock() // which boots
		defer c.unlock()
	})
}

// boot is the firmware's setup.
func (c *Chip) boot() {
	if c.csLow {
		c.phase = phaseDead
		c.note("CS low at boot: chip is in Bluetooth mode until the next reset")
		return
	}
	c.fw = newFirmware(c)
	c.tasks.Add(1)
	go c.fw.gpio0Task()
	clear(c.in[:])
	c.setGPIO0(false)
	c.arm(phaseCommand, 0)
}

// powerDown is what a reset does: everything is forgotten.
func (c *Chip) powerDown() {
	if c.bootTimer != nil {
		c.bootTimer.Stop()
		c.bootTimer = nil
	}
	c.phase = phaseOff
	c.chosen = false
	c.irq = false
	if c.fw != nil {
		c.fw.end()
		c.fw = nil
	}
}

// firmware is one run of the firmware, from boot to reset. A task of an
// earlier run that is still on its way out works on its own, closed one.
type firmware struct {
	c       *Chip
	v       *variant
	started time.Time
	phase   time.Duration // of the tick
	ctx     context.Context
	cancel  context.CancelFunc
	hung    bool

	// cmd, gpio and event are the firmware's tasks: the command loop, the
	// one that keeps GPIO0, and the one that handles Wi-Fi events.
	cmd, gpio, event *task

	update chan struct{} // counting semaphore of the GPIO0 task, at most 2
	frame  chan struct{} // a frame has come in
	frames atomic.Uint32 // counted only for Readings.GPIO0Misses

	wifi  wifi
	lwip  lwip
	slots []slot
	bear  *tlsClient // of mode 4, for all slots

	// What commands 40 and 41 of Adafruit's have brought; nil if they have not.
	clientCert, clientKey []byte

	pins  [gpioPins]gpioPin
	reply reply
	// scratch is larger than any reply, so that what overruns one is seen.
	scratch [2 * frameMax]byte
}

func newFirmware(c *Chip) *firmware {
	f := &firmware{
		c:       c,
		v:       &c.v,
		started: c.clk.Now(),
		update:  make(chan struct{}, 2),
		frame:   make(chan struct{}, 1),
	}
	if t := c.cfg.Timing.Tick; t > 0 {
		f.phase = time.Duration(c.rng.Int64N(int64(t)))
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.cmd, f.gpio, f.event = &task{f: f}, &task{f: f}, &task{f: f}
	f.wifi.init(f.v)
	f.lwip.init(f.v.slots)
	f.slots = make([]slot, f.v.slots)
	f.bear = newTLS(true)
	for i := range f.slots {
		f.slots[i].init(f.v)
	}
	return f
}

// end stops the tasks and closes the sockets.
func (f *firmware) end() {
	f.cancel()
	f.wifi.stopTimers()
	if f.wifi.station != nil {
		f.wifi.station.Close()
	}
	switch f.wifi.state {
	case linkUp:
		f.linkEvent(LinkEvent{Kind: LinkLeft, SSID: f.wifi.ap.SSID})
	case linkServing:
		f.linkEvent(LinkEvent{Kind: LinkClosed, SSID: f.wifi.ap.SSID})
	}
}

// hang stops the firmware where it would corrupt its memory.
func (f *firmware) hang(format string, args ...any) {
	if f.hung {
		return
	}
	f.hung = true
	f.cancel()
	f.wifi.stopTimers()
	f.c.ledger.Hangs++
	f.c.note("chip hangs: " + fmt.Sprintf(format, args...))
}

// block runs fn, which may take time, with the chip unlocked.
func (f *firmware) block(fn func()) {
	f.c.unlock()
	fn()
	f.c.lock()
}

// sleep makes a task spend d, unlocked. It reports false if the chip was reset
// meanwhile.
func (f *firmware) sleep(d time.Duration) bool {
	if !f.c.free && d > 0 {
		done := make(chan struct{})
		t := f.c.clk.Later(d, func() { close(done) })
		select {
		case <-done:
		case <-f.ctx.Done():
			t.Stop()
		}
	}
	return f.ctx.Err() == nil
}

// work makes the command task spend d.
func (f *firmware) work(d time.Duration) {
	f.c.ledger.Chip += d
	f.block(func() { f.sleep(d) })
}

// untilTick returns how long it is to the next tick.
func (f *firmware) untilTick() time.Duration {
	t := f.c.cfg.Timing.Tick
	if t <= 0 {
		return 0
	}
	return t - (f.c.clk.Now().Sub(f.started)+f.phase)%t
}
