package net

// A HardwareAddr is the address of an interface on its link, as the MAC
// address of Ethernet and WiFi.
type HardwareAddr []byte

// String returns the address as "00:00:5e:00:53:01".
func (a HardwareAddr) String() string {
	if len(a) == 0 {
		return ""
	}
	s := make([]byte, 0, 3*len(a))
	for _, c := range a {
		s = append(s, hexDigits[c>>4], hexDigits[c&15], ':')
	}
	return string(s[:len(s)-1])
}

// ParseMAC parses an address of 6, 8 or 20 bytes in hexadecimal: in the forms
// "00:00:5e:00:53:01", "00-00-5e-00-53-01", "0000.5e00.5301" or
// "00005e005301". The error is an AddrError.
func ParseMAC(s string) (hw HardwareAddr, err error) {
	hw = parseMAC(s)
	if n := len(hw); n != 6 && n != 8 && n != 20 {
		return nil, &AddrError{Err: "invalid MAC address", Addr: s}
	}
	return hw, nil
}

// parseMAC is ParseMAC for an address of any length from 6 to 20 bytes; nil is
// an error.
func parseMAC(s string) HardwareAddr {
	if len(s) < len("00005e005301") {
		return nil
	}
	group, sep := len(s), byte(0) // bytes in a group, and what is between groups
	switch {
	case s[2] == ':' || s[2] == '-':
		group, sep = 1, s[2]
	case s[4] == '.':
		group, sep = 2, s[4]
	}
	hw := make(HardwareAddr, 0, 8)
	for len(s) > 0 {
		if len(hw) > 0 && len(hw)%group == 0 {
			if s[0] != sep {
				return nil
			}
			s = s[1:]
		}
		if len(s) < 2 || len(hw) == 20 {
			return nil
		}
		hi, lo := hexValue(s[0]), hexValue(s[1])
		if hi|lo > 15 {
			return nil
		}
		hw, s = append(hw, hi<<4|lo), s[2:]
	}
	return hw
}

// hexValue returns the value of a hexadecimal digit, and more than 15 for
// anything else.
func hexValue(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
