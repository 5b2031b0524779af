package net

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"
)

// DefaultResolver is the Resolver of the Lookup functions and of a Dialer that
// has none.
var DefaultResolver = &Resolver{}

// Resolver looks up names and numbers. The device looks up addresses. What it
// leaves to this package, all other records, and everything if there is a Dial
// function, comes from DNS servers, of which the device tells the addresses.
// Literal addresses and the name localhost are known.
type Resolver struct {
	// PreferGo asks DNS servers for addresses too, if the device tells of any.
	PreferGo bool

	// StrictErrors makes a temporary error of one question, as a timeout, fail
	// the look-up at once, even if the other questions have found something.
	StrictErrors bool

	// Dial, if not nil, connects to DNS servers. Messages are sent as by TCP
	// unless the Conn is a PacketConn.
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
	if _, ok := parseAddr(host); ok {
		return []string{host}, nil
	}
	ips, _, err := r.lookupIPs(ctx, 0, host)
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
	found, _, err := r.lookupIPs(ctx, 0, host)
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
	all, _, err := r.lookupIPs(ctx, family, host)
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

// LookupCNAME returns the canonical name of a host, with a dot at its end. Where
// there is no DNS server to ask it is the name itself, if that has an address.
func LookupCNAME(host string) (cname string, err error) {
	return DefaultResolver.LookupCNAME(context.Background(), host)
}

// LookupCNAME returns the canonical name of a host, with a dot at its end. Where
// there is no DNS server to ask it is the name itself, if that has an address.
func (r *Resolver) LookupCNAME(ctx context.Context, host string) (string, error) {
	if name := hostsCanonical(host); name != "" {
		return name, nil
	}
	_, tells := tinynetDevice.(dnsServerer)
	if !isLocalhost(host) && (tells || r.dials()) {
		cname, err := r.lookupCNAME(ctx, host)
		if err != nil {
			return "", lookupError(err, host)
		}
		return cname, nil
	}
	if _, _, err := r.lookupIPs(ctx, 0, host); err != nil {
		return "", err
	}
	return strings.TrimSuffix(host, ".") + ".", nil
}

// LookupSRV returns the records of _service._proto.name, or of name if service and
// proto are empty, in the order to try them in, and the name they are found
// under. Records with a bad name are left out, and err says so.
func LookupSRV(service, proto, name string) (cname string, addrs []*SRV, err error) {
	return DefaultResolver.LookupSRV(context.Background(), service, proto, name)
}

// LookupSRV returns the records of _service._proto.name, or of name if service and
// proto are empty, in the order to try them in, and the name they are found
// under. Records with a bad name are left out, and err says so.
func (r *Resolver) LookupSRV(ctx context.Context, service, proto, name string) (string, []*SRV, error) {
	return r.lookupSRV(ctx, service, proto, name)
}

// LookupMX returns the mail servers of a domain, preferred ones first. Records with
// a bad name are left out, and err says so.
func LookupMX(name string) ([]*MX, error) {
	return DefaultResolver.LookupMX(context.Background(), name)
}

// LookupMX returns the mail servers of a domain, preferred ones first. Records with
// a bad name are left out, and err says so.
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]*MX, error) {
	return r.lookupMX(ctx, name)
}

// LookupNS returns the name servers of a domain. Records with a bad name are left
// out, and err says so.
func LookupNS(name string) ([]*NS, error) {
	return DefaultResolver.LookupNS(context.Background(), name)
}

// LookupNS returns the name servers of a domain. Records with a bad name are left
// out, and err says so.
func (r *Resolver) LookupNS(ctx context.Context, name string) ([]*NS, error) {
	return r.lookupNS(ctx, name)
}

// LookupTXT returns the texts of a domain. The strings of one record are joined.
func LookupTXT(name string) ([]string, error) {
	return DefaultResolver.LookupTXT(context.Background(), name)
}

// LookupTXT returns the texts of a domain. The strings of one record are joined.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return r.lookupTXT(ctx, name)
}

// LookupAddr returns the names of an address. Bad names are left out, and err
// says so.
func LookupAddr(addr string) (names []string, err error) {
	return DefaultResolver.LookupAddr(context.Background(), addr)
}

// LookupAddr returns the names of an address. Bad names are left out, and err
// says so.
func (r *Resolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	ip, ok := parseAddr(addr)
	if !ok {
		return nil, &DNSError{Err: "unrecognized address", Name: addr}
	}
	if names := hostsNames(ip); names != nil {
		return onlyNamed(names, addr, isDomainName)
	}
	if loopbackInMemory(ip.Unmap()) {
		return []string{"localhost"}, nil
	}
	return r.lookupPTR(ctx, addr, ip)
}

// lookupIPs returns the addresses of a host, at least one unless there is an
// error, and whether the host is an address itself. family is a wish: '4', '6' or
// 0. ctx may be nil.
func (r *Resolver) lookupIPs(ctx context.Context, family byte, host string) (ips []netip.Addr, literal bool, err error) {
	if host == "" {
		return nil, false, lookupError(errNoSuchHost, host)
	}
	if ip, ok := parseAddr(host); ok {
		return []netip.Addr{ip.Unmap()}, true, nil
	}
	instead, done := traceLookup(ctx, host)
	switch {
	case instead != nil:
		ips, err = instead(ctx, ipNetwork(family), host)
	case isLocalhost(host):
		ips = []netip.Addr{loopback4, loopback6}
	default:
		ips, err = r.findAddresses(ctx, family, host)
	}
	if err != nil {
		err = lookupError(err, host)
	}
	done(ips, err)
	return ips, false, err
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

// dnsAddresses is Resolver.lookupAddresses once useDNS was called. Nothing but
// this variable leads from Dial to the DNS client, so that a program has the client
// only if it needs it.
var dnsAddresses func(r *Resolver, ctx context.Context, family byte, host string) ([]netip.Addr, error)

const errNoDNSClient = unsupportedError("there is no DNS client in this program: call netdev.UseDNS")

// findAddresses asks whom it should: the device or DNS servers.
func (r *Resolver) findAddresses(ctx context.Context, family byte, host string) ([]netip.Addr, error) {
	_, tells := tinynetDevice.(dnsServerer)
	byDNS := r.dials() || tells && dnsAddresses != nil
	// The system's device looks into the hosts file, which comes before DNS.
	if !byDNS || onSystem() || !r.dials() && !r.prefersGo() {
		ips, err := r.askDevice(ctx, family, host)
		if err == nil || !byDNS || !isHostUnknown(err) && !is(err, errors.ErrUnsupported) {
			return ips, err
		}
	}
	if dnsAddresses == nil {
		return nil, errNoDNSClient
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return dnsAddresses(r, ctx, family, host)
}

// dials reports whether r has a Dial function, which makes it ask by itself.
func (r *Resolver) dials() bool { return r != nil && r.Dial != nil }

func (r *Resolver) strict() bool { return r != nil && r.StrictErrors }

func (r *Resolver) prefersGo() bool { return r != nil && r.PreferGo }

// onSystem reports whether the device is the operating system, whose files say
// more than a device can.
func onSystem() bool {
	_, ok := tinynetDevice.(dnsServerer)
	return ok && deviceHasLoopback()
}

// askDevice looks a name up on the device. It returns when ctx ends, even if
// the device does not.
func (r *Resolver) askDevice(ctx context.Context, family byte, host string) ([]netip.Addr, error) {
	if err := ctxErr(ctx); err != nil {
		return nil, err
	}
	dev, err := currentDevice()
	if err != nil {
		return nil, err
	}
	if ctx == nil || ctx.Done() == nil {
		return deviceLookup(dev, family, host, time.Time{})
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

func deviceLookup(dev netdever, family byte, host string, deadline time.Time) ([]netip.Addr, error) {
	ips, err := callLookup(dev, family, host, deadline)
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

// isHostUnknown reports whether an error says that a host does not exist. This
// package can tell a device's by nothing but its text.
func isHostUnknown(err error) bool {
	if isNotFound(err) {
		return true
	}
	text := lowerASCII(err.Error())
	return strings.HasSuffix(text, string(errNoSuchHost)) || strings.HasSuffix(text, "host unknown")
}

// lookupError returns the DNSError for an error of a look-up.
func lookupError(err error, host string) error {
	if e, ok := err.(*DNSError); ok {
		return e
	}
	if isHostUnknown(err) {
		return &DNSError{Err: string(errNoSuchHost), Name: host, IsNotFound: true}
	}
	e := &DNSError{Err: err.Error(), Name: host, UnwrapErr: err}
	e.classify(err)
	return e
}
