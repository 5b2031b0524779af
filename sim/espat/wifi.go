package espat

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tinynet/sim/network"
)

type linkState byte

const (
	linkNever linkState = iota
	linkJoining
	linkAssociated // but no address
	linkUp
	linkDown
)

// Numbers of +CWJAP:<n> (esp-at docs).
const (
	joinTimeout = 1
	joinAuth    = 2
	joinNoAP    = 3
	joinFailed  = 4
)

// wifi is the radio as a station.
type wifi struct {
	mode     int // 0 off, 1 station, 2 access point, 3 both
	state    linkState
	ap       AccessPoint // that has been joined, or is to be
	pass     string      // as the host gave it
	attempts int         // joins begun and ended: an older one gives up
	station  network.Station
	ctx      context.Context // of the link
	cancel   context.CancelFunc

	superseded cond // attempts has changed

	hostname    string
	dhcp        int
	static      ipConfig
	dnsManual   bool
	dns         []netip.Addr
	reconnect   int // seconds between tries; 0: none
	reconnCount int // tries; 0: for ever
	scanMask    int
	ipv6        bool
}

const scanMaskAll = 0x7ff

func (w *wifi) init(f *firmware) {
	fl := &f.c.flash
	w.mode = fl.mode
	w.hostname = fmt.Sprintf("ESP_%02X%02X%02X", fl.staMAC[3], fl.staMAC[4], fl.staMAC[5])
	if !f.v.esp8266() {
		w.hostname = "espressif"
	}
	w.dhcp, w.static = fl.dhcp, fl.static
	w.dnsManual, w.dns = fl.dnsManual, fl.dns
	w.ipv6 = fl.ipv6
	w.reconnect = 1
	w.scanMask = scanMaskAll
	w.ctx, w.cancel = context.WithCancel(f.ctx)
	w.cancel()
}

// supersede makes a join that is under way give up.
func (w *wifi) supersede() {
	w.attempts++
	w.superseded.wake()
}

func (w *wifi) end(f *firmware) {
	w.supersede()
	w.cancel()
	if w.station != nil {
		w.station.Close()
	}
	if w.state == linkUp {
		f.linkEvent(LinkEvent{Kind: LinkLeft, SSID: w.ap.SSID})
	}
}

// startRadio does what the firmware does by itself once it runs.
func (f *firmware) startRadio() {
	fl := &f.c.flash
	f.ap.cfg, f.ap.addr = fl.sap, fl.apAddr
	if f.wifi.mode&2 != 0 {
		f.task(f.startAP)
	}
	if f.wifi.mode&1 != 0 && fl.autoconn && fl.known {
		ssid, pass := fl.ssid, fl.pass
		f.task(func() {
			if f.joinFails(ssid, pass) {
				f.reconnect()
			}
		})
	}
}

// online reports whether the station has an address.
func (f *firmware) online() bool { return f.wifi.state == linkUp }

// gone reports whether the access point is away.
func (f *firmware) gone() bool {
	return f.c.away || f.wifi.station != nil && !f.wifi.station.InRange()
}

// find looks for an access point by name, and address if one is given.
func (f *firmware) find(ssid string, bssid *[6]byte) (AccessPoint, bool) {
	if f.gone() {
		return AccessPoint{}, false
	}
	if len(f.c.cfg.AccessPoints) == 0 {
		return AccessPoint{SSID: ssid, BSSID: [6]byte{2, 0, 0, 0, 0, 1}, Channel: 6, RSSI: -50}, true
	}
	for _, ap := range f.c.cfg.AccessPoints {
		if ap.SSID == ssid && (bssid == nil || *bssid == ap.BSSID) {
			return ap, true
		}
	}
	return AccessPoint{}, false
}

// join joins an access point, which takes time. It returns a number of
// +CWJAP:<n>, 0 for success.
func (f *firmware) join(ssid, pass string, bssid *[6]byte) int {
	w := &f.wifi
	t := f.c.cfg.Timing
	if w.state == linkUp {
		f.leave(LinkLeft)
	}
	w.supersede()
	mine := w.attempts
	w.state, w.pass = linkJoining, pass
	w.ap = AccessPoint{SSID: ssid}
	f.linkEvent(LinkEvent{Kind: LinkJoining, SSID: ssid})
	fail := func(why int) int {
		if w.attempts == mine {
			w.state = linkDown
			switch why {
			case joinNoAP:
				f.linkEvent(LinkEvent{Kind: LinkNoAccessPoint, SSID: ssid})
			case joinAuth:
				f.linkEvent(LinkEvent{Kind: LinkWrongPassphrase, SSID: ssid})
			}
		}
		return why
	}
	took := func(d time.Duration) bool {
		if !f.c.free {
			f.c.until(f.c.clk.Now().Add(d), w.superseded.wait(), f.ctx.Done())
		}
		return !f.dead() && w.attempts == mine
	}
	ap, there := f.find(ssid, bssid)
	switch {
	case !there:
		took(t.NoAccessPoint)
		return fail(joinNoAP)
	case len(f.c.cfg.AccessPoints) > 0 && ap.Passphrase != pass && ap.Passphrase != "":
		took(t.WrongPassphrase)
		return fail(joinAuth)
	case !took(t.Associate):
		return fail(joinFailed)
	}
	w.ap = ap
	w.state = linkAssociated
	f.print("WIFI CONNECTED\r\n")
	if !took(t.Address) {
		return fail(joinFailed)
	}
	if w.station == nil && f.c.cfg.Attach != nil {
		var st network.Station
		f.c.block(func() { st = f.c.cfg.Attach(f.v.stack()) })
		if f.dead() || w.attempts != mine {
			st.Close()
			return fail(joinFailed)
		}
		w.station = st
		st.OnFrame(f.frameIn)
		st.OnLink(f.guarded(f.checkAccessPoint))
	}
	if f.gone() {
		return fail(joinFailed)
	}
	if w.station != nil {
		w.station.SetLink(true)
	}
	w.state = linkUp
	w.ctx, w.cancel = context.WithCancel(f.ctx)
	f.linkEvent(LinkEvent{Kind: LinkJoined, SSID: ssid, Addr: f.stationAddr()})
	f.out("WIFI GOT IP\r\n")
	if w.ipv6 {
		f.out("WIFI GOT IPv6 LL\r\nWIFI GOT IPv6 GL\r\n")
	}
	f.sntpOnline()
	f.poke()
	f.drain()
	return 0
}

// stationAddr is the station's address as the module has it.
func (f *firmware) stationAddr() netip.Addr { return f.stationConfig().ip }

func (f *firmware) stationConfig() ipConfig {
	w := &f.wifi
	switch {
	case w.dhcp&1 == 0 && w.static.ip.IsValid():
		return w.static
	case w.state != linkUp:
		return ipConfig{netip.IPv4Unspecified(), netip.IPv4Unspecified(), netip.IPv4Unspecified()}
	case w.station == nil:
		return ipConfig{network.BoardAddr, network.HostAddr, netip.MustParseAddr("255.255.255.0")}
	}
	return ipConfig{w.station.Addr(), w.station.Gateway(), w.station.Netmask()}
}

// leave ends the association.
func (f *firmware) leave(why LinkKind) {
	w := &f.wifi
	was := w.state
	w.supersede()
	w.state = linkDown
	w.cancel()
	if was != linkUp && was != linkAssociated {
		return
	}
	f.linkEvent(LinkEvent{Kind: why, SSID: w.ap.SSID})
	if w.station != nil {
		w.station.SetLink(false)
	}
	f.out("WIFI DISCONNECT\r\n")
	f.tcp.linkLost(f)
}

// checkAccessPoint notices that the network's access point has gone.
func (f *firmware) checkAccessPoint() {
	if st := f.wifi.station; st != nil && !st.InRange() {
		f.accessPointLost()
	}
}

// accessPointLost is the radio missing the access point's beacons.
func (f *firmware) accessPointLost() {
	if s := f.wifi.state; s != linkUp && s != linkAssociated {
		return
	}
	f.leave(LinkLost)
	f.task(f.reconnect)
}

// reconnect tries to join again, until something else is done about the link.
func (f *firmware) reconnect() {
	w := &f.wifi
	ssid, pass := w.ap.SSID, w.pass
	for tries := 0; w.reconnect > 0 && (w.reconnCount == 0 || tries < w.reconnCount); tries++ {
		mine := w.attempts
		if !f.pause(time.Duration(w.reconnect)*time.Second, nil) || w.attempts != mine || w.mode&1 == 0 {
			return
		}
		if _, there := f.find(ssid, nil); !there {
			continue
		}
		if !f.joinFails(ssid, pass) {
			return
		}
	}
}

// joinFails is a join that the firmware makes by itself. It reports whether that failed
// and is to be tried again, since nothing else was done about the link meanwhile.
func (f *firmware) joinFails(ssid, pass string) bool {
	mine := f.wifi.attempts + 1
	return f.join(ssid, pass, nil) != 0 && f.wifi.attempts == mine
}

func (f *firmware) cmdCWMODE(r request) fault {
	w := &f.wifi
	if r.form == formQuery {
		f.reply(r, "%d", w.mode)
		return 0
	}
	a := args{list: r.params}
	lo := 0
	if f.v.nonOS() {
		lo = 1
	}
	mode := a.number(lo, 3)
	auto := a.numberOr(0, 1, 1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	was := w.mode
	w.mode = mode
	if f.saves(r) {
		f.c.flash.mode = mode
	}
	if was&1 != 0 && mode&1 == 0 {
		f.leave(LinkLeft)
	}
	switch {
	case was&2 == 0 && mode&2 != 0:
		f.startAP()
	case was&2 != 0 && mode&2 == 0:
		f.ap.end(f)
	}
	if fl := &f.c.flash; was&1 == 0 && mode&1 != 0 && auto == 1 && fl.known && fl.autoconn && w.state == linkNever {
		ssid, pass := fl.ssid, fl.pass
		f.task(func() { f.join(ssid, pass, nil) })
	}
	return 0
}

// Longest names and passphrases (IEEE 802.11).
const (
	ssidMost = 32
	passMost = 64
)

func (f *firmware) cmdCWJAP(r request) fault {
	w := &f.wifi
	if r.form == formQuery {
		if w.state != linkUp && w.state != linkAssociated {
			f.logs("No AP")
			return 0
		}
		line := fmt.Sprintf("%s,%s,%d,%d", quote(w.ap.SSID), quote(macString(w.ap.BSSID)), w.ap.Channel, w.ap.RSSI)
		switch {
		case f.v.since(2, 2):
			line += fmt.Sprintf(",0,%d,0,0,0", w.reconnect)
		case f.v.since(2, 1):
			line += fmt.Sprintf(",0,%d,0,0", w.reconnect)
		}
		f.reply(r, "%s", line)
		return 0
	}
	a := args{list: r.params}
	ssid := a.str(ssidMost)
	pass := a.strOr(passMost, "")
	bssidText := a.strOr(17, "")
	auth := a.numberOr(0, 1, 0)
	interval := a.numberOr(0, 7200, 1)
	listen := a.numberOr(0, 100, 3)
	scan := a.numberOr(0, 1, 0)
	timeout := a.numberOr(3, 600, 15)
	pmf := a.numberOr(0, 3, 1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	_, _, _, _ = auth, listen, scan, pmf
	if ssid == "" || w.mode&1 == 0 {
		return failed
	}
	var bssid *[6]byte
	if bssidText != "" {
		mac, ok := parseMAC(bssidText)
		if !ok {
			return code(subInvalid, 2)
		}
		bssid = &mac
	}
	w.reconnect = interval
	why := -1
	if timeout := time.Duration(timeout) * time.Second; !f.c.free {
		// The time is up whatever the radio does.
		mine := w.attempts + 1
		if w.state == linkUp {
			mine++ // leave counts too
		}
		timer := f.later(timeout, func() {
			if w.attempts == mine && w.state != linkUp {
				w.supersede()
				w.state = linkDown
				why = joinTimeout
			}
		})
		defer timer.Stop()
	}
	got := f.join(ssid, pass, bssid)
	if why >= 0 {
		got = why
	}
	if f.dead() {
		return finished
	}
	if got == 0 {
		if f.saves(r) {
			fl := &f.c.flash
			fl.ssid, fl.pass, fl.known = ssid, pass, true
		}
		return 0
	}
	f.out(fmt.Sprintf("+CWJAP:%d\r\n", got))
	if f.v.nonOS() {
		f.c.ledger.Errors++
		f.out("\r\nFAIL\r\n")
		return finished
	}
	return failed
}

func (f *firmware) cmdCWQAP(request) fault {
	f.after = append(f.after, func() {})
	f.leave(LinkLeft)
	return 0
}

func (f *firmware) cmdCWSTATE(r request) fault {
	w := &f.wifi
	n := map[linkState]int{linkNever: 0, linkJoining: 3, linkAssociated: 1, linkUp: 2, linkDown: 4}[w.state]
	f.reply(r, "%d,%s", n, quote(w.ap.SSID))
	return 0
}

func (f *firmware) cmdCWRECONNCFG(r request) fault {
	w := &f.wifi
	if r.form == formQuery {
		f.reply(r, "%d,%d", w.reconnect, w.reconnCount)
		return 0
	}
	a := args{list: r.params}
	interval := a.number(0, 7200)
	count := a.number(0, 1000)
	a.numberOr(0, 1, 0)
	if bad := a.end(); bad != 0 {
		return bad
	}
	w.reconnect, w.reconnCount = interval, count
	return 0
}

// cmdCWLAP lists the access points in range: all, or those of a name, address
// and channel.
func (f *firmware) cmdCWLAP(r request) fault {
	a := args{list: r.params}
	ssid := a.strOr(ssidMost, "")
	mac := a.strOr(17, "")
	channel := a.numberOr(1, 14, 0)
	for range 3 {
		a.numberOr(0, 1500, 0)
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	if f.wifi.mode&1 == 0 {
		return failed
	}
	if !f.sleep(f.c.cfg.Timing.Scan) {
		return finished
	}
	if f.gone() {
		return 0
	}
	for _, ap := range f.c.cfg.AccessPoints {
		if ssid != "" && ssid != ap.SSID || mac != "" && !strings.EqualFold(mac, macString(ap.BSSID)) ||
			channel != 0 && channel != int(ap.Channel) {
			continue
		}
		ecn, cipher := 0, 0
		if ap.Passphrase != "" {
			ecn, cipher = 3, 4
		}
		all := []string{
			fmt.Sprint(ecn), quote(ap.SSID), fmt.Sprint(ap.RSSI), quote(macString(ap.BSSID)), fmt.Sprint(ap.Channel),
			"-1", "-1", fmt.Sprint(cipher), fmt.Sprint(cipher), "7", "0",
		}
		if f.v.nonOS() {
			all[5], all[6] = "-1", "0"
		}
		var fields []string
		for i, s := range all {
			if f.wifi.scanMask&(1<<i) != 0 {
				fields = append(fields, s)
			}
		}
		f.reply(r, "(%s)", strings.Join(fields, ","))
	}
	return 0
}

func (f *firmware) cmdCWLAPOPT(r request) fault {
	a := args{list: r.params}
	a.numberOr(0, 1, 0)
	mask := a.number(0, scanMaskAll)
	if f.v.since(2, 1) {
		a.numberOr(-100, 40, -100)
		a.numberOr(0, 0xffff, 0xffff)
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.wifi.scanMask = mask
	return 0
}

func (f *firmware) cmdCWDHCP(r request) fault {
	w := &f.wifi
	if r.form == formQuery {
		f.reply(r, "%d", w.dhcp)
		return 0
	}
	a := args{list: r.params}
	var on, bits int
	if f.v.nonOS() {
		bits = a.number(0, 2) // 0 access point, 1 station, 2 both
		on = a.number(0, 1)
		bits = []int{2, 1, 3}[min(max(bits, 0), 2)]
	} else {
		on = a.number(0, 1)
		bits = a.number(0, 3)
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	if on == 1 {
		w.dhcp |= bits
	} else {
		w.dhcp &^= bits
	}
	if f.saves(r) {
		f.c.flash.dhcp = w.dhcp
	}
	return 0
}

// address reads up to three IPv4 addresses: ip, gateway, mask.
func (a *args) address() ipConfig {
	var c ipConfig
	parse := func(s string) netip.Addr {
		addr, err := netip.ParseAddr(s)
		if a.bad == 0 && s != "" && (err != nil || !addr.Is4()) {
			a.fail(subInvalid)
		}
		return addr
	}
	c.ip = parse(a.str(15))
	c.gw = parse(a.strOr(15, ""))
	c.mask = parse(a.strOr(15, ""))
	if a.bad == 0 && !c.mask.IsValid() {
		c.mask = netip.AddrFrom4([4]byte{255, 255, 255, 0})
	}
	if a.bad == 0 && !c.gw.IsValid() {
		b := c.ip.As4()
		b[3] = 1
		c.gw = netip.AddrFrom4(b)
	}
	return c
}

func (f *firmware) replyAddress(r request, c ipConfig) {
	for _, line := range []struct {
		name string
		addr netip.Addr
	}{{"ip", c.ip}, {"gateway", c.gw}, {"netmask", c.mask}} {
		f.reply(r, "%s:%s", line.name, quote(line.addr.String()))
	}
}

func (f *firmware) cmdCIPSTA(r request) fault {
	w := &f.wifi
	if r.form == formQuery {
		f.replyAddress(r, f.stationConfig())
		if w.ipv6 && f.online() {
			f.reply(r, "ip6ll:%s", quote(f.linkLocal()))
			f.reply(r, "ip6gl:%s", quote(f.global6()))
		}
		return 0
	}
	if w.mode&1 == 0 {
		return failed
	}
	a := args{list: r.params}
	c := a.address()
	if bad := a.end(); bad != 0 {
		return bad
	}
	w.static = c
	w.dhcp &^= 1
	if f.saves(r) {
		f.c.flash.static, f.c.flash.dhcp = c, w.dhcp
	}
	return 0
}

func macString(m [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

func parseMAC(s string) (m [6]byte, ok bool) {
	var end string
	n, _ := fmt.Sscanf(s+" .", "%02x:%02x:%02x:%02x:%02x:%02x %s", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5], &end)
	return m, n == 7 && len(s) == 17
}

func (f *firmware) cmdCIPSTAMAC(r request) fault { return f.cmdMAC(r, &f.c.flash.staMAC) }
func (f *firmware) cmdCIPAPMAC(r request) fault  { return f.cmdMAC(r, &f.c.flash.apMAC) }

func (f *firmware) cmdMAC(r request, mac *[6]byte) fault {
	if r.form == formQuery {
		f.reply(r, "%s", quote(macString(*mac)))
		return 0
	}
	a := args{list: r.params}
	text := a.str(17)
	if bad := a.end(); bad != 0 {
		return bad
	}
	m, ok := parseMAC(text)
	if !ok || m[0]&1 != 0 {
		return code(subInvalid, 0)
	}
	*mac = m
	return 0
}

func (f *firmware) cmdCIFSR(r request) fault {
	if f.wifi.mode&2 != 0 {
		f.reply(r, "APIP,%s", quote(f.ap.addr.ip.String()))
		f.reply(r, "APMAC,%s", quote(macString(f.c.flash.apMAC)))
	}
	if f.wifi.mode&1 != 0 {
		f.reply(r, "STAIP,%s", quote(f.stationAddr().String()))
		if f.wifi.ipv6 && f.online() {
			f.reply(r, "STAIP6LL,%s", quote(f.linkLocal()))
			f.reply(r, "STAIP6GL,%s", quote(f.global6()))
		}
		f.reply(r, "STAMAC,%s", quote(macString(f.c.flash.staMAC)))
	}
	return 0
}

func (f *firmware) cmdCWHOSTNAME(r request) fault {
	w := &f.wifi
	if r.form == formQuery {
		f.reply(r, "%s", w.hostname)
		return 0
	}
	a := args{list: r.params}
	name := a.str(32)
	if bad := a.end(); bad != 0 {
		return bad
	}
	if w.mode&1 == 0 {
		return failed
	}
	w.hostname = name
	return 0
}

func (f *firmware) cmdCWAUTOCONN(r request) fault {
	if r.form == formQuery {
		f.reply(r, "%d", b2i(f.c.flash.autoconn))
		return 0
	}
	a := args{list: r.params}
	on := a.number(0, 1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.c.flash.autoconn = on == 1
	return 0
}
