package nina

import (
	"context"
	"encoding/binary"
	"math"
	"net/netip"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

// LinkKind says what became of the link to the access point.
type LinkKind byte

// Kinds of a LinkEvent.
const (
	LinkJoining         LinkKind = iota // the firmware has begun to look for SSID
	LinkJoined                          // associated, with address Addr
	LinkWrongPassphrase                 // the access point refused the passphrase
	LinkNoAccessPoint                   // no access point has that name
	LinkLeft                            // the host ended it, or reset the chip
	LinkLost                            // the access point went away
)

var linkKinds = [...]string{"joining", "joined", "wrong passphrase", "no such access point", "left", "lost"}

// String returns the kind in words.
func (k LinkKind) String() string {
	if int(k) < len(linkKinds) {
		return linkKinds[k]
	}
	return "unknown"
}

// LinkEvent tells what became of the link to the access point.
type LinkEvent struct {
	Kind LinkKind
	SSID string
	Addr netip.Addr // with LinkJoined
}

func (f *firmware) linkEvent(e LinkEvent) {
	if g := f.c.cfg.LinkEvent; g != nil {
		f.c.calls = append(f.c.calls, func() { g(e) })
	}
}

// Values of the connection status (nina-fw 2.0.0 WiFi.h, wl_status_t).
const (
	statusIdle          = 0
	statusNoSSID        = 1
	statusScanned       = 2
	statusConnected     = 3
	statusConnectFailed = 4
	statusLost          = 5
	statusDisconnected  = 6
	statusAPFailed      = 9
)

// Reasons of a disconnect (ESP-IDF 3.3 esp_wifi_types.h).
const (
	reasonAssocLeave    = 8
	reasonHandshake     = 15
	reasonBeaconTimeout = 200
	reasonNoAPFound     = 201
	reasonAuthFail      = 202
)

// Encryption as the host sees it (nina-fw 2.0.0 WiFi.cpp).
const (
	encryptionWPA2 = 4
	encryptionOpen = 7
)

// maxScanned is MAX_SCAN_RESULTS of WiFi.h.
const maxScanned = 10

type linkState byte

const (
	linkDown linkState = iota
	linkJoining
	linkUp
)

// wifi is the firmware's WiFi object and the radio below it.
type wifi struct {
	status byte
	reason byte
	state  linkState
	ap     AccessPoint // zero unless associated

	static       bool
	ip, mask, gw [4]byte
	servers      [2][4]byte // lwIP's DNS servers
	wanted       [2][4]byte // those of command 15
	resolved     [4]byte
	scanned      []AccessPoint

	station  network.Station
	attempts int // distinguishes this join from earlier ones
	linkCtx  context.Context
	linkEnd  context.CancelFunc
	synced   bool // the time is known

	joinTimer, lostTimer, sntpTimer clock.Timer
}

func (w *wifi) init() {
	w.status = statusIdle
}

func (w *wifi) stopTimers() {
	for _, t := range []clock.Timer{w.joinTimer, w.lostTimer, w.sntpTimer} {
		if t != nil {
			t.Stop()
		}
	}
	if w.linkEnd != nil {
		w.linkEnd()
	}
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
func (f *firmware) begin(ssid, pass string) {
	w := &f.wifi
	w.status = statusNoSSID
	f.leave(reasonAssocLeave)
	if ssid == "" {
		return // esp_wifi_connect refuses, and nothing tells
	}
	w.state = linkJoining
	w.attempts++
	attempt := w.attempts
	f.linkEvent(LinkEvent{Kind: LinkJoining, SSID: ssid})
	ap, failed := f.find(ssid, pass)
	d := f.c.cfg.Timing.Join
	switch failed {
	case LinkNoAccessPoint:
		d = f.c.cfg.Timing.NoAccessPoint
	case LinkWrongPassphrase:
		d = f.c.cfg.Timing.WrongPassphrase
	}
	w.joinTimer = f.c.clk.Later(d, f.guarded(func() {
		if w.attempts != attempt || w.state != linkJoining {
			return
		}
		if f.c.away {
			failed = LinkNoAccessPoint
		}
		if failed != LinkJoining {
			f.joinFailed(ssid, failed)
			return
		}
		f.joined(ap, attempt)
	}))
}

// find looks for an access point; LinkJoining means that joining it will work.
func (f *firmware) find(ssid, pass string) (AccessPoint, LinkKind) {
	if f.c.away {
		return AccessPoint{}, LinkNoAccessPoint
	}
	if len(f.c.cfg.AccessPoints) == 0 {
		return AccessPoint{SSID: ssid, Passphrase: pass, BSSID: [6]byte{0x02, 0, 0, 0, 0, 0x01}, Channel: 6, RSSI: -50}, LinkJoining
	}
	verdict := LinkNoAccessPoint
	for _, ap := range f.c.cfg.AccessPoints {
		switch {
		case ap.SSID != ssid:
		case ap.Passphrase == "" || ap.Passphrase == pass:
			return ap, LinkJoining
		default:
			verdict = LinkWrongPassphrase
		}
	}
	return AccessPoint{}, verdict
}

func (f *firmware) joinFailed(ssid string, why LinkKind) {
	w := &f.wifi
	w.state = linkDown
	switch {
	case why == LinkNoAccessPoint:
		w.reason, w.status = reasonNoAPFound, statusConnectFailed
	case f.c.cfg.Readings.WrongPassphraseFails:
		w.reason, w.status = reasonAuthFail, statusConnectFailed
	default:
		w.reason, w.status = reasonHandshake, statusDisconnected
		f.closeConnected()
	}
	f.linkEvent(LinkEvent{Kind: why, SSID: ssid})
}

// joined is the association and the address that follows it.
func (f *firmware) joined(ap AccessPoint, attempt int) {
	w := &f.wifi
	if w.station != nil {
		w.station.SetLink(true)
	} else if attach := f.c.cfg.Attach; attach != nil {
		var st network.Station
		f.block(func() {
			st = attach(network.Params{
				MSS:           tcpMSS,
				Window:        tcpWindow,
				SendBuffer:    tcpSendBuffer,
				SegmentQueue:  recvMailbox,
				DatagramQueue: recvMailbox,
				MaxDatagram:   maxDatagram,
				SynTimeout:    synTimeout,
				CloseDrains:   true,
			})
		})
		if f.c.fw != f || f.hung || w.attempts != attempt || w.state != linkJoining {
			st.Close()
			return
		}
		w.station = st
		st.OnFrame(f.frameIn)
	}
	w.state = linkUp
	w.linkCtx, w.linkEnd = context.WithCancel(f.ctx)
	w.reason = 0
	w.ap = ap
	addr, mask, gw, dns := network.BoardAddr, netip.AddrFrom4([4]byte{255, 255, 255, 0}), network.HostAddr, network.HostAddr
	if st := w.station; st != nil {
		addr, mask, gw, dns = st.Addr(), st.Netmask(), st.Gateway(), st.DNS()
	}
	if w.static {
		f.setServers(w.wanted)
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
	w.state = linkDown
	w.attempts++
	if was != linkUp {
		return
	}
	kind := LinkLeft
	if reason != reasonAssocLeave {
		kind = LinkLost
	}
	ssid := w.ap.SSID
	w.reason = reason
	w.ap = AccessPoint{}
	w.status = statusDisconnected
	w.linkEnd()
	if w.station != nil {
		w.station.SetLink(false)
	}
	f.closeConnected()
	if w.lostTimer == nil {
		w.lostTimer = f.c.clk.AfterFunc(f.c.cfg.Timing.IPLost, f.guarded(func() {
			w.lostTimer = nil
			if w.state == linkUp {
				return
			}
			w.ip, w.mask, w.gw = [4]byte{}, [4]byte{}, [4]byte{}
			w.wanted = [2][4]byte{}
			w.status = statusLost
		}))
	}
	f.linkEvent(LinkEvent{Kind: kind, SSID: ssid})
}

// accessPointLost is the radio missing the access point's beacons.
func (f *firmware) accessPointLost() {
	if f.wifi.state == linkUp {
		f.leave(reasonBeaconTimeout)
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
	if host == "" || len(host) > 255 || w.station == nil || w.state != linkUp || w.servers == ([2][4]byte{}) {
		return [4]byte{}, false
	}
	f.work(f.c.cfg.Timing.DNS)
	if f.ctx.Err() != nil {
		return [4]byte{}, false
	}
	station, ctx := w.station, w.linkCtx
	var a netip.Addr
	var err error
	f.block(func() { a, err = station.Lookup(ctx, host) })
	if err != nil || !a.Is4() {
		return [4]byte{}, false
	}
	return a.As4(), true
}

// cText reads a string parameter into a C buffer of the given size. More than
// the buffer holds overruns the stack: the chip hangs and ok is false.
func (f *firmware) cText(in input, at, size int, what string) (s string, n int, ok bool) {
	n = int(in[at])
	if n > size {
		f.hang("%s of %d bytes overruns a buffer of %d", what, n, size)
		return "", n, false
	}
	return cstring(in.text(at+1, n)), n, true
}

const (
	ssidBuffer = 32 + 1
	passBuffer = 64 + 1
	keyBuffer  = 26 + 1
)

func setNet(f *firmware, in input, r *reply) {
	ssid, _, ok := f.cText(in, 3, ssidBuffer, "SSID")
	if !ok {
		return
	}
	f.begin(ssid, "")
	r.ack()
}

func setPassphrase(f *firmware, in input, r *reply) {
	ssid, n, ok := f.cText(in, 3, ssidBuffer, "SSID")
	if !ok {
		return
	}
	pass, _, ok := f.cText(in, 4+n, passBuffer, "passphrase")
	if !ok {
		return
	}
	f.begin(ssid, pass)
	r.ack()
}

func setKey(f *firmware, in input, r *reply) {
	ssid, n, ok := f.cText(in, 3, ssidBuffer, "SSID")
	if !ok {
		return
	}
	key, _, ok := f.cText(in, 6+n, keyBuffer, "WEP key")
	if !ok {
		return
	}
	f.begin(ssid, key)
	r.ack()
}

// setIPConfig answers 0: the firmware forgets to set the value.
func setIPConfig(f *firmware, in input, r *reply) {
	w := &f.wifi
	w.servers = [2][4]byte{}
	w.static = true
	w.ip, w.gw, w.mask = in.ip(6), in.ip(11), in.ip(16)
	r.param(0)
}

func setDNS(f *firmware, in input, r *reply) {
	f.wifi.wanted = [2][4]byte{in.ip(6), in.ip(11)}
	f.setServers(f.wifi.wanted)
	r.ack()
}

// setHostname and setPowerMode change nothing that the host could see.
func setHostname(_ *firmware, _ input, r *reply)  { r.ack() }
func setPowerMode(_ *firmware, _ input, r *reply) { r.ack() }

// setAPNet fails: access-point mode is not simulated. The radio restarts all
// the same.
func setAPNet(f *firmware, in input, r *reply) {
	if _, _, ok := f.cText(in, 3, ssidBuffer, "SSID"); ok {
		f.beginAP(r)
	}
}

// setAPPassphrase is setAPNet with a passphrase.
func setAPPassphrase(f *firmware, in input, r *reply) {
	_, n, ok := f.cText(in, 3, ssidBuffer, "SSID")
	if !ok {
		return
	}
	if _, _, ok := f.cText(in, 4+n, passBuffer, "passphrase"); ok {
		f.beginAP(r)
	}
}

func (f *firmware) beginAP(r *reply) {
	f.leave(reasonAssocLeave)
	f.wifi.status = statusAPFailed
	f.c.note("access-point mode is not simulated")
	r.param(0)
}

func setDebug(_ *firmware, _ input, r *reply) { r.ack() }

// getTemperature answers what the sensor's raw value 128 becomes.
func getTemperature(_ *firmware, _ input, r *reply) {
	r.number32(math.Float32bits(float32((128 - 32) / 1.8)))
}

func getDNS(f *firmware, _ input, r *reply) {
	r.param(f.wifi.servers[0][:]...)
	r.param(f.wifi.servers[1][:]...)
}

func getReason(f *firmware, _ input, r *reply) { r.param(f.wifi.reason) }
func getStatus(f *firmware, _ input, r *reply) { r.param(f.wifi.status) }

func getIP(f *firmware, _ input, r *reply) {
	r.param(f.wifi.ip[:]...)
	r.param(f.wifi.mask[:]...)
	r.param(f.wifi.gw[:]...)
}

func reversed(a [6]byte) []byte {
	return []byte{a[5], a[4], a[3], a[2], a[1], a[0]}
}

func encryption(ap AccessPoint) byte {
	if ap.Passphrase == "" {
		return encryptionOpen
	}
	return encryptionWPA2
}

func getMAC(f *firmware, _ input, r *reply)        { r.param(reversed(f.c.cfg.MAC)...) }
func getSSID(f *firmware, _ input, r *reply)       { r.param([]byte(f.wifi.ap.SSID)...) }
func getBSSID(f *firmware, _ input, r *reply)      { r.param(reversed(f.wifi.ap.BSSID)...) }
func getRSSI(f *firmware, _ input, r *reply)       { r.number32(uint32(f.wifi.ap.RSSI)) }
func getEncryption(f *firmware, _ input, r *reply) { r.param(encryption(f.wifi.ap)) }

func scanNetworks(f *firmware, _ input, r *reply) {
	w := &f.wifi
	f.leave(reasonAssocLeave)
	f.work(f.c.cfg.Timing.Scan)
	w.scanned = w.scanned[:0]
	for _, ap := range f.c.cfg.AccessPoints {
		if ap.SSID != "" && len(w.scanned) < maxScanned && !f.c.away {
			w.scanned = append(w.scanned, ap)
		}
	}
	w.status = statusScanned
	for _, ap := range w.scanned {
		r.param([]byte(ap.SSID)...)
	}
}

func startScan(_ *firmware, _ input, r *reply) { r.ack() }

// scannedAt returns an entry of the last scan; an unused one is zero.
func (f *firmware) scannedAt(in input) AccessPoint {
	i := int(in[4])
	if i >= maxScanned {
		f.c.note("scan entry out of range: the firmware answers with other memory")
	}
	if i >= len(f.wifi.scanned) {
		return AccessPoint{}
	}
	return f.wifi.scanned[i]
}

func getRSSIOf(f *firmware, in input, r *reply)       { r.number32(uint32(f.scannedAt(in).RSSI)) }
func getEncryptionOf(f *firmware, in input, r *reply) { r.param(encryption(f.scannedAt(in))) }
func getBSSIDOf(f *firmware, in input, r *reply)      { r.param(reversed(f.scannedAt(in).BSSID)...) }
func getChannelOf(f *firmware, in input, r *reply)    { r.param(f.scannedAt(in).Channel) }

func disconnect(f *firmware, _ input, r *reply) {
	f.leave(reasonAssocLeave)
	r.ack()
}

func resolveHost(f *firmware, in input, r *reply) {
	f.wifi.resolved = [4]byte{255, 255, 255, 255}
	a, ok := f.lookup(cstring(in.text(4, int(in[3]))))
	if ok {
		f.wifi.resolved = a
	}
	r.truth(ok)
}

func getResolved(f *firmware, _ input, r *reply) { r.param(f.wifi.resolved[:]...) }

func getVersion(f *firmware, _ input, r *reply) {
	r.param(append([]byte(f.c.cfg.Firmware), 0)...)
}

func getTime(f *firmware, _ input, r *reply) {
	var now uint32
	if f.wifi.synced {
		now = uint32(f.c.clk.Now().Unix())
	}
	r.number32(now)
}

// ping reaches the board itself, the gateway and the DNS server; nobody else
// answers, since a Station has no ICMP.
func ping(f *firmware, in input, r *reply) {
	w := &f.wifi
	to := in.ip(4)
	fd := f.cmd.socket(sockRaw)
	result := int16(-1)
	switch {
	case fd < 0:
	case w.state == linkUp && (to == w.ip || to == w.gw || to == w.servers[0]):
		result = 0
	default:
		late := make(chan struct{})
		t := f.c.clk.AfterFunc(f.c.cfg.Timing.Ping, func() { close(late) })
		f.block(func() {
			select {
			case <-late:
			case <-f.ctx.Done():
			}
		})
		t.Stop()
	}
	f.cmd.close(fd)
	r.number(uint16(result))
}

// setEnterprise reads its parameters and joins as if the network were open:
// no simulated access point asks for them.
func setEnterprise(f *firmware, in input, r *reply) {
	at := 3
	field := func(size int, what string) []byte {
		n := int(binary.BigEndian.Uint16(in[at:]))
		at += 2
		if n > size {
			f.hang("%s of %d bytes overruns a buffer of %d", what, n, size)
			return nil
		}
		if at+n+2 > len(in) {
			f.hang("%s of %d bytes runs past the frame", what, n)
			return nil
		}
		at += n
		return in[at-n : at]
	}
	// The firmware takes one byte of the type, whatever its length says.
	kind := in[5]
	at = 6
	sizes := []struct {
		size int
		what string
	}{{ssidBuffer, "SSID"}, {129, "user name"}, {129, "password"}, {129, "identity"}, {frameMax, "CA"}}
	if kind != 0 {
		sizes[1].size, sizes[1].what = frameMax, "certificate"
		sizes[2].size, sizes[2].what = frameMax, "key"
	}
	var ssid string
	for i, s := range sizes {
		p := field(s.size, s.what)
		if f.hung {
			return
		}
		if i == 0 {
			ssid = cstring(p)
		}
	}
	f.begin(ssid, "")
	r.ack()
}
