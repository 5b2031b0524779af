package net

import (
	"context"
	"net/netip"
	"strings"
	"time"
)

// DefaultResolver is the Resolver of the Lookup functions and of a Dialer that
// has none.
var DefaultResolver = &Resolver{}

// Resolver looks up names and numbers. The device does the work: it has the
// address of the DNS server. Literal addresses and the name localhost never
// reach it.
type Resolver struct {
	// PreferGo changes nothing: there is one way to look up.
	PreferGo bool

	// StrictErrors changes nothing: an error of the device fails the look-up
	// in any case.
	StrictErrors bool

	// Dial must be nil: the device does not use it. Look-ups of a Resolver
	// that has it fail.
	Dial func(ctx context.Context, network, address string) (Conn, error)
}

// An SRV is a DNS record of a service.
type SRV struct {
	Target   string
	Port     uint16
	Priority uint16
	Weight   uint16
}

// An MX is a DNS record of a mail server.
type MX struct {
	Host string
	Pref uint16
}

// An NS is a DNS record of a name server.
type NS struct {
	Host string
}

// LookupHost returns the addresses of a host in text. The error is a DNSError.
func LookupHost(host string) (addrs []string, err error) {
	return DefaultResolver.LookupHost(context.Background(), host)
}

// LookupHost returns the addresses of a host in text. The error is a DNSError.
func (r *Resolver) LookupHost(ctx context.Context, host string) (addrs []string, err error) {
	ips, err := r.lookup(ctx, 0, host)
	if err != nil {
		return nil, err
	}
	for _, ip := range ips {
		addrs = append(addrs, ip.String())
	}
	return addrs, nil
}

// LookupIP returns the addresses of a host. The error is a DNSError.
func LookupIP(host string) ([]IP, error) {
	return DefaultResolver.LookupIP(context.Background(), "ip", host)
}

// LookupIP returns the addresses of a host. network is "ip", "ip4" or "ip6".
func (r *Resolver) LookupIP(ctx context.Context, network, host string) ([]IP, error) {
	found, err := r.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, err
	}
	ips := make([]IP, len(found))
	for i, addr := range found {
		b := addr.As16()
		ips[i] = b[:]
	}
	return ips, nil
}

// LookupIPAddr returns the addresses of a host. The error is a DNSError.
func (r *Resolver) LookupIPAddr(ctx context.Context, host string) ([]IPAddr, error) {
	found, err := r.lookup(ctx, 0, host)
	if err != nil {
		return nil, err
	}
	ips := make([]IPAddr, len(found))
	for i, addr := range found {
		b := addr.As16()
		ips[i] = IPAddr{IP: b[:], Zone: addr.Zone()}
	}
	return ips, nil
}

// LookupNetIP returns the addresses of a host. network is "ip", "ip4" or "ip6".
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	_, family, ok := parseIPNetwork(network)
	if !ok {
		return nil, UnknownNetworkError(network)
	}
	all, err := r.lookup(ctx, family, host)
	if err != nil {
		return nil, err
	}
	var ips []netip.Addr
	for _, ip := range all {
		if inFamily(ip, family) {
			ips = append(ips, ip)
		}
	}
	if len(ips) == 0 {
		return nil, &AddrError{Err: errNoSuitableAddress.Error(), Addr: host}
	}
	return ips, nil
}

// LookupPort returns the port of a service, a name or a number.
func LookupPort(network, service string) (port int, err error) {
	return DefaultResolver.LookupPort(context.Background(), network, service)
}

// LookupPort returns the port of a service, a name or a number. network is
// "tcp", "udp" or "ip", or one of the first two with 4 or 6.
func (r *Resolver) LookupPort(ctx context.Context, network, service string) (port int, err error) {
	port, named := parsePort(service)
	if named {
		if network == "" {
			network = "ip"
		}
		return lookupPort(network, service)
	}
	if port < 0 || port > 65535 {
		return 0, &AddrError{Err: "invalid port", Addr: service}
	}
	return port, nil
}

// LookupCNAME returns the canonical name of a host. Devices do not tell it: it
// is the name itself, if that has an address.
func LookupCNAME(host string) (cname string, err error) {
	return DefaultResolver.LookupCNAME(context.Background(), host)
}

// LookupCNAME returns the canonical name of a host. Devices do not tell it: it
// is the name itself, if that has an address.
func (r *Resolver) LookupCNAME(ctx context.Context, host string) (string, error) {
	if _, err := r.lookup(ctx, 0, host); err != nil {
		return "", err
	}
	return strings.TrimSuffix(host, ".") + ".", nil
}

// LookupSRV fails: devices look up addresses only.
func LookupSRV(service, proto, name string) (cname string, addrs []*SRV, err error) {
	return DefaultResolver.LookupSRV(context.Background(), service, proto, name)
}

// LookupSRV fails: devices look up addresses only.
func (r *Resolver) LookupSRV(ctx context.Context, service, proto, name string) (string, []*SRV, error) {
	return "", nil, noRecords("SRV", name)
}

// LookupMX fails: devices look up addresses only.
func LookupMX(name string) ([]*MX, error) {
	return DefaultResolver.LookupMX(context.Background(), name)
}

// LookupMX fails: devices look up addresses only.
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]*MX, error) {
	return nil, noRecords("MX", name)
}

// LookupNS fails: devices look up addresses only.
func LookupNS(name string) ([]*NS, error) {
	return DefaultResolver.LookupNS(context.Background(), name)
}

// LookupNS fails: devices look up addresses only.
func (r *Resolver) LookupNS(ctx context.Context, name string) ([]*NS, error) {
	return nil, noRecords("NS", name)
}

// LookupTXT fails: devices look up addresses only.
func LookupTXT(name string) ([]string, error) {
	return DefaultResolver.LookupTXT(context.Background(), name)
}

// LookupTXT fails: devices look up addresses only.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return nil, noRecords("TXT", name)
}

// LookupAddr returns the names of an address. It knows localhost and fails for
// the rest: devices look up addresses only.
func LookupAddr(addr string) (names []string, err error) {
	return DefaultResolver.LookupAddr(context.Background(), addr)
}

// LookupAddr returns the names of an address. It knows localhost and fails for
// the rest: devices look up addresses only.
func (r *Resolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	ip, err := netip.ParseAddr(addr)
	switch {
	case err != nil:
		return nil, &DNSError{Err: "unrecognized address", Name: addr}
	case ip.Unmap().IsLoopback():
		return []string{"localhost"}, nil
	}
	return nil, noRecords("PTR", addr)
}

func noRecords(kind, name string) error {
	err := unsupportedError(kind + " records are not supported: the network device looks up addresses only")
	return &DNSError{UnwrapErr: err, Err: string(err), Name: name}
}

// lookup returns the addresses of a host, at least one unless there is an
// error. family is a wish: '4', '6' or 0.
func (r *Resolver) lookup(ctx context.Context, family byte, host string) ([]netip.Addr, error) {
	if host == "" {
		return nil, newDNSError(errNoSuchHost, host, "")
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	instead, done := traceLookup(ctx, host)
	var ips []netip.Addr
	var err error
	switch {
	case instead != nil:
		ips, err = instead(ctx, ipNetwork(family), host)
	case isLocalhost(host):
		ips = []netip.Addr{loopback4, loopback6}
	default:
		ips, err = r.askDevice(ctx, family, host)
	}
	if err != nil {
		err = lookupError(err, host)
	}
	done(ips, err)
	return ips, err
}

// ipNetwork returns the network whose addresses are of that family.
func ipNetwork(family byte) string {
	switch family {
	case '4':
		return "ip4"
	case '6':
		return "ip6"
	}
	return "ip"
}

// isLocalhost reports whether host is localhost or below it (RFC 6761).
func isLocalhost(host string) bool {
	host = lowerASCII(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// askDevice looks a name up on the device. It returns when ctx ends, even if
// the device does not.
func (r *Resolver) askDevice(ctx context.Context, family byte, host string) ([]netip.Addr, error) {
	if r != nil && r.Dial != nil {
		return nil, errResolverDial
	}
	dev, err := currentDevice()
	if err != nil {
		return nil, err
	}
	if ctx.Done() == nil {
		return deviceLookup(dev, family, host, time.Time{})
	}
	if ctx.Err() != nil {
		return nil, mapErr(ctx.Err())
	}
	type answer struct {
		ips []netip.Addr
		err error
	}
	done := make(chan answer, 1)
	deadline, _ := ctx.Deadline()
	go func() {
		ips, err := deviceLookup(dev, family, host, deadline)
		done <- answer{ips, err}
	}()
	select {
	case a := <-done:
		return a.ips, a.err
	case <-ctx.Done():
		return nil, mapErr(ctx.Err())
	}
}

const errResolverDial = unsupportedError("a Resolver with a Dial function is not supported: the network device does the look-ups")

func deviceLookup(dev netdever, family byte, host string, deadline time.Time) (ips []netip.Addr, err error) {
	defer recovered(&err)
	if d, ok := dev.(hostLookuper); ok {
		ips, err = d.LookupHost(ipNetwork(family), host, deadline)
	} else {
		var ip netip.Addr
		ip, err = dev.GetHostByName(host)
		ips = []netip.Addr{ip}
	}
	if err != nil {
		return nil, err
	}
	good := ips[:0]
	for _, ip := range ips {
		if ip.IsValid() {
			good = append(good, ip.Unmap())
		}
	}
	if len(good) == 0 {
		return nil, errNoSuchHost
	}
	return good, nil
}

// lookupError returns the DNSError for an error of the device, which this
// package can tell by nothing but its text that a host does not exist.
func lookupError(err error, host string) error {
	if err != errNoSuchHost {
		text := lowerASCII(err.Error())
		if strings.HasSuffix(text, string(errNoSuchHost)) || strings.HasSuffix(text, "host unknown") {
			err = errNoSuchHost
		}
	}
	e := newDNSError(err, host, "")
	if isTimeout(err) {
		e.IsTimeout = true
	}
	if e.UnwrapErr == nil && !e.IsNotFound {
		e.UnwrapErr = err
	}
	return e
}
