package net

import (
	"context"
	"net/netip"
	_ "unsafe" // for go:linkname
)

// useDNS makes this package look up addresses by DNS where the device leaves
// it to it, or a Resolver has a Dial function. It brings the DNS client into a
// program, which is why it is not so without a word on a board: package
// netdev links to it under the name net.useDNS.
//
//go:linkname useDNS
func useDNS() { dnsAddresses = (*Resolver).lookupAddresses }

// lookupAddresses returns the addresses of a host, best first. family is '4',
// '6' or 0 for both.
func (r *Resolver) lookupAddresses(ctx context.Context, family byte, host string) ([]netip.Addr, error) {
	types := []uint16{dnsA, dnsAAAA}
	switch family {
	case '4':
		types = types[:1]
	case '6':
		types = types[1:]
	}
	ips, _, err := r.addresses(ctx, host, types)
	if err != nil {
		return nil, err
	}
	r.order(ctx, ips)
	return ips, nil
}

// lookupCNAME returns the name that a host's records are found under.
func (r *Resolver) lookupCNAME(ctx context.Context, host string) (string, error) {
	_, cname, err := r.addresses(ctx, host, []uint16{dnsA, dnsAAAA, dnsCNAME})
	if err != nil {
		return "", err
	}
	if !isDomainName(cname) {
		return "", &DNSError{Err: errMalformedDNSRecordsDetail, Name: host}
	}
	return cname, nil
}

// addresses asks for the records of several types, at once if the configuration
// allows. It returns addresses and the canonical name, at least one of the former,
// or of either if CNAME is among the types.
func (r *Resolver) addresses(ctx context.Context, host string, types []uint16) (ips []netip.Addr, cname string, err error) {
	if !isDomainName(host) {
		return nil, "", errNoSuchHost
	}
	cfg, err := r.dnsSettings()
	if err != nil {
		return nil, "", err
	}
	wantCNAME := types[len(types)-1] == dnsCNAME
	var last error
	for _, full := range cfg.names(host) {
		next := r.askAll(ctx, cfg, full, types)
		strict := false
		for range types {
			a, err := next()
			switch {
			case err == nil:
				if err := a.collect(host, &ips, &cname); err != nil {
					last = err
				}
			case r.strict() && isTemporary(err):
				strict, last = true, err
			case last == nil, full == host+".":
				last = err
			}
		}
		if ctx.Err() != nil {
			return nil, "", mapErr(ctx.Err())
		}
		if strict {
			// Half of the addresses might be the wrong half.
			ips = nil
		}
		if len(ips) > 0 || wantCNAME && cname != "" {
			return ips, cname, nil
		}
		if strict {
			break
		}
	}
	if last == nil && !wantCNAME {
		// Nothing may be asked, as below .onion. Go's net takes that for no address
		// and no error.
		return nil, "", nil
	}
	if last == nil {
		last = errNoSuchHost
	}
	return nil, "", named(last, host)
}

// askAll asks for records of several types of a name. Each call of next returns
// one of the answers.
func (r *Resolver) askAll(ctx context.Context, cfg *dnsSettings, name string, types []uint16) (next func() (dnsAnswer, error)) {
	if cfg.singleRequest {
		i := 0
		return func() (dnsAnswer, error) {
			i++
			return r.ask(ctx, cfg, name, types[i-1])
		}
	}
	type result struct {
		a   dnsAnswer
		err error
	}
	results := make(chan result, len(types))
	for _, qtype := range types {
		go func() {
			a, err := r.ask(ctx, cfg, name, qtype)
			results <- result{a, err}
		}()
	}
	return func() (dnsAnswer, error) {
		select {
		case got := <-results:
			return got.a, got.err
		case <-ctx.Done():
			return dnsAnswer{}, newDNSError(mapErr(ctx.Err()), name, "")
		}
	}
}

// collect adds the addresses of an answer, up to the first bad record.
//
// It is not inlined, so that its frame is not on the stack beneath a connection.
//
//go:noinline
func (a *dnsAnswer) collect(host string, ips *[]netip.Addr, cname *string) error {
	bad := &DNSError{Err: errBadDNSMessage.Error(), Name: host, Server: a.server}
	for {
		r, more, ok := a.next(dnsAnswers)
		if !ok {
			return bad
		}
		if !more {
			return nil
		}
		length := 0
		canonical := r.name
		switch r.typ {
		case dnsA:
			length = 4
		case dnsAAAA:
			length = 16
		case dnsCNAME:
			if canonical, _, ok = a.name(r.data); !ok {
				return bad
			}
		default:
			if !a.complete(r) {
				return bad
			}
			continue
		}
		if length > 0 {
			if r.data+length > len(a.b) {
				return bad
			}
			ip, _ := netip.AddrFromSlice(a.b[r.data : r.data+length])
			*ips = append(*ips, ip)
		}
		if *cname == "" {
			*cname = canonical
		}
	}
}

// order sorts addresses by RFC 6724, section 6, as far as it can be known here:
// what can be reached first, then by matching scope, label and precedence. IPv4
// addresses alone stay as they are.
//
// It is not inlined, so that its frame is not on the stack beneath a connection.
//
//go:noinline
func (r *Resolver) order(ctx context.Context, ips []netip.Addr) {
	mixed := false
	for _, ip := range ips {
		mixed = mixed || ip.Is6()
	}
	if !mixed || len(ips) < 2 {
		return
	}
	srcs := make([]netip.Addr, len(ips))
	for i, ip := range ips {
		srcs[i] = sourceFor(ctx, ip)
	}
	orderFrom(ips, srcs)
}

// orderFrom sorts addresses, each of which would be reached from the source at
// its index.
func orderFrom(ips, srcs []netip.Addr) {
	type ranked struct {
		ip   netip.Addr
		rank int
	}
	all := make([]ranked, len(ips))
	for i, ip := range ips {
		all[i] = ranked{ip, rank(ip, srcs[i])}
	}
	sortFew(all, func(a, b ranked) bool { return a.rank > b.rank })
	for i := range all {
		ips[i] = all[i].ip
	}
}

// sourceFor returns the local address from which ip would be reached. Nothing
// is sent.
func sourceFor(ctx context.Context, ip netip.Addr) (src netip.Addr) {
	var d Dialer
	c, err := d.dialUDP(ctx, "udp", netip.AddrPort{}, netip.AddrPortFrom(ip, 53))
	if err != nil {
		return src
	}
	defer c.Close()
	if a, ok := c.LocalAddr().(*UDPAddr); ok {
		src = a.AddrPort().Addr().Unmap()
	}
	return src
}

// rank returns how good an address is from a source: the rules of RFC 6724, first
// to last, are its digits from high to low.
func rank(ip, src netip.Addr) int {
	if !src.IsValid() || src.Is4() != ip.Is4() {
		return 0
	}
	precedence, label, scope := addrPolicy(ip)
	_, srcLabel, srcScope := addrPolicy(src)
	n := 1
	for _, match := range [...]bool{scope == srcScope, label == srcLabel} {
		n *= 2
		if match {
			n++
		}
	}
	return (n<<8|precedence)<<4 | 15 - scope
}

// addrPolicy returns the precedence and label of an address by RFC 6724, section
// 2.1, and its scope as RFC 4291 numbers them.
func addrPolicy(ip netip.Addr) (precedence, label, scope int) {
	b := ip.As16()
	switch {
	case ip.IsLoopback(), ip.IsLinkLocalUnicast():
		scope = 2
	case ip.IsMulticast() && ip.Is6():
		scope = int(b[1] & 0xf)
	case ip.Is6() && b[0] == 0xfe && b[1]&0xc0 == 0xc0:
		scope = 5 // site-local, which is no more
	default:
		scope = 14
	}
	switch {
	case ip.Is4():
		return 35, 4, scope
	case ip.IsLoopback():
		return 50, 0, scope
	case b[0] == 0x20 && b[1] == 0x02: // 6to4
		return 30, 2, scope
	case b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0: // Teredo
		return 5, 5, scope
	case b[0]&0xfe == 0xfc: // unique local
		return 3, 13, scope
	}
	return 40, 1, scope
}
