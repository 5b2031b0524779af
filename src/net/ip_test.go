package net

import (
	"fmt"
	"math/rand"
	stdnet "net"
	"testing"
)

var ipTexts = []string{
	"", "0.0.0.0", "127.0.0.1", "192.0.2.1", "255.255.255.255", "10.0.0.2", "172.16.0.1", "169.254.1.1",
	"224.0.0.1", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.04", "1.2.3.-4", " 1.2.3.4", "1.2.3.4%net0",
	"::", "::1", "1::", "2001:db8::68", "2001:DB8:0:0:1:0:0:1", "fe80::1%net0", "fe80::1%", "::%", "fc00::1",
	"ff01::1", "ff02::2", "::ffff:192.0.2.1", "::ffff:c000:201", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4",
	"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", "1::2::3", "12345::", "g::", ":1", "1:", ":::", "::ffff:256.0.0.1",
	"[::1]", "1.2.3.4:80", "0x7f.1", "127.1", "١.٢.٣.٤",
}

func checkIPText(t *testing.T, s string) {
	t.Helper()
	same(t, fmt.Sprintf("ParseIP(%q)", s), show(ParseIP(s)), show(stdnet.ParseIP(s)))
	ours, gos := IP{1, 2, 3, 4}, stdnet.IP{1, 2, 3, 4}
	errOurs, errGos := ours.UnmarshalText([]byte(s)), gos.UnmarshalText([]byte(s))
	same(t, fmt.Sprintf("UnmarshalText(%q)", s), show(ours, errOurs), show(gos, errGos))
}

func TestIPTextLikeGo(t *testing.T) {
	for _, s := range ipTexts {
		checkIPText(t, s)
	}
	r := rand.New(rand.NewSource(1))
	for range 4000 {
		checkIPText(t, mutate(r, ipTexts, "0123456789abfF:.%/"))
	}
}

func FuzzParseIP(f *testing.F) {
	for _, s := range ipTexts {
		f.Add(s)
	}
	f.Fuzz(checkIPText)
}

// describeIP is every method of an IP, ours or Go's, that takes no argument.
func describeIP(ip interface {
	String() string
	MarshalText() ([]byte, error)
	IsUnspecified() bool
	IsLoopback() bool
	IsPrivate() bool
	IsMulticast() bool
	IsInterfaceLocalMulticast() bool
	IsLinkLocalMulticast() bool
	IsLinkLocalUnicast() bool
	IsGlobalUnicast() bool
}) string {
	text, err := ip.MarshalText()
	return show(ip.String(), text, err, ip.IsUnspecified(), ip.IsLoopback(), ip.IsPrivate(), ip.IsMulticast(),
		ip.IsInterfaceLocalMulticast(), ip.IsLinkLocalMulticast(), ip.IsLinkLocalUnicast(), ip.IsGlobalUnicast())
}

func checkIPBytes(t *testing.T, a, b []byte) {
	t.Helper()
	ours, gos := IP(a), stdnet.IP(a)
	what := fmt.Sprintf("IP(%#v)", a)
	same(t, what, describeIP(ours), describeIP(gos))
	same(t, what+".To4, To16, DefaultMask", show(ours.To4(), ours.To16(), ours.DefaultMask()),
		show(gos.To4(), gos.To16(), gos.DefaultMask()))
	same(t, fmt.Sprintf("%s.Equal(%#v)", what, b), show(ours.Equal(IP(b))), show(gos.Equal(stdnet.IP(b))))
	same(t, fmt.Sprintf("%s.Mask(%#v)", what, b), show(ours.Mask(IPMask(b))), show(gos.Mask(stdnet.IPMask(b))))

	// AppendText is newer than Go 1.23.
	type appender interface{ AppendText([]byte) ([]byte, error) }
	if gos, ok := any(gos).(appender); ok {
		oursText, oursErr := any(ours).(appender).AppendText([]byte("at "))
		gosText, gosErr := gos.AppendText([]byte("at "))
		same(t, what+".AppendText", show(oursText, oursErr), show(gosText, gosErr))
	}
}

func TestIPMethodsLikeGo(t *testing.T) {
	for _, s := range ipTexts {
		ip := ParseIP(s)
		checkIPBytes(t, ip, ip.To4())
		checkIPBytes(t, ip.To4(), ip)
	}
	// The first two bytes decide what kind of address it is.
	for first := range 256 {
		for _, second := range []byte{0, 1, 2, 15, 16, 31, 32, 127, 128, 168, 191, 192, 254, 255} {
			for _, last := range []byte{0, 1, 255} {
				v4 := []byte{byte(first), second, last, last}
				same(t, fmt.Sprint(v4), describeIP(IP(v4)), describeIP(stdnet.IP(v4)))
			}
			v6 := []byte{0: byte(first), 1: second, 15: 1}
			same(t, fmt.Sprint(v6), describeIP(IP(v6)), describeIP(stdnet.IP(v6)))
		}
	}
	r := rand.New(rand.NewSource(1))
	for range 4000 {
		checkIPBytes(t, randomBytes(r), randomBytes(r))
	}
}

func FuzzIPMethods(f *testing.F) {
	r := rand.New(rand.NewSource(2))
	for range 40 {
		f.Add(randomBytes(r), randomBytes(r))
	}
	f.Fuzz(checkIPBytes)
}

func TestIPVariablesLikeGo(t *testing.T) {
	same(t, "variables",
		show(IPv4bcast, IPv4allsys, IPv4allrouter, IPv4zero, IPv6zero, IPv6unspecified, IPv6loopback,
			IPv6interfacelocalallnodes, IPv6linklocalallnodes, IPv6linklocalallrouters, IPv4len, IPv6len),
		show(stdnet.IPv4bcast, stdnet.IPv4allsys, stdnet.IPv4allrouter, stdnet.IPv4zero, stdnet.IPv6zero, stdnet.IPv6unspecified, stdnet.IPv6loopback,
			stdnet.IPv6interfacelocalallnodes, stdnet.IPv6linklocalallnodes, stdnet.IPv6linklocalallrouters, stdnet.IPv4len, stdnet.IPv6len))
	same(t, "IPv4", show(IPv4(1, 2, 3, 4)), show(stdnet.IPv4(1, 2, 3, 4)))
	same(t, "IPv4Mask", show(IPv4Mask(1, 2, 3, 4)), show(stdnet.IPv4Mask(1, 2, 3, 4)))
}

// A program may write to what it gets.
func TestDefaultMaskIsNotShared(t *testing.T) {
	ip := IP{10, 0, 0, 1}
	ip.DefaultMask()[1] = 1
	if got := ip.DefaultMask().String(); got != "ff000000" {
		t.Errorf("default mask of %v is %s after a caller changed an earlier one", ip, got)
	}
}
