package offload

import (
	"net/netip"
	"time"

	"tinynet/netdev"
)

// GetHostByName looks up an address of a host, IPv4 if there is one. Most chips do nothing else
// meanwhile, which may be many seconds if no name server answers.
func (d *Device) GetHostByName(name string) (netip.Addr, error) {
	return d.lookUp(name, 0, nil)
}

// LookupHost looks up a host's address, of which it returns one. network is "ip",
// "ip4", or "ip6" if the chip has IPv6.
func (d *Device) LookupHost(network, name string, deadline time.Time) ([]netip.Addr, error) {
	six, ok := d.chip.(Resolver6)
	if network != "ip6" {
		six = nil
	} else if !ok || !d.hasIPv6() {
		return nil, errNotIPv4
	}
	a, err := d.lookUp(name, d.instantOf(deadline), six)
	if err == nil && network == "ip4" && !a.Is4() {
		err = netdev.ErrHostUnknown
	}
	if err != nil {
		return nil, err
	}
	return []netip.Addr{a}, nil
}

// lookUp is GetHostByName until the given instant, if that is not 0; for an IPv6
// address if six is not nil.
func (d *Device) lookUp(name string, until instant, six Resolver6) (netip.Addr, error) {
	if ip, err := netip.ParseAddr(name); err == nil {
		if ip = ip.Unmap(); !ip.Is4() && !d.hasIPv6() {
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
	if !printable(name) {
		return netip.Addr{}, netdev.ErrHostUnknown
	}
	if err := d.isUp(); err != nil {
		return netip.Addr{}, err
	}
	if until == 0 {
		d.owner <- struct{}{}
	} else if !d.takeBy(until) {
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
func (d *Device) takeBy(until instant) bool {
	if d.now() >= until {
		return false
	}
	if d.tryTake() {
		return true
	}
	t := time.NewTimer(time.Duration(until - d.now()))
	defer t.Stop()
	select {
	case d.owner <- struct{}{}:
		return true
	case <-t.C:
		return false
	}
}
