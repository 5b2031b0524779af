package offload

import (
	"net/netip"
	"testing"
)

var addresses = []string{
	"10.0.0.1", "0.0.0.0", "255.255.255.255", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "", ".",
	"256.0.0.1", "01.2.3.4", "00.0.0.0", "1.2.3.4 ", "1.2.3.x", "1234.1.1.1", "99999999999999999999.1.1.1",
	"host", "10.0.0.1.", "-1.0.0.0", "1.2.3.4:5", "::", "::1", "2001:db8::1", "fe80::1%eth0", "a:80",
	"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "2001:DB8::aBcD", "::ffff:10.0.0.1", "64:ff9b::1.2.3.4", "1:2:3:4:5:6:1.2.3.4",
}

// An address in text is read as package netip reads it, so that what is no address
// goes to the chip, and an IPv6 address never does.
func TestAddressesInTextAreReadAsNetipDoes(t *testing.T) {
	for _, s := range addresses {
		readAsNetipDoes(t, s)
		want, err := netip.ParseAddr(s)
		if looks6(s) != (err == nil && want.Is6()) {
			t.Errorf("looks6(%q) = %v; netip: %v, %v", s, looks6(s), want, err)
		}
	}
	for _, s := range []string{
		":", ":::", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::", "1:", "::1:",
		"::1.2.3", "::1.2.3.4.5", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:5", "%", "::%", "fe80::1%", "::1%%", "1.2.3.4%a",
	} {
		readAsNetipDoes(t, s)
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range addresses {
		f.Add(s)
	}
	f.Fuzz(readAsNetipDoes)
}

func readAsNetipDoes(t *testing.T, s string) {
	want, err := netip.ParseAddr(s)
	if got, ok := ParseIPv4(s); ok != (err == nil && want.Is4()) || ok && netip.AddrFrom4(got) != want {
		t.Errorf("ParseIPv4(%q) = %v, %v; netip: %v, %v", s, got, ok, want, err)
	}
	if got, ok := ParseIPv6(zoneless(s)); ok != (err == nil && want.Is6()) || ok && netip.AddrFrom16(got) != want.WithZone("") {
		t.Errorf("ParseIPv6(%q) = %v, %v; netip: %v, %v", s, got, ok, want, err)
	}
}
