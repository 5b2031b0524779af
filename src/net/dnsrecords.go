package net

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strconv"
)

// errMalformedDNSRecordsDetail is the text of the DNSError that comes beside the
// good records when others had to be left out.
const errMalformedDNSRecordsDetail = "DNS response contained records which contain invalid names"

// nameRecords returns the names that records of a type consist of. whose is what the
// caller asked for.
func (r *Resolver) nameRecords(ctx context.Context, name, whose string, qtype uint16) (names []string, err error) {
	a, err := r.find(ctx, name, qtype)
	if err != nil {
		return nil, err
	}
	err = a.each(qtype, whose, func(r dnsRecord) bool {
		host, _, ok := a.name(r.data)
		names = append(names, host)
		return ok
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

// onlyNamed returns the records whose name is good, and an error if that is not
// all of them.
func onlyNamed[T any](records []T, name string, good func(T) bool) ([]T, error) {
	kept := make([]T, 0, len(records))
	for _, r := range records {
		if good(r) {
			kept = append(kept, r)
		}
	}
	if len(kept) != len(records) {
		return kept, &DNSError{Err: errMalformedDNSRecordsDetail, Name: name}
	}
	return kept, nil
}

func (r *Resolver) lookupNS(ctx context.Context, name string) ([]*NS, error) {
	names, err := r.nameRecords(ctx, name, name, dnsNS)
	if err != nil {
		return nil, err
	}
	names, err = onlyNamed(names, name, isDomainName)
	records := make([]*NS, len(names))
	for i, host := range names {
		records[i] = &NS{Host: host}
	}
	return records, err
}

func (r *Resolver) lookupMX(ctx context.Context, name string) (records []*MX, err error) {
	a, err := r.find(ctx, name, dnsMX)
	if err != nil {
		return nil, err
	}
	err = a.each(dnsMX, name, func(r dnsRecord) bool {
		pref, _ := a.uint16(r.data)
		host, _, ok := a.name(r.data + 2)
		records = append(records, &MX{Host: host, Pref: pref})
		return ok
	})
	if err != nil {
		return nil, err
	}
	// Equal ones come in any order (RFC 5321, section 5.1).
	rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	sortFew(records, func(a, b *MX) bool { return a.Pref < b.Pref })
	return onlyNamed(records, name, func(mx *MX) bool {
		if isDomainName(mx.Host) {
			return true
		}
		// Some have an address there.
		ip, ok := parseAddr(mx.Host[:len(mx.Host)-1])
		return ok && ip.Zone() == ""
	})
}

func (r *Resolver) lookupTXT(ctx context.Context, name string) (texts []string, err error) {
	a, err := r.find(ctx, name, dnsTXT)
	if err != nil {
		return nil, err
	}
	err = a.each(dnsTXT, name, func(r dnsRecord) bool {
		text, ok := a.text(r)
		texts = append(texts, text)
		return ok
	})
	if err != nil {
		return nil, err
	}
	return texts, nil
}

func (r *Resolver) lookupSRV(ctx context.Context, service, proto, name string) (cname string, records []*SRV, err error) {
	target := name
	if service != "" || proto != "" {
		target = "_" + service + "._" + proto + "." + name
	}
	a, err := r.find(ctx, target, dnsSRV)
	if err != nil {
		return "", nil, err
	}
	err = a.each(dnsSRV, name, func(r dnsRecord) bool {
		if cname == "" {
			cname = r.name
		}
		srv := &SRV{}
		srv.Priority, _ = a.uint16(r.data)
		srv.Weight, _ = a.uint16(r.data + 2)
		srv.Port, _ = a.uint16(r.data + 4)
		var ok bool
		srv.Target, _, ok = a.name(r.data + 6)
		records = append(records, srv)
		return ok
	})
	if err != nil {
		return "", nil, err
	}
	if !isDomainName(cname) {
		return "", nil, &DNSError{Err: "SRV header name is invalid", Name: name}
	}
	sortSRV(records)
	records, err = onlyNamed(records, name, func(srv *SRV) bool { return isDomainName(srv.Target) })
	return cname, records, err
}

// sortSRV puts records in the order to try them in: by priority and, where that
// is equal, at random with the chances that the weights say (RFC 2782).
func sortSRV(records []*SRV) {
	sortFew(records, func(a, b *SRV) bool {
		return a.Priority < b.Priority || a.Priority == b.Priority && a.Weight < b.Weight
	})
	for len(records) > 0 {
		n, sum := 0, 0
		for n < len(records) && records[n].Priority == records[0].Priority {
			sum += int(records[n].Weight)
			n++
		}
		equal := records[:n]
		records = records[n:]
		for len(equal) > 1 && sum > 0 {
			pick, at := 0, rand.IntN(sum)
			for at >= int(equal[pick].Weight) {
				at -= int(equal[pick].Weight)
				pick++
			}
			equal[0], equal[pick] = equal[pick], equal[0]
			sum -= int(equal[0].Weight)
			equal = equal[1:]
		}
	}
}

// sortFew sorts a few elements, and leaves equal ones in their order.
func sortFew[T any](s []T, less func(a, b T) bool) {
	for i := 1; i < len(s); i++ {
		for j := i; j > 0 && less(s[j], s[j-1]); j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
}

func (r *Resolver) lookupPTR(ctx context.Context, addr string, ip netip.Addr) ([]string, error) {
	if ip.Zone() != "" {
		return nil, &DNSError{Err: "unrecognized address", Name: addr}
	}
	names, err := r.nameRecords(ctx, arpaName(ip), addr, dnsPTR)
	if err != nil {
		return nil, err
	}
	return onlyNamed(names, addr, isDomainName)
}

// arpaName returns the name under which the names of an address are.
func arpaName(ip netip.Addr) string {
	ip = ip.Unmap()
	b := ip.AsSlice()
	var name []byte
	for i := len(b) - 1; i >= 0; i-- {
		if ip.Is4() {
			name = strconv.AppendUint(name, uint64(b[i]), 10)
			name = append(name, '.')
			continue
		}
		const digits = "0123456789abcdef"
		name = append(name, digits[b[i]&0xf], '.', digits[b[i]>>4], '.')
	}
	if ip.Is4() {
		return string(name) + "in-addr.arpa."
	}
	return string(name) + "ip6.arpa."
}
