package espat

import (
	"fmt"
	"net/netip"

	"tinynet/sim/network"
)

// apConfig is what CWSAP sets.
type apConfig struct {
	ssid, pass        string
	channel, ecn, max int
	hidden            int
}

// softAP is the module as an access point.
type softAP struct {
	cfg     apConfig
	addr    ipConfig
	on      bool
	station network.Station
	joined  int
}

// startAP makes the module an access point, which takes time.
func (f *firmware) startAP() {
	a := &f.ap
	a.end(f)
	if !f.sleep(f.c.cfg.Timing.AP) || f.wifi.mode&2 == 0 {
		return
	}
	a.on = true
	f.linkEvent(LinkEvent{Kind: LinkServing, SSID: a.cfg.ssid, Addr: a.addr.ip})
	open := f.c.cfg.AttachAP
	if open == nil {
		return
	}
	prefix, err := a.addr.ip.Prefix(24)
	if bits := maskBits(a.addr.mask); bits > 0 {
		prefix, err = a.addr.ip.Prefix(bits)
	}
	if err != nil {
		return
	}
	cfg := network.AccessPoint{
		SSID: a.cfg.ssid, Passphrase: a.cfg.pass, Channel: uint8(a.cfg.channel),
		Addr: netip.PrefixFrom(a.addr.ip, prefix.Bits()), MaxJoined: a.cfg.max,
	}
	var st network.Station
	f.c.block(func() { st = open(f.v.stack(), cfg) })
	if f.dead() || !a.on || a.station != nil {
		st.Close()
		return
	}
	a.station = st
	st.OnFrame(f.frameIn)
	st.OnLink(f.guarded(func() {
		if a.station == st {
			a.stationsChanged(f)
		}
	}))
	f.poke()
}

func maskBits(mask netip.Addr) int {
	if !mask.Is4() {
		return 0
	}
	n := 0
	for _, b := range mask.As4() {
		for ; b&0x80 != 0; b <<= 1 {
			n++
		}
	}
	return n
}

// member is a joined station's hardware and network address.
func (a *softAP) member(i int) (mac, ip string) {
	addr := a.addr.ip
	for range i + 1 {
		addr = addr.Next()
	}
	return macString([6]byte{2, 0, 0, 0, 1, byte(i + 1)}), addr.String()
}

// stationsChanged says who has come or gone.
func (a *softAP) stationsChanged(f *firmware) {
	n := a.station.Stations()
	for ; a.joined < n; a.joined++ {
		mac, ip := a.member(a.joined)
		f.out("+STA_CONNECTED:" + quote(mac) + "\r\n" + "+DIST_STA_IP:" + quote(mac) + "," + quote(ip) + "\r\n")
		f.linkEvent(LinkEvent{Kind: LinkStationJoined, SSID: a.cfg.ssid})
	}
	for a.joined > n {
		a.joined--
		mac, _ := a.member(a.joined)
		f.out("+STA_DISCONNECTED:" + quote(mac) + "\r\n")
		f.linkEvent(LinkEvent{Kind: LinkStationLeft, SSID: a.cfg.ssid})
	}
}

// end takes the access point off the air.
func (a *softAP) end(f *firmware) {
	if a.on {
		f.linkEvent(LinkEvent{Kind: LinkClosed, SSID: a.cfg.ssid})
	}
	a.on, a.joined = false, 0
	if st := a.station; st != nil {
		a.station = nil
		f.tcp.stationGone(f, st)
		st.Close()
	}
}

func (f *firmware) cmdCWSAP(r request) fault {
	p := &f.ap.cfg
	if f.wifi.mode&2 == 0 {
		return failed
	}
	if r.form == formQuery {
		f.reply(r, "%s,%s,%d,%d,%d,%d", quote(p.ssid), quote(p.pass), p.channel, p.ecn, p.max, p.hidden)
		return 0
	}
	a := args{list: r.params}
	most := 10
	if f.v.esp8266() {
		most = 8
	}
	c := apConfig{
		ssid:    a.str(ssidMost),
		pass:    a.str(passMost),
		channel: a.number(1, 14),
		ecn:     a.number(0, 4),
		max:     a.numberOr(1, most, 4),
		hidden:  a.numberOr(0, 1, 0),
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	if c.ssid == "" || c.ecn == 1 || c.ecn != 0 && len(c.pass) < 8 {
		return failed
	}
	if c.ecn == 0 {
		c.pass = ""
	}
	*p = c
	if f.saves(r) {
		f.c.flash.sap = c
	}
	f.startAP()
	return 0
}

func (f *firmware) cmdCWLIF(r request) fault {
	if f.wifi.mode&2 == 0 {
		return failed
	}
	for i := range f.ap.joined {
		mac, ip := f.ap.member(i)
		f.print(fmt.Sprintf("+CWLIF:%s,%s\r\n", ip, mac))
	}
	return 0
}

func (f *firmware) cmdCIPAP(r request) fault {
	if f.wifi.mode&2 == 0 {
		return failed
	}
	if r.form == formQuery {
		f.replyAddress(r, f.ap.addr)
		return 0
	}
	a := args{list: r.params}
	c := a.address()
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.ap.addr = c
	if f.saves(r) {
		f.c.flash.apAddr = c
	}
	f.startAP()
	return 0
}
