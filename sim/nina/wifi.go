package nina

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

// LinkKind says what became of the Wi-Fi link.
type LinkKind byte

// Kinds of a LinkEvent.
const (
	LinkJoining         LinkKind = iota // the firmware has begun to look for SSID
	LinkJoined                          // associated, with address Addr
	LinkWrongPassphrase                 // the access point refused the passphrase
	LinkNoAccessPoint                   // no access point has that name
	LinkLeft                            // the host ended it, or reset the chip
	LinkLost                            // the access point went away
	LinkRefused                         // the access point takes no more stations
	LinkServing                         // the chip is an access point itself, with address Addr
	LinkStationJoined                   // somebody has joined it
	LinkStationLeft                     // and left again
	LinkClosed                          // it is one no longer
)

var linkKinds = [...]string{"joining", "joined", "wrong passphrase", "no such access point", "left", "lost",
	"refused by a full access point", "serving", "station joined", "station left", "closed"}

// String returns the kind in words.
func (k LinkKind) String() string {
	if int(k) < len(linkKinds) {
		return linkKinds[k]
	}
	return "unknown"
}

// LinkEvent tells what became of the Wi-Fi link.
type LinkEvent struct {
	Kind LinkKind
	SSID string
	Addr netip.Addr // with LinkJoined and LinkServing
}

func (f *firmware) linkEvent(e LinkEvent) {
	if g := f.c.cfg.LinkEvent; g != nil {
		f.c.calls = append(f.c.calls, func() { g(e) })
	}
}

// Values of the connection status (nina-fw 2.0.0 WiFi.h, wl_status_t).
// statusStopped is arduino-esp32's alone.
const (
	statusIdle          = 0
	statusNoSSID        = 1
	statusScanned       = 2
	statusConnected     = 3
	statusConnectFailed = 4
	statusLost          = 5
	statusDisconnected  = 6
	statusAPListening   = 7
	statusAPConnected   = 8
	statusAPFailed      = 9
	statusStopped       = 254
)

// Reasons of a disconnect (ESP-IDF 3.3 esp_wifi_types.h).
const (
	reasonUnspecified   = 1
	reasonAuthExpire    = 2
	reasonAssocLeave    = 8
	reasonHandshake     = 15
	reason8021X         = 23
	reasonBeaconTimeout = 200
	reasonNoAPFound     = 201
	reasonAuthFail      = 202
	reasonAssocFail     = 203
	reasonHandshakeTime = 204
)

type linkState byte

const (
	linkDown linkState = iota
	linkJoining
	linkUp
	linkServing // as an access point
)

// wifi is the firmware's WiFi object and the radio below it.
type wifi struct {
	status  byte
	reason  byte
	state   linkState
	ap      AccessPoint // that the station has joined, or that the chip is; else zero
	asAP    bool        // what was begun last is access-point mode
	wanted  wanted
	retried bool // arduino-esp32 has tried again once, whatever the reason
	joined  int  // stations, as an access point

	static       bool
	ip, mask, gw [4]byte
	servers      [2][4]byte // lwIP's DNS servers
	own          [2][4]byte // those of command 15
	resolved     [4]byte
	scanned      []AccessPoint
	hostname     string // of command 16
	named        string // with which the station asks for an address
	saving       bool   // modem sleep
	ent          enterprise

	station  network.Station
	attempts int // distinguishes this join from earlier ones
	linkCtx  context.Context
	linkEnd  context.CancelFunc
	synced   bool  // the time is known
	offset   int64 // seconds that command 5F has put between it and the clock's

	joinTimer, assocTimer, lostTimer, sntpTimer clock.Timer
}

// wanted is what a station asks an access point for.
type wanted struct {
	ssid, pass string
	ent        *enterprise // nil unless it comes as an enterprise's user
}

func (w *wifi) init(v *variant) {
	w.saving = true // ESP-IDF's default
	if v.esp32Status {
		w.status = statusStopped
	}
	if v.reasonStays {
		w.reason = reasonUnspecified
	}
}

func (w *wifi) stopTimers() {
	for _, t := range []clock.Timer{w.joinTimer, w.assocTimer, w.lostTimer, w.sntpTimer} {
		if t != nil {
			t.Stop()
		}
	}
	if w.linkEnd != nil {
		w.linkEnd()
	}
}

// online reports whether there is a network to send on.
func (w *wifi) online() bool {
	return w.station != nil && (w.state == linkUp || w.state == linkServing)
}

// gone reports whether the access point to join is away.
func (f *firmware) gone() bool {
	st := f.wifi.station
	return f.c.away || st != nil && f.wifi.state != linkServing && !st.InRange()
}

// guarded returns a timer's function that runs fn, with the chip locked, unless the chip is reset, hangs or is
// closed first.
func (f *firmware) guarded(fn func()) func() {
	return func() {
		f.c.lock()
		defer f.c.unlock()
		if f.c.fw == f && !f.hung {
			fn()
		}
	}
}

// begin restarts the radio and starts to join; what comes of it is told later.
func (f *firmware) begin(want wanted) {
	w := &f.wifi
	if !f.v.esp32Status {
		w.status = statusNoSSID
	}
	f.endAP()
	f.leave(reasonAssocLeave)
	w.asAP = false
	f.radioStarts()
	if f.v.esp32Status && w.status == statusStopped {
		w.status = statusDisconnected
	}
	if want.ssid == "" {
		return // esp_wifi_connect refuses, and nothing tells
	}
	w.wanted = want
	f.tryToJoin(f.c.clk.Later)
}

// radioStarts is the start of the station's interface.
func (f *firmware) radioStarts() {
	w := &f.wifi
	if w.hostname == "" {
		m := f.c.cfg.MAC
		w.hostname = fmt.Sprintf("arduino-%02x%02x", m[4], m[5])
		if f.v.esp32Status {
			w.hostname = fmt.Sprintf("esp32-%02X%02X%02X", m[3], m[4], m[5])
		}
	}
	w.named = w.hostname
}

// tryAgain is tryToJoin after a failure. It takes its time on every clock:
// otherwise a chip that tries for ever would do nothing else.
func (f *firmware) tryAgain() { f.tryToJoin(f.c.clk.AfterFunc) }

// tryToJoin looks for the access point that is wanted.
func (f *firmware) tryToJoin(later func(time.Duration, func()) clock.Timer) {
	w := &f.wifi
	w.state = linkJoining
	w.attempts++
	attempt := w.attempts
	f.linkEvent(LinkEvent{Kind: LinkJoining, SSID: w.wanted.ssid})
	ap, failed := f.find(w.wanted)
	d := f.c.cfg.Timing.Join
	switch failed {
	case LinkNoAccessPoint:
		d = f.c.cfg.Timing.NoAccessPoint
	case LinkWrongPassphrase:
		d = f.c.cfg.Timing.WrongPassphrase
	}
	under := func(fn func()) func() {
		return f.guarded(func() {
			if w.attempts == attempt && w.state == linkJoining {
				fn()
			}
		})
	}
	if f.v.esp32Status && failed == LinkJoining {
		// Associated, but without an address yet.
		w.assocTimer = later(d-d/4, under(func() { w.status = statusIdle }))
	}
	w.joinTimer = later(d, under(func() {
		if f.gone() {
			failed = LinkNoAccessPoint
		}
		if failed != LinkJoining {
			f.joinFailed(failed)
			return
		}
		f.associated(ap, attempt)
	}))
}

// find looks for an access point; LinkJoining means that joining it will work.
func (f *firmware) find(want wanted) (AccessPoint, LinkKind) {
	if f.gone() {
		return AccessPoint{}, LinkNoAccessPoint
	}
	if len(f.c.cfg.AccessPoints) == 0 {
		return AccessPoint{SSID: want.ssid, Passphrase: want.pass, BSSID: [6]byte{0x02, 0, 0, 0, 0, 0x01}, Channel: 6, RSSI: -50}, LinkJoining
	}
	verdict := LinkNoAccessPoint
	for _, ap := range f.c.cfg.AccessPoints {
		switch {
		case ap.SSID != want.ssid:
		case ap.Full:
			verdict = LinkRefused
		case ap.admits(want):
			return ap, LinkJoining
		default:
			verdict = LinkWrongPassphrase
		}
	}
	return AccessPoint{}, verdict
}

// auth is the radio's number for how an access point keeps others out
// (wifi_auth_mode_t).
func (ap *AccessPoint) auth() byte {
	switch ap.Auth {
	case AuthDefault:
		if ap.Passphrase == "" {
			return 0
		}
		return 3
	default:
		return byte(ap.Auth - AuthOpen)
	}
}

func (ap *AccessPoint) admits(want wanted) bool {
	switch ap.auth() {
	case 0:
		return true
	case byte(AuthEnterprise - AuthOpen):
		e := want.ent
		return e != nil && (ap.User == "" || e.certificate || e.user == ap.User && e.password == ap.Password)
	}
	return want.pass == ap.Passphrase
}

func (f *firmware) joinFailed(why LinkKind) {
	w := &f.wifi
	w.state = linkDown
	reason := byte(reasonHandshake)
	switch {
	case why == LinkNoAccessPoint:
		reason = reasonNoAPFound
	case why == LinkRefused:
		reason = reasonAssocFail
	case w.wanted.ent != nil:
		reason = reason8021X
	case f.c.cfg.Readings.WrongPassphraseFails:
		reason = reasonAuthFail
	}
	f.linkEvent(LinkEvent{Kind: why, SSID: w.wanted.ssid})
	f.disconnected(reason)
}

// disconnected is the firmware's handler of the radio's event.
func (f *firmware) disconnected(reason byte) {
	w := &f.wifi
	w.reason = reason
	w.ap = AccessPoint{}
	if f.v.esp32Status {
		f.disconnected32(reason)
		return
	}
	switch {
	case reason == reasonNoAPFound || reason == reasonAuthFail || reason == reasonAssocFail && f.v.assocFailFails:
		w.status = statusConnectFailed
	case reason == reasonAssocFail:
		f.tryAgain()
	default:
		w.status = statusDisconnected
		if !f.v.dropIsSilent {
			f.closeConnected()
		}
	}
}

// disconnected32 is that of arduino-esp32 (libraries/WiFi, STA.cpp), with the
// firmware's own behind it.
func (f *firmware) disconnected32(reason byte) {
	w := &f.wifi
	first := !w.retried
	switch {
	case reason == reasonNoAPFound:
		w.status = statusNoSSID
	case reason == reasonAuthFail && !first:
		w.status = statusConnectFailed
	case reason == reasonBeaconTimeout || reason == reasonHandshakeTime:
		w.status = statusLost
	case reason == reasonAuthExpire:
	default:
		w.status = statusDisconnected
	}
	f.closeConnected()
	if !f.v.autoRejoin || reason == reasonAssocLeave {
		return
	}
	w.retried = true
	if reason != reasonAuthFail || first {
		f.tryAgain()
	}
}

// associated is the association and the address that follows it.
func (f *firmware) associated(ap AccessPoint, attempt int) {
	w := &f.wifi
	if w.station == nil && f.c.cfg.Attach != nil {
		var st network.Station
		f.block(func() { st = f.c.cfg.Attach(f.v.stack()) })
		if f.c.fw != f || f.hung || w.attempts != attempt || w.state != linkJoining {
			st.Close()
			return
		}
		f.attach(st)
		if !st.InRange() {
			f.joinFailed(LinkNoAccessPoint)
			return
		}
	} else if w.station != nil {
		w.station.SetLink(true)
	}
	w.state = linkUp
	w.linkCtx, w.linkEnd = context.WithCancel(f.ctx)
	if !f.v.reasonStays {
		w.reason = 0
	}
	w.ap = ap
	addr, mask, gw, dns := network.BoardAddr, netip.AddrFrom4([4]byte{255, 255, 255, 0}), network.HostAddr, network.HostAddr
	if st := w.station; st != nil {
		addr, mask, gw, dns = st.Addr(), st.Netmask(), st.Gateway(), st.DNS()
	}
	if w.static {
		f.setServers(w.own)
	} else {
		w.ip, w.mask, w.gw = as4(addr), as4(mask), as4(gw)
		w.servers = [2][4]byte{as4(dns)}
	}
	w.status = statusConnected
	if w.lostTimer != nil {
		w.lostTimer.Stop()
		w.lostTimer = nil
	}
	if !w.synced {
		w.sntpTimer = f.c.clk.Later(f.c.cfg.Timing.SNTP, f.guarded(func() {
			w.synced = w.synced || w.state == linkUp
		}))
	}
	f.attached()
	f.linkEvent(LinkEvent{Kind: LinkJoined, SSID: ap.SSID, Addr: netip.AddrFrom4(w.ip)})
	f.frameIn()
}

// attach connects the stack to a network.
func (f *firmware) attach(st network.Station) {
	f.wifi.station = st
	st.OnFrame(f.frameIn)
	st.OnLink(f.guarded(func() {
		if f.wifi.station == st {
			f.linkChanged()
		}
	}))
}

// linkChanged finds out what the network has to tell of its link.
func (f *firmware) linkChanged() {
	w := &f.wifi
	if w.state != linkServing {
		if f.gone() {
			f.accessPointLost()
		}
		return
	}
	n := w.station.Stations()
	for ; w.joined < n; w.joined++ {
		f.linkEvent(LinkEvent{Kind: LinkStationJoined, SSID: w.ap.SSID})
	}
	for ; w.joined > n; w.joined-- {
		f.linkEvent(LinkEvent{Kind: LinkStationLeft, SSID: w.ap.SSID})
	}
	f.apStatus()
}

func as4(a netip.Addr) [4]byte {
	if !a.Is4() {
		return [4]byte{}
	}
	return a.As4()
}

// leave ends the association or a join that is under way. The disconnect event
// overwrites the status, but only if there was an association.
func (f *firmware) leave(reason byte) {
	w := &f.wifi
	was := w.state
	if was == linkServing {
		return
	}
	w.attempts++
	if was != linkUp {
		w.state = linkDown
		return
	}
	kind := LinkLeft
	if reason != reasonAssocLeave {
		kind = LinkLost
	}
	f.linkEvent(LinkEvent{Kind: kind, SSID: w.ap.SSID})
	w.linkEnd()
	w.state = linkDown
	if w.station != nil {
		w.station.SetLink(false)
	}
	if w.lostTimer == nil {
		w.lostTimer = f.c.clk.AfterFunc(f.c.cfg.Timing.IPLost, f.guarded(func() {
			w.lostTimer = nil
			if w.state == linkUp || w.state == linkServing {
				return
			}
			w.ip, w.mask, w.gw = [4]byte{}, [4]byte{}, [4]byte{}
			w.own = [2][4]byte{}
			w.status = statusLost
			if f.v.esp32Status {
				w.status = statusIdle
			}
		}))
	}
	f.disconnected(reason)
}

// accessPointLost is the radio missing the access point's beacons.
func (f *firmware) accessPointLost() {
	if f.wifi.state == linkUp {
		f.leave(reasonBeaconTimeout)
	}
}

// apDefault is the address of an access point that has been given none.
var apDefault = netip.MustParsePrefix("192.168.4.1/24")

const (
	apMaxChannel = 13
	apMaxJoined  = 4 // nina-fw 2.0.0 WiFi.cpp, max_connection
)

// beginAP makes the chip an access point and reports whether that worked. It
// takes time.
func (f *firmware) beginAP(ssid, pass string, channel byte) bool {
	w := &f.wifi
	refused := pass != "" && (len(pass) < 8 || len(pass) > 63)
	if f.v.apAnyChannel {
		channel = 0
	}
	refused = refused || channel > apMaxChannel
	if f.v.apUnseen {
		if ssid == "" || refused {
			return false // before it touches the radio
		}
	} else {
		w.status = statusNoSSID
	}
	f.endAP()
	f.leave(reasonAssocLeave)
	w.asAP = !f.v.apUnseen
	if refused {
		w.status = statusAPFailed
		return false
	}
	f.work(f.c.cfg.Timing.AP)
	if f.ctx.Err() != nil {
		return false
	}
	if w.station != nil {
		w.station.Close()
		w.station = nil
		f.detached()
	}
	addr := apDefault
	if w.static {
		p, ok := prefix(w.ip, w.mask)
		if !ok {
			f.c.note("an access point cannot have that address and mask: it has " + apDefault.String())
			p = apDefault
		}
		addr = p
		f.setServers(w.own)
	}
	if !w.static && !f.v.apUnseen {
		w.ip, w.gw = as4(addr.Addr()), as4(addr.Addr())
		w.mask = [4]byte{255, 255, 255, 0}
	}
	w.ap = AccessPoint{SSID: ssid, Passphrase: pass, Channel: max(channel, 1)}
	if pass != "" {
		w.ap.Auth = AuthWPAWPA2
	}
	w.joined = 0
	if open := f.c.cfg.AttachAP; open != nil {
		cfg := network.AccessPoint{SSID: ssid, Passphrase: pass, Channel: w.ap.Channel, Addr: addr, MaxJoined: apMaxJoined}
		var st network.Station
		f.block(func() { st = open(f.v.stack(), cfg) })
		if f.c.fw != f || f.hung {
			st.Close()
			return false
		}
		f.attach(st)
	}
	w.state = linkServing
	w.linkCtx, w.linkEnd = context.WithCancel(f.ctx)
	f.apStatus()
	f.attached()
	f.linkEvent(LinkEvent{Kind: LinkServing, SSID: ssid, Addr: addr.Addr()})
	return true
}

// prefix makes an address and a mask one; ok is false if they are no network's.
func prefix(ip, mask [4]byte) (p netip.Prefix, ok bool) {
	for bits := 8; bits <= 30; bits++ {
		p = netip.PrefixFrom(netip.AddrFrom4(ip), bits)
		var m [4]byte
		for i := range bits {
			m[i/8] |= 0x80 >> (i % 8)
		}
		if m == mask && ip[0] != 0 && ip[0] < 224 && p.Addr() != p.Masked().Addr() {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// apStatus sets the status of an access point by whether somebody has joined.
func (f *firmware) apStatus() {
	switch w := &f.wifi; {
	case f.v.apUnseen:
	case w.joined > 0:
		w.status = statusAPConnected
	default:
		w.status = statusAPListening
	}
}

// endAP ends access-point mode.
func (f *firmware) endAP() {
	w := &f.wifi
	if w.state != linkServing {
		return
	}
	f.linkEvent(LinkEvent{Kind: LinkClosed, SSID: w.ap.SSID})
	w.state = linkDown
	w.linkEnd()
	if w.station != nil {
		w.station.Close()
		w.station = nil
		f.detached()
		f.frameIn()
	}
	w.ap = AccessPoint{}
	w.joined = 0
	if !f.v.apUnseen {
		w.status = statusIdle
		w.ip, w.mask, w.gw = [4]byte{}, [4]byte{}, [4]byte{}
	}
}

// setServers gives lwIP its DNS servers; a zero leaves one as it is.
func (f *firmware) setServers(s [2][4]byte) {
	for i, a := range s {
		if a != ([4]byte{}) {
			f.wifi.servers[i] = a
		}
	}
}

// lookup is getaddrinfo for IPv4. The chip waits meanwhile.
func (f *firmware) lookup(host string) ([4]byte, bool) {
	if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
		return a.As4(), true
	}
	w := &f.wifi
	servers := 0
	for _, s := range w.servers {
		if s != ([4]byte{}) {
			servers++
		}
	}
	if host == "" || len(host) > 255 || !w.online() || servers == 0 {
		return [4]byte{}, false
	}
	f.work(f.c.cfg.Timing.DNS)
	if f.ctx.Err() != nil {
		return [4]byte{}, false
	}
	station := w.station
	ctx, cancel := context.WithCancel(w.linkCtx)
	defer cancel()
	// A server that is silent is asked 4 times, then the next.
	if d := f.c.cfg.Timing.DNSServer; d > 0 {
		defer f.c.clk.AfterFunc(d*time.Duration(servers), cancel).Stop()
	}
	var a netip.Addr
	var err error
	f.block(func() { a, err = station.Lookup(ctx, host) })
	if err != nil || !a.Is4() {
		return [4]byte{}, false
	}
	return a.As4(), true
}
