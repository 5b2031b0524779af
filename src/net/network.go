package net

import (
	"context"
	"net/netip"
	"strconv"
)

// parseNetwork splits the name of a network into its protocol, "tcp", "udp",
// "ip" or "unix", and its address family, '4', '6' or 0 for any.
func parseNetwork(network string) (proto string, family byte, err error) {
	switch network {
	case "tcp", "udp":
		return network, 0, nil
	case "tcp4", "tcp6", "udp4", "udp6":
		return network[:3], network[3], nil
	case "unix", "unixgram", "unixpacket":
		return "unix", 0, nil
	}
	// "ip4:icmp": the protocol after the colon does not matter here.
	for i := range network {
		if network[i] == ':' && i > 0 && i < len(network)-1 {
			if proto, family, ok := parseIPNetwork(network[:i]); ok {
				return proto, family, nil
			}
		}
	}
	return "", 0, UnknownNetworkError(network)
}

// parseIPNetwork is parseNetwork for "ip", "ip4" and "ip6".
func parseIPNetwork(network string) (proto string, family byte, ok bool) {
	switch network {
	case "ip":
		return "ip", 0, true
	case "ip4", "ip6":
		return "ip", network[2], true
	}
	return "", 0, false
}

// inFamily reports whether addr is of the family '4', '6' or 0. No address is
// of every family.
func inFamily(addr netip.Addr, family byte) bool {
	switch family {
	case '4':
		return !addr.IsValid() || addr.Is4()
	case '6':
		return !addr.IsValid() || addr.Is6()
	}
	return true
}

// resolve returns the addresses that address, "host:port" or for "ip" just
// "host", stands for in that protocol and family. An empty host gives one
// without an IP. host is the name that was looked up, or empty.
func (r *Resolver) resolve(ctx context.Context, proto string, family byte, address string) (addrs []netip.AddrPort, host string, err error) {
	host = address
	port := 0
	if proto != "ip" {
		if address == "" {
			return []netip.AddrPort{{}}, "", nil
		}
		if host, port, err = splitPort(proto, address); err != nil {
			return nil, "", err
		}
	}
	if host == "" {
		return []netip.AddrPort{netip.AddrPortFrom(netip.Addr{}, uint16(port))}, "", nil
	}
	ips, literal, err := r.lookupIPs(ctx, family, host)
	if err != nil {
		return nil, "", err
	}
	for _, ip := range ips {
		if family == '4' && ip == netip.IPv6Unspecified() && len(ips) == 1 {
			ip = netip.IPv4Unspecified() // no host in particular, in any family
		}
		if inFamily(ip, family) {
			addrs = append(addrs, netip.AddrPortFrom(ip, uint16(port)))
		}
	}
	if len(addrs) == 0 {
		return nil, "", &AddrError{Err: errNoSuitableAddress.Error(), Addr: host}
	}
	if literal {
		host = ""
	}
	return addrs, host, nil
}

// splitPort splits "host:port" into the host and the number of the port, which may
// be the name of a service of the protocol, "tcp" or "udp".
func splitPort(proto, address string) (host string, port int, err error) {
	host, service, err := SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, named := parsePort(service)
	switch {
	case named:
		services := tcpServices
		if proto[0] == 'u' {
			services = udpServices
		}
		if port = servicePort(services, service); port == 0 {
			err = unknownPort(proto, service)
		}
	case port < 0 || port > 65535:
		err = &AddrError{Err: "invalid port", Addr: service}
	}
	return host, port, err
}

// resolveOne returns the one address that ResolveTCPAddr and its like choose:
// an IPv4 address if there is one, in the 16-byte form that an IP has there.
func resolveOne(proto string, family byte, address string) (netip.AddrPort, error) {
	addrs, _, err := DefaultResolver.resolve(context.Background(), proto, family, address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	at := prefer4(addrs)
	if at.Addr().Is4() {
		at = netip.AddrPortFrom(netip.AddrFrom16(at.Addr().As16()), at.Port())
	}
	return at, nil
}

func prefer4(addrs []netip.AddrPort) netip.AddrPort {
	for _, a := range addrs {
		if a.Addr().Is4() {
			return a
		}
	}
	return addrs[0]
}

// plain returns the address as netip has it, with IPv4 in its 4-byte form. It
// checks what the types of this package leave open.
func plain(ip IP, port int, zone string) (netip.AddrPort, error) {
	var addr netip.Addr
	if len(ip) != 0 {
		var ok bool
		if addr, ok = netip.AddrFromSlice(ip); !ok {
			return netip.AddrPort{}, &AddrError{Err: "non-IP address", Addr: ip.String()}
		}
		addr = addr.Unmap().WithZone(zone)
	}
	if port < 0 || port > 65535 {
		return netip.AddrPort{}, &AddrError{Err: "invalid port", Addr: strconv.Itoa(port)}
	}
	return netip.AddrPortFrom(addr, uint16(port)), nil
}

// isWildcard reports whether addr names no host in particular.
func isWildcard(addr netip.Addr) bool { return !addr.IsValid() || addr.IsUnspecified() }

// unspecified returns the address that stands for all addresses of the family
// of addr: IPv4 if addr is not valid.
func unspecified(addr netip.Addr) netip.Addr {
	if addr.Is6() {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}
