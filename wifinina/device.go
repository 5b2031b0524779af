// Package wifinina drives the ESP32 Wi-Fi co-processors that run Arduino's
// nina-fw or Adafruit's fork of it, reached over SPI: the NINA-W102 of
// Arduino's boards, the AirLift of Adafruit's.
//
// Firmware 1.4 or newer of either maker is needed. From Arduino's 1.5 and
// Adafruit's 3.0 on, sockets are the firmware's BSD-like descriptors
// (descriptor.go says why); older ones, and TLS, use its slots (slot.go says
// what they cannot).
package wifinina

import (
	"net/netip"
	"time"
	"unsafe"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
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

	// Static, if not nil, is the address to use instead of asking for one by
	// DHCP. An access point has the given address.
	Static *Static

	// APChannel is the channel of an access point, 1 to 13; 0 stands for 1.
	APChannel uint8

	// Enterprise, if not nil, is used to join a network without a passphrase.
	Enterprise *Enterprise

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

// Static is an address of one's own choice.
type Static struct {
	Addr, Mask, Gateway netip.Addr
	DNS                 [2]netip.Addr // servers; invalid for none
}

// Enterprise is how to join a network that is protected by WPA2 Enterprise: by
// user and password (PEAP), or with Cert by a certificate (TLS), which only
// Arduino's firmware can. Each text is at most 128 bytes, with Adafruit's
// firmware 32; certificates and key are PEM, and all together fit into 4000
// bytes.
type Enterprise struct {
	Identity       string // outer identity; User if empty
	User, Password string
	CA             string // of the server; not checked if empty
	Cert, Key      string // of the client
}

// Device is a Wi-Fi chip. It implements netdev.Netdever, LocalAddrer,
// Deadliner, Datagrammer, Shutdowner (for receiving only), HostLookuper and
// DNSServerer, and netlink.Netlinker; the methods that are not here are those
// of offload.Device. They may be called by several goroutines at once.
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
)

// New returns a device for the chip that cfg describes and makes it the one
// that package net works on. The chip is not touched before NetConnect.
func New(cfg *Config) *Device { return newDevice(cfg, offload.Times{}) }

func newDevice(cfg *Config, times offload.Times) *Device {
	c := new(chip)
	if cfg != nil {
		c.cfg = *cfg
		need(cfg.Static != nil, cfg.Enterprise != nil)
		needWires(cfg.Spi != nil || cfg.Cs != nil || cfg.Ack != nil || cfg.Gpio0 != nil || cfg.Resetn != nil)
	}
	f := face{unsafe.Pointer(c)}
	d := &Device{face: f}
	d.Device = *offload.New(f, offload.Config{
		Sockets: maxSockets,
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
	c.bus.init(c.eng)
	netdev.UseNetdev(d)
	return d
}

// FirmwareVersion returns the version of the chip's firmware, such as
// "2.0.0". Before NetConnect it starts the chip.
func (d *Device) FirmwareVersion() (string, error) {
	if err := d.chip().eng.Begin(false); err != nil {
		return "", err
	}
	version := d.chip().fw.version
	d.chip().eng.Give()
	return version, nil
}

// RSSI returns the strength of the access point's signal in dBm.
func (d *Device) RSSI() (int, error) {
	if err := d.chip().eng.Begin(true); err != nil {
		return 0, err
	}
	dbm, err := d.chip().bus.rssi()
	d.chip().eng.Give()
	return dbm, d.chip().err(err)
}

// Time returns the time as the chip has it from the Internet. It knows it some
// seconds after it joined a network that leads there; before that there is an
// error.
func (d *Device) Time() (time.Time, error) {
	if err := d.chip().eng.Begin(true); err != nil {
		return time.Time{}, err
	}
	t, err := d.chip().bus.time()
	d.chip().eng.Give()
	if err != 0 {
		return time.Time{}, d.chip().err(err)
	}
	if t == 0 {
		return time.Time{}, errNoTime
	}
	return time.Unix(t, 0), nil
}

// DNSServers returns the name servers that the chip asks, at most two; none
// while the link is down and on firmware that does not tell (before 1.6).
func (d *Device) DNSServers() []netip.AddrPort {
	if d.chip().eng.Begin(true) != nil {
		return nil
	}
	first, second, err := d.chip().bus.dns()
	d.chip().eng.Give()
	if err != 0 {
		return nil
	}
	var servers []netip.AddrPort
	for _, ip := range [][4]byte{first, second} {
		if ip != [4]byte{} {
			servers = append(servers, netip.AddrPortFrom(netip.AddrFrom4(ip), 53))
		}
	}
	return servers
}

// Ping returns how long a host takes to answer, in whole milliseconds. Without an
// answer it takes 5 s or more; no socket makes progress meanwhile.
func (d *Device) Ping(ip netip.Addr, ttl uint8) (time.Duration, error) {
	ip = ip.Unmap()
	if !ip.Is4() {
		return 0, netdev.ErrFamilyNotSupported
	}
	if err := d.chip().eng.Begin(true); err != nil {
		return 0, err
	}
	ms, err := d.chip().bus.ping(ip.As4(), ttl)
	d.chip().eng.Give()
	if err != 0 {
		return 0, d.chip().err(err)
	}
	if ms < 0 {
		return 0, errNoPong
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// SetPowerSave lets the chip sleep between beacons of the access point (modem
// sleep), which saves power and delays what is received by up to a beacon's
// interval or more. It is off unless set.
func (d *Device) SetPowerSave(on bool) error {
	if err := d.chip().eng.Begin(false); err != nil {
		return err
	}
	d.chip().powerSave = on
	err := d.chip().applyPower()
	d.chip().eng.Give()
	return d.chip().err(err)
}

// JoinGroup makes a datagram socket that is bound receive what is sent to a
// multicast group, too. A socket can join one group. ifIndex does not matter: the
// chip has one interface.
func (d *Device) JoinGroup(sockfd int, group netip.Addr, ifIndex int) error {
	group = group.Unmap()
	if !group.Is4() || !group.IsMulticast() {
		return errGroup
	}
	if err := d.chip().eng.Begin(true); err != nil {
		return err
	}
	err := netdev.ErrInvalidSocketFd
	if s := d.chip().eng.Find(sockfd); s != nil {
		if err = errGroupSock; s.IsDatagram() && s.Port != 0 && s.Mark&markGroup == 0 {
			err = d.chip().err(d.chip().joinGroup(s, group.As4()))
		}
	}
	d.chip().eng.Give()
	return err
}
