package offload

import (
	"net/netip"
	"time"

	"tinynet/netdev"
)

// GetHostByName looks up an address of a host, IPv4 if there is one. Most chips do nothing else
// meanwhile, which may be many seconds if no name server answers.
func (u *Device) GetHostByName(name string) (netip.Addr, error) {
	d := u.dev()
	return d.lookUp(name, 0, nil)
}

// LookupHost looks up a host's address, of which it returns one. network is "ip",
// "ip4", or "ip6" if the chip has IPv6.
func (u *Device) LookupHost(network, name string, deadline time.Time) ([]netip.Addr, error) {
	d := u.dev()
	var six Resolver6
	if network == "ip6" && d.hasIPv6() {
		six, _ = d.chip.(Resolver6)
	}
	if network == "ip6" && six == nil {
		return nil, errNotIPv4
	}
	a, err := d.lookUp(name, d.instantOf(deadline), six)
	if needIPv6 && err == nil && network == "ip4" && !a.Is4() {
		err = netdev.ErrHostUnknown
	}
	if err != nil {
		return nil, err
	}
	return []netip.Addr{a}, nil
}

// lookUp is GetHostByName until the given instant, if that is not 0; for an IPv6
// address if six is not nil.
func (d *device) lookUp(name string, until instant, six Resolver6) (netip.Addr, error) {
	if ip, ok := ParseIPv4(name); ok {
		return netip.AddrFrom4(ip), nil
	}
	if looks6(name) {
		if !d.hasIPv6() {
			return netip.Addr{}, errNotIPv4
		}
		ip, ok := ParseIPv6(zoneless(name))
		if !ok {
			return netip.Addr{}, netdev.ErrHostUnknown
		}
		return netip.AddrFrom16(ip).Unmap(), nil
	}
	if len(name) > 1 && name[len(name)-1] == '.' {
		name = name[:len(name)-1]
	}
	if len(name) > 255 {
		return netip.Addr{}, errLongName
	}
	if !printable(name) {
		return netip.Addr{}, netdev.ErrHostUnknown
	}
	if err := d.isUp(); err != nil {
		return netip.Addr{}, err
	}
	if until == 0 {
		d.take(&d.bus)
	} else if d.now() >= until || !d.takeBy(until) {
		return netip.Addr{}, netdev.ErrTimeout
	}
	var a netip.Addr
	err := d.alive()
	if err == nil {
		d.until, d.resolving = until, true
		if six != nil {
			a, err = six.Resolve6(name)
		} else {
			a, err = d.chip.Resolve(name)
		}
		d.until, d.resolving = 0, false
	}
	d.give()
	if err == nil && !a.IsValid() {
		err = netdev.ErrHostUnknown
	}
	return a, err
}

// printable reports whether a name is not empty and has no bytes that no
// host's name has, and that a chip might take for its end.
func printable(name string) bool {
	for i := 0; i < len(name); i++ {
		if name[i] <= ' ' || name[i] == 0x7F {
			return false
		}
	}
	return name != ""
}

// takeBy takes the bus if that can be done in time.
func (d *device) takeBy(until instant) bool {
	var s sleeper
	d.mu.Lock()
	w := d.newWaiter()
	in := d.bus.enter(w)
	for !in {
		left := until - d.now()
		if left <= 0 {
			d.bus.abandon(w)
			break
		}
		d.mu.Unlock()
		s.sleep(time.Duration(left), &w.wake)
		d.mu.Lock()
		in = w.through
	}
	d.oldWaiter(w)
	d.mu.Unlock()
	return in
}
