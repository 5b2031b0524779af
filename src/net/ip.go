package net

import "net/netip"

// Lengths of an IP in bytes.
const (
	IPv4len = 4
	IPv6len = 16
)

// An IP is an IP address: 4 bytes of IPv4, or 16 bytes of IPv6 or of IPv4 in
// IPv6 form. Functions take both forms of an IPv4 address alike and give
// either.
type IP []byte

// Well-known IPv4 addresses.
var (
	IPv4bcast     = IPv4(255, 255, 255, 255) // limited broadcast
	IPv4allsys    = IPv4(224, 0, 0, 1)       // all hosts of the link
	IPv4allrouter = IPv4(224, 0, 0, 2)       // all routers of the link
	IPv4zero      = IPv4(0, 0, 0, 0)         // no address
)

// Well-known IPv6 addresses.
var (
	IPv6zero                   = IP{15: 0}                      // no address
	IPv6unspecified            = IP{15: 0}                      // no address
	IPv6loopback               = IP{15: 1}                      // this host
	IPv6interfacelocalallnodes = IP{0: 0xff, 1: 0x01, 15: 0x01} // all hosts of the interface
	IPv6linklocalallnodes      = IP{0: 0xff, 1: 0x02, 15: 0x01} // all hosts of the link
	IPv6linklocalallrouters    = IP{0: 0xff, 1: 0x02, 15: 0x02} // all routers of the link
)

// IPv4 returns the address a.b.c.d, in 16 bytes.
func IPv4(a, b, c, d byte) IP {
	return IP{10: 0xff, 11: 0xff, 12: a, 13: b, 14: c, 15: d}
}

// ParseIP returns the address that s is in text, as "192.0.2.1",
// "2001:db8::68" or "::ffff:192.0.2.1", in 16 bytes, or nil if s is none. A
// zone is not accepted.
func ParseIP(s string) IP {
	addr, ok := parseAddr(s)
	if !ok || addr.Zone() != "" {
		return nil
	}
	b := addr.As16()
	return b[:]
}

// addr returns ip as a netip.Addr, IPv4 always in 4 bytes. It is the zero
// Addr if the length of ip is wrong.
func (ip IP) addr() netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

// To4 returns an IPv4 address in 4 bytes, which may be part of ip, and nil if
// ip is no IPv4 address.
func (ip IP) To4() IP {
	if len(ip) == IPv6len && string(ip[:12]) == v4Prefix {
		return ip[12:]
	}
	if len(ip) == IPv4len {
		return ip
	}
	return nil
}

// v4Prefix is what an IPv4 address in 16 bytes begins with.
const v4Prefix = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"

// To16 returns the address in 16 bytes, which may be ip itself, and nil if ip
// is no address.
func (ip IP) To16() IP {
	switch len(ip) {
	case IPv4len:
		return IPv4(ip[0], ip[1], ip[2], ip[3])
	case IPv6len:
		return ip
	}
	return nil
}

// Equal reports whether ip and x are the same address. An IPv4 address is the
// same in both its forms.
func (ip IP) Equal(x IP) bool {
	if len(ip) == len(x) {
		return string(ip) == string(x)
	}
	a := ip.addr()
	return a.IsValid() && a == x.addr()
}

// IsUnspecified reports whether ip is 0.0.0.0 or ::.
func (ip IP) IsUnspecified() bool { return ip.addr().IsUnspecified() }

// IsLoopback reports whether ip is in 127.0.0.0/8 or is ::1.
func (ip IP) IsLoopback() bool { return ip.addr().IsLoopback() }

// IsPrivate reports whether ip is a private address of RFC 1918 or RFC 4193.
func (ip IP) IsPrivate() bool { return ip.addr().IsPrivate() }

// IsMulticast reports whether ip is a multicast address.
func (ip IP) IsMulticast() bool { return ip.addr().IsMulticast() }

// IsInterfaceLocalMulticast reports whether ip is a multicast address that
// does not leave its interface; IPv4 has none.
func (ip IP) IsInterfaceLocalMulticast() bool { return ip.addr().IsInterfaceLocalMulticast() }

// IsLinkLocalMulticast reports whether ip is a multicast address that does not
// leave its link.
func (ip IP) IsLinkLocalMulticast() bool { return ip.addr().IsLinkLocalMulticast() }

// IsLinkLocalUnicast reports whether ip is in 169.254.0.0/16 or fe80::/10.
func (ip IP) IsLinkLocalUnicast() bool { return ip.addr().IsLinkLocalUnicast() }

// IsGlobalUnicast reports whether ip is a unicast address that is neither
// loopback nor link-local. Private addresses count as global.
func (ip IP) IsGlobalUnicast() bool { return ip.addr().IsGlobalUnicast() }

// DefaultMask returns the mask of the class that an IPv4 address had before
// there was CIDR, and nil if ip is no IPv4 address.
func (ip IP) DefaultMask() IPMask {
	ip4 := ip.To4()
	switch {
	case ip4 == nil:
		return nil
	case ip4[0] < 128:
		return CIDRMask(8, 32)
	case ip4[0] < 192:
		return CIDRMask(16, 32)
	}
	return CIDRMask(24, 32)
}

// Mask returns the bits of ip that are set in mask. It is nil if they do not
// fit: a mask of 4 bytes wants an IPv4 address, one of 16 bytes an address of
// 16 bytes, or an IPv4 one if it keeps all of the first 12.
func (ip IP) Mask(mask IPMask) IP {
	switch {
	case len(mask) == IPv4len && len(ip) == IPv6len:
		if ip4 := ip.To4(); ip4 != nil {
			ip = ip4
		}
	case len(mask) == IPv6len && len(ip) == IPv4len:
		if string(mask[:12]) == ones12 {
			mask = mask[12:]
		}
	}
	if len(ip) != len(mask) {
		return nil
	}
	out := make(IP, len(ip))
	for i := range out {
		out[i] = ip[i] & mask[i]
	}
	return out
}

// ones12 is what a mask of 16 bytes begins with if it is for an IPv4 address.
const ones12 = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

// String returns the address in text: IPv4 as "192.0.2.1" in either form, IPv6
// as RFC 5952 has it, "<nil>" if ip is empty, and "?" with the bytes in
// hexadecimal if it has the wrong length.
func (ip IP) String() string {
	if len(ip) == 0 {
		return "<nil>"
	}
	if b := appendIP(make([]byte, 0, 16), ip); b != nil {
		return inPlace(b)
	}
	return "?" + hexString(ip)
}

// appendText is AppendText, which Go has had since 1.24.
func (ip IP) appendText(b []byte) ([]byte, error) {
	if len(ip) == 0 {
		return b, nil
	}
	if out := appendIP(b, ip); out != nil {
		return out, nil
	}
	return b, &AddrError{Err: "invalid IP address", Addr: hexString(ip)}
}

// appendIP appends an address in text, or returns nil if the length of ip is wrong.
// netip's printing takes three times the space.
func appendIP(b []byte, ip IP) []byte {
	if ip4 := ip.To4(); ip4 != nil {
		for i, n := range ip4 {
			if i > 0 {
				b = append(b, '.')
			}
			b = appendDecimal(b, int(n))
		}
		return b
	}
	if len(ip) != IPv6len {
		return nil
	}
	// The first of the longest runs of zeros, of at least two groups, is left out.
	start, most := 0, 2
	for i, run := 0, 0; i < IPv6len; i += 2 {
		run += 2
		if ip[i]|ip[i+1] != 0 {
			run = 0
		}
		if run > most {
			start, most = i+2-run, run
		}
	}
	if most == 2 {
		start = IPv6len // there is none
	}
	for i := 0; i < IPv6len; i += 2 {
		if i == start {
			b = append(b, ':', ':')
			if i += most; i == IPv6len {
				break
			}
		} else if i > 0 {
			b = append(b, ':')
		}
		group := int(ip[i])<<8 | int(ip[i+1])
		started := false
		for shift := 12; shift >= 0; shift -= 4 {
			d := group >> shift & 15
			if started = started || d != 0 || shift == 0; started {
				b = append(b, hexDigits[d])
			}
		}
	}
	return b
}

// appendDecimal appends a number in decimal.
func appendDecimal(b []byte, n int) []byte {
	if n < 0 {
		b = append(b, '-')
	}
	digits := [20]byte{}
	i := len(digits)
	for {
		i--
		d := n % 10
		digits[i] = byte('0' + max(d, -d))
		if n /= 10; n == 0 {
			return append(b, digits[i:]...)
		}
	}
}

// MarshalText returns the address in text, as String has it. An empty ip gives
// an empty slice; the error is an AddrError if ip has the wrong length.
func (ip IP) MarshalText() ([]byte, error) {
	b, err := ip.appendText(make([]byte, 0, 40))
	if err != nil {
		return nil, err
	}
	return b, nil
}

// UnmarshalText sets ip to the address that text is; empty text makes it nil.
// The error is a ParseError.
func (ip *IP) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*ip = nil
		return nil
	}
	s := string(text)
	parsed := ParseIP(s)
	if parsed == nil {
		return &ParseError{Type: "IP address", Text: s}
	}
	*ip = parsed
	return nil
}

const hexDigits = "0123456789abcdef"

// hexString returns the bytes in hexadecimal.
func hexString(b []byte) string {
	s := make([]byte, 0, 2*len(b))
	for _, c := range b {
		s = append(s, hexDigits[c>>4], hexDigits[c&15])
	}
	return string(s)
}
