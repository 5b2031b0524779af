package offload

import (
	"net/netip"
	"testing"
)

// An address in text is read as package netip reads it, so that what is no address
// goes to the chip, and an IPv6 address never does.
func TestAddressesInTextAreReadAsNetipDoes(t *testing.T) {
	for _, s := range []string{
		"10.0.0.1", "0.0.0.0", "255.255.255.255", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "", ".",
		"256.0.0.1", "01.2.3.4", "00.0.0.0", "1.2.3.4 ", "1.2.3.x", "1234.1.1.1", "99999999999999999999.1.1.1",
		"host", "10.0.0.1.", "-1.0.0.0", "1.2.3.4:5", "::", "::1", "2001:db8::1", "fe80::1%eth0", "a:80",
	} {
		want, err := netip.ParseAddr(s)
		got, ok := parse4(s)
		if ok != (err == nil && want.Is4()) || ok && netip.AddrFrom4(got) != want {
			t.Errorf("parse4(%q) = %v, %v; netip: %v, %v", s, got, ok, want, err)
		}
		if looks6(s) != (err == nil && want.Is6()) {
			t.Errorf("looks6(%q) = %v; netip: %v, %v", s, looks6(s), want, err)
		}
	}
}
