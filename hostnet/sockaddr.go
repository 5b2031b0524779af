//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"net/netip"
	"syscall"
)

// sockaddrs is memory for an address as package syscall has it, to be used
// again and again.
type sockaddrs struct {
	inet4 syscall.SockaddrInet4
	inet6 syscall.SockaddrInet6
	unix  syscall.SockaddrUnix
}

// sockaddr returns an address for a socket of the system's family domain.
func (d *Device) sockaddr(domain int, ip netip.AddrPort) (syscall.Sockaddr, error) {
	return d.fill(new(sockaddrs), domain, ip)
}

// fill is sockaddr in the memory of to.
func (d *Device) fill(to *sockaddrs, domain int, ip netip.AddrPort) (syscall.Sockaddr, error) {
	addr := ip.Addr()
	switch domain {
	case syscall.AF_INET:
		to.inet4.Port = int(ip.Port())
		switch addr = addr.Unmap(); {
		case addr.Is4():
			to.inet4.Addr = addr.As4()
		case !addr.IsValid() || addr.IsUnspecified():
			to.inet4.Addr = [4]byte{}
		default:
			return nil, errFamily
		}
		return &to.inet4, nil
	case syscall.AF_INET6:
		to.inet6.Port = int(ip.Port())
		to.inet6.ZoneId = 0
		if !addr.IsValid() || addr.IsUnspecified() {
			to.inet6.Addr = [16]byte{}
			return &to.inet6, nil
		}
		to.inet6.Addr = addr.As16() // IPv4 in IPv6 form, for dual stack
		if zone := addr.Zone(); zone != "" {
			index, err := d.zones.index(zone)
			if err != nil {
				return nil, err
			}
			to.inet6.ZoneId = index
		}
		return &to.inet6, nil
	}
	return nil, errFamily
}

var errFamily = wrap("the address is of another family than the socket", syscall.EAFNOSUPPORT)

// addrPort returns the address sa, an IPv4 one never in IPv6 form. It is the
// zero AddrPort for families other than IP.
func (d *Device) addrPort(sa syscall.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(d.addr16(sa.Addr, sa.ZoneId), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

func (d *Device) addr16(b [16]byte, zone uint32) netip.Addr {
	addr := netip.AddrFrom16(b).Unmap()
	if zone != 0 && addr.Is6() {
		addr = addr.WithZone(d.zones.name(zone))
	}
	return addr
}

// path returns the path of a Unix domain socket, empty if it has none.
func path(sa syscall.Sockaddr) string {
	if sa, ok := sa.(*syscall.SockaddrUnix); ok {
		return sa.Name
	}
	return ""
}
