// Package wifinina drives the ESP32 Wi-Fi co-processors that run Arduino's
// nina-fw or Adafruit's fork of it, reached over SPI: the NINA-W102 of
// Arduino's boards, the AirLift of Adafruit's.
//
// Firmware 1.5.0 or newer is needed: the driver uses its BSD-like socket
// commands only (socket.go says why).
package wifinina

import (
	"sync"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
)

// Config says which network to join and how the chip is wired. With only Ssid
// and Passphrase set, the board's own bus and pins are used.
type Config struct {
	// Ssid is the access point's name, 1 to 32 bytes, and Passphrase its
	// passphrase, 8 to 63 characters, or empty for an open network.
	// NetConnect uses them when it is called without parameters.
	Ssid       string
	Passphrase string

	// Retries, ConnectTimeout and WatchdogTimeout are as in
	// netlink.ConnectParams, for NetConnect without parameters.
	Retries         int
	ConnectTimeout  time.Duration
	WatchdogTimeout time.Duration

	// Spi is the bus. If it is one of the board's, and Sdo, Sdi and Sck are
	// pins of the board, NetConnect sets it up for Freq hertz, 0 meaning 8 MHz,
	// which is the most that the chip takes.
	Spi  SPI
	Freq uint32
	Sdo  Pin
	Sdi  Pin
	Sck  Pin

	// Cs, Ack, Gpio0 and Resetn are the chip's pins: chip select, READY (also
	// called BUSY), its GPIO0 and its reset.
	Cs     Pin
	Ack    Pin
	Gpio0  Pin
	Resetn Pin
	// ResetIsHigh is set where the board inverts the reset signal, as the
	// Arduino MKR WiFi 1010 does.
	ResetIsHigh bool
}

// Device is a Wi-Fi chip. It implements netdev.Netdever, netdev.LocalAddrer,
// netdev.Deadliner, netdev.Datagrammer and netlink.Netlinker. Its methods may
// be called by several goroutines at once.
type Device struct {
	cfg   Config
	epoch time.Time
	bus   bus

	// link is full while somebody brings the link up or down; who does holds
	// the fields below it. It is taken before the bus and before mu.
	link    chan struct{}
	started bool // the chip has been reset and answers
	params  netlink.ConnectParams

	// mu guards what is below. It is held for moments, never across an
	// exchange or anything else that waits.
	mu        sync.Mutex
	up        bool
	cancel    bool // NetDisconnect waits for link
	running   bool // the poller's goroutine exists
	stop      bool // and has to end
	version   string
	mac       [6]byte
	ip        [4]byte
	sockets   [maxSockets]socket
	waiters   *waiter // calls in progress
	spare     *waiter // waiters of calls that are over
	active    instant // last traffic on any socket
	lastPort  uint16  // last port given by the driver
	notify    func(netlink.Event)
	events    [4]netlink.Event // not told yet
	nevents   int
	notifying bool

	orphans bool // the chip may have sockets that nobody knows; for the bus's holder

	kick chan struct{} // full: the poller has to look again
	poll poller
}

var (
	_ netdev.Netdever    = (*Device)(nil)
	_ netdev.LocalAddrer = (*Device)(nil)
	_ netdev.Deadliner   = (*Device)(nil)
	_ netdev.Datagrammer = (*Device)(nil)
	_ netlink.Netlinker  = (*Device)(nil)
)

// New returns a device for the chip that cfg describes and makes it the one
// that package net works on. The chip is not touched before NetConnect.
func New(cfg *Config) *Device {
	d := &Device{epoch: time.Now()}
	if cfg != nil {
		d.cfg = *cfg
	}
	d.bus.init()
	d.link = make(chan struct{}, 1)
	d.kick = make(chan struct{}, 1)
	netdev.UseNetdev(d)
	return d
}

// instant is a moment as the time since the device was made; 0 is none.
type instant int64

func (d *Device) now() instant { return instant(time.Since(d.epoch)) + 1 }

// instantOf converts a deadline.
func (d *Device) instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	now, left := d.now(), instant(time.Until(t))
	switch {
	case left > 0 && now+left < now:
		return 0 // beyond all times
	case now+left < 1:
		return 1
	}
	return now + left
}

// setup finds the bus and the pins.
func (d *Device) setup() error {
	c := &d.cfg
	if c.Spi == nil && c.Cs == nil && c.Ack == nil && c.Gpio0 == nil && c.Resetn == nil {
		if err := boardConfig(c); err != nil {
			return err
		}
	}
	if c.Spi == nil || c.Cs == nil || c.Ack == nil || c.Gpio0 == nil || c.Resetn == nil {
		return errSomePins
	}
	if c.Freq == 0 {
		c.Freq = 8e6
	}
	b := &d.bus
	b.spi, b.cs, b.ack = c.Spi, c.Cs, c.Ack
	b.gpio0, b.resetn, b.resetIsHigh = c.Gpio0, c.Resetn, c.ResetIsHigh
	return configureSPI(c)
}

// start resets the chip and gets to know it, unless that is done. The caller
// holds link.
func (d *Device) start() error {
	if d.started {
		return nil
	}
	if err := d.setup(); err != nil {
		return err
	}
	b := &d.bus
	b.take()
	defer b.give()
	if err := b.reset(); err != nil {
		return err
	}
	version, err := b.firmwareVersion()
	if err != nil {
		return err
	}
	major, minor, ok := parseVersion(version)
	if ok && (major < 1 || major == 1 && minor < 5) {
		return tooOld(version)
	}
	// Adafruit's numbers are its own, so ask whether the command is there.
	if _, err := b.errno(); err == errRefused {
		return tooOld(version)
	} else if err != nil {
		return err
	}
	mac, err := b.mac()
	if err != nil {
		return err
	}
	if major < 3 {
		for i, j := 0, len(mac)-1; i < j; i, j = i+1, j-1 {
			mac[i], mac[j] = mac[j], mac[i]
		}
	}
	// Modem sleep, the firmware's default, delays received frames.
	if err := b.setPowerMode(0); err != nil && err != errRefused {
		return err
	}
	d.started = true
	d.mu.Lock()
	d.version, d.mac = version, mac
	d.mu.Unlock()
	return nil
}

// tooOld is the error for firmware without the socket commands.
func tooOld(version string) error {
	return wrap("firmware "+version+" is too old: 1.5.0 or newer is needed, update the chip", netdev.ErrNotSupported)
}

// parseVersion returns the first two numbers of a version.
func parseVersion(s string) (major, minor int, ok bool) {
	major, s, ok = leadingNumber(s)
	if !ok || s == "" || s[0] != '.' {
		return 0, 0, false
	}
	minor, _, ok = leadingNumber(s[1:])
	return major, minor, ok
}

func leadingNumber(s string) (n int, rest string, ok bool) {
	i := 0
	for ; i < len(s) && i < 4 && '0' <= s[i] && s[i] <= '9'; i++ {
		n = 10*n + int(s[i]-'0')
	}
	return n, s[i:], i > 0
}

// know makes sure that version and MAC are known, starting the chip if need
// be.
func (d *Device) know() error {
	d.mu.Lock()
	known := d.version != ""
	d.mu.Unlock()
	if known {
		return nil
	}
	d.link <- struct{}{}
	defer func() { <-d.link }()
	return d.start()
}

// FirmwareVersion returns the version of the chip's firmware, such as
// "2.0.0". Before NetConnect it starts the chip.
func (d *Device) FirmwareVersion() (string, error) {
	if err := d.know(); err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.version, nil
}
