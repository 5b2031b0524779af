package nina

import (
	"context"
	"encoding/binary"
	"math"
	"net/netip"
	"time"
)

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
	nameLength = 32 // HOSTNAME_MAX_LENGTH
)

func setNet(f *firmware, in input, r *reply) {
	ssid, _, ok := f.cText(in, 3, ssidBuffer, "SSID")
	if !ok {
		return
	}
	f.begin(f.user(wanted{ssid: ssid}))
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
	f.begin(f.user(wanted{ssid: ssid, pass: pass}))
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
	f.begin(f.user(wanted{ssid: ssid, pass: key}))
	r.ack()
}

// setIPConfig answers 0: the firmware forgets to set the value.
func setIPConfig(f *firmware, in input, r *reply) {
	w := &f.wifi
	w.servers = [2][4]byte{}
	w.ip, w.gw, w.mask = in.ip(6), in.ip(11), in.ip(16)
	w.static = !f.v.staticByAddr || w.ip != [4]byte{}
	r.param(0)
}

func setDNS(f *firmware, in input, r *reply) {
	f.wifi.own = [2][4]byte{in.ip(6), in.ip(11)}
	f.setServers(f.wifi.own)
	r.ack()
}

// setHostname counts from the next start of the radio.
func setHostname(f *firmware, in input, r *reply) {
	name := cstring(in.text(4, int(in[3])))
	f.wifi.hostname = name[:min(len(name), nameLength)]
	r.ack()
}

func setPowerMode(f *firmware, in input, r *reply) {
	f.wifi.saving = in[4] != 0
	r.ack()
}

// Hostname returns the name with which the station asks for an address; "" if
// its radio has not been started since the last reset.
func (c *Chip) Hostname() string {
	c.lock()
	defer c.unlock()
	if c.fw == nil {
		return ""
	}
	return c.fw.wifi.named
}

// PowerSave returns whether the radio sleeps between beacons, as it does
// until command 17 says otherwise. It delays nothing here.
func (c *Chip) PowerSave() bool {
	c.lock()
	defer c.unlock()
	return c.fw != nil && c.fw.wifi.saving
}

// SetAccessPoints changes what is in range. A station whose access point is
// not among them any more loses it.
func (c *Chip) SetAccessPoints(aps []AccessPoint) {
	c.lock()
	defer c.unlock()
	c.cfg.AccessPoints = append([]AccessPoint(nil), aps...)
	if c.fw == nil || c.fw.hung || c.fw.wifi.state != linkUp || len(aps) == 0 {
		return
	}
	for _, ap := range aps {
		if ap.SSID == c.fw.wifi.ap.SSID {
			c.fw.wifi.ap = ap
			return
		}
	}
	c.fw.accessPointLost()
}

func setAPNet(f *firmware, in input, r *reply) {
	ssid, n, ok := f.cText(in, 3, ssidBuffer, "SSID")
	if !ok {
		return
	}
	// The channel is read behind one length byte.
	if ok := f.beginAP(ssid, "", in[5+n]); !f.hung {
		r.truth(ok)
	}
}

// setAPPassphrase is setAPNet with a passphrase.
func setAPPassphrase(f *firmware, in input, r *reply) {
	ssid, n, ok := f.cText(in, 3, ssidBuffer, "SSID")
	if !ok {
		return
	}
	pass, m, ok := f.cText(in, 4+n, passBuffer, "passphrase")
	if !ok {
		return
	}
	if ok := f.beginAP(ssid, pass, in[6+n+m]); !f.hung {
		r.truth(ok)
	}
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

// hardware is a hardware address as the firmware writes it.
func (f *firmware) hardware(a [6]byte) []byte {
	if f.v.naturalMAC {
		return a[:]
	}
	return []byte{a[5], a[4], a[3], a[2], a[1], a[0]}
}

// ownMAC is the address of the interface in use: the access point's is the
// next one.
func (f *firmware) ownMAC() [6]byte {
	m := f.c.cfg.MAC
	if f.wifi.asAP {
		m[5]++
	}
	return m
}

// encryption is the radio's number as the host sees it (nina-fw 2.0.0
// WiFi.cpp).
func encryption(auth byte) byte {
	if auth > 4 {
		return 255
	}
	return []byte{7, 5, 2, 4, 4}[auth]
}

func getMAC(f *firmware, _ input, r *reply) { r.param(f.hardware(f.ownMAC())...) }

func getSSID(f *firmware, _ input, r *reply) {
	if f.wifi.state == linkServing && f.v.apUnseen {
		r.param()
		return
	}
	r.param([]byte(f.wifi.ap.SSID)...)
}

// getBSSID answers with what is on the stack where arduino-esp32 has none.
func getBSSID(f *firmware, _ input, r *reply) {
	a := f.wifi.ap.BSSID
	switch {
	case f.wifi.asAP:
		a = f.ownMAC()
	case f.v.esp32Status && f.wifi.state != linkUp:
		f.c.noise(a[:])
	}
	r.param(f.hardware(a)...)
}

func getRSSI(f *firmware, _ input, r *reply) {
	var rssi int32
	if !f.wifi.asAP {
		rssi = f.wifi.ap.RSSI
	}
	r.number32(uint32(rssi))
}

func getEncryption(f *firmware, _ input, r *reply) {
	auth := f.wifi.ap.auth()
	if f.v.esp32Status && f.wifi.state != linkUp {
		auth = byte(f.c.rng.Uint32()) // never set
	}
	r.param(encryption(auth))
}

// maxScanned is MAX_SCAN_RESULTS of WiFi.h.
const maxScanned = 10

// scanFailed is the number of networks, as a byte, when arduino-esp32 could not
// scan.
const scanFailed = 0xfe

func scanNetworks(f *firmware, _ input, r *reply) {
	w := &f.wifi
	fails := f.c.cfg.Readings.ScanFails
	if f.v.scanKeepsLink {
		fails = fails || w.state == linkJoining
	} else {
		f.endAP()
		f.leave(reasonAssocLeave)
		f.radioStarts()
	}
	switch {
	case fails && f.v.scanKeepsLink:
		r.buf[2] = scanFailed
		return
	case fails:
		w.status = statusNoSSID
		return
	}
	f.work(f.c.cfg.Timing.Scan)
	if f.ctx.Err() != nil {
		return
	}
	w.scanned = w.scanned[:0]
	for _, ap := range f.c.cfg.AccessPoints {
		if ap.SSID != "" && (f.v.scanUncapped || len(w.scanned) < maxScanned) && !f.gone() {
			w.scanned = append(w.scanned, ap)
		}
	}
	if !f.v.scanKeepsLink {
		w.status = statusScanned
	}
	for _, ap := range w.scanned {
		if r.n+1+len(ap.SSID)+1 > frameMax {
			f.hang("%d names overrun the reply", len(w.scanned))
			return
		}
		r.param([]byte(ap.SSID)...)
	}
}

func startScan(_ *firmware, _ input, r *reply) { r.ack() }

// scannedAt returns an entry of the last scan; ok is false for one that there
// is not. Arduino's has a table of ten, zeros where unused.
func (f *firmware) scannedAt(in input) (ap AccessPoint, ok bool) {
	i := int(in[4])
	if i >= maxScanned && !f.v.scanUncapped {
		f.c.note("scan entry out of range: the firmware answers with other memory")
	}
	if i >= len(f.wifi.scanned) {
		return AccessPoint{}, false
	}
	return f.wifi.scanned[i], true
}

func getRSSIOf(f *firmware, in input, r *reply) {
	ap, _ := f.scannedAt(in)
	r.number32(uint32(ap.RSSI))
}

func getEncryptionOf(f *firmware, in input, r *reply) {
	ap, _ := f.scannedAt(in)
	if f.v.rawScanAuth {
		r.param(ap.auth())
		return
	}
	r.param(encryption(ap.auth()))
}

func getBSSIDOf(f *firmware, in input, r *reply) {
	ap, ok := f.scannedAt(in)
	if !ok && f.v.esp32Status {
		f.c.noise(ap.BSSID[:])
	}
	r.param(f.hardware(ap.BSSID)...)
}

func getChannelOf(f *firmware, in input, r *reply) {
	ap, _ := f.scannedAt(in)
	r.param(ap.Channel)
}

func disconnect(f *firmware, _ input, r *reply) {
	if !f.v.apUnseen {
		f.endAP()
	}
	f.leave(reasonAssocLeave)
	r.ack()
}

func resolveHost(f *firmware, in input, r *reply) {
	if !f.v.resolvedStays {
		f.wifi.resolved = [4]byte{255, 255, 255, 255}
	}
	a, ok := f.lookup(cstring(in.text(4, int(in[3]))))
	if ok {
		f.wifi.resolved = a
	}
	r.truth(ok)
}

func getResolved(f *firmware, _ input, r *reply) { r.param(f.wifi.resolved[:]...) }

func getVersion(f *firmware, _ input, r *reply) {
	r.param(append([]byte(f.v.version), 0)...)
}

// getVersionNumber is of Arduino's 3.x; how the number is made is not known.
func getVersionNumber(f *firmware, _ input, r *reply) {
	var n uint32
	for _, c := range f.v.version {
		if c == '.' {
			n <<= 8
		} else {
			n = n&^0xff | (n&0xff)*10 + uint32(c-'0')
		}
	}
	r.number32(n)
}

func getTime(f *firmware, _ input, r *reply) {
	var now int64
	if f.wifi.synced {
		now = f.c.clk.Now().Unix() + f.wifi.offset
	}
	if f.v.wideTime {
		r.param(binary.LittleEndian.AppendUint64(nil, uint64(now))...)
		return
	}
	r.number32(uint32(now))
}

// setTime is of Arduino's 3.x.
func setTime(f *firmware, in input, r *reply) {
	f.wifi.offset = int64(in.u32le(4)) - f.c.clk.Now().Unix()
	f.wifi.synced = true
	r.ack()
}

// ping waits for an answer, Timing.Ping at most. The chip answers itself.
func ping(f *firmware, in input, r *reply) {
	w := &f.wifi
	to := in.ip(4)
	fd := f.cmd.socket(sockRaw)
	result := int16(-1)
	begun := f.c.clk.Now()
	switch {
	case fd < 0:
	case w.online() && to == w.ip:
		result = 0
	default:
		ctx, cancel := context.WithCancel(f.ctx)
		t := f.c.clk.AfterFunc(f.c.cfg.Timing.Ping, cancel)
		station := w.station
		if !w.online() {
			station = nil
		}
		f.block(func() {
			if station == nil || station.Ping(ctx, netip.AddrFrom4(to)) != nil {
				<-ctx.Done()
			}
		})
		if ctx.Err() == nil {
			result = int16(f.c.clk.Now().Sub(begun) / time.Millisecond)
		}
		t.Stop()
		cancel()
	}
	f.cmd.close(fd)
	r.number(uint16(result))
}
