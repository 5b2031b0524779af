package nina

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/network"
)

// on runs a test with each of some firmwares.
func on(t *testing.T, firmwares []string, test func(r *rig)) {
	t.Helper()
	for _, fw := range firmwares {
		t.Run(fw, func(t *testing.T) { run(t, Config{Firmware: fw, AccessPoints: home}, test) })
	}
}

func TestVersions(t *testing.T) {
	want := map[string]string{Arduino20: "2.0.0", Arduino14: "1.4.8", Arduino15: "1.5.0", Arduino30: "3.0.1",
		Adafruit17: "1.7.7", Adafruit33: "3.3.0"}
	if len(Firmwares()) != len(want) || Firmwares()[0] != Arduino20 {
		t.Fatalf("firmwares are %v", Firmwares())
	}
	on(t, Firmwares(), func(r *rig) {
		version := want[r.c.cfg.Firmware]
		r.is("version", string(r.ask(0x37)), version+"\x00")
		r.is("FirmwareVersion", FirmwareVersion(r.c.cfg.Firmware), version)
	})
	run(t, Config{}, func(r *rig) { r.is("version of the default", string(r.ask(0x37)), "2.0.0\x00") })
}

func TestUnknownFirmwarePanics(t *testing.T) {
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "arduino-2.0") {
			t.Errorf("New says %q", p)
		}
	}()
	New(Config{Firmware: "2.0.0"})
}

// Commands that some firmwares have and others do not: those listed have a
// handler.
func TestCommandsByFirmware(t *testing.T) {
	arduino := []string{Arduino20, Arduino14, Arduino15, Arduino30}
	for number, have := range map[byte][]string{
		0x1e: {Arduino20, Arduino30, Adafruit33},
		0x1f: {Arduino20, Arduino14, Arduino15, Arduino30, Adafruit33},
		0x38: {Arduino30},
		0x41: {Adafruit17, Adafruit33},
		0x4a: {Adafruit17, Adafruit33},
		0x4b: {Adafruit17, Adafruit33},
		0x4c: {Adafruit17, Adafruit33},
		0x4d: {},
		0x4e: {},
		0x4f: {Adafruit17, Adafruit33},
		0x55: {},
		0x5d: {},
		0x5e: {Arduino30},
		0x5f: {Arduino30},
		0x62: {}, // says nothing else even if it worked
		0x66: append(arduino, Adafruit33),
		0x67: arduino,
		0x68: {},
		0x70: {Arduino20, Arduino15, Arduino30, Adafruit33},
		0x7f: {Arduino20, Arduino15, Arduino30, Adafruit33},
	} {
		t.Run(fmt.Sprintf("%02X", number), func(t *testing.T) {
			on(t, Firmwares(), func(r *rig) {
				has := strings.Contains(strings.Join(have, " "), r.c.cfg.Firmware)
				r.command(build(number, b(0), b(0), b(0), b(0)))
				r.await(false)
				r.is("has it", r.fetch(r.pending())[0] == 0xe0, has)
			})
		})
	}
}

func TestHardwareAddressOrder(t *testing.T) {
	on(t, Firmwares(), func(r *rig) {
		natural := r.c.cfg.Firmware == Arduino30 || r.c.cfg.Firmware == Adafruit33
		want := []byte{0x30, 0x20, 0x10, 0xc4, 0x0a, 0x24}
		bssid := []byte{6, 5, 4, 3, 2, 1}
		if natural {
			want = []byte{0x24, 0x0a, 0xc4, 0x10, 0x20, 0x30}
			bssid = []byte{1, 2, 3, 4, 5, 6}
		}
		r.is("MAC", r.ask(0x22, b(255)), want)
		r.join()
		r.is("BSSID", r.ask(0x24, b(255)), bssid)
		r.command(unhex("E0 27 00 EE"))
		r.answers()
		r.is("BSSID of a scan", r.ask(0x3c, b(1)), bssid)
	})
}

// Replies of Adafruit's 1.7 are not padded.
func TestRepliesArePaddedOrNot(t *testing.T) {
	run(t, Config{Firmware: Adafruit17}, func(r *rig) {
		r.x("E0 20 00 EE", "E0 A0 01 01 00 EE")
		r.x("E0 00 00 EE", "EF 00 EE")
	})
}

func TestSlotsByFirmware(t *testing.T) {
	on(t, Firmwares(), func(r *rig) {
		slots := byte(10)
		if r.c.cfg.Firmware == Adafruit33 {
			slots = 6
		}
		r.join()
		for i := range slots {
			r.is("free slot", r.socket(), i)
			r.peer(i)
		}
		r.is("free slot", r.socket(), 255)
		r.is("sockets", r.sockets(), slots)
		r.command(build(0x2f, b(slots)))
		r.hung(fmt.Sprintf("slot %d out of range", slots))
	})
}

// Descriptors are the last below 64.
func TestDescriptorsByFirmware(t *testing.T) {
	for fw, first := range map[string]byte{Arduino15: 54, Adafruit33: 58} {
		run(t, Config{Firmware: fw}, func(r *rig) { r.is(fw, r.ask(0x70, b(1), b(0))[0], first) })
	}
}

func TestStackByFirmware(t *testing.T) {
	on(t, Firmwares(), func(r *rig) {
		mss := 1436
		if r.c.cfg.Firmware == Adafruit33 {
			mss = 1440
		}
		r.join()
		r.is("stack", r.st.params, network.Params{MSS: mss, Window: 4 * mss, SendBuffer: 4 * mss, SegmentQueue: 6,
			DatagramQueue: 6, MaxDatagram: 1472, SynTimeout: 18500, CloseDrains: true})
	})
}

// Arduino's older ones

// 28 says 1 though the port is taken, and the slot is left without a server.
func TestServerNeverSaysNoBefore15(t *testing.T) {
	on(t, []string{Arduino14, Adafruit17}, func(r *rig) {
		r.join()
		r.is("first", r.listen(0, 80, 0), 1)
		r.is("second", r.listen(1, 80, 0), 1)
		r.is("listens", r.listening(1), 0)
		r.is("free slot", r.socket(), 2)
	})
	on(t, []string{Arduino15, Arduino20}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		r.is("second", r.listen(1, 80, 0), 0)
		r.is("free slot", r.socket(), 1)
	})
}

// Before 1.6 nobody looks at 2B's accept byte, and the GPIO0 task holds no
// connection: a client is there once it has data.
func TestNoAcceptModeBefore16(t *testing.T) {
	on(t, []string{Arduino14, Arduino15, Adafruit17}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		c := r.st.listeners[80].dial("10.0.0.7:1")
		r.settle()
		r.is("GPIO0", r.gpio0(), false)
		r.is("accept", r.accept(0), 255)
		r.is("sockets", r.sockets(), 2)
		c.send("GET")
		r.settle()
		r.is("GPIO0", r.gpio0(), true)
		r.is("accept", r.accept(0), 1)
		r.is("read", r.recv(1, 10), "GET")
	})
}

// Arduino's 3.x

func TestStopServerOf3x(t *testing.T) {
	run(t, Config{Firmware: Arduino30}, func(r *rig) {
		r.join()
		r.listen(1, 80, 0)
		r.is("38", r.ask(0x38, b(1)), []byte{1})
		r.is("listens", r.listening(1), 0)
		r.is("network's listener", r.st.listeners[80] == nil, true)
		r.is("sockets", r.sockets(), 0)
		r.is("free slot", r.socket(), 0)
		r.is("listen again", r.listen(1, 80, 0), 1)
	})
}

func TestVersionNumberAndTimeOf3x(t *testing.T) {
	run(t, Config{Firmware: Arduino30}, func(r *rig) {
		r.is("number", r.ask(0x5e), []byte{1, 0, 3, 0})
		r.is("set time", r.ask(0x5f, b(0, 0, 0, 0x40)), []byte{1})
		time.Sleep(5 * time.Second)
		got := r.ask(0x3b)
		r.is("time", got[0] >= 5 && got[0] < 7 && got[3] == 0x40, true)
	})
}

// A sixth parameter of 2D is a timeout in milliseconds, elsewhere nothing.
func TestConnectTimeoutOf3x(t *testing.T) {
	for fw, seconds := range map[string]float64{Arduino30: 2, Arduino20: 18.5} {
		run(t, Config{Firmware: fw}, func(r *rig) {
			r.join()
			r.st.silent[addr("10.0.0.9:80")] = true
			start := time.Now()
			r.is("2D", r.ask(0x2d, nil, b(10, 0, 0, 9), b(0, 80), b(0), b(0), b(0x07, 0xd0)) == nil, true)
			r.is(fw, time.Since(start).Round(100*time.Millisecond).Seconds(), seconds)
		})
	}
}

// Adafruit's 1.7

// A name in 2D is looked up as the bytes of its address are: in vain.
func TestNamesFailWithAdafruit17(t *testing.T) {
	run(t, Config{Firmware: Adafruit17}, func(r *rig) {
		r.join()
		r.st.hosts["web"] = addr("10.0.0.9:0").Addr()
		r.st.open[addr("10.0.0.9:80")] = true
		for _, mode := range []byte{0, 1} {
			r.is("2D", r.ask(0x2d, []byte("web"), b(0, 0, 0, 0), b(0, 80), b(0), b(mode)) == nil, true)
		}
		r.is("34", r.ask(0x34, []byte("web"))[0], 1)
	})
}

// 2F does not find the peer's FIN, nor does anything else but a write.
func TestEndGoesUnnoticedWithAdafruit17(t *testing.T) {
	run(t, Config{Firmware: Adafruit17}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		peer.send("bye")
		peer.end(false)
		r.is("read", r.recv(0, 10), "bye")
		time.Sleep(time.Hour)
		r.is("state", r.state(0), 4)
		r.is("read", r.recv(0, 10), "")
		r.is("state", r.state(0), 4)
	})
}

// A write never waits, and one that finds no room closes the socket.
func TestWriteWithoutRoomClosesWithAdafruit17(t *testing.T) {
	run(t, Config{Firmware: Adafruit17}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		peer.buffer = 3
		r.is("written", r.send(0, "hello"), 3)
		r.is("written", r.send(0, "lo"), 0)
		r.is("closed", peer.how(), "FIN")
		r.is("state", r.state(0), 0)
		r.listen(0, 80, 0)
		served := r.st.listeners[80].dial("10.0.0.7:1")
		served.send("GET")
		r.is("accepted into", r.avail(0), 1)
		served.buffer = 3
		r.is("written to an accepted one", r.send(1, "hello"), 3)
	})
}

func TestDropIsSilentWithAdafruit17(t *testing.T) {
	run(t, Config{Firmware: Adafruit17}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		r.c.DropLink()
		r.settle()
		r.is("status", r.status(), 6)
		r.is("closed", peer.how(), "")
		r.is("state", r.state(0), 4)
		r.is("sockets", r.sockets(), 1)
	})
}

// A datagram is there as soon as the scan that pulls it, and 2B pulls one too.
func TestUDPOfAdafruit17(t *testing.T) {
	run(t, Config{Firmware: Adafruit17}, func(r *rig) {
		r.join()
		r.listen(0, 5000, 1)
		r.idle()
		r.st.packets[5000].deliver("one", "10.0.0.7:9")
		r.st.packets[5000].deliver("two", "10.0.0.7:9")
		synctest.Wait()
		r.is("available", r.avail(0), 3)
		r.is("read", r.recv(0, 10), "one")
		r.is("available", r.avail(0), 3)
		r.is("read", r.recv(0, 10), "two")
		r.is("available", r.avail(0), 0)
	})
}

// 14 with the address 0 is DHCP again.
func TestBackToDHCPWithAdafruit(t *testing.T) {
	on(t, Firmwares(), func(r *rig) {
		r.ask(0x14, b(1), b(10, 0, 0, 99), b(10, 0, 0, 1), b(255, 255, 255, 0))
		r.join()
		r.is("address", r.ask(0x21, b(255)), []byte{10, 0, 0, 99})
		r.ask(0x14, b(0), b(0, 0, 0, 0), b(0, 0, 0, 0), b(0, 0, 0, 0))
		r.join()
		want := []byte{0, 0, 0, 0}
		if strings.HasPrefix(r.c.cfg.Firmware, "adafruit") {
			want = []byte{10, 0, 0, 2}
		}
		r.is("address", r.ask(0x21, b(255)), want)
	})
}

func TestAnalogReadByPinWithAdafruit(t *testing.T) {
	on(t, []string{Adafruit17, Adafruit33}, func(r *rig) {
		r.c.SetADC(4, 1234) // is pin 32
		r.is("pin 32", r.ask(0x54, b(32), b(3)), []byte{0xd2, 4, 0, 0})
		r.is("pin 4", r.ask(0x54, b(4), b(3)), []byte{0, 0, 0, 0})
	})
}

// Adafruit's 3.3

func TestTimeOfAdafruit33HasEightBytes(t *testing.T) {
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.x("E0 3B 00 EE", "E0 BB 01 08 00 00 00 00 00 00 00 00 EE 00 00 00")
		r.join()
		time.Sleep(time.Second)
		now := time.Now().Unix()
		r.is("time", r.ask(0x3b)[3], byte(now>>24))
	})
}

// The GPIO0 task does not sleep between scans.
func TestGPIO0OfAdafruit33FollowsAtOnce(t *testing.T) {
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		time.Sleep(time.Second)
		before := r.c.Ledger().Scans
		for range 10 {
			peer.send("x")
			synctest.Wait()
		}
		r.is("GPIO0", r.gpio0(), true)
		r.is("scans", r.c.Ledger().Scans-before, 10)
		r.recv(0, 100)
		synctest.Wait()
		r.is("GPIO0", r.gpio0(), false)
	})
}

func TestStatusOfAdafruit33(t *testing.T) {
	run(t, Config{Firmware: Adafruit33, AccessPoints: home}, func(r *rig) {
		r.is("status at first", r.status(), 254)
		r.is("reason at first", r.ask(0x1f)[0], 1)
		r.ask(0x11, []byte("home"), []byte("passw0rd"))
		r.is("status", r.status(), 6)
		time.Sleep(1900 * time.Millisecond)
		r.is("status without an address", r.status(), 0)
		time.Sleep(100 * time.Millisecond)
		r.is("status", r.status(), 3)
		r.is("reason after association", r.ask(0x1f)[0], 1)
		r.ask(0x30, b(255))
		r.is("status after 30", r.status(), 6)
		r.is("reason", r.ask(0x1f)[0], 8)
		r.ask(0x11, []byte("nowhere"), nil)
		time.Sleep(3 * time.Second)
		r.is("no access point", r.status(), 1)
		r.is("reason", r.ask(0x1f)[0], 201)
		r.ask(0x11, []byte("home"), []byte("wrong"))
		time.Sleep(4 * time.Second)
		r.is("wrong passphrase", r.status(), 6)
		r.is("reason", r.ask(0x1f)[0], 15)
	})
}

// It tries for ever: a link that is lost, or an access point that is not there.
func TestAdafruit33JoinsAgainByItself(t *testing.T) {
	run(t, Config{Firmware: Adafruit33, AccessPoints: home}, func(r *rig) {
		r.join()
		r.c.DropLink()
		r.is("status", r.status(), 5)
		time.Sleep(time.Minute)
		r.is("status", r.status(), 1)
		r.c.RestoreLink()
		time.Sleep(5 * time.Second)
		r.is("status", r.status(), 3)
		r.c.DropLink()
		r.ask(0x30, b(255)) // ends it
		time.Sleep(121 * time.Second)
		r.is("status without an address", r.status(), 0)
		r.c.RestoreLink()
		time.Sleep(10 * time.Second)
		r.is("joined again", r.status() == 3, false)
	})
	// 202 is tried once more, and then it is over.
	run(t, Config{Firmware: Adafruit33, AccessPoints: home, Readings: Readings{WrongPassphraseFails: true}}, func(r *rig) {
		r.ask(0x11, []byte("home"), []byte("wrong"))
		time.Sleep(time.Minute)
		r.is("status", r.status(), 4)
		r.is("links", r.links, "[joining home wrong passphrase home joining home wrong passphrase home]")
		r.ask(0x11, []byte("home"), []byte("wrong"))
		time.Sleep(4 * time.Second)
		r.is("status, the next time at once", r.status(), 4)
		r.command(unhex("E0 27 00 EE"))
		r.is("networks, since it does not join", len(r.answers()), 2)
	})
}

func TestScanOfAdafruit33(t *testing.T) {
	run(t, Config{Firmware: Adafruit33, AccessPoints: make12()}, func(r *rig) {
		r.ask(0x10, []byte("a"))
		r.x("E0 27 00 EE", "E0 A7 FE EE") // while it joins
		time.Sleep(2 * time.Second)
		peer := r.peer(0)
		r.command(unhex("E0 27 00 EE"))
		r.is("networks", len(r.answers()), 12)
		r.is("status", r.status(), 3)
		r.is("connection", peer.how(), "")
		r.is("channel of the twelfth", len(r.ask(0x3d, b(11))), 1)
		r.is("encryption, the radio's number", r.ask(0x33, b(0))[0], 0)
	})
	run(t, Config{Firmware: Adafruit33, AccessPoints: home}, func(r *rig) {
		r.command(unhex("E0 27 00 EE"))
		r.answers()
		r.is("encryption, the radio's number", r.ask(0x33, b(1))[0], 3)
	})
}

// 2F frees only what 2D has connected: accepted clients and UDP stay taken.
func TestStateOfAdafruit33FreesOnlyItsOwn(t *testing.T) {
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		r.st.listeners[80].dial("10.0.0.7:1").end(false)
		r.is("accepted into", r.accept(0), 1)
		r.settle()
		r.is("state", r.state(1), 0)
		r.is("free slot", r.socket(), 2)
		r.stop(1)
		r.is("free slot", r.socket(), 1)

		r.listen(1, 5000, 1)
		r.is("UDP", r.state(1), 0)
		r.is("free slot", r.socket(), 2)

		r.peer(2).end(false)
		r.settle()
		r.is("own", r.state(2), 0)
		r.is("free slot", r.socket(), 2)
		r.is("its socket stays until the slot is used again", r.sockets(), 3)
		r.peer(2)
		r.is("sockets", r.sockets(), 3)
	})
}

// 28 on a slot that listens says 1 and keeps the old port; a port can be
// listened on again.
func TestServerOfAdafruit33(t *testing.T) {
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		r.is("other port", r.listen(0, 81, 0), 1)
		r.is("it listens on 80 alone", r.st.listeners[80] != nil && r.st.listeners[81] == nil, true)
		r.is("backlog", r.st.listeners[80].backlog, 6)
		r.stop(0)
		r.is("again after 2E", r.listen(0, 82, 0), 1)
		r.is("it listens on 80 alone", r.st.listeners[82] == nil, true)

		// 2B without the accept byte accepts as well; 44 on the server's slot
		// is for the client in it.
		r.st.listeners[80].dial("10.0.0.7:1")
		r.is("accepted into", r.avail(0), 1)
		r.is("44 on the server's slot", r.send(0, "x"), 0)
		r.is("port taken", r.listen(2, 80, 0), 0)
	})
}

// A connection for which there is no slot is closed by the path without the
// accept byte, and waits with it.
func TestAcceptWithoutASlotOfAdafruit33(t *testing.T) {
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.join()
		for i := range byte(5) {
			r.peer(i + 1)
		}
		r.c.DropLink() // closes the sockets; the slots stay taken
		r.settle()
		r.c.RestoreLink()
		r.join()
		r.is("listen", r.listen(0, 80, 0), 1)
		r.is("free slot", r.socket(), 255)
		c := r.st.listeners[80].dial("10.0.0.7:1")
		r.settle()
		r.is("GPIO0", r.gpio0(), true)
		r.is("with the byte", r.accept(0), 255)
		r.is("connection", c.how(), "")
		r.is("without", r.avail(0), 255)
		r.is("connection", c.how(), "FIN")
	})
}

// 2D in a mode that is not known keeps the slot's mutex.
func TestMutexOfAdafruit33IsNeverGivenBack(t *testing.T) {
	for _, mode := range []byte{3, 4} {
		run(t, Config{Firmware: Adafruit33}, func(r *rig) {
			r.join()
			peer := r.peer(1)
			r.x("E0 2D 04 04 0A 00 00 09 02 00 50 01 00 01 0"+fmt.Sprint(mode)+" EE", "E0 AD 00 EE")
			peer.send("x")
			r.settle()
			r.is("other slots go on", r.gpio0(), true)
			r.is("read", r.recv(1, 10), "x")
			r.is("28 takes no mutex", r.listen(0, 80, 0), 1)
			r.is("nor does 3F", r.socket(), 2)
			r.command(build(0x2f, b(0)))
			r.hung("the mutex of slot 0 was never given back")
		})
	}
}

// Reads go over segments with PSH, through a buffer; the peer's FIN makes 2F
// say 0 though something is left in that.
func TestClientOfAdafruit33(t *testing.T) {
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		peer.send("one")
		peer.send("two")
		r.is("read", r.recv(0, 100), "onetwo")
		peer.send("abcdef")
		r.is("part", r.recv(0, 2), "ab")
		r.is("available", r.avail(0), 4)
		r.is("peek", r.ask(0x2c, b(0), b(1))[0], 'c')
		r.is("get", r.ask(0x2c, b(0), b(0))[0], 'c')
		peer.end(false)
		r.is("state", r.state(0), 0)
		r.is("lost", r.recv(0, 100), "")
	})
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		r.c.DropLink()
		r.settle()
		r.is("closed", peer.how(), "RST")
		r.is("state", r.state(0), 0)
	})
}

func TestConnectOfAdafruit33TakesAtMost3Seconds(t *testing.T) {
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.join()
		r.st.silent[addr("10.0.0.9:80")] = true
		start := time.Now()
		r.is("silent peer", r.connect(0, 80) == nil, true)
		r.is("took", time.Since(start).Round(100*time.Millisecond), 3*time.Second)
		r.is("sockets", r.sockets(), 0)
		r.is("refused", r.connect(0, 81) == nil, true)
		r.is("sockets", r.sockets(), 0)
	})
}

// Writes wait for room, ten seconds after the last that went.
func TestWriteOfAdafruit33Waits(t *testing.T) {
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		peer.buffer = 3
		start := time.Now()
		r.is("written", r.send(0, "hello"), 3)
		r.is("took", time.Since(start).Round(time.Second), 10*time.Second)
		r.is("state", r.state(0), 4)
		time.AfterFunc(5*time.Second, func() { peer.allow(100) })
		r.is("written", r.send(0, "lo"), 2)
		peer.end(true)
		r.is("after a reset", r.send(0, "x"), 0)
		r.is("the scan has seen that first, and left the socket", r.sockets(), 1)
		r.stop(0)

		// Where no scan comes to it, the write closes the socket.
		r.peer(0).send("unread")
		r.peer(1).end(true)
		r.is("after a reset", r.send(1, "x"), 0)
		r.is("sockets", r.sockets(), 1)
	})
}

func TestUDPOfAdafruit33(t *testing.T) {
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.join()
		// 2D makes a socket by itself.
		r.is("2D", r.ask(0x2d, b(10, 0, 0, 9), b(0x13, 0x88), b(0), b(1)), []byte{1})
		r.is("46", r.ask(0x46, b(0), []byte("abc"))[0], 1)
		r.is("39", r.ask(0x39, b(0))[0], 1)
		p := r.st.packets[61000]
		r.is("sent", p.sent, "[{abc 10.0.0.9:5000}]")
		r.is("port 0", r.ask(0x2d, b(10, 0, 0, 9), b(0, 0), b(1), b(1)) == nil, true)

		// 46 sends by itself what fills 1460 bytes.
		r.ask(0x2d, b(10, 0, 0, 9), b(0x13, 0x88), b(0), b(1))
		r.ask(0x46, b(0), make([]byte, 1000))
		r.ask(0x46, b(0), make([]byte, 1000))
		r.is("sent by itself", len(p.sent) == 2 && len(p.sent[1].data) == 1460, true)
		r.ask(0x39, b(0))
		r.is("rest", len(p.sent[2].data), 540)

		// 28 closes the old socket; datagrams are there at once, cut at 1460.
		r.is("bind", r.listen(0, 5000, 1), 1)
		r.is("old socket", r.st.packets[61000] == nil, true)
		r.st.packets[5000].deliver(strings.Repeat("x", 1472), "10.0.0.7:9")
		synctest.Wait()
		r.is("available", r.avail(0), 1460)
		r.is("3A", r.ask(0x3a, b(0)), []byte{10, 0, 0, 7})
		// 2E clears what is unread.
		r.stop(0)
		r.listen(0, 5000, 1)
		r.is("available", r.avail(0), 0)
		r.is("46 after 28 alone", r.ask(0x46, b(0), []byte("x")), []byte{1})
		r.stop(0)
		r.command(build(0x46, b(0), []byte("x")))
		r.hung("there is no UDP buffer")
	})
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.join()
		r.is("multicast", r.ask(0x28, b(224, 0, 0, 251), b(0x14, 0xe9), b(0), b(3))[0], 1)
		r.is("joined", r.st.packets[5353].groups, "[224.0.0.251]")
		r.is("no multicast address", r.ask(0x28, b(10, 0, 0, 9), b(0x14, 0xea), b(1), b(3))[0], 0)
	})
}

func TestResolvedAddressStaysWithAdafruit33(t *testing.T) {
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.join()
		r.ask(0x34, []byte("1.2.3.4"))
		r.is("unknown", r.ask(0x34, []byte("nobody"))[0], 0)
		r.is("35", r.ask(0x35), []byte{1, 2, 3, 4})
	})
}
