package offload

// Addresses in text. Package netip reads them too, but takes 5 KB of a board's flash, of
// which most is for its errors, which quote what they were given.

// ParseIPv4 reads an IPv4 address in text.
func ParseIPv4(s string) (ip [4]byte, ok bool) {
	n, digits, value := 0, 0, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			if s[i] < '0' || s[i] > '9' || digits > 0 && value == 0 {
				return ip, false
			}
			digits++
			if value = 10*value + int(s[i]-'0'); value > 255 {
				return ip, false
			}
			continue
		}
		if digits == 0 || n == len(ip) {
			return ip, false
		}
		ip[n] = byte(value)
		n, digits, value = n+1, 0, 0
	}
	return ip, n == len(ip)
}

// ParseIPv6 reads an IPv6 address in text, without a zone.
func ParseIPv6(s string) (ip [16]byte, ok bool) {
	at, gap := 0, -1
	if len(s) > 1 && s[0] == ':' && s[1] == ':' {
		gap, s = 0, s[2:]
	}
	for len(s) > 0 {
		n, i := 0, 0
		for ; i < len(s) && i < 4; i++ {
			d := HexDigit(s[i])
			if d < 0 {
				break
			}
			n = n<<4 | d
		}
		if i == 0 || at == 16 {
			return ip, false
		}
		if i < len(s) && s[i] == '.' {
			four, ok := ParseIPv4(s)
			if !ok || at > 12 {
				return ip, false
			}
			at += copy(ip[at:], four[:])
			break
		}
		ip[at], ip[at+1] = byte(n>>8), byte(n)
		at += 2
		if s = s[i:]; len(s) == 0 {
			break
		}
		switch {
		case s[0] != ':' || len(s) == 1:
			return ip, false
		case s[1] != ':':
			s = s[1:]
		case gap >= 0:
			return ip, false
		default:
			gap, s = at, s[2:]
		}
	}
	if gap < 0 && at != 16 || gap >= 0 && at == 16 {
		return ip, false
	}
	if gap >= 0 {
		n := copy(ip[16-(at-gap):], ip[gap:at])
		clear(ip[gap : 16-n])
	}
	return ip, true
}

// HexDigit returns the value of a hexadecimal digit, -1 if it is none.
func HexDigit(b byte) int {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0')
	case 'a' <= b && b <= 'f':
		return int(b-'a') + 10
	case 'A' <= b && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}

// zoneless cuts off the zone of an IPv6 address in text, which does not matter: a device has
// one interface.
func zoneless(s string) string {
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '%' {
			return s[:i]
		}
	}
	return s
}

// looks6 reports whether a text is meant as an IPv6 address: no name has two colons.
func looks6(s string) bool {
	colons := 0
	for i := 0; i < len(s); i++ {
		if s[i] == ':' {
			colons++
		}
	}
	return colons > 1
}
