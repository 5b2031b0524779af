package offload

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
)

// NetConnect joins a network, or becomes an access point, and returns when the
// network can be used. Without parameters the Config given to the driver names
// it; of several, the first counts.
//
// It tries params.Retries times, or for ever if that is 0, each time for
// params.ConnectTimeout. A refused passphrase (netlink.ErrAuthFailure), wrong
// parameters, firmware that is not supported and a chip that does not work
// (netdev.ErrDevice) are errors at once. NetDisconnect ends the attempts.
//
// If the link is lost later, all sockets fail with netdev.ErrLinkDown. It is
// restored if params.WatchdogTimeout is not 0.
func (u *Device) NetConnect(params ...*netlink.ConnectParams) error {
	d := u.dev()
	given := &d.cfg.Link
	if len(params) > 0 && params[0] != nil {
		given = params[0]
	}
	if given.ConnectMode == netlink.ConnectModeAP {
		needingAP()
	}
	p := new(netlink.ConnectParams)
	*p = *given
	if err := check(p); err != nil {
		return err
	}
	if c, ok := d.chip.(Checker); ok {
		if err := c.CheckParams(p); err != nil {
			return err
		}
	}
	d.take(&d.link)
	err := d.connect(p)
	d.leave(&d.link)
	d.tell()
	return err
}

// IsAP reports whether p asks for an access point. Better than to compare: a board's
// program that never makes one is without what only that needs.
func IsAP(p *netlink.ConnectParams) bool {
	return needAP && p.ConnectMode == netlink.ConnectModeAP
}

// Checker is implemented by chips that cannot do all that ConnectParams
// offers, or have limits of their own.
type Checker interface {
	// CheckParams returns an error for what the chip cannot do. The bus is
	// not held and the chip perhaps not started.
	CheckParams(p *netlink.ConnectParams) error
}

// check checks what can be checked of the parameters and fills in defaults.
func check(p *netlink.ConnectParams) error {
	switch {
	case p.ConnectMode != netlink.ConnectModeSTA && p.ConnectMode != netlink.ConnectModeAP:
		return netlink.ErrConnectModeNoGood
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
		switch {
		case len(p.Passphrase) > 63:
			return netlink.ErrLongPassphrase
		case len(p.Passphrase) < 8 && IsAP(p):
			// To join with a short one is for the access point to refuse: it
			// may have a key of the old WEP.
			return netlink.ErrShortPassphrase
		}
	default:
		return netlink.ErrAuthTypeNoGood
	}
	if p.ConnectTimeout <= 0 {
		p.ConnectTimeout = netlink.DefaultConnectTimeout
	}
	return nil
}

// start starts the chip unless that is done. The caller holds link.
func (d *device) start() error {
	if d.started {
		return nil
	}
	d.take(&d.bus)
	err := d.chip.Start()
	d.give()
	d.started = err == nil
	return err
}

// connect is NetConnect; the caller holds link.
func (d *device) connect(p *netlink.ConnectParams) error {
	d.mu.Lock()
	up := d.up
	d.cancel = false
	d.mu.Unlock()
	if up {
		return netlink.ErrConnected
	}
	d.params = p
	broken := 0
	for try := 1; ; try++ {
		if err := d.start(); err != nil {
			return err
		}
		ip, err := d.attempt()
		switch {
		case err == nil:
			d.linkUp(ip)
			return nil
		case Same(err, netlink.ErrAuthFailure) || Same(err, errCancelled) || Is(err, errors.ErrUnsupported) || try == p.Retries:
			return err
		case Is(err, netdev.ErrDevice):
			if broken++; broken == 3 {
				return err
			}
		}
		if !d.pause(d.cfg.Times.Retry) {
			return errCancelled
		}
	}
}

// attempt makes one attempt to join the network of d.params, with a start
// before it if the chip needs one. The caller holds link.
func (d *device) attempt() (netip.Addr, error) {
	if err := d.start(); err != nil {
		return netip.Addr{}, err
	}
	ip, err := d.chip.Join(d.params)
	if Is(err, netdev.ErrDevice) {
		d.started = false
	}
	return ip, err
}

// pause sleeps; it returns false as soon as NetDisconnect wants the link.
func (d *device) pause(t time.Duration) bool {
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

// linkUp makes it known that the link is up and lets the poller run.
func (d *device) linkUp(ip netip.Addr) {
	d.mu.Lock()
	d.up = true
	d.stop = false
	d.ip = ip
	if d.lastPort == 0 {
		// Not the same ports after each reset: the peer may remember them.
		seed := uint32(d.now())
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
func (d *device) linkDown(cause error) {
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

	// A chip may close connected sockets by itself and hand their numbers out
	// again, so close all of them before any is opened.
	d.take(&d.bus)
	for i := range d.sockets {
		if d.started {
			if err := d.closeOnChip(&d.sockets[i]); err != nil && d.chip.Broken() {
				d.started = false
			}
			continue
		}
		d.mu.Lock()
		d.sockets[i].onChip = false
		d.mu.Unlock()
	}
	d.give()
}

// NetDisconnect leaves the network. All sockets fail with
// netdev.ErrLinkDown; an attempt to connect that is in progress ends. The
// network can be joined again by NetConnect.
func (u *Device) NetDisconnect() {
	d := u.dev()
	d.mu.Lock()
	d.cancel = true
	d.mu.Unlock()
	d.take(&d.link)
	d.mu.Lock()
	d.stop = true
	d.mu.Unlock()
	d.kickPoller()
	d.linkDown(errNotUp)
	if d.started {
		d.take(&d.bus)
		d.started = d.chip.Leave() == nil // otherwise the next NetConnect starts the chip
		d.give()
	}
	d.leave(&d.link)
	d.tell()
}

// NetNotify names the function that is told of link events, one at a time, in
// order; nil for none. It must return soon: no socket makes progress
// meanwhile.
func (u *Device) NetNotify(cb func(netlink.Event)) {
	d := u.dev()
	needingEvents()
	d.mu.Lock()
	d.notify = cb
	d.mu.Unlock()
}

// Notify is NetNotify.
func (u *Device) Notify(cb func(netlink.Event)) { u.NetNotify(cb) }

// pushEvent notes an event for tell; the caller holds mu. If nobody was told
// of the last ones yet, only the newest are kept.
func (d *device) pushEvent(e netlink.Event) {
	if !needEvents {
		return
	}
	if int(d.nevents) == len(d.events) {
		copy(d.events[:], d.events[1:])
		d.nevents--
	}
	d.events[d.nevents] = e
	d.nevents++
}

// tell calls the callback for each event that was noted, with nothing locked,
// so that the callback may use the device. If it is being called already,
// whoever calls it tells the new events too.
func (d *device) tell() {
	if !needEvents {
		return
	}
	d.mu.Lock()
	if !d.notifying {
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
	d.mu.Unlock()
}

// Hardware is implemented by chips that know their MAC address.
type Hardware interface {
	// HardwareAddr returns the MAC address. The bus is held.
	HardwareAddr() (net.HardwareAddr, error)
}

// GetHardwareAddr returns the chip's MAC address. Before NetConnect it starts
// the chip.
func (u *Device) GetHardwareAddr() (net.HardwareAddr, error) {
	d := u.dev()
	h, ok := d.chip.(Hardware)
	if !ok {
		return nil, netdev.ErrNotSupported
	}
	e := u.Engine()
	if err := e.Begin(false); err != nil {
		return nil, err
	}
	mac, err := h.HardwareAddr()
	e.Give()
	return mac, err
}

// isUp returns an error unless the link is up.
func (d *device) isUp() error {
	d.mu.Lock()
	up := d.up
	d.mu.Unlock()
	if !up {
		return errNotUp
	}
	return nil
}

// Addr returns the chip's own address.
func (u *Device) Addr() (netip.Addr, error) {
	return u.dev().addr()
}

func (d *device) addr() (ip netip.Addr, err error) {
	d.mu.Lock()
	if d.up {
		ip = d.ip
	} else {
		err = errNotUp
	}
	d.mu.Unlock()
	return ip, err
}
