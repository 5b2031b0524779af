package wifinina

import (
	"net"
	"net/netip"
	"time"
	"unsafe"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
)

// face is a *chip as package offload has it: in an interface. It does not say so
// because the board's program would describe the chip, and what it leads to, in flash.
type face struct{ p unsafe.Pointer }

func (f face) chip() *chip { return (*chip)(f.p) }

// chip is the driver.
type chip struct {
	bus       bus
	eng       *offload.Engine
	cfg       Config
	fw        firmware
	ap        bool // it is an access point
	powerSave bool
	cause     error              // see because
	joinCause error              // see joinBecause
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

// Start resets the chip and gets to know it.
func (f face) Start() error {
	c := f.chip()
	if err := c.wire(); err != nil {
		return err
	}
	err := c.start()
	if err == errGarbled || err == errRefused {
		err = c.start() // noise at power-up
	}
	return c.err(err)
}

func (c *chip) start() fault {
	b := &c.bus
	if err := b.reset(); err != 0 {
		return err
	}
	c.orphans, c.ap = false, false
	c.kept, c.from = [maxSockets]uint16{}, [maxSockets]addr{}
	if err := c.identify(); err != 0 {
		return err
	}
	return c.applyPower()
}

// applyPower sets the power mode: the firmware's default is modem sleep, which
// delays received frames.
func (c *chip) applyPower() fault {
	mode := byte(0)
	if c.powerSave {
		mode = 1
	}
	if err := c.bus.setPowerMode(mode); err != errRefused {
		return err
	}
	return 0
}

// HardwareAddr returns the MAC address.
func (f face) HardwareAddr() (net.HardwareAddr, error) {
	c := f.chip()
	mac, err := c.bus.mac()
	if err == errGarbled || err == errRefused {
		mac, err = c.bus.mac()
	}
	if err != 0 {
		return nil, c.err(err)
	}
	if c.fw.macReversed() {
		for i, j := 0, len(mac)-1; i < j; i, j = i+1, j-1 {
			mac[i], mac[j] = mac[j], mac[i]
		}
	}
	return mac[:], nil
}

// Broken reports whether the chip has to be reset.
func (f face) Broken() bool { return f.chip().bus.broken() }

// CheckParams checks what Config has beside the parameters.
func (f face) CheckParams(p *netlink.ConnectParams) error {
	c := f.chip()
	if c.cfg.APChannel > 13 {
		return errChannel
	}
	if st := c.cfg.Static; needStatic && st != nil && (!st.Addr.Is4() || !st.Mask.Is4()) {
		return errStatic
	}
	if ent := c.cfg.Enterprise; needEnterprise && ent != nil && p.ConnectMode == netlink.ConnectModeSTA && p.Passphrase == "" {
		if len(ent.Identity) > 128 || len(ent.User) > 128 || len(ent.Password) > 128 ||
			len(ent.CA)+len(ent.Cert)+len(ent.Key) > 4000-4*128 {
			return errEntLong
		}
	}
	return nil
}

// Join makes an attempt to join a network or to become an access point.
func (f face) Join(p *netlink.ConnectParams) (netip.Addr, error) {
	c := f.chip()
	ip, err := c.join(p)
	if err != 0 {
		return netip.Addr{}, c.err(err)
	}
	return netip.AddrFrom4(ip), nil
}

func (c *chip) join(p *netlink.ConnectParams) (ip [4]byte, err fault) {
	if err = c.leaveFirst(); err != 0 {
		return ip, err
	}
	if offload.IsAP(p) {
		return c.become(p)
	}
	before, err := c.beginJoin(p)
	if err != 0 {
		return ip, err
	}
	if err = c.awaitJoin(p, before); err != 0 {
		return ip, err
	}
	return c.address()
}

// awaitJoin waits until the chip has joined a network. before is the reason of the
// last disconnection before that.
func (c *chip) awaitJoin(p *netlink.ConnectParams, before byte) fault {
	// Arduino's firmware passes through "connecting", after which any state
	// of failure is final. Adafruit's from 3.0 on may stay at idle or disconnected until
	// it is connected, and tries again by itself: there only a new reason tells
	// of a failure.
	begun := false
	for waited := time.Duration(0); ; waited += c.bus.lim.join.duration() {
		st, reason, err := c.state()
		if err != 0 {
			return err
		}
		failure := errConnectTimeout
		switch st {
		case statusConnected:
			return 0
		case statusConnecting:
			if begun = !c.fw.arduino32(); begun {
				break
			}
			// There it means that no access point has the name.
			if reason != before && reason != 0 {
				return verdict(p, reason, errConnectFailed)
			}
			failure = verdict(p, reason, errConnectTimeout)
		case statusConnectFailed:
			return verdict(p, reason, errConnectFailed)
		case statusConnectionLost, statusDisconnected:
			if begun || reason != before {
				return verdict(p, reason, errConnectFailed)
			}
			failure = verdict(p, reason, errConnectTimeout)
		}
		if waited >= p.ConnectTimeout {
			return failure
		}
		if err := c.pause(); err != 0 {
			return err
		}
	}
}

// pause waits between two looks at the state of the chip.
func (c *chip) pause() fault {
	if err := c.eng.Pause(c.bus.lim.join.duration()); err != nil {
		return c.joinBecause(err)
	}
	return 0
}

// beginJoin tells the chip to join, and returns the reason of the last
// disconnection before that.
func (c *chip) beginJoin(p *netlink.ConnectParams) (reason byte, err fault) {
	c.eng.Take()
	c.ap = false
	if reason, err = c.reason(); err == 0 {
		err = c.beginJoinWith(p)
	}
	c.eng.Give()
	return reason, err
}

func (c *chip) beginJoinWith(p *netlink.ConnectParams) (err fault) {
	b := &c.bus
	// Again, should the chip have reset itself meanwhile.
	if err = c.applyPower(); err != 0 {
		return err
	}
	if p.Hostname != "" {
		if err = b.setHostname(p.Hostname); err != 0 {
			return err
		}
	}
	if err = c.setStatic(); err != 0 {
		return err
	}
	switch {
	case needEnterprise && c.cfg.Enterprise != nil && p.Passphrase == "":
		return c.joinEnterprise(p.Ssid)
	case p.AuthType == netlink.AuthTypeOpen:
		return b.setNet(p.Ssid)
	}
	return b.setPassphrase(p.Ssid, p.Passphrase)
}

// setStatic sets the address of Config, if there is one.
func (c *chip) setStatic() fault {
	st := c.cfg.Static
	if !needStatic || st == nil {
		return 0
	}
	if err := c.bus.setIPConfig(four(st.Addr), four(st.Gateway), four(st.Mask)); err != 0 {
		return err
	}
	n := byte(0)
	for _, dns := range st.DNS {
		if dns.Is4() {
			n++
		}
	}
	if n == 0 {
		return 0
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

// text4 writes an address.
func text4(ip [4]byte) string {
	s := make([]byte, 0, len("255.255.255.255"))
	for i, b := range ip {
		if i > 0 {
			s = append(s, '.')
		}
		if b >= 100 {
			s = append(s, '0'+b/100)
		}
		if b >= 10 {
			s = append(s, '0'+b/10%10)
		}
		s = append(s, '0'+b%10)
	}
	return string(s)
}

// joinEnterprise begins to join a network by WPA2 Enterprise.
func (c *chip) joinEnterprise(ssid string) fault {
	b, ent := &c.bus, c.cfg.Enterprise
	identity := ent.Identity
	if identity == "" {
		identity = ent.User
	}
	if !c.fw.adafruit {
		return b.setEnterprise(ssid, identity, ent)
	}
	if ent.Cert != "" || ent.CA != "" {
		return c.joinBecause(errEntKind)
	}
	if len(identity) > 32 || len(ent.User) > 32 || len(ent.Password) > 32 {
		return c.joinBecause(errEntLong)
	}
	if err := b.setText(cmdEntIdentity, identity); err != 0 {
		return err
	}
	if err := b.setText(cmdEntUser, ent.User); err != 0 {
		return err
	}
	if err := b.setText(cmdEntPassword, ent.Password); err != 0 {
		return err
	}
	b.start(cmdEntEnable, 0)
	if err := b.acknowledged(b.askByte()); err != 0 {
		return err
	}
	return b.setNet(ssid)
}

// become makes the chip an access point.
func (c *chip) become(p *netlink.ConnectParams) (ip [4]byte, err fault) {
	b := &c.bus
	c.eng.Take()
	err = c.applyPower()
	ok := false
	if err == 0 {
		ok, err = b.setAP(p.Ssid, p.Passphrase, max(c.cfg.APChannel, 1))
	}
	if err == 0 && ok {
		err = c.setStatic() // before, it would be the station's
	}
	c.ap = ok
	c.eng.Give()
	if err != 0 {
		return ip, err
	}
	if !ok {
		return ip, c.joinBecause(errAPFailed)
	}
	if c.fw.arduino32() {
		// It tells the station's address only.
		if st := c.cfg.Static; needStatic && st != nil {
			return four(st.Addr), 0
		}
		return [4]byte{192, 168, 4, 1}, 0
	}
	return c.address()
}

// state returns the state of the station, and if it is not connected the
// reason of its last disconnection.
func (c *chip) state() (st, reason byte, err fault) {
	c.eng.Take()
	if st, err = c.bus.status(); err == 0 && st != statusConnected {
		reason, err = c.reason()
	}
	c.eng.Give()
	return st, reason, err
}

// reason returns why the station was disconnected last, 0 if the firmware does
// not tell.
func (c *chip) reason() (byte, fault) {
	if !c.fw.tellsReason() {
		return 0, 0
	}
	return c.bus.reason()
}

// verdict turns the reason of a failed attempt into an error.
func verdict(p *netlink.ConnectParams, reason byte, otherwise fault) fault {
	switch reason {
	case reasonNoAccessPoint:
		return errNoAccessPoint
	case reasonAuthExpired, reasonHandshakeTimeout, reasonAuthFailed, reasonHandshake:
		if p.AuthType != netlink.AuthTypeOpen {
			return errAuthFailure
		}
	}
	return otherwise
}

// leaveFirst ends what the chip was doing and waits until that shows.
func (c *chip) leaveFirst() fault {
	st, _, err := c.state()
	if err != 0 || st == statusIdle && !c.ap {
		return err
	}
	c.eng.Take()
	err = c.leave()
	c.eng.Give()
	for waited := span(0); err == 0 && waited < c.bus.lim.settle; waited += c.bus.lim.join {
		if st, _, err = c.state(); st != statusConnected && st != statusConnecting && st != statusAPListening && st != statusAPConnected {
			break
		}
		if err := c.pause(); err != 0 {
			return err
		}
	}
	return err
}

// Leave leaves the network.
func (f face) Leave() error {
	c := f.chip()
	return c.err(c.leave())
}

// leave leaves the network, or ends the access point.
func (c *chip) leave() fault {
	if c.ap && c.fw.arduino32() {
		return c.start() // nothing else ends it
	}
	c.ap = false
	return c.bus.disconnect()
}

// address asks for the address that the chip has.
func (c *chip) address() ([4]byte, fault) {
	c.eng.Take()
	ip, err := c.bus.ipConfig()
	c.eng.Give()
	if err == 0 && ip == [4]byte{} {
		err = errNoAddress
	}
	return ip, err
}

// Check returns whether the chip is still connected.
func (f face) Check() (up bool, err error) {
	c := f.chip()
	c.tidy()
	c.sweep() // if it fails, the next does it
	// Nothing guards the byte on the wire, and much depends on it, so a bad one
	// is asked for twice.
	for try := 0; try < 2; try++ {
		st, err := c.bus.status()
		if err != 0 {
			return false, c.err(err)
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
func (f face) Resolve(name string) (netip.Addr, error) {
	c := f.chip()
	ip, ok, err := c.bus.resolve(name)
	if err == errLate {
		err = c.late()
	} else if err == 0 && !ok {
		err = errHostUnknown
	}
	if err != 0 {
		return netip.Addr{}, c.err(err)
	}
	return netip.AddrFrom4(ip), nil
}

// Signal reads GPIO0, which is high while a slot has something to read.
func (f face) Signal() bool { return f.chip().bus.gpio0Level() }

// Attend does nothing: the chip tells nothing unasked but by GPIO0.
func (f face) Attend() error { return nil }

// The methods of sockets go to the one or the other of the firmware's two kinds.

// slotted reports whether the socket is, or is to be, a slot.
func (c *chip) slotted(s *offload.Socket) bool { return s.Signalled }

// Open makes a socket.
func (f face) Open(s *offload.Socket) error {
	c := f.chip()
	if c.fw.descriptors && !s.IsTLS() {
		return c.err(c.openDescriptor(s))
	}
	return c.err(c.openSlot(s))
}

// Bind gives a socket its local port.
func (f face) Bind(s *offload.Socket, port uint16) error {
	c := f.chip()
	if c.slotted(s) {
		return c.err(c.bindSlot(s, port))
	}
	return c.err(c.bindDescriptor(s, port))
}

// Listen makes a socket a listener.
func (f face) Listen(s *offload.Socket, backlog int) error {
	c := f.chip()
	if s.IsTLS() {
		return errTLSServer
	}
	if c.slotted(s) {
		return c.err(c.listenSlot(s))
	}
	return c.err(c.listenDescriptor(s, backlog))
}

// Accept takes a connection.
func (f face) Accept(l, s *offload.Socket) (ok bool, err error) {
	c := f.chip()
	var e fault
	if c.slotted(l) {
		ok, e = c.acceptSlot(l, s)
	} else {
		ok, e = c.acceptDescriptor(l, s)
	}
	return ok, c.err(e)
}

// Connect connects a socket.
func (f face) Connect(s *offload.Socket, host string, to netip.AddrPort) (done bool, err error) {
	c := f.chip()
	var e fault
	if c.slotted(s) {
		done, e = c.connectSlot(s, host, addrOf(to))
	} else {
		done, e = c.connectDescriptor(s, addrOf(to))
	}
	return done, c.err(e)
}

// Send sends on a stream.
func (f face) Send(s *offload.Socket, p []byte) (n int, err error) {
	c := f.chip()
	var e fault
	if c.slotted(s) {
		n, e = c.sendSlot(s, p)
	} else {
		n, e = c.sendDescriptor(s, p)
	}
	return n, c.err(e)
}

// SendTo sends a datagram.
func (f face) SendTo(s *offload.Socket, p []byte, to netip.AddrPort) (ok bool, err error) {
	c := f.chip()
	var e fault
	if c.slotted(s) {
		ok, e = c.sendToSlot(s, p, addrOf(to))
	} else {
		ok, e = c.sendToDescriptor(s, p, addrOf(to))
	}
	return ok, c.err(e)
}

// Recv receives from a stream.
func (f face) Recv(s *offload.Socket, p []byte, sure bool) (n int, err error) {
	c := f.chip()
	var e fault
	if c.slotted(s) {
		n, e = c.recvSlot(s, p, sure)
	} else {
		n, e = c.recvDescriptor(s, p, sure)
	}
	return n, c.err(e)
}

// RecvFrom receives a datagram.
func (f face) RecvFrom(s *offload.Socket, p []byte) (n int, peer netip.AddrPort, ok bool, err error) {
	c := f.chip()
	var from addr
	var e fault
	if c.slotted(s) {
		n, from, ok, e = c.recvFromSlot(s, p)
	} else {
		n, from, ok, e = c.recvFromDescriptor(s, p)
	}
	if ok {
		peer = from.addrPort()
	}
	return n, peer, ok, c.err(e)
}

// Poll asks what a socket is ready for.
func (f face) Poll(s *offload.Socket, want offload.Ready) (r offload.Ready, err error) {
	c := f.chip()
	var e fault
	if c.slotted(s) {
		r, e = c.pollSlot(s, want)
	} else {
		r, e = c.pollDescriptor(s, want)
	}
	return r, c.err(e)
}

// Drain discards what a stream has received.
func (f face) Drain(s *offload.Socket) (more bool, err error) {
	c := f.chip()
	var e fault
	if c.slotted(s) {
		more, e = c.drainSlot(s)
	} else {
		var n int
		n, e = c.bus.discard(byte(s.Handle))
		more = n > 0
	}
	return more, c.err(e)
}

// Close closes a socket.
func (f face) Close(s *offload.Socket) error {
	c := f.chip()
	if c.slotted(s) {
		return c.err(c.closeSlot(s))
	}
	return c.err(c.closeDescriptor(s))
}

// SetOption sets an option.
func (f face) SetOption(s *offload.Socket, level, opt int, value any) error {
	c := f.chip()
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
	if err == 0 && !done {
		err = c.why(errNotSupported)
	}
	return c.err(err)
}

// addrPort converts an address of the chip's.
func (a addr) addrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(a.ip), a.port)
}

// addrOf converts an IPv4 address.
func addrOf(a netip.AddrPort) addr { return addr{four(a.Addr()), a.Port()} }
