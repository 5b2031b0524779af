// Package espat drives the ESP8266 and ESP32 modules that run Espressif's AT firmware,
// reached over a UART.
//
// Firmware is told apart by AT+GMR: NonOS AT 1.7 of the ESP8266, ESP-AT 2.x of the
// ESP8266, and 2.x to 5.x of the ESP32 family. The module has five links, which are
// connections and datagram sockets, and one server beside them.
//
// Where the firmware can, it keeps what a connection receives until the program reads
// it (its "passive mode"), which holds back the peer if the program is slow. Datagrams are
// sent to the board as they come, and kept in a buffer of Config.Buffer bytes; those
// that do not fit are lost. Firmware without the passive mode does the same with
// connections, and one that does not fit fails.
//
// What the firmware cannot: close one direction of a connection; say whether a peer
// closed a connection or reset it; choose a connection's local port. It does one thing at a time: while it
// connects, looks up a name, or sends to a peer that takes nothing, all sockets
// wait. A peer that takes nothing for 10 s loses its connection.
package espat

import (
	"net/netip"
	"time"
	"unsafe"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
)

// Config says which network to join and how the module is wired. With only Ssid and
// Passphrase set, the board's own UART is used.
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

	// Static, if not nil, is the address to use instead of asking for one by
	// DHCP. An access point has the given address.
	Static *Static

	// APChannel is the channel of an access point, 1 to 13; 0 stands for 1.
	APChannel uint8

	// AP, if not nil, is an access point that the module is as well while it is
	// joined to another.
	AP *AccessPointConfig

	// Uart leads to the module. If it is the board's own, NetConnect sets it up with
	// the pins Tx and Rx; any other is set up already, at Baud.
	Uart   UART
	Tx, Rx Pin

	// Reset is the module's reset pin (RST or EN), low to reset; nil if it is not
	// connected. Without it a module that hangs for good cannot be restarted.
	Reset Pin

	// Baud is the speed with which the module starts, in bits a second; 0 stands for
	// 115200. MaxBaud is the speed to change to after that, 0 for none. SetUART sets
	// the speed of the board's UART, and whether it uses RTS and CTS; it is not needed
	// if the UART has a method SetBaudRate(uint32), and FlowControl is not
	// set. FlowControl makes the module use its RTS and CTS. Without it a program that
	// keeps the processor for longer than its UART can store loses bytes: TinyGo's keep
	// 128, which are 11 ms at 115200 and 0.6 ms at 2000000.
	Baud        uint32
	MaxBaud     uint32
	FlowControl bool
	SetUART     func(baud uint32, flowControl bool) error

	// IPv6 makes the module have an IPv6 address as well, where the firmware can:
	// the ESP32's from 2.2 on.
	IPv6 bool

	// Buffer is how many bytes are kept, for all sockets together, of what the
	// module sends unasked; 0 stands for 3072, which is two datagrams of the largest
	// size. It is allocated with the first datagram socket.
	Buffer int

	// Active makes the module send unasked what connections receive, too.
	Active bool

	// MaxConns is how many connections the server accepts at a time, so that links are
	// left for other sockets; 0 stands for all five. IdleTimeout is after how long
	// without traffic the module closes an accepted connection, in whole seconds and
	// at most 2 hours; 0 stands for never.
	MaxConns    int
	IdleTimeout time.Duration

	// TLS says what TLS connections do with certificates; without it they
	// encrypt, and check none.
	TLS *TLS

	// TimeServer is whom to ask for the time; empty for the firmware's choice.
	TimeServer string
}

// Static is an address of one's own choice.
type Static struct {
	Addr, Mask, Gateway netip.Addr
	DNS                 [2]netip.Addr // servers; invalid for none
}

// AccessPointConfig is an access point beside the station. It has the station's
// channel.
type AccessPointConfig struct {
	Ssid       string
	Passphrase string // 8 to 63 characters, for WPA2, or none
	Hidden     bool   // the name is not shown
}

// Pin is a pin, as TinyGo's machine.Pin is. One that has a method Output() is made an
// output by it.
type Pin interface {
	High()
	Low()
}

// Device is a Wi-Fi module. It implements netdev.Netdever, LocalAddrer, Deadliner,
// Datagrammer, Shutdowner (for receiving only), HostLookuper, DNSServerer and
// Multicaster, and netlink.Netlinker; the methods that are not here are those of
// offload.Device. They may be called by several goroutines at once.
type Device struct {
	offload.Device // not a pointer, which would give each method to the struct's value as well
	face           face
}

func (d *Device) chip() *chip { return d.face.chip() }

var (
	_ netdev.Netdever    = (*Device)(nil)
	_ netdev.DNSServerer = (*Device)(nil)
	_ netdev.Multicaster = (*Device)(nil)

	_ offload.Chip      = face{}
	_ offload.Signaller = face{}
	_ offload.Drainer   = face{}
	_ offload.Optioner  = face{}
	_ offload.Checker   = face{}
	_ offload.Hardware  = face{}
	_ offload.Resolver6 = face{}
)

// New returns a device for the module that cfg describes and makes it the one that
// package net works on. The module is not touched before NetConnect.
func New(cfg *Config) *Device { return newDevice(cfg, offload.Times{}) }

func newDevice(cfg *Config, times offload.Times) *Device {
	c := new(chip)
	if cfg != nil {
		c.cfg = *cfg
		need(cfg)
		needUART(cfg.Uart != nil)
	}
	if c.cfg.Buffer <= 0 {
		c.cfg.Buffer = 3072
	}
	if times.Dial <= 0 {
		times.Dial = defaultLimits.dial.duration()
	}
	c.limiter.use(&defaultLimits)
	c.wire.uart = c.cfg.Uart
	f := face{unsafe.Pointer(c)}
	d := &Device{face: f}
	d.Device = *offload.New(f, offload.Config{
		Sockets: maxSockets,
		Push:    true,
		Times:   times,
		Link: netlink.ConnectParams{
			Ssid:            c.cfg.Ssid,
			Passphrase:      c.cfg.Passphrase,
			Retries:         c.cfg.Retries,
			ConnectTimeout:  c.cfg.ConnectTimeout,
			WatchdogTimeout: c.cfg.WatchdogTimeout,
		},
	})
	c.eng = d.Engine()
	c.forget()
	netdev.UseNetdev(d)
	return d
}

// FirmwareVersion returns the version of the module's firmware, such as
// "2.2.1.0". Before NetConnect it starts the module.
func (d *Device) FirmwareVersion() (string, error) {
	c := d.chip()
	if err := c.eng.Begin(false); err != nil {
		return "", err
	}
	v := c.fw.version
	c.eng.Give()
	return v, nil
}

// RSSI returns the strength of the access point's signal in dBm.
func (d *Device) RSSI() (int, error) {
	c := d.chip()
	if err := c.eng.Begin(true); err != nil {
		return 0, err
	}
	dbm, f := c.rssi()
	err := c.err(f)
	c.eng.Give()
	return dbm, err
}

// Time returns the time as the module has it from the Internet. It asks for it
// from the first call on, if Config has no TimeServer, and knows it some seconds later on
// a network that leads there; before that there is an error.
func (d *Device) Time() (time.Time, error) {
	c := d.chip()
	if err := c.eng.Begin(true); err != nil {
		return time.Time{}, err
	}
	t, f := c.time()
	err := c.err(f)
	c.eng.Give()
	if err != nil {
		return time.Time{}, err
	}
	if t == 0 {
		return time.Time{}, errNoTime
	}
	return time.Unix(t, 0), nil
}

// DNSServers returns the name servers that the module asks; none while the link is
// down.
func (d *Device) DNSServers() []netip.AddrPort {
	c := d.chip()
	if c.eng.Begin(true) != nil {
		return nil
	}
	servers, _ := c.dns()
	c.eng.Give()
	return servers
}

// Ping returns how long a host takes to answer, in whole milliseconds. No socket
// makes progress meanwhile. The firmware chooses the time to live: ttl has no effect.
func (d *Device) Ping(ip netip.Addr, ttl uint8) (time.Duration, error) {
	ip = ip.Unmap()
	if !ip.IsValid() {
		return 0, netdev.ErrMalAddr
	}
	c := d.chip()
	if err := c.eng.Begin(true); err != nil {
		return 0, err
	}
	ms, f := c.ping(ip)
	err := c.err(f)
	c.eng.Give()
	return time.Duration(ms) * time.Millisecond, err
}

// JoinGroup makes a datagram socket that is bound receive what is sent to a
// multicast group, too. A socket can join one group. ifIndex does not matter.
func (d *Device) JoinGroup(sockfd int, group netip.Addr, ifIndex int) error {
	group = group.Unmap()
	if !group.IsMulticast() {
		return errGroup
	}
	c := d.chip()
	if err := c.eng.Begin(true); err != nil {
		return err
	}
	err := netdev.ErrInvalidSocketFd
	if s := c.eng.Find(sockfd); s != nil {
		err = c.err(c.joinGroup(s, group))
	}
	c.eng.Give()
	return err
}
