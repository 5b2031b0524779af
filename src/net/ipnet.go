package net

import (
	"math/bits"
	"strconv"
	"strings"
)

// An IPMask is a mask of 4 or 16 bytes for an IP address: the bits that are
// the network's are set.
type IPMask []byte

// IPv4Mask returns the mask a.b.c.d, in 4 bytes.
func IPv4Mask(a, b, c, d byte) IPMask { return IPMask{a, b, c, d} }

// CIDRMask returns the mask of which the first ones bits of bits are set. It
// is nil unless bits is 32 or 128 and ones is between 0 and bits.
func CIDRMask(ones, bits int) IPMask {
	if bits != 8*IPv4len && bits != 8*IPv6len || ones < 0 || ones > bits {
		return nil
	}
	m := make(IPMask, bits/8)
	for i := 0; i < ones; i++ {
		m[i/8] |= 0x80 >> (i % 8)
	}
	return m
}

// Size returns how many bits of the mask are set, and how many it has. Both
// are 0 if a bit is set after one that is not.
func (m IPMask) Size() (ones, bits int) {
	ones = m.prefix()
	if ones < 0 {
		return 0, 0
	}
	return ones, 8 * len(m)
}

// prefix returns how many bits are set, or -1 if one is set after one that is
// not.
func (m IPMask) prefix() int {
	ones := 0
	for i, c := range m {
		n := bits.LeadingZeros8(^c)
		if c<<n != 0 || c != 0 && ones != 8*i {
			return -1
		}
		ones += n
	}
	return ones
}

// String returns the mask in hexadecimal, and "<nil>" if it is empty.
func (m IPMask) String() string {
	if len(m) == 0 {
		return "<nil>"
	}
	return hexString(m)
}

// An IPNet is an IP network.
type IPNet struct {
	IP   IP     // the network's own address
	Mask IPMask // which bits of it are the network's
}

// ParseCIDR returns the address and the network that a text like
// "192.0.2.1/24" or "2001:db8::1/32" names: 192.0.2.1 and 192.0.2.0/24. The
// error is a ParseError.
func ParseCIDR(s string) (IP, *IPNet, error) {
	host, mask, _ := strings.Cut(s, "/")
	addr, isAddr := parseAddr(host)
	ones, ok := prefixLen(mask, addr.BitLen())
	if !isAddr || addr.Zone() != "" || !ok {
		return nil, nil, &ParseError{Type: "CIDR address", Text: s}
	}
	b := addr.As16()
	ip, m := IP(b[:]), CIDRMask(ones, addr.BitLen())
	return ip, &IPNet{IP: ip.Mask(m), Mask: m}, nil
}

// prefixLen returns the number that s is in decimal digits, if it is at most
// max.
func prefixLen(s string, max int) (n int, ok bool) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
		if n > max {
			return 0, false
		}
	}
	return n, s != ""
}

// parts returns the address of the network, in 4 bytes if it is IPv4, and the
// mask in the same length. Both are nil if they do not fit each other.
func (n *IPNet) parts() (IP, IPMask) {
	ip, mask := n.IP, n.Mask
	if ip4 := ip.To4(); ip4 != nil {
		ip = ip4
		if len(mask) == IPv6len {
			mask = mask[12:]
		}
	}
	if len(ip) != len(mask) || len(ip) != IPv4len && len(ip) != IPv6len {
		return nil, nil
	}
	return ip, mask
}

// Contains reports whether ip is an address of the network.
func (n *IPNet) Contains(ip IP) bool {
	own, mask := n.parts()
	if ip4 := ip.To4(); ip4 != nil {
		ip = ip4
	}
	if len(ip) != len(own) {
		return false
	}
	for i := range ip {
		if (ip[i]^own[i])&mask[i] != 0 {
			return false
		}
	}
	return true
}

// Network returns "ip+net".
func (n *IPNet) Network() string { return "ip+net" }

// String returns the network as "192.0.2.0/24", with the mask in hexadecimal
// if its bits are not in one run, and "<nil>" if address and mask do not fit
// each other.
func (n *IPNet) String() string {
	if n == nil {
		return "<nil>"
	}
	ip, mask := n.parts()
	if ip == nil {
		return "<nil>"
	}
	if ones := mask.prefix(); ones >= 0 {
		return ip.String() + "/" + strconv.Itoa(ones)
	}
	return ip.String() + "/" + mask.String()
}
