package nina

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

func TestWorkedExchangeJoin(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.x("E0 20 00 EE", "E0 A0 01 01 00 EE 00 00")
		r.x("E0 11 02 04 68 6F 6D 65 08 70 61 73 73 77 30 72 64 EE FF FF", "E0 91 01 01 01 EE 00 00")
		r.x("E0 20 00 EE", "E0 A0 01 01 01 EE 00 00")
		time.Sleep(1990 * time.Millisecond)
		r.is("status after 1.99 s", r.status(), 1)
		time.Sleep(10 * time.Millisecond)
		r.x("E0 20 00 EE", "E0 A0 01 01 03 EE 00 00")
		r.x("E0 21 01 01 FF EE FF FF", "E0 A1 03 04 0A 00 00 02 04 FF FF FF 00 04 0A 00 00 01 EE 00")
		r.is("links", r.links, "[joining home joined home]")
		r.is("params", r.st.params, network.Params{MSS: 1436, Window: 5744, SendBuffer: 5744, SegmentQueue: 6,
			DatagramQueue: 6, MaxDatagram: 1472, SynTimeout: 18500, CloseDrains: true})
	})
}

var home = []AccessPoint{
	{SSID: "other", BSSID: [6]byte{1, 1, 1, 1, 1, 1}, Channel: 1, RSSI: -80},
	{SSID: "", Passphrase: "hidden", Channel: 3},
	{SSID: "home", Passphrase: "passw0rd", BSSID: [6]byte{1, 2, 3, 4, 5, 6}, Channel: 11, RSSI: -47},
}

func TestWrongPassphraseIsStatus6(t *testing.T) {
	run(t, Config{AccessPoints: home}, func(r *rig) {
		r.ask(0x11, []byte("home"), []byte("wrong"))
		time.Sleep(3990 * time.Millisecond)
		r.is("status before 4 s", r.status(), 1)
		time.Sleep(10 * time.Millisecond)
		r.is("status", r.status(), 6)
		r.is("reason", r.ask(0x1f)[0], 15)
		r.is("links", r.links, "[joining home wrong passphrase home]")
	})
	run(t, Config{AccessPoints: home, Readings: Readings{WrongPassphraseFails: true}}, func(r *rig) {
		r.ask(0x10, []byte("home"))
		time.Sleep(4 * time.Second)
		r.is("status", r.status(), 4)
		r.is("reason", r.ask(0x1f)[0], 202)
	})
}

func TestNoSuchAccessPointIsStatus4(t *testing.T) {
	run(t, Config{AccessPoints: home}, func(r *rig) {
		r.ask(0x11, []byte("nowhere"), []byte("passw0rd"))
		time.Sleep(2990 * time.Millisecond)
		r.is("status before 3 s", r.status(), 1)
		time.Sleep(10 * time.Millisecond)
		r.is("status", r.status(), 4)
		r.is("reason", r.ask(0x1f)[0], 201)
		r.is("links", r.links, "[joining nowhere no such access point nowhere]")
	})
}

func TestWEPKeyJoinsLikeAPassphrase(t *testing.T) {
	run(t, Config{AccessPoints: home}, func(r *rig) {
		r.ask(0x12, []byte("home"), b(0), []byte("passw0rd"))
		time.Sleep(2 * time.Second)
		r.is("status", r.status(), 3)
	})
}

// Multi-byte numbers are little-endian, hardware addresses last byte first.
func TestStationData(t *testing.T) {
	run(t, Config{AccessPoints: home, MAC: [6]byte{0xa, 0xb, 0xc, 0xd, 0xe, 0xf}}, func(r *rig) {
		r.x("E0 22 01 01 FF EE FF FF", "E0 A2 01 06 0F 0E 0D 0C 0B 0A EE 00")
		r.x("E0 23 01 01 FF EE FF FF", "E0 A3 01 00 EE 00 00 00")
		r.x("E0 25 01 01 FF EE FF FF", "E0 A5 01 04 00 00 00 00 EE 00 00 00")
		r.x("E0 26 01 01 FF EE FF FF", "E0 A6 01 01 07 EE 00 00")
		r.x("E0 1B 00 EE", "E0 9B 01 04 55 55 55 42 EE 00 00 00") // 53.33 degrees, float32
		r.x("E0 3B 00 EE", "E0 BB 01 04 00 00 00 00 EE 00 00 00")
		r.join()
		r.x("E0 23 01 01 FF EE FF FF", "E0 A3 01 04 68 6F 6D 65 EE 00 00 00")
		r.x("E0 24 01 01 FF EE FF FF", "E0 A4 01 06 06 05 04 03 02 01 EE 00")
		r.x("E0 25 01 01 FF EE FF FF", "E0 A5 01 04 D1 FF FF FF EE 00 00 00")
		r.x("E0 26 01 01 FF EE FF FF", "E0 A6 01 01 04 EE 00 00")
		r.x("E0 1E 01 01 FF EE FF FF", "E0 9E 02 04 0A 00 00 35 04 00 00 00 00 EE 00 00")
		time.Sleep(time.Second)
		now := uint32(time.Now().Unix())
		got := r.ask(0x3b)
		r.is("time", uint32(got[0])|uint32(got[1])<<8|uint32(got[2])<<16|uint32(got[3])<<24, now)
	})
}

func TestScanBlocksAndEndsTheSession(t *testing.T) {
	run(t, Config{AccessPoints: home}, func(r *rig) {
		r.join()
		r.peer(0)
		start := time.Now()
		r.command(unhex("E0 27 00 EE"))
		time.Sleep(2499 * time.Millisecond)
		r.is("READY after 2.499 s", r.c.Ready().Get(), true)
		r.is("networks", strings.Join(text(r.answers()), ","), "other,home")
		r.is("took 2.5 s", time.Since(start) >= 2500*time.Millisecond, true)
		r.is("status", r.status(), 2)
		r.is("client", r.state(0), 0)
		r.x("E0 32 01 01 01 EE FF FF", "E0 B2 01 04 D1 FF FF FF EE 00 00 00")
		r.x("E0 33 01 01 00 EE FF FF", "E0 B3 01 01 07 EE 00 00")
		r.x("E0 3C 01 01 01 EE FF FF", "E0 BC 01 06 06 05 04 03 02 01 EE 00")
		r.x("E0 3D 01 01 01 EE FF FF", "E0 BD 01 01 0B EE 00 00")
		r.x("E0 36 00 EE", "E0 B6 01 01 01 EE 00 00")
	})
}

func text(params [][]byte) []string {
	var s []string
	for _, p := range params {
		s = append(s, string(p))
	}
	return s
}

func TestScanWithoutResults(t *testing.T) {
	run(t, Config{}, func(r *rig) { r.x("E0 27 00 EE", "E0 A7 00 EE") })
}

func TestScanKeepsAtMost10(t *testing.T) {
	run(t, Config{AccessPoints: make12()}, func(r *rig) {
		r.command(unhex("E0 27 00 EE"))
		r.is("networks", len(r.answers()), 10)
	})
}

func make12() (aps []AccessPoint) {
	for i := range 12 {
		aps = append(aps, AccessPoint{SSID: string(rune('a' + i))})
	}
	return aps
}

// Command 14 answers 0, and there is no way back to DHCP.
func TestStaticIPAnswers0AndClearsDNS(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.x("E0 15 03 01 01 04 08 08 08 08 04 00 00 00 00 EE", "E0 95 01 01 01 EE 00 00")
		r.x("E0 1E 01 01 FF EE FF FF", "E0 9E 02 04 08 08 08 08 04 00 00 00 00 EE 00 00")
		r.x("E0 14 04 01 00 04 0A 00 00 63 04 0A 00 00 01 04 FF 00 00 00 EE FF FF FF", "E0 94 01 01 00 EE 00 00")
		r.x("E0 1E 01 01 FF EE FF FF", "E0 9E 02 04 00 00 00 00 04 00 00 00 00 EE 00 00")
		r.x("E0 21 01 01 FF EE FF FF", "E0 A1 03 04 0A 00 00 63 04 FF 00 00 00 04 0A 00 00 01 EE 00")
		r.join()
		r.x("E0 1E 01 01 FF EE FF FF", "E0 9E 02 04 08 08 08 08 04 00 00 00 00 EE 00 00")
		r.x("E0 21 01 01 FF EE FF FF", "E0 A1 03 04 0A 00 00 63 04 FF 00 00 00 04 0A 00 00 01 EE 00")
	})
}

func TestDNSServerZeroLeavesIt(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.ask(0x15, b(1), b(0, 0, 0, 0), b(9, 9, 9, 9))
		r.x("E0 1E 01 01 FF EE FF FF", "E0 9E 02 04 0A 00 00 35 04 09 09 09 09 EE 00 00")
	})
}

func TestResolve(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.x("E0 35 00 EE", "E0 B5 01 04 00 00 00 00 EE 00 00 00")
		r.join()
		r.st.hosts["example.com"] = addr("10.0.0.9:0").Addr()
		start := time.Now()
		r.x("E0 34 01 0B 65 78 61 6D 70 6C 65 2E 63 6F 6D EE", "E0 B4 01 01 01 EE 00 00")
		r.is("took 30 ms", time.Since(start) >= 30*time.Millisecond, true)
		r.x("E0 35 00 EE", "E0 B5 01 04 0A 00 00 09 EE 00 00 00")
		r.x("E0 34 01 01 78 EE FF FF", "E0 B4 01 01 00 EE 00 00")
		r.x("E0 35 00 EE", "E0 B5 01 04 FF FF FF FF EE 00 00 00")
		start = time.Now()
		r.is("dotted quad", r.ask(0x34, []byte("1.2.3.4"))[0], 1)
		r.is("at once", time.Since(start) < time.Millisecond, true)
		r.x("E0 35 00 EE", "E0 B5 01 04 01 02 03 04 EE 00 00 00")
	})
}

func TestPing(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.x("E0 3E 02 04 0A 00 00 01 01 80 EE FF", "E0 BE 01 02 00 00 EE 00")
		start := time.Now()
		r.x("E0 3E 02 04 0A 00 00 63 01 80 EE FF", "E0 BE 01 02 FF FF EE 00")
		r.is("took 5 s", time.Since(start) >= 5*time.Second, true)
	})
}

func TestHostnamePowerModeDebugAreAcknowledged(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		// TinyGo's driver sends a wrong number of parameters with 16.
		r.x("E0 16 03 02 68 69 EE FF", "E0 96 01 01 01 EE 00 00")
		r.x("E0 17 01 01 00 EE FF FF", "E0 97 01 01 01 EE 00 00")
		r.x("E0 1A 01 01 01 EE FF FF", "E0 9A 01 01 01 EE 00 00")
	})
}

// the link

// A drop closes connections behind the slots' backs, and the next scan drops
// their descriptors; types stay. Listeners and UDP sockets stay.
func TestDropClosesConnectionsAndKeepsListenersAndUDP(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		r.listen(1, 80, 0)
		r.listen(2, 5000, 1)
		r.c.DropLink()
		r.is("status", r.status(), 6)
		r.is("reason", r.ask(0x1f)[0], 200)
		r.is("SSID", string(r.ask(0x23, b(255))), "")
		r.is("stale address", r.ask(0x21, b(255)), []byte{10, 0, 0, 2})
		r.is("connection", peer.how(), "RST")
		r.is("free slot", r.socket(), 3)
		r.settle()
		r.c.lock()
		fd := r.c.fw.slots[0].client.descriptor()
		r.c.unlock()
		r.is("descriptor of slot 0", fd, -1)
		r.is("client", r.state(0), 0)
		r.is("server", r.listening(1), 1)
		r.c.RestoreLink()
		time.Sleep(time.Minute)
		r.is("status", r.status(), 6) // nothing joins again by itself
		r.join()
		c := r.st.listeners[80].dial("10.0.0.7:1234")
		c.send("GET")
		r.settle()
		r.is("accepted into", r.accept(1), 0)
		r.st.packets[5000].deliver("abc", "10.0.0.7:9")
		r.is("read", r.recv(0, 100), "GET")
		r.settle()
		r.is("datagram", r.recv(2, 100), "abc")
		r.is("links", r.links, "[joining home joined home lost home joining home joined home]")
	})
}

func TestDropEndsAConnectUnderWay(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.st.silent[addr("10.0.0.9:80")] = true
		r.command(build(0x2d, b(10, 0, 0, 9), b(0, 80), b(0), b(0)))
		time.Sleep(time.Second)
		r.c.DropLink()
		time.Sleep(time.Millisecond)
		r.is("READY", r.c.Ready().Get(), false)
		r.is("connect", r.answer() == nil, true)
	})
}

func TestAddressIsLost120SecondsAfterADrop(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.c.DropLink()
		time.Sleep(119 * time.Second)
		r.is("status", r.status(), 6)
		time.Sleep(time.Second)
		r.is("status", r.status(), 5)
		r.is("address", r.ask(0x21, b(255)), []byte{0, 0, 0, 0})
	})
}

// A link that came back meanwhile starts the 120 seconds anew.
func TestAddressIsLost120SecondsAfterTheLastDrop(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.c.DropLink()
		time.Sleep(10 * time.Second)
		r.c.RestoreLink()
		r.join()
		time.Sleep(100 * time.Second)
		r.c.DropLink()
		time.Sleep(119 * time.Second)
		r.is("status", r.status(), 6)
		time.Sleep(2 * time.Second)
		r.is("status", r.status(), 5)
	})
}

// A chip that is reset while it is being attached closes what it gets.
func TestResetWhileJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newFakeStation()
		r := &rig{T: t, c: New(Config{Clock: clock.Virtual(), Attach: func(network.Params) network.Station {
			time.Sleep(time.Second)
			return st
		}})}
		defer r.c.Close()
		time.Sleep(750 * time.Millisecond)
		r.ask(0x10, []byte("home"))
		time.Sleep(2500 * time.Millisecond)
		r.restart()
		time.Sleep(time.Second)
		r.is("closed", st.closed, true)
		r.is("status", r.status(), 0)
	})
}

func TestJoinFailsWhileTheAccessPointIsGone(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.ask(0x10, []byte("home"))
		r.c.DropLink()
		time.Sleep(2 * time.Second)
		r.is("status", r.status(), 4)
		r.c.RestoreLink()
		r.join()
	})
}

func TestDisconnectIsStatus6OnlyWhenAssociated(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.x("E0 30 01 01 FF EE FF FF", "E0 B0 01 01 01 EE 00 00")
		r.is("status", r.status(), 0)
		r.join()
		r.ask(0x30, b(255))
		r.is("status", r.status(), 6)
		r.is("reason", r.ask(0x1f)[0], 8)
		r.is("link", r.st.up, false)
		r.join()
		r.is("reason", r.ask(0x1f)[0], 0)
		r.is("link", r.st.up, true)
	})
}

func TestRejoiningPassesThroughStatus6(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.ask(0x10, []byte("home"))
		r.is("status", r.status(), 6)
		time.Sleep(2 * time.Second)
		r.is("status", r.status(), 3)
	})
}

func TestListenBeforeJoining(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.is("listen", r.listen(0, 80, 0), 1)
		r.is("bind", r.listen(1, 5000, 1), 1)
		r.join()
		r.st.listeners[80].dial("10.0.0.7:1234")
		r.is("accepted into", r.accept(0), 2)
		r.is("UDP socket", r.st.packets[5000] != nil, true)
	})
}

func TestTraceInWords(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.peer(0)
		for _, want := range []string{
			`11 set passphrase: "home" -> 1 (200µs)`,
			`20 get status -> connected (200µs)`,
			`2D start client: TCP connect 10.0.0.9:80 slot 0 -> 1 (200µs)`,
		} {
			r.is("traced "+want, r.traced(want), true)
		}
		r.is("passphrase traced", r.traced("passw0rd"), false)
	})
}

// Names and numbers of the radio

func TestHostname(t *testing.T) {
	run(t, Config{MAC: [6]byte{1, 2, 3, 4, 0xab, 5}}, func(r *rig) {
		r.is("before the radio starts", r.c.Hostname(), "")
		r.ask(0x10, []byte("home"))
		r.is("by default", r.c.Hostname(), "arduino-ab05")
		r.ask(0x16, []byte("board"))
		r.is("not yet", r.c.Hostname(), "arduino-ab05")
		r.ask(0x10, []byte("home"))
		r.is("at the next start", r.c.Hostname(), "board")
		r.ask(0x16, make([]byte, 0), nil)
		r.ask(0x16, []byte("a-name-that-is-longer-than-the-32-that-are-kept"))
		r.ask(0x10, []byte("home"))
		r.is("cut", r.c.Hostname(), "a-name-that-is-longer-than-the-3")
	})
	run(t, Config{Firmware: Adafruit33, MAC: [6]byte{1, 2, 3, 4, 0xab, 5}}, func(r *rig) {
		r.ask(0x10, []byte("home"))
		r.is("by default", r.c.Hostname(), "esp32-04AB05")
	})
}

func TestPowerMode(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.is("at first", r.c.PowerSave(), true)
		r.ask(0x17, b(0))
		r.is("after 0", r.c.PowerSave(), false)
		r.ask(0x17, b(1))
		r.is("after 1", r.c.PowerSave(), true)
	})
}

func TestEncryptionNumbers(t *testing.T) {
	for auth, want := range map[Auth]byte{AuthOpen: 7, AuthWEP: 5, AuthWPA: 2, AuthWPA2: 4, AuthWPAWPA2: 4, AuthEnterprise: 255} {
		run(t, Config{AccessPoints: []AccessPoint{{SSID: "home", Passphrase: "passw0rd", Auth: auth}}}, func(r *rig) {
			r.command(unhex("E0 27 00 EE"))
			r.answers()
			r.is("of a scan", r.ask(0x33, b(0))[0], want)
			if auth != AuthEnterprise {
				r.join()
				r.is("joined", r.ask(0x26, b(255))[0], want)
			}
		})
	}
}

// 203, which a full access point gives, is tried again by the firmware; only
// Adafruit's 1.7 gives up.
func TestFullAccessPointIsTriedAgain(t *testing.T) {
	full := []AccessPoint{{SSID: "home", Full: true}}
	run(t, Config{AccessPoints: full}, func(r *rig) {
		r.ask(0x10, []byte("home"))
		time.Sleep(5 * time.Second)
		r.is("status", r.status(), 1)
		r.is("reason", r.ask(0x1f)[0], 203)
		r.c.SetAccessPoints([]AccessPoint{{SSID: "home"}})
		time.Sleep(5 * time.Second)
		r.is("status", r.status(), 3)
		r.is("reason", r.ask(0x1f)[0], 0)
	})
	run(t, Config{Firmware: Adafruit17, AccessPoints: full}, func(r *rig) {
		r.ask(0x10, []byte("home"))
		time.Sleep(5 * time.Second)
		r.is("status", r.status(), 4)
	})
}

// heldClock is the free one, but what takes its time there never comes.
type heldClock struct {
	clock.Clock
	waits chan time.Duration
}

func (c heldClock) AfterFunc(d time.Duration, _ func()) clock.Timer {
	c.waits <- d
	return time.NewTimer(time.Hour)
}

// On a clock on which costs take no time, trying again takes its time all the
// same.
func TestTryingAgainTakesItsTimeOnEveryClock(t *testing.T) {
	for fw, want := range map[string]time.Duration{Arduino20: 2 * time.Second, Adafruit33: 2 * time.Second} {
		clk := heldClock{clock.Free(), make(chan time.Duration, 10)}
		timing := DefaultTiming()
		timing.Boot = 0
		r := &rig{T: t, c: New(Config{Firmware: fw, Clock: clk, Timing: timing, AccessPoints: []AccessPoint{{SSID: "home", Full: true}}})}
		r.ask(0x10, []byte("home"))
		r.is(fw, <-clk.waits, want)
		r.c.Close()
	}
}

func TestAccessPointsChange(t *testing.T) {
	run(t, Config{AccessPoints: home}, func(r *rig) {
		r.join()
		r.c.SetAccessPoints([]AccessPoint{{SSID: "home", Passphrase: "passw0rd", RSSI: -80}})
		r.is("RSSI", int8(r.ask(0x25, b(255))[0]), -80)
		r.is("status", r.status(), 3)
		r.c.SetAccessPoints([]AccessPoint{{SSID: "other"}})
		r.is("status", r.status(), 6)
		r.is("reason", r.ask(0x1f)[0], 200)
	})
}

func TestScanThatCannotStart(t *testing.T) {
	run(t, Config{AccessPoints: home, Readings: Readings{ScanFails: true}}, func(r *rig) {
		r.join()
		r.x("E0 27 00 EE", "E0 A7 00 EE")
		r.is("status", r.status(), 1)
	})
}

// An index past the table of ten is other memory: zeros here, and a note.
func TestScanEntryOutOfRange(t *testing.T) {
	run(t, Config{AccessPoints: home}, func(r *rig) {
		r.command(unhex("E0 27 00 EE"))
		r.answers()
		r.is("unused entry", r.ask(0x32, b(9)), []byte{0, 0, 0, 0})
		r.is("noted", r.traced("scan entry out of range"), false)
		r.is("entry 10", r.ask(0x32, b(10)), []byte{0, 0, 0, 0})
		r.is("noted", r.traced("scan entry out of range"), true)
	})
}

// A name server that is silent costs 7 s, two of them 14.
func TestSilentNameServers(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.st.dnsSilent = true
		start := time.Now()
		r.is("answer", r.ask(0x34, []byte("example.com"))[0], 0)
		r.is("took", time.Since(start).Round(100*time.Millisecond), 7*time.Second)
		r.ask(0x15, b(1), b(0, 0, 0, 0), b(8, 8, 8, 8))
		start = time.Now()
		r.is("2D", r.ask(0x2d, []byte("example.com"), b(0, 0, 0, 0), b(0, 80), b(0), b(0)) == nil, true)
		r.is("took", time.Since(start).Round(100*time.Millisecond), 14*time.Second)
	})
}

// The network may take its access point away as well as the chip's user.
func TestNetworkTakesTheAccessPointAway(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.st.change(true, 0)
		r.is("status", r.status(), 6)
		r.is("reason", r.ask(0x1f)[0], 200)
		r.ask(0x10, []byte("home"))
		time.Sleep(3 * time.Second)
		r.is("status", r.status(), 4)
		r.st.change(false, 0)
		r.join()
		r.is("links", r.links, "[joining home joined home lost home joining home no such access point home joining home joined home]")
	})
	// It may be away when the chip first joins.
	run(t, Config{}, func(r *rig) {
		r.st.away = true
		r.ask(0x10, []byte("home"))
		time.Sleep(2 * time.Second)
		r.is("status", r.status(), 4)
		r.is("reason", r.ask(0x1f)[0], 201)
		r.st.change(false, 0)
		r.join()
	})
}

func TestPingMeasures(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.is("without a link", r.ask(0x3e, b(10, 0, 0, 1), b(128)), []byte{255, 255})
		r.join()
		r.st.rtt = 42 * time.Millisecond
		r.is("gateway", r.ask(0x3e, b(10, 0, 0, 1), b(128)), []byte{42, 0})
		r.is("itself", r.ask(0x3e, b(10, 0, 0, 2), b(128)), []byte{0, 0})
		for range 10 {
			r.ask(0x70, b(1), b(0))
		}
		start := time.Now()
		r.is("without a socket", r.ask(0x3e, b(10, 0, 0, 1), b(128)), []byte{255, 255})
		r.is("at once", time.Since(start) < time.Second, true)
	})
}
