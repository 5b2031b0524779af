package network

import (
	"fmt"
	"net/netip"
)

// AccessPoint is the Wi-Fi network of a board that is an access point itself.
type AccessPoint struct {
	SSID       string
	Passphrase string       // empty for an open network
	Channel    uint8        // for whoever looks for it
	Addr       netip.Prefix // the board's address and the size of its network
	MaxJoined  int          // stations at a time; 0: no limit
}

// accessPoint is a board as an access point, on a fabric of its own.
type accessPoint struct {
	AccessPoint
	f      *fabric
	n      *node
	joined map[netip.Addr]*node
	over   bool
}

// newAccessPoint makes the fabric of a board's own network.
func newAccessPoint(outside *fabric, p Params, ap AccessPoint, gate netip.Addr) *accessPoint {
	f := newFabric(outside.clk, ap.Addr, gate)
	f.silent, f.real = outside.silent, outside.real
	a := &accessPoint{AccessPoint: ap, f: f, joined: make(map[netip.Addr]*node)}
	f.lock()
	a.n = f.attach(ap.Addr.Addr(), p, false)
	f.unlock()
	return a
}

// free returns the lowest address behind the board's that nobody has; the
// invalid one if there is none. It is called with the fabric locked.
func (a *accessPoint) free() netip.Addr {
	for addr := a.Addr.Addr().Next(); a.Addr.Contains(addr); addr = addr.Next() {
		if a.f.nodes[addr] == nil && !a.f.isBroadcast(addr) {
			return addr
		}
	}
	return netip.Addr{}
}

// end takes the stations off the air. It is called with the fabric locked.
func (a *accessPoint) end() {
	a.over = true
	for _, n := range a.joined {
		n.detach()
	}
	clear(a.joined)
}

// AccessPoint attaches a board that is an access point: a network apart, with
// nobody on it until somebody joins (see Join), and with the conditions of
// this one. It ends when the station is closed.
func (v *Virtual) AccessPoint(p Params, ap AccessPoint) Station {
	a := newAccessPoint(v.f, p, ap, netip.Addr{})
	v.Conditions.add(a.f)
	v.mu.Lock()
	v.aps = append(v.aps, a)
	v.mu.Unlock()
	return &station{n: a.n, ap: a, lookup: noDNS, ended: func() {
		v.Conditions.remove(a.f)
		v.mu.Lock()
		defer v.mu.Unlock()
		for i := range v.aps {
			if v.aps[i] == a {
				v.aps = append(v.aps[:i:i], v.aps[i+1:]...)
				break
			}
		}
	}}
}

// Join adds a station to the network of a board that is an access point. It
// gets the lowest free address behind the board's, can dial and listen as any
// machine can, and is there until it leaves (see VirtualHost.Leave) or the
// access point ends. ErrNoAccessPoint, ErrWrongPassphrase or ErrFull where that
// fails.
func (v *Virtual) Join(ssid, passphrase string) (*VirtualHost, error) {
	v.mu.Lock()
	aps := append([]*accessPoint(nil), v.aps...)
	v.mu.Unlock()
	err := ErrNoAccessPoint
	for _, a := range aps {
		if a.SSID != ssid {
			continue
		}
		var h *VirtualHost
		if h, err = a.join(passphrase); err == nil {
			return h, nil
		}
	}
	return nil, fmt.Errorf("join %q: %w", ssid, err)
}

func (a *accessPoint) join(passphrase string) (*VirtualHost, error) {
	a.f.lock()
	defer a.f.unlock()
	addr := a.free()
	switch {
	case a.over:
		return nil, ErrNoAccessPoint
	case a.Passphrase != "" && a.Passphrase != passphrase:
		return nil, ErrWrongPassphrase
	case a.MaxJoined > 0 && len(a.joined) >= a.MaxJoined, !addr.IsValid():
		return nil, ErrFull
	}
	n := a.f.attach(addr, hostParams, true)
	a.joined[addr] = n
	a.n.onLink.notify(a.f)
	return &VirtualHost{n: n, ap: a}, nil
}

// Leave takes a machine off the network of a board that it has joined: the
// board hears no more of it. Other machines cannot leave.
func (h *VirtualHost) Leave() {
	h.n.f.lock()
	defer h.n.f.unlock()
	if h.ap == nil || h.n.closed {
		return
	}
	h.n.detach()
	delete(h.ap.joined, h.n.addr)
	h.ap.n.onLink.notify(h.n.f)
}

// AccessPoint attaches a board that is an access point: a network apart, whose
// only station is this machine, at the address behind the board's. The board's
// ports appear on the host where they do when it is a station itself.
func (h *Host) AccessPoint(p Params, ap AccessPoint) Station {
	a := newAccessPoint(h.f, p, ap, ap.Addr.Addr().Next())
	a.f.alone = true
	h.own(a.f)
	// The board's place on the outer network is kept for it.
	seat := newStation(h.f, p, h.lookup)
	seat.SetLink(false)
	a.f.lock()
	a.n.ident = seat.n.ident
	a.joined[a.f.gate] = a.f.host
	a.f.unlock()
	h.known(a.n)
	return &station{n: a.n, ap: a, lookup: noDNS, ended: func() {
		h.Conditions.remove(a.f)
		seat.Close()
	}}
}
