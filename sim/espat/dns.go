package espat

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"tinynet/sim/network"
)

// nat64 is how the module's IPv6 side sees the simulated network, which is IPv4:
// through a translator, at the prefix of RFC 6052.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func to6(a netip.Addr) netip.Addr {
	b := nat64.Addr().As16()
	v4 := a.As4()
	copy(b[12:], v4[:])
	return netip.AddrFrom16(b)
}

// from6 is the IPv4 address behind one of nat64's; ok is false for others.
func from6(a netip.Addr) (v4 netip.Addr, ok bool) {
	if !nat64.Contains(a) {
		return netip.Addr{}, false
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:])), true
}

// text6 is an IPv6 address as lwIP writes it.
func text6(a netip.Addr) string { return strings.ToUpper(a.String()) }

// addrText is an address of a link's peer as the host sees it.
func (f *firmware) addrText(l *link, a netip.Addr) string {
	switch {
	case l.v6 && a == netip.IPv4Unspecified():
		return "::"
	case l.v6 && a.Is4():
		return text6(to6(a))
	case !a.IsValid():
		return "0.0.0.0"
	}
	return a.String()
}

// linkLocal and global6 are the station's IPv6 addresses.
func (f *firmware) linkLocal() string {
	m := f.c.flash.staMAC
	b := [16]byte{0: 0xfe, 1: 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]}
	return text6(netip.AddrFrom16(b))
}

func (f *firmware) global6() string { return text6(to6(f.stationAddr())) }

// resolve finds the address of a host. It waits.
func (f *firmware) resolve(ctx context.Context, host string, v6 bool) (netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		switch {
		case a.Is4() && !v6:
			return a, nil
		case a == netip.IPv6Unspecified() && v6:
			return netip.IPv4Unspecified(), nil // a datagram link without a peer
		case a.Is6() && v6:
			if v4, ok := from6(a); ok {
				return v4, nil
			}
			return netip.Addr{}, fmt.Errorf("%v: %w", a, network.ErrUnreachable)
		}
		return netip.Addr{}, fmt.Errorf("%q: %w", host, network.ErrUnknownHost)
	}
	st := f.wifi.station
	if host == "" || !f.online() || st == nil {
		return netip.Addr{}, fmt.Errorf("%q: %w", host, network.ErrUnknownHost)
	}
	if !f.sleep(f.c.cfg.Timing.DNS) {
		return netip.Addr{}, context.Canceled
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer f.c.clk.AfterFunc(f.c.cfg.Timing.DNSTimeout, cancel).Stop()
	var addr netip.Addr
	var err error
	f.c.block(func() { addr, err = st.Lookup(ctx, host) })
	return addr, err
}

func (f *firmware) cmdCIPDOMAIN(r request) fault {
	a := args{list: r.params}
	host := a.str(255)
	pref := 1
	if f.v.since(2, 2) && !f.v.esp8266() {
		pref = a.numberOr(1, 3, 1)
	}
	if f.v.since(4, 1) {
		a.numberOr(0, 60000, 0)
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	if pref == 3 && !f.wifi.ipv6 {
		return failed
	}
	var addr netip.Addr
	var err error
	if lit, e := netip.ParseAddr(host); e == nil && lit.Is6() {
		addr, err = f.resolve(f.ctx, host, true)
	} else {
		addr, err = f.resolve(f.ctx, host, false)
	}
	if f.dead() {
		return finished
	}
	if err != nil {
		f.note("%v", err)
		if f.v.nonOS() {
			f.out("DNS Fail\r\n")
		}
		return failed
	}
	text := addr.String()
	if pref == 3 {
		text = text6(to6(addr))
	}
	if f.v.since(2, 2) {
		text = quote(text)
	}
	f.reply(r, "%s", text)
	return 0
}

var defaultDNS = []netip.Addr{
	netip.MustParseAddr("208.67.222.222"),
	netip.MustParseAddr("114.114.114.114"),
	netip.MustParseAddr("8.8.8.8"),
}

func (f *firmware) cmdCIPDNS(r request) fault {
	w := &f.wifi
	if r.form == formQuery {
		list := w.dns
		if !w.dnsManual {
			list = defaultDNS
			if f.online() && w.station != nil {
				list = []netip.Addr{w.station.DNS()}
			}
		}
		line := fmt.Sprint(b2i(w.dnsManual))
		for _, a := range list {
			line += "," + quote(a.String())
		}
		f.reply(r, "%s", line)
		return 0
	}
	a := args{list: r.params}
	manual := a.number(0, 1)
	var list []netip.Addr
	for range 3 {
		text := a.strOr(45, "")
		if text == "" {
			continue
		}
		addr, err := netip.ParseAddr(text)
		if err != nil {
			a.fail(subInvalid)
			continue
		}
		for _, other := range list {
			if other == addr {
				a.fail(subInvalid)
			}
		}
		list = append(list, addr)
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	w.dnsManual = manual == 1
	if w.dns = list; len(list) == 0 {
		w.dns = defaultDNS
	}
	if f.saves(r) {
		f.c.flash.dnsManual, f.c.flash.dns = w.dnsManual, w.dns
	}
	return 0
}

func (f *firmware) cmdCIPV6(r request) fault {
	w := &f.wifi
	if r.form == formQuery {
		f.reply(r, "%d", b2i(w.ipv6))
		return 0
	}
	a := args{list: r.params}
	on := a.number(0, 1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	was := w.ipv6
	w.ipv6 = on == 1
	if f.saves(r) {
		f.c.flash.ipv6 = w.ipv6
	}
	if !was && w.ipv6 && f.online() {
		f.after = append(f.after, func() { f.out("WIFI GOT IPv6 LL\r\nWIFI GOT IPv6 GL\r\n") })
	}
	return 0
}

func (f *firmware) cmdPING(r request) fault {
	a := args{list: r.params}
	host := a.str(255)
	if bad := a.end(); bad != 0 {
		return bad
	}
	plus := "+PING:"
	if f.v.nonOS() {
		plus = "+"
	}
	addr, err := f.resolve(f.ctx, host, strings.Contains(host, ":"))
	st := f.stationFor(addr)
	start := f.c.clk.Now()
	if err == nil && st != nil {
		ctx, cancel := context.WithCancel(f.ctx)
		defer cancel()
		defer f.c.clk.AfterFunc(f.c.cfg.Timing.Ping, cancel).Stop()
		f.c.block(func() { err = st.Ping(ctx, addr) })
	} else if err == nil {
		err = network.ErrDown
	}
	switch {
	case f.dead():
		return finished
	case err != nil && f.v.nonOS():
		f.print("+timeout\r\n")
		return failed
	case err != nil:
		f.print("+PING:TIMEOUT\r\n")
		return failed
	}
	f.print(fmt.Sprintf("%s%d\r\n", plus, f.c.clk.Now().Sub(start).Milliseconds()))
	return 0
}
