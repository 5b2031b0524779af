package net

import (
	"bytes"
	"net/netip"
	"unsafe"
)

// TCPAddr is the address of one end of a TCP connection.
type TCPAddr struct {
	IP   IP
	Port int
	Zone string // zone of a scoped IPv6 address
}

// TCPAddrFromAddrPort returns addr as a TCPAddr. Its IP is nil if addr is not
// valid.
func TCPAddrFromAddrPort(addr netip.AddrPort) *TCPAddr {
	return &TCPAddr{addr.Addr().AsSlice(), int(addr.Port()), addr.Addr().Zone()}
}

// AddrPort returns the address as a netip.AddrPort. A port above 65535 is cut
// to its low 16 bits; a nil a gives the zero AddrPort.
func (a *TCPAddr) AddrPort() netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	return joinAddrPort(a.IP, a.Zone, a.Port)
}

// Network returns "tcp".
func (a *TCPAddr) Network() string { return "tcp" }

// String returns the address in the form that Dial takes, as "10.0.0.2:80".
func (a *TCPAddr) String() string {
	if a == nil {
		return "<nil>"
	}
	return hostPort(a.IP, a.Zone, a.Port)
}

func (a *TCPAddr) isWildcard() bool { return a == nil || isWildcardIP(a.IP) }

func (a *TCPAddr) opAddr() Addr {
	if a == nil {
		return nil
	}
	return a
}

// UDPAddr is the address of a UDP socket.
type UDPAddr struct {
	IP   IP
	Port int
	Zone string // zone of a scoped IPv6 address
}

// UDPAddrFromAddrPort returns addr as a UDPAddr. Its IP is nil if addr is not
// valid.
func UDPAddrFromAddrPort(addr netip.AddrPort) *UDPAddr {
	return &UDPAddr{addr.Addr().AsSlice(), int(addr.Port()), addr.Addr().Zone()}
}

// AddrPort returns the address as a netip.AddrPort. A port above 65535 is cut
// to its low 16 bits; a nil a gives the zero AddrPort.
func (a *UDPAddr) AddrPort() netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	return joinAddrPort(a.IP, a.Zone, a.Port)
}

// Network returns "udp".
func (a *UDPAddr) Network() string { return "udp" }

// String returns the address in the form that Dial takes, as "10.0.0.2:53".
func (a *UDPAddr) String() string {
	if a == nil {
		return "<nil>"
	}
	return hostPort(a.IP, a.Zone, a.Port)
}

func (a *UDPAddr) isWildcard() bool { return a == nil || isWildcardIP(a.IP) }

func (a *UDPAddr) opAddr() Addr {
	if a == nil {
		return nil
	}
	return a
}

// IPAddr is the address of a host.
type IPAddr struct {
	IP   IP
	Zone string // zone of a scoped IPv6 address
}

// Network returns "ip".
func (a *IPAddr) Network() string { return "ip" }

// String returns the address with its zone, as "fe80::1%net0".
func (a *IPAddr) String() string {
	if a == nil {
		return "<nil>"
	}
	return ipZone(a.IP, a.Zone)
}

func (a *IPAddr) isWildcard() bool { return a == nil || isWildcardIP(a.IP) }

func (a *IPAddr) opAddr() Addr {
	if a == nil {
		return nil
	}
	return a
}

// UnixAddr is the address of a Unix domain socket.
type UnixAddr struct {
	Name string
	Net  string
}

// Network returns a.Net: "unix", "unixgram" or "unixpacket".
func (a *UnixAddr) Network() string { return a.Net }

// String returns the socket's name.
func (a *UnixAddr) String() string {
	if a == nil {
		return "<nil>"
	}
	return a.Name
}

func (a *UnixAddr) isWildcard() bool { return a == nil || a.Name == "" }

func (a *UnixAddr) opAddr() Addr {
	if a == nil {
		return nil
	}
	return a
}

// hostPort returns JoinHostPort of ipZone and the port, in one allocation unless it
// is long.
func hostPort(ip IP, zone string, port int) string {
	b := append(make([]byte, 0, 32), '[')
	if len(ip) != 0 {
		if out := appendIP(b, ip); out != nil {
			b = out
		} else {
			b = append(b, ip.String()...)
		}
	}
	if zone != "" {
		b = append(append(b, '%'), zone...)
	}
	if bytes.IndexByte(b, ':') >= 0 {
		b = append(b, ']')
	} else {
		b = b[1:]
	}
	return inPlace(appendDecimal(append(b, ':'), port))
}

// inPlace returns the text in b, which nobody changes any more.
func inPlace(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// ipZone returns ip, which may be empty, and the zone if there is one.
func ipZone(ip IP, zone string) string {
	s := ""
	if len(ip) != 0 {
		s = ip.String()
	}
	if zone != "" {
		s += "%" + zone
	}
	return s
}

// isWildcardIP reports whether ip names no host in particular.
func isWildcardIP(ip IP) bool { return ip == nil || ip.IsUnspecified() }

// joinAddrPort keeps the form of ip: 16 bytes become an IPv6 address, even if
// they hold an IPv4 one.
func joinAddrPort(ip IP, zone string, port int) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr.WithZone(zone), uint16(port))
}
