//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tinynet/netdev"
)

// The system's files and name. Tests have their own.
var (
	hostsFile  = "/etc/hosts"
	resolvFile = "/etc/resolv.conf"
	hostname   = os.Hostname
)

var errNotInHosts = wrap("not in /etc/hosts, and hostnet asks no DNS server", netdev.ErrHostUnknown)

// GetHostByName is LookupHost for one address, IPv4 if there is one.
func (d *Device) GetHostByName(name string) (netip.Addr, error) {
	all, err := d.LookupHost("ip", name, time.Time{})
	if err != nil {
		return netip.Addr{}, err
	}
	for _, ip := range all {
		if ip.Is4() {
			return ip, nil
		}
	}
	return all[0], nil
}

// LookupHost returns the addresses of a host: literal addresses, those in
// /etc/hosts, and those of localhost. It does not ask DNS servers, which is
// for package net, and gives netdev.ErrHostUnknown for other names. network is
// "ip", "ip4" or "ip6".
func (d *Device) LookupHost(network, name string, deadline time.Time) ([]netip.Addr, error) {
	if passed(deadline) {
		return nil, netdev.ErrTimeout
	}
	fits := func(ip netip.Addr) bool { return true }
	switch network {
	case "ip":
	case "ip4":
		fits = netip.Addr.Is4
	case "ip6":
		fits = netip.Addr.Is6
	default:
		return nil, wrap("network "+strconv.Quote(network), netdev.ErrNotSupported)
	}
	var all []netip.Addr
	if ip, err := netip.ParseAddr(name); err == nil {
		all = []netip.Addr{ip.Unmap()}
	} else if all = inHosts(name); all == nil && isLocalhost(name) {
		all = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	var found []netip.Addr
	for _, ip := range all {
		if fits(ip) {
			found = append(found, ip)
		}
	}
	if found == nil {
		return nil, errNotInHosts
	}
	return found, nil
}

// lookupFor returns an address of a host for a socket of the system's family
// domain.
func (d *Device) lookupFor(domain int, host string) (netip.Addr, error) {
	network := "ip4"
	if domain == syscall.AF_INET6 {
		network = "ip6"
	}
	all, err := d.LookupHost(network, host, time.Time{})
	if err != nil {
		return netip.Addr{}, err
	}
	return all[0], nil
}

// isLocalhost reports whether name is localhost or below it (RFC 6761).
func isLocalhost(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// inHosts returns the addresses that /etc/hosts has for a name, in its order.
func inHosts(name string) (found []netip.Addr) {
	name = strings.TrimSuffix(name, ".")
	eachLine(hostsFile, func(fields []string) {
		ip, err := netip.ParseAddr(fields[0])
		if err != nil {
			return
		}
		for _, other := range fields[1:] {
			if strings.EqualFold(strings.TrimSuffix(other, "."), name) {
				found = append(found, ip.Unmap())
				return
			}
		}
	})
	return found
}

// DNSServers returns the DNS servers of /etc/resolv.conf, at most three. Without
// any it returns port 53 of this machine, as resolv.conf(5) says.
func (d *Device) DNSServers() []netip.AddrPort {
	var servers []netip.AddrPort
	eachLine(resolvFile, func(fields []string) {
		if fields[0] != "nameserver" || len(fields) < 2 || len(servers) == 3 {
			return
		}
		if ip, err := netip.ParseAddr(fields[1]); err == nil {
			servers = append(servers, netip.AddrPortFrom(ip.Unmap(), 53))
		}
	})
	if servers == nil {
		servers = []netip.AddrPort{
			netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53),
			netip.AddrPortFrom(netip.IPv6Loopback(), 53),
		}
	}
	return servers
}

// DNSSearch returns the domains of /etc/resolv.conf in which names are looked up that
// have fewer than ndots dots. Without any it is the domain that this
// machine is in, if its name tells.
func (d *Device) DNSSearch() (domains []string, ndots int) {
	ndots = 1
	eachLine(resolvFile, func(fields []string) {
		switch fields[0] {
		case "domain", "search": // the last one counts
			domains = nil
			for _, domain := range fields[1:] {
				if domain != "." { // no domain at all
					domains = append(domains, domain)
				}
			}
		case "options":
			for _, o := range fields[1:] {
				if text, ok := strings.CutPrefix(o, "ndots:"); ok {
					ndots = upTo15(text) // resolv.conf(5)'s limit
				}
			}
		}
	})
	if domains == nil {
		host, err := hostname()
		if _, domain, ok := strings.Cut(host, "."); err == nil && ok && domain != "" {
			domains = []string{domain}
		}
	}
	return domains, ndots
}

// upTo15 returns the number that text begins with, but at most 15, and 0 if there
// is none.
func upTo15(text string) (n int) {
	for i := 0; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		n = min(10*n+int(text[i]-'0'), 15)
	}
	return n
}

// eachLine calls f with the words of each line of a file. Comments begin with #,
// and ; where a line does. A file that cannot be read is empty.
func eachLine(file string, f func(fields []string)) {
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	for _, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 && fields[0][0] != ';' {
			f(fields)
		}
	}
}
