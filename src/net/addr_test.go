package net

import (
	"fmt"
	"math/rand"
	stdnet "net"
	"net/netip"
	"testing"
)

func checkAddr(t *testing.T, ip []byte, port int, zone string) {
	t.Helper()
	what := fmt.Sprintf("address %#v %d %q", ip, port, zone)
	{
		ours, gos := &TCPAddr{IP(ip), port, zone}, &stdnet.TCPAddr{IP: ip, Port: port, Zone: zone}
		same(t, "TCP "+what, show(ours.String(), ours.Network(), ours.AddrPort().String()), show(gos.String(), gos.Network(), gos.AddrPort().String()))
		same(t, "TCPAddrFromAddrPort "+what, fmt.Sprintf("%+v", *TCPAddrFromAddrPort(ours.AddrPort())),
			fmt.Sprintf("%+v", *stdnet.TCPAddrFromAddrPort(gos.AddrPort())))
	}
	{
		ours, gos := &UDPAddr{IP(ip), port, zone}, &stdnet.UDPAddr{IP: ip, Port: port, Zone: zone}
		same(t, "UDP "+what, show(ours.String(), ours.Network(), ours.AddrPort().String()), show(gos.String(), gos.Network(), gos.AddrPort().String()))
		same(t, "UDPAddrFromAddrPort "+what, fmt.Sprintf("%+v", *UDPAddrFromAddrPort(ours.AddrPort())),
			fmt.Sprintf("%+v", *stdnet.UDPAddrFromAddrPort(gos.AddrPort())))
	}
	{
		ours, gos := &IPAddr{IP(ip), zone}, &stdnet.IPAddr{IP: ip, Zone: zone}
		same(t, "IP "+what, show(ours.String(), ours.Network()), show(gos.String(), gos.Network()))
	}
	{
		ours, gos := &UnixAddr{zone, "unix"}, &stdnet.UnixAddr{Name: zone, Net: "unix"}
		same(t, "Unix "+what, show(ours.String(), ours.Network()), show(gos.String(), gos.Network()))
	}
}

func TestAddrLikeGo(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	zones := []string{"", "", "net0", "a:b", "%", "]"}
	ports := []int{0, 1, 80, 65535, 65536, -1, 1 << 20}
	for range 4000 {
		checkAddr(t, randomBytes(r), ports[r.Intn(len(ports))], zones[r.Intn(len(zones))])
	}
	for _, s := range ipTexts {
		addr, _ := netip.ParseAddr(s)
		ap := netip.AddrPortFrom(addr, 80)
		same(t, s, fmt.Sprintf("%#v %#v", *TCPAddrFromAddrPort(ap), *UDPAddrFromAddrPort(ap)),
			fmt.Sprintf("%#v %#v", *stdnet.TCPAddrFromAddrPort(ap), *stdnet.UDPAddrFromAddrPort(ap)))
	}
}

func FuzzAddr(f *testing.F) {
	r := rand.New(rand.NewSource(2))
	for range 20 {
		f.Add(randomBytes(r), r.Intn(70000), "")
		f.Add(randomBytes(r), r.Intn(70000), "net0")
	}
	f.Fuzz(checkAddr)
}

func TestNilAddrLikeGo(t *testing.T) {
	var (
		tcp     *TCPAddr
		udp     *UDPAddr
		ip      *IPAddr
		unix    *UnixAddr
		stdTCP  *stdnet.TCPAddr
		stdUDP  *stdnet.UDPAddr
		stdIP   *stdnet.IPAddr
		stdUnix *stdnet.UnixAddr
	)
	same(t, "nil addresses",
		show(tcp.String(), udp.String(), ip.String(), unix.String(), tcp.Network(), udp.Network(), ip.Network(), tcp.AddrPort(), udp.AddrPort()),
		show(stdTCP.String(), stdUDP.String(), stdIP.String(), stdUnix.String(), stdTCP.Network(), stdUDP.Network(), stdIP.Network(), stdTCP.AddrPort(), stdUDP.AddrPort()))
	for _, a := range []interface{ opAddr() Addr }{tcp, udp, ip, unix} {
		if a.opAddr() != nil {
			t.Errorf("nil %T gives an Addr that is not nil", a)
		}
	}
}

func TestWildcard(t *testing.T) {
	for _, c := range []struct {
		addr interface{ isWildcard() bool }
		want bool
	}{
		{(*TCPAddr)(nil), true}, {(*UDPAddr)(nil), true}, {(*IPAddr)(nil), true}, {(*UnixAddr)(nil), true},
		{&TCPAddr{Port: 80}, true}, {&UDPAddr{IP: IPv4zero}, true}, {&IPAddr{IP: IPv6zero}, true}, {&UnixAddr{}, true},
		{&TCPAddr{IP: IPv4(0, 0, 0, 1)}, false}, {&UDPAddr{IP: IPv6loopback}, false}, {&IPAddr{IP: IP{}}, false}, {&UnixAddr{Name: "x"}, false},
	} {
		if got := c.addr.isWildcard(); got != c.want {
			t.Errorf("%T %v: isWildcard is %v", c.addr, c.addr, got)
		}
	}
}
