package net

import (
	"fmt"
	"math/rand"
	stdnet "net"
	"testing"
)

var cidrTexts = []string{
	"", "/", "192.0.2.1/24", "192.0.2.1", "192.0.2.1/", "192.0.2.1/0", "192.0.2.1/32", "192.0.2.1/33", "192.0.2.1/024",
	"192.0.2.1/-1", "192.0.2.1/+1", "192.0.2.1/255.255.255.0", "192.0.2.1/2 4", "192.0.2.1/24/8", "/24",
	"192.0.2.1/000000000000000000000000000000008", "192.0.2.1/4294967320", "192.0.2.1/18446744073709551640",
	"2001:db8::1/32", "::/0", "::1/128", "::1/129", "::ffff:1.2.3.4/24", "::ffff:1.2.3.4/120", "fe80::1%net0/64", "1.2.3.4%x/8",
}

func checkCIDR(t *testing.T, s string) {
	t.Helper()
	ip, n, err := ParseCIDR(s)
	stdIP, stdN, stdErr := stdnet.ParseCIDR(s)
	same(t, fmt.Sprintf("ParseCIDR(%q)", s), show(ip, n, err), show(stdIP, stdN, stdErr))
	if n != nil && stdN != nil {
		same(t, fmt.Sprintf("ParseCIDR(%q) in bytes", s), show(n.IP, n.Mask), show(stdN.IP, stdN.Mask))
	}
}

func TestParseCIDRLikeGo(t *testing.T) {
	for _, s := range cidrTexts {
		checkCIDR(t, s)
	}
	for ones := range 131 {
		checkCIDR(t, fmt.Sprintf("255.255.255.255/%d", ones))
		checkCIDR(t, fmt.Sprintf("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/%d", ones))
	}
	r := rand.New(rand.NewSource(1))
	for range 4000 {
		checkCIDR(t, mutate(r, cidrTexts, "0123456789abf:.%/+-"))
	}
}

func FuzzParseCIDR(f *testing.F) {
	for _, s := range cidrTexts {
		f.Add(s)
	}
	f.Fuzz(checkCIDR)
}

func checkMask(t *testing.T, b []byte) {
	t.Helper()
	ours, gos := IPMask(b), stdnet.IPMask(b)
	ones, bits := ours.Size()
	stdOnes, stdBits := gos.Size()
	same(t, fmt.Sprintf("IPMask(%#v)", b), show(ones, bits, ours.String()), show(stdOnes, stdBits, gos.String()))
}

// checkIPNet takes nil for a missing address or mask.
func checkIPNet(t *testing.T, ip, mask, other []byte) {
	t.Helper()
	checkMask(t, mask)
	ours, gos := IPNet{IP(ip), IPMask(mask)}, stdnet.IPNet{IP: stdnet.IP(ip), Mask: stdnet.IPMask(mask)}
	what := fmt.Sprintf("IPNet{%#v, %#v}", ip, mask)
	same(t, what, show(ours.String(), ours.Network()), show(gos.String(), gos.Network()))
	same(t, fmt.Sprintf("%s.Contains(%#v)", what, other),
		panics(func() string { return show(ours.Contains(IP(other))) }),
		panics(func() string { return show(gos.Contains(stdnet.IP(other))) }))
}

func TestIPNetLikeGo(t *testing.T) {
	for i := 0; i < 1<<16; i += 7 {
		checkMask(t, []byte{byte(i >> 8), byte(i)})
		checkMask(t, []byte{255, byte(i >> 8), byte(i), 0})
	}
	r := rand.New(rand.NewSource(1))
	for range 4000 {
		ip, mask, other := randomBytes(r), randomBytes(r), randomBytes(r)
		checkIPNet(t, ip, mask, other)
		checkIPNet(t, ip, mask, ip)
	}
	var none *IPNet
	var stdNone *stdnet.IPNet
	same(t, "nil IPNet", none.String(), stdNone.String())
}

func FuzzIPNet(f *testing.F) {
	r := rand.New(rand.NewSource(2))
	for range 40 {
		f.Add(randomBytes(r), randomBytes(r), randomBytes(r))
	}
	f.Fuzz(checkIPNet)
}

func TestCIDRMaskLikeGo(t *testing.T) {
	for _, bits := range []int{-1, 0, 8, 31, 32, 33, 64, 127, 128, 129} {
		for ones := -2; ones < 131; ones++ {
			same(t, fmt.Sprintf("CIDRMask(%d, %d)", ones, bits), show(CIDRMask(ones, bits)), show(stdnet.CIDRMask(ones, bits)))
		}
	}
}
