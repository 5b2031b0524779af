package net

import "net/netip"

// parseAddr is netip.ParseAddr, without the text of what is wrong with s: that
// text needs strconv's quoting and its tables, 5 KB on a board.
func parseAddr(s string) (addr netip.Addr, ok bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '.':
			b, ok := parseIPv4(s)
			if !ok {
				return addr, false
			}
			return netip.AddrFrom4(b), true
		case ':':
			return parseIPv6(s)
		case '%':
			return addr, false
		}
	}
	return addr, false
}

// parseIPv4 parses four decimal numbers, of which none begins with a 0 that is not
// all of it.
func parseIPv4(s string) (b [4]byte, ok bool) {
	field, digits, n := 0, 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			if digits > 0 && n == 0 {
				return b, false
			}
			digits++
			if n = n*10 + int(c-'0'); n > 255 {
				return b, false
			}
		case c == '.' && digits > 0 && field < 3:
			b[field] = byte(n)
			field++
			digits, n = 0, 0
		default:
			return b, false
		}
	}
	b[3] = byte(n)
	return b, field == 3 && digits > 0
}

// parseIPv6 parses what RFC 4291, section 2.2 describes, and a zone behind a '%'.
func parseIPv6(s string) (addr netip.Addr, ok bool) {
	zone := ""
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if s, zone = s[:i], s[i+1:]; zone == "" {
				return addr, false
			}
			break
		}
	}
	var b [16]byte
	n, gap := 0, -1 // bytes so far, and where "::" stands
	i := 0
	if len(s) >= 2 && s[0] == ':' && s[1] == ':' {
		gap, i = 0, 2
	}
	for i < len(s) {
		start, v := i, 0
		for ; i < len(s); i++ {
			d := hexDigit(s[i])
			if d < 0 {
				break
			}
			v = v<<4 | d
		}
		if i < len(s) && s[i] == '.' {
			// The last four bytes may be an IPv4 address.
			v4, ok := parseIPv4(s[start:])
			if !ok || n > 12 {
				return addr, false
			}
			n += copy(b[n:], v4[:])
			break
		}
		if n == 16 || i == start || i > start+4 {
			return addr, false
		}
		b[n], b[n+1] = byte(v>>8), byte(v)
		n += 2
		if i == len(s) {
			break
		}
		// A colon and something behind it, or two.
		if i++; s[i-1] != ':' || i == len(s) {
			return addr, false
		}
		if s[i] == ':' {
			if i++; gap >= 0 {
				return addr, false
			}
			gap = n
		}
	}
	if gap < 0 && n < 16 || gap >= 0 && n == 16 {
		return addr, false
	}
	if gap >= 0 {
		tail := copy(b[16-(n-gap):], b[gap:n])
		clear(b[gap : 16-tail])
	}
	return netip.AddrFrom16(b).WithZone(zone), true
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
