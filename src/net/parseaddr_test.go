package net

import (
	"math/rand"
	"net/netip"
	"testing"
)

var addrTexts = []string{
	"", ".", ":", "::", ":::", "%", "0.0.0.0", "1.2.3.4", "255.255.255.255", "256.0.0.0", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5",
	".1.2.3", "1..2.3", "01.2.3.4", "1.2.3.00", "1.2.3.4%eth0", " 1.2.3.4", "1.2.3.4 ", "a.b.c.d", "1.2.3.-4", "localhost", "host.example",
	"::1", "1::", "fe80::1%eth0", "fe80::1%", "%eth0", "::%1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:",
	":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "1::2::3", "1:::2", "12345::", "00001::",
	"g::", "::g", "FFFF:abcd::EF01", "::ffff:1.2.3.4", "::1.2.3.4", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4",
	"1:2:3:4:5:1.2.3.4", "::1:2:3:4:5:1.2.3.4", "::1:2:3:4:5:6:1.2.3.4", "::ffff:1.2.3", "::ffff:01.2.3.4", "::ffff:256.2.3.4", "1.2.3.4:80",
	"[::1]", "::ffff:1.2.3.4%z", "1:2", "::a.2.3.4", "::12345.2.3.4", "::1.2.3.4%", "fe80::1%a%b", "1.2.3.4::1", "::255.2.3.4", "::00255.2.3.4",
}

func sameAsNetip(t *testing.T, s string) {
	t.Helper()
	want, err := netip.ParseAddr(s)
	got, ok := parseAddr(s)
	if ok != (err == nil) || ok && got != want {
		t.Errorf("%q: %v, %t; netip has %v, %v", s, got, ok, want, err)
	}
}

func TestParseAddrIsNetips(t *testing.T) {
	for _, s := range addrTexts {
		sameAsNetip(t, s)
	}
	// Texts that are nearly addresses.
	r := rand.New(rand.NewSource(1))
	const chars = "0123456789abcdefF:::...%"
	for i := 0; i < 200000; i++ {
		b := []byte(addrTexts[r.Intn(len(addrTexts))])
		for n := r.Intn(3); n >= 0; n-- {
			at := r.Intn(len(b) + 1)
			switch c := chars[r.Intn(len(chars))]; {
			case at == len(b):
				b = append(b, c)
			case r.Intn(3) == 0:
				b = append(b[:at], b[at+1:]...)
			default:
				b[at] = c
			}
		}
		sameAsNetip(t, string(b))
	}
}

func FuzzParseAddr(f *testing.F) {
	for _, s := range addrTexts {
		f.Add(s)
	}
	f.Fuzz(sameAsNetip)
}
