package wifinina

import (
	"net"
	"net/netip"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
)

// chip is the driver: what package offload needs to know of a chip.
type chip struct {
	bus       bus
	eng       *offload.Engine
	cfg       Config
	fw        firmware
	mac       [6]byte
	ap        bool // it is an access point
	powerSave bool
	orphans   bool               // it may have descriptors that nobody knows
	kept      [maxSockets]uint16 // ports of listeners in slots that cannot be closed
	from      [maxSockets]addr   // sender of the datagram that a slot holds, if it was asked for already
}

const maxSockets = 10 // slots, and lwIP sockets, of the chip; Adafruit's newer ones have 6

// Marks of sockets.
const (
	markGroup    = 1 << iota // has joined a multicast group
	markEnded                // the chip has freed the slot of a connection that has ended
	markAccepted             // a slot's connection that blocks the chip when it is written to
	markListener             // a slot that listens, until the chip is reset
	markTight                // a descriptor's stream that the network holds up
	markZero                 // what it was given last was not taken
	markFull                 // the upper bits say until when a stream is not sent on
	markStuck                // TLS: a record may be half out
)

// setup finds the bus and the pins.
func (c *chip) setup() error {
	cfg := &c.cfg
	if cfg.Spi == nil && cfg.Cs == nil && cfg.Ack == nil && cfg.Gpio0 == nil && cfg.Resetn == nil {
		if err := boardConfig(cfg); err != nil {
			return err
		}
	}
	if cfg.Spi == nil || cfg.Cs == nil || cfg.Ack == nil || cfg.Gpio0 == nil || cfg.Resetn == nil {
		return errSomePins
	}
	if cfg.Freq == 0 {
		cfg.Freq = 8e6
	}
	b := &c.bus
	b.spi, b.cs, b.ack = cfg.Spi, cfg.Cs, cfg.Ack
	b.gpio0, b.resetn, b.resetIsHigh = cfg.Gpio0, cfg.Resetn, cfg.ResetIsHigh
	return configureSPI(cfg)
}

// Start resets the chip and gets to know it.
func (c *chip) Start() error {
	if err := c.setup(); err != nil {
		return err
	}
	err := c.start()
	if err == errGarbled || err == errRefused {
		err = c.start() // noise at power-up
	}
	return err
}

func (c *chip) start() error {
	b := &c.bus
	if err := b.reset(); err != nil {
		return err
	}
	c.orphans, c.ap = false, false
	c.kept, c.from = [maxSockets]uint16{}, [maxSockets]addr{}
	if err := c.identify(); err != nil {
		return err
	}
	mac, err := b.mac()
	if err != nil {
		return err
	}
	if c.fw.macReversed() {
		for i, j := 0, len(mac)-1; i < j; i, j = i+1, j-1 {
			mac[i], mac[j] = mac[j], mac[i]
		}
	}
	c.mac = mac
	return c.applyPower()
}

// applyPower sets the power mode: the firmware's default is modem sleep, which
// delays received frames.
func (c *chip) applyPower() error {
	mode := byte(0)
	if c.powerSave {
		mode = 1
	}
	if err := c.bus.setPowerMode(mode); err != errRefused {
		return err
	}
	return nil
}

// HardwareAddr returns the MAC address.
func (c *chip) HardwareAddr() (net.HardwareAddr, error) {
	mac := c.mac
	return mac[:], nil
}

// Broken reports whether the chip has to be reset.
func (c *chip) Broken() bool { return c.bus.broken() }

// CheckParams checks what Config has beside the parameters.
func (c *chip) CheckParams(p *netlink.ConnectParams) error {
	if c.cfg.APChannel > 13 {
		return errChannel
	}
	if st := c.cfg.Static; st != nil && (!st.Addr.Is4() || !st.Mask.Is4()) {
		return errStatic
	}
	if ent := c.cfg.Enterprise; ent != nil && p.ConnectMode == netlink.ConnectModeSTA && p.Passphrase == "" {
		if len(ent.Identity) > 128 || len(ent.User) > 128 || len(ent.Password) > 128 ||
			len(ent.CA)+len(ent.Cert)+len(ent.Key) > 4000-4*128 {
			return errEntLong
		}
	}
	return nil
}

// Join makes an attempt to join a network or to become an access point.
func (c *chip) Join(p *netlink.ConnectParams) (netip.Addr, error) {
	if err := c.leaveFirst(); err != nil {
		return netip.Addr{}, err
	}
	if p.ConnectMode == netlink.ConnectModeAP {
		return c.become(p)
	}
	before, err := c.beginJoin(p)
	if err != nil {
		return netip.Addr{}, err
	}
	// Arduino's firmware passes through "connecting", after which any state
	// of failure is final. Adafruit's from 3.0 on may stay at idle or disconnected until
	// it is connected, and tries again by itself: there only a new reason tells
	// of a failure.
	begun := false
	for waited := 0 * c.bus.lim.join; ; waited += c.bus.lim.join {
		st, reason, err := c.state()
		if err != nil {
			return netip.Addr{}, err
		}
		failure := netlink.ErrConnectFailed
		switch st {
		case statusConnected:
			return c.address()
		case statusConnecting:
			if begun = !c.fw.arduino32(); begun {
				break
			}
			// There it means that no access point has the name.
			if reason != before && reason != 0 {
				return netip.Addr{}, verdict(p, reason, failure)
			}
			failure = verdict(p, reason, netlink.ErrConnectTimeout)
		case statusConnectFailed:
			return netip.Addr{}, verdict(p, reason, failure)
		case statusConnectionLost, statusDisconnected:
			if begun || reason != before {
				return netip.Addr{}, verdict(p, reason, failure)
			}
			failure = verdict(p, reason, netlink.ErrConnectTimeout)
		}
		if waited >= p.ConnectTimeout {
			if failure == netlink.ErrConnectFailed {
				failure = netlink.ErrConnectTimeout
			}
			return netip.Addr{}, failure
		}
		if err := c.eng.Pause(c.bus.lim.join); err != nil {
			return netip.Addr{}, err
		}
	}
}

// beginJoin tells the chip to join, and returns the reason of the last
// disconnection before that.
func (c *chip) beginJoin(p *netlink.ConnectParams) (reason byte, err error) {
	b := &c.bus
	c.eng.Take()
	defer c.eng.Give()
	c.ap = false
	if reason, err = c.reason(); err != nil {
		return 0, err
	}
	// Again, should the chip have reset itself meanwhile.
	if err = c.applyPower(); err != nil {
		return 0, err
	}
	if p.Hostname != "" {
		if err = b.setHostname(p.Hostname); err != nil {
			return 0, err
		}
	}
	if err = c.setStatic(); err != nil {
		return 0, err
	}
	switch {
	case c.cfg.Enterprise != nil && p.Passphrase == "":
		err = c.joinEnterprise(p.Ssid)
	case p.AuthType == netlink.AuthTypeOpen:
		err = b.setNet(p.Ssid)
	default:
		err = b.setPassphrase(p.Ssid, p.Passphrase)
	}
	return reason, err
}

// setStatic sets the address of Config, if there is one.
func (c *chip) setStatic() error {
	st := c.cfg.Static
	if st == nil {
		return nil
	}
	if err := c.bus.setIPConfig(four(st.Addr), four(st.Gateway), four(st.Mask)); err != nil {
		return err
	}
	n := byte(0)
	for _, dns := range st.DNS {
		if dns.Is4() {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return c.bus.setDNS(n, four(st.DNS[0]), four(st.DNS[1]))
}

// four returns an address's bytes, zeros if it has none.
func four(a netip.Addr) (b [4]byte) {
	if a = a.Unmap(); a.Is4() {
		b = a.As4()
	}
	return b
}

// joinEnterprise begins to join a network by WPA2 Enterprise.
func (c *chip) joinEnterprise(ssid string) error {
	b, ent := &c.bus, c.cfg.Enterprise
	identity := ent.Identity
	if identity == "" {
		identity = ent.User
	}
	if !c.fw.adafruit {
		return b.setEnterprise(ssid, identity, ent)
	}
	if ent.Cert != "" || ent.CA != "" {
		return errEntKind
	}
	if len(identity) > 32 || len(ent.User) > 32 || len(ent.Password) > 32 {
		return errEntLong
	}
	if err := b.setText(cmdEntIdentity, identity); err != nil {
		return err
	}
	if err := b.setText(cmdEntUser, ent.User); err != nil {
		return err
	}
	if err := b.setText(cmdEntPassword, ent.Password); err != nil {
		return err
	}
	b.start(cmdEntEnable, 0)
	if err := b.acknowledged(b.askByte(b.lim.command)); err != nil {
		return err
	}
	return b.setNet(ssid)
}

// become makes the chip an access point.
func (c *chip) become(p *netlink.ConnectParams) (netip.Addr, error) {
	b := &c.bus
	c.eng.Take()
	err := c.applyPower()
	ok := false
	if err == nil {
		ok, err = b.setAP(p.Ssid, p.Passphrase, max(c.cfg.APChannel, 1))
	}
	if err == nil && ok {
		err = c.setStatic() // before, it would be the station's
	}
	c.ap = ok
	c.eng.Give()
	if err != nil {
		return netip.Addr{}, err
	}
	if !ok {
		return netip.Addr{}, errAPFailed
	}
	if c.fw.arduino32() {
		// It tells the station's address only.
		if st := c.cfg.Static; st != nil {
			return st.Addr, nil
		}
		return netip.AddrFrom4([4]byte{192, 168, 4, 1}), nil
	}
	return c.address()
}

// state returns the state of the station, and if it is not connected the
// reason of its last disconnection.
func (c *chip) state() (st, reason byte, err error) {
	b := &c.bus
	c.eng.Take()
	defer c.eng.Give()
	if st, err = b.status(); err == nil && st != statusConnected {
		reason, err = c.reason()
	}
	return st, reason, err
}

// reason returns why the station was disconnected last, 0 if the firmware does
// not tell.
func (c *chip) reason() (byte, error) {
	if !c.fw.tellsReason() {
		return 0, nil
	}
	return c.bus.reason()
}

// verdict turns the reason of a failed attempt into an error.
func verdict(p *netlink.ConnectParams, reason byte, otherwise error) error {
	switch reason {
	case reasonNoAccessPoint:
		return netlink.ErrNoAccessPoint
	case reasonAuthExpired, reasonHandshakeTimeout, reasonAuthFailed, reasonHandshake:
		if p.AuthType != netlink.AuthTypeOpen {
			return netlink.ErrAuthFailure
		}
	}
	return otherwise
}

// leaveFirst ends what the chip was doing and waits until that shows.
func (c *chip) leaveFirst() error {
	st, _, err := c.state()
	if err != nil || st == statusIdle && !c.ap {
		return err
	}
	c.eng.Take()
	err = c.Leave()
	c.eng.Give()
	for waited := 0 * c.bus.lim.join; err == nil && waited < c.bus.lim.settle; waited += c.bus.lim.join {
		if st, _, err = c.state(); st != statusConnected && st != statusConnecting && st != statusAPListening && st != statusAPConnected {
			break
		}
		if err := c.eng.Pause(c.bus.lim.join); err != nil {
			return err
		}
	}
	return err
}

// Leave leaves the network, or ends the access point.
func (c *chip) Leave() error {
	if c.ap && c.fw.arduino32() {
		return c.start() // nothing else ends it
	}
	c.ap = false
	return c.bus.disconnect()
}

// address asks for the address that the chip has.
func (c *chip) address() (netip.Addr, error) {
	c.eng.Take()
	ip, err := c.bus.ipConfig()
	c.eng.Give()
	if err != nil {
		return netip.Addr{}, err
	}
	if ip == [4]byte{} {
		return netip.Addr{}, netdev.ErrStartingDHCPClient
	}
	return netip.AddrFrom4(ip), nil
}

// Check returns whether the chip is still connected.
func (c *chip) Check() (up bool, err error) {
	c.tidy()
	c.sweep() // if it fails, the next does it
	// Nothing guards the byte on the wire, and much depends on it, so a bad one
	// is asked for twice.
	for try := 0; try < 2; try++ {
		st, err := c.bus.status()
		if err != nil {
			return false, err
		}
		switch {
		case c.ap && c.fw.arduino32():
			return true, nil // its status does not tell of access points
		case c.ap && (st == statusAPListening || st == statusAPConnected), !c.ap && st == statusConnected:
			return true, nil
		}
	}
	return false, nil
}

// Resolve looks up a host. The chip does nothing else meanwhile.
func (c *chip) Resolve(name string) (netip.Addr, error) {
	ip, ok, err := c.bus.resolve(name)
	if err == errLate {
		if late := c.eng.Interrupted(); late != nil {
			err = late
		}
	}
	switch {
	case err != nil:
		return netip.Addr{}, err
	case !ok:
		return netip.Addr{}, netdev.ErrHostUnknown
	}
	return netip.AddrFrom4(ip), nil
}

// Signal reads GPIO0, which is high while a slot has something to read.
func (c *chip) Signal() bool { return c.bus.gpio0.Get() }

// Attend does nothing: the chip tells nothing unasked but by GPIO0.
func (c *chip) Attend() error { return nil }

// The methods of sockets go to the one or the other of the firmware's two kinds.

// slotted reports whether the socket is, or is to be, a slot.
func (c *chip) slotted(s *offload.Socket) bool { return s.Signalled }

// Open makes a socket.
func (c *chip) Open(s *offload.Socket) error {
	if c.fw.descriptors && s.Kind != offload.TLS {
		return c.openDescriptor(s)
	}
	return c.openSlot(s)
}

// Bind gives a socket its local port.
func (c *chip) Bind(s *offload.Socket, port uint16) error {
	if c.slotted(s) {
		return c.bindSlot(s, port)
	}
	return c.bindDescriptor(s, port)
}

// Listen makes a socket a listener.
func (c *chip) Listen(s *offload.Socket, backlog int) error {
	if s.Kind == offload.TLS {
		return errTLSServer
	}
	if c.slotted(s) {
		return c.listenSlot(s)
	}
	return c.listenDescriptor(s, backlog)
}

// Accept takes a connection.
func (c *chip) Accept(l, s *offload.Socket) (bool, error) {
	if c.slotted(l) {
		return c.acceptSlot(l, s)
	}
	return c.acceptDescriptor(l, s)
}

// Connect connects a socket.
func (c *chip) Connect(s *offload.Socket, host string, to netip.AddrPort) (bool, error) {
	if c.slotted(s) {
		return c.connectSlot(s, host, to)
	}
	return c.connectDescriptor(s, to)
}

// Send sends on a stream.
func (c *chip) Send(s *offload.Socket, p []byte) (int, error) {
	if c.slotted(s) {
		return c.sendSlot(s, p)
	}
	return c.sendDescriptor(s, p)
}

// SendTo sends a datagram.
func (c *chip) SendTo(s *offload.Socket, p []byte, to netip.AddrPort) (bool, error) {
	if c.slotted(s) {
		return c.sendToSlot(s, p, to)
	}
	return c.sendToDescriptor(s, p, to)
}

// Recv receives from a stream.
func (c *chip) Recv(s *offload.Socket, p []byte, sure bool) (int, error) {
	if c.slotted(s) {
		return c.recvSlot(s, p, sure)
	}
	return c.recvDescriptor(s, p, sure)
}

// RecvFrom receives a datagram.
func (c *chip) RecvFrom(s *offload.Socket, p []byte) (int, netip.AddrPort, bool, error) {
	if c.slotted(s) {
		return c.recvFromSlot(s, p)
	}
	return c.recvFromDescriptor(s, p)
}

// Poll asks what a socket is ready for.
func (c *chip) Poll(s *offload.Socket, want offload.Ready) (offload.Ready, error) {
	if c.slotted(s) {
		return c.pollSlot(s, want)
	}
	return c.pollDescriptor(s, want)
}

// Drain discards what a stream has received.
func (c *chip) Drain(s *offload.Socket) (bool, error) {
	if c.slotted(s) {
		return c.drainSlot(s)
	}
	n, err := c.bus.discard(byte(s.Handle))
	return n > 0, err
}

// Close closes a socket.
func (c *chip) Close(s *offload.Socket) error {
	if c.slotted(s) {
		return c.closeSlot(s)
	}
	return c.closeDescriptor(s)
}

// SetOption sets an option.
func (c *chip) SetOption(s *offload.Socket, level, opt int, value any) error {
	on, ok := value.(bool)
	if !ok || level != netdev.SOL_SOCKET || c.slotted(s) {
		return netdev.ErrNotSupported
	}
	var name [4]byte
	switch opt {
	case netdev.SO_KEEPALIVE:
		name = optKeepAlive
	case netdev.SO_BROADCAST:
		name = optBroadcast
	case netdev.SO_REUSEADDR:
		name = optReuse
	default:
		return netdev.ErrNotSupported
	}
	arg := longZero
	if on {
		arg = longOne
	}
	done, err := c.bus.setOption(byte(s.Handle), name, arg)
	if err == nil && !done {
		err = c.why(netdev.ErrNotSupported)
	}
	return err
}

// addrPort converts an address of the chip's.
func (a addr) addrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(a.ip), a.port)
}

// addrOf converts an IPv4 address.
func addrOf(a netip.AddrPort) addr { return addr{four(a.Addr()), a.Port()} }
