package wifinina

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
)

// NetConnect joins a network and returns when it can be used. Without
// parameters the Config given to New names the network; of several, the first
// counts.
//
// It tries params.Retries times, or for ever if that is 0, each time for
// params.ConnectTimeout. A refused passphrase (netlink.ErrAuthFailure), wrong
// parameters and a chip that does not work (netdev.ErrDevice) are errors at
// once. NetDisconnect ends the attempts.
//
// If the link is lost later, all sockets fail with netdev.ErrLinkDown. It is
// restored if params.WatchdogTimeout is not 0.
func (d *Device) NetConnect(params ...*netlink.ConnectParams) error {
	p := netlink.ConnectParams{
		Ssid:            d.cfg.Ssid,
		Passphrase:      d.cfg.Passphrase,
		Retries:         d.cfg.Retries,
		ConnectTimeout:  d.cfg.ConnectTimeout,
		WatchdogTimeout: d.cfg.WatchdogTimeout,
	}
	if len(params) > 0 && params[0] != nil {
		p = *params[0]
	}
	if err := check(&p); err != nil {
		return err
	}
	d.link <- struct{}{}
	err := d.connect(&p)
	<-d.link
	d.tell()
	return err
}

// check checks what can be checked of the parameters and fills in defaults.
func check(p *netlink.ConnectParams) error {
	switch {
	case p.ConnectMode != netlink.ConnectModeSTA:
		return errMode
	case p.Ssid == "":
		return netlink.ErrMissingSSID
	case len(p.Ssid) > 32:
		return netlink.ErrLongSSID
	case len(p.Hostname) > 32:
		return errLongHostname
	}
	if p.Passphrase == "" {
		p.AuthType = netlink.AuthTypeOpen
	}
	switch p.AuthType {
	case netlink.AuthTypeOpen:
	case netlink.AuthTypeWPA2, netlink.AuthTypeWPA, netlink.AuthTypeWPA2Mixed:
		// The firmware takes whichever of them the access point has, and a
		// key of an old WEP network by the same command: one that is too
		// short for WPA is for the access point to refuse.
		if len(p.Passphrase) > 63 {
			return netlink.ErrLongPassphrase
		}
	default:
		return netlink.ErrAuthTypeNoGood
	}
	if p.ConnectTimeout <= 0 {
		p.ConnectTimeout = netlink.DefaultConnectTimeout
	}
	return nil
}

// connect is NetConnect; the caller holds link.
func (d *Device) connect(p *netlink.ConnectParams) error {
	d.mu.Lock()
	up := d.up
	d.cancel = false
	if !up {
		d.params = *p
	}
	d.mu.Unlock()
	if up {
		return netlink.ErrConnected
	}
	broken := 0
	for try := 1; ; try++ {
		err := d.attempt()
		switch {
		case err == nil:
			d.linkUp()
			return nil
		case final(err) || try == p.Retries:
			return err
		case errors.Is(err, netdev.ErrDevice):
			if broken++; broken == 3 {
				return err
			}
		}
		if !d.pause(d.bus.lim.retry) {
			return errCancelled
		}
	}
}

// final reports whether it is no use to try again after err.
func final(err error) bool {
	switch err {
	case netlink.ErrAuthFailure, errCancelled, errNoAnswer, errNoSelect, errNoBus, errSomePins:
		return true
	}
	return errors.Is(err, errors.ErrUnsupported)
}

// attempt makes one attempt to join the network of d.params, with a reset
// before it if the chip needs one. The caller holds link.
func (d *Device) attempt() error {
	if err := d.start(); err != nil {
		return err
	}
	err := d.join()
	if errors.Is(err, netdev.ErrDevice) {
		d.started = false
		if err == errNoAnswer {
			err = errHung // a reset may help, so this is not final
		}
	}
	return err
}

// pause sleeps; it returns false as soon as NetDisconnect wants the link.
func (d *Device) pause(t time.Duration) bool {
	for {
		d.mu.Lock()
		cancel := d.cancel
		d.mu.Unlock()
		if cancel || t <= 0 {
			return !cancel
		}
		step := min(t, 50*time.Millisecond)
		time.Sleep(step)
		t -= step
	}
}

// join joins the network of d.params.
func (d *Device) join() error {
	if err := d.leave(); err != nil {
		return err
	}
	before, err := d.beginJoin()
	if err != nil {
		return err
	}
	// Arduino's firmware passes through "connecting", after which any state
	// of failure is final. Adafruit's may stay at idle or disconnected until
	// it is connected: there only a new reason tells of a failure.
	begun := false
	end := d.now() + instant(d.params.ConnectTimeout)
	for {
		st, reason, err := d.state()
		if err != nil {
			return err
		}
		failure := netlink.ErrConnectFailed
		switch st {
		case statusConnected:
			return d.address()
		case statusConnecting:
			begun = true
		case statusConnectFailed:
			return d.verdict(reason, failure)
		case statusConnectionLost, statusDisconnected:
			if begun || reason != before {
				return d.verdict(reason, failure)
			}
			failure = d.verdict(reason, netlink.ErrConnectTimeout)
		}
		if d.now() >= end {
			if failure == netlink.ErrConnectFailed {
				failure = netlink.ErrConnectTimeout
			}
			return failure
		}
		if !d.pause(d.bus.lim.join) {
			return errCancelled
		}
	}
}

// beginJoin tells the chip to join, and returns the reason of the last
// disconnection before that.
func (d *Device) beginJoin() (reason byte, err error) {
	b := &d.bus
	b.take()
	defer b.give()
	p := &d.params
	if reason, err = b.reason(); err != nil {
		return 0, err
	}
	if p.Hostname != "" {
		if err = b.setHostname(p.Hostname); err != nil {
			return 0, err
		}
	}
	if p.AuthType == netlink.AuthTypeOpen {
		return reason, b.setNet(p.Ssid)
	}
	return reason, b.setPassphrase(p.Ssid, p.Passphrase)
}

// state returns the state of the station, and if it is not connected the
// reason of its last disconnection.
func (d *Device) state() (st, reason byte, err error) {
	b := &d.bus
	b.take()
	defer b.give()
	if st, err = b.status(); err == nil && st != statusConnected {
		reason, err = b.reason()
	}
	return st, reason, err
}

// verdict turns the reason of a failed attempt into an error.
func (d *Device) verdict(reason byte, otherwise error) error {
	switch reason {
	case reasonNoAccessPoint:
		return netlink.ErrNoAccessPoint
	case reasonAuthExpired, reasonHandshakeTimeout, reasonAuthFailed, reasonHandshake:
		if d.params.AuthType != netlink.AuthTypeOpen {
			return netlink.ErrAuthFailure
		}
	}
	return otherwise
}

// leave ends what the station was doing and waits until that shows.
func (d *Device) leave() error {
	st, _, err := d.state()
	if err != nil || st == statusIdle {
		return err
	}
	b := &d.bus
	b.take()
	err = b.disconnect()
	b.give()
	for end := d.now() + instant(b.lim.settle); err == nil && d.now() < end; {
		if st, _, err = d.state(); st != statusConnected && st != statusConnecting {
			break
		}
		if !d.pause(b.lim.join) {
			return errCancelled
		}
	}
	return err
}

// address asks for the address that the chip got.
func (d *Device) address() error {
	b := &d.bus
	b.take()
	ip, err := b.ipConfig()
	b.give()
	if err != nil {
		return err
	}
	if ip == [4]byte{} {
		return netdev.ErrStartingDHCPClient
	}
	d.mu.Lock()
	d.ip = ip
	d.mu.Unlock()
	return nil
}

// linkUp makes it known that the link is up and lets the poller run.
func (d *Device) linkUp() {
	d.mu.Lock()
	d.up = true
	d.stop = false
	if d.lastPort == 0 {
		// Not the same ports after each reset: the peer may remember them.
		seed := uint32(time.Now().UnixNano()) ^ uint32(d.mac[4])<<8 ^ uint32(d.mac[5])
		d.lastPort = firstPort + uint16(seed*2654435761>>18)
	}
	d.poll.begin(d)
	d.pushEvent(netlink.EventNetUp)
	if !d.running {
		d.running = true
		go d.run()
	}
	d.mu.Unlock()
}

// linkDown fails all sockets with cause, closes them on the chip if that is
// alive, and makes it known. The caller holds link.
func (d *Device) linkDown(cause error) {
	d.mu.Lock()
	up := d.up
	d.up = false
	for i := range d.sockets {
		s := &d.sockets[i]
		if s.state == stateFree {
			continue
		}
		s.err = cause
	}
	d.wakeAll()
	if up {
		d.pushEvent(netlink.EventNetDown)
	}
	d.mu.Unlock()

	// The chip closes connected sockets by itself and hands their numbers out
	// again, so close all of them before any is opened.
	d.bus.take()
	for i := range d.sockets {
		if d.started {
			if d.closeOnChip(&d.sockets[i]) == errNoAnswer {
				d.started = false
			}
			continue
		}
		d.mu.Lock()
		d.sockets[i].onChip = false
		d.mu.Unlock()
	}
	d.bus.give()
}

// NetDisconnect leaves the network. All sockets fail with
// netdev.ErrLinkDown; an attempt to connect that is in progress ends. The
// network can be joined again by NetConnect.
func (d *Device) NetDisconnect() {
	d.mu.Lock()
	d.cancel = true
	d.mu.Unlock()
	d.link <- struct{}{}
	d.mu.Lock()
	d.stop = true
	d.mu.Unlock()
	d.kickPoller()
	d.linkDown(errNotUp)
	if d.started {
		b := &d.bus
		b.take()
		if b.disconnect() != nil {
			d.started = false // the next NetConnect resets the chip
		}
		b.give()
	}
	<-d.link
	d.tell()
}

// NetNotify names the function that is told of link events, one at a time, in
// order; nil for none. It must return soon: no socket makes progress
// meanwhile.
func (d *Device) NetNotify(cb func(netlink.Event)) {
	d.mu.Lock()
	d.notify = cb
	d.mu.Unlock()
}

// Notify is NetNotify.
func (d *Device) Notify(cb func(netlink.Event)) { d.NetNotify(cb) }

// pushEvent notes an event for tell; the caller holds mu. If nobody was told
// of the last ones yet, only the newest are kept.
func (d *Device) pushEvent(e netlink.Event) {
	if d.nevents == len(d.events) {
		copy(d.events[:], d.events[1:])
		d.nevents--
	}
	d.events[d.nevents] = e
	d.nevents++
}

// tell calls the callback for each event that was noted, with nothing locked,
// so that the callback may use the device. If it is being called already,
// whoever calls it tells the new events too.
func (d *Device) tell() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.notifying {
		return
	}
	d.notifying = true
	for d.nevents > 0 {
		e, cb := d.events[0], d.notify
		copy(d.events[:], d.events[1:])
		d.nevents--
		if cb != nil {
			d.mu.Unlock()
			cb(e)
			d.mu.Lock()
		}
	}
	d.notifying = false
}

// GetHardwareAddr returns the chip's MAC address. Before NetConnect it starts
// the chip.
func (d *Device) GetHardwareAddr() (net.HardwareAddr, error) {
	if err := d.know(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	mac := d.mac
	return mac[:], nil
}

// Addr returns the chip's own address.
func (d *Device) Addr() (netip.Addr, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.up {
		return netip.Addr{}, errNotUp
	}
	return netip.AddrFrom4(d.ip), nil
}

// GetHostByName looks up a host's IPv4 address. The chip does nothing else
// meanwhile, which may be many seconds if no name server answers.
func (d *Device) GetHostByName(name string) (netip.Addr, error) {
	if ip, err := netip.ParseAddr(name); err == nil {
		if ip = ip.Unmap(); !ip.Is4() {
			return netip.Addr{}, errNotIPv4
		}
		return ip, nil
	}
	if len(name) > 1 && name[len(name)-1] == '.' {
		name = name[:len(name)-1]
	}
	if len(name) > 255 {
		return netip.Addr{}, errLongName
	}
	for i := 0; i < len(name); i++ {
		if name[i] <= ' ' || name[i] == 0x7F {
			return netip.Addr{}, netdev.ErrHostUnknown
		}
	}
	if name == "" {
		return netip.Addr{}, netdev.ErrHostUnknown
	}
	d.mu.Lock()
	up := d.up
	d.mu.Unlock()
	if !up {
		return netip.Addr{}, errNotUp
	}
	b := &d.bus
	b.take()
	ip, ok, err := b.resolve(name)
	b.give()
	if err != nil {
		return netip.Addr{}, err
	}
	if !ok {
		return netip.Addr{}, netdev.ErrHostUnknown
	}
	return netip.AddrFrom4(ip), nil
}
