package nina

import (
	"testing"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

// serve makes the chip an access point.
func (r *rig) serve() {
	r.Helper()
	r.x("E0 19 03 04 68 6F 6D 65 08 70 61 73 73 77 30 72 64 01 06 EE", "E0 99 01 01 01 EE 00 00")
}

func TestAccessPoint(t *testing.T) {
	run(t, Config{MAC: [6]byte{1, 2, 3, 4, 5, 6}}, func(r *rig) {
		start := time.Now()
		r.serve()
		r.is("blocks until it runs", time.Since(start) >= 100*time.Millisecond, true)
		r.is("status", r.status(), 7)
		r.is("network", *r.st.ap, network.AccessPoint{SSID: "home", Passphrase: "passw0rd", Channel: 6, Addr: apDefault, MaxJoined: 4})
		r.is("size of the stack", r.st.params.MSS, 1436)
		r.x("E0 21 01 01 FF EE FF FF", "E0 A1 03 04 C0 A8 04 01 04 FF FF FF 00 04 C0 A8 04 01 EE 00")
		r.is("SSID", string(r.ask(0x23, b(255))), "home")
		r.is("encryption", r.ask(0x26, b(255))[0], 4)
		r.is("BSSID, its own", r.ask(0x24, b(255)), []byte{7, 5, 4, 3, 2, 1})
		r.is("MAC", r.ask(0x22, b(255)), []byte{7, 5, 4, 3, 2, 1})
		r.is("RSSI", r.ask(0x25, b(255)), []byte{0, 0, 0, 0})
		r.is("DNS servers", r.ask(0x1e, b(255)), []byte{0, 0, 0, 0})
		r.is("lookup", r.ask(0x34, []byte("example.com"))[0], 0)

		r.st.change(false, 1)
		r.is("status with a station", r.status(), 8)
		r.st.change(false, 3)
		r.st.change(false, 1)
		r.is("status with one left", r.status(), 8)
		r.st.change(false, 0)
		r.is("status without", r.status(), 7)

		r.is("listen", r.listen(0, 80, 0), 1)
		r.st.listeners[80].dial("192.168.4.2:5").send("GET")
		r.is("accepted into", r.accept(0), 1)
		r.is("read", r.recv(1, 10), "GET")
		r.st.open[addr("192.168.4.2:7")] = true
		r.is("connect", r.ask(0x2d, b(192, 168, 4, 2), b(0, 7), b(2), b(0)), []byte{1})

		st := r.st
		r.ask(0x30, b(255))
		r.is("status after 30", r.status(), 0)
		r.is("address", r.ask(0x21, b(255)), []byte{0, 0, 0, 0})
		r.is("SSID", string(r.ask(0x23, b(255))), "")
		r.is("network ended", st.closed, true)
		r.is("links", r.links, "[serving home station joined home station joined home station joined home station left home station left home station left home closed home]")
	})
}

func TestOpenAccessPoint(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.x("E0 18 02 04 68 6F 6D 65 01 06 EE FF", "E0 98 01 01 01 EE 00 00")
		r.is("status", r.status(), 7)
		r.is("encryption", r.ask(0x26, b(255))[0], 7)
		r.is("passphrase", r.st.ap.Passphrase, "")
	})
}

func TestAccessPointConfigurationIsRejected(t *testing.T) {
	for name, c := range map[string]struct {
		pass    string
		channel byte
	}{
		"passphrase of 7":  {"1234567", 6},
		"passphrase of 64": {string(make64()), 6},
		"channel 14":       {"12345678", 14},
		// What TinyGo's driver sends: the channel is the pad byte.
		"channel 255": {"12345678", 255},
	} {
		run(t, Config{}, func(r *rig) {
			r.is(name, r.ask(0x19, []byte("home"), []byte(c.pass), b(c.channel))[0], 0)
			r.is("status", r.status(), 9)
		})
	}
}

func make64() []byte {
	p := make([]byte, 64)
	for i := range p {
		p[i] = 'x'
	}
	return p
}

// The channel is read behind a length byte that nobody looks at.
func TestAccessPointChannelIsAtAFixedPlace(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.command(unhex("E0 18 02 04 68 6F 6D 65 09 0B EE FF"))
		r.is("answer", r.answer()[0], 1)
		r.is("channel", r.st.ap.Channel, 11)
	})
}

func TestAccessPointWithAStaticAddress(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.ask(0x14, b(1), b(172, 16, 0, 1), b(172, 16, 0, 1), b(255, 255, 0, 0))
		r.serve()
		r.is("address", r.st.ap.Addr, "172.16.0.1/16")
		r.is("21", r.ask(0x21, b(255)), []byte{172, 16, 0, 1})
	})
	run(t, Config{}, func(r *rig) {
		r.ask(0x14, b(1), b(10, 9, 8, 7), b(10, 9, 8, 1), b(255, 0, 255, 0))
		r.serve()
		r.is("address", r.st.ap.Addr, apDefault)
		r.is("note", r.traced("an access point cannot have that address"), true)
	})
}

// Station and access point are one after the other; sockets that listen go
// with the chip, connections end.
func TestStationBecomesAccessPointAndBack(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		r.listen(1, 80, 0)
		r.listen(2, 5000, 1)
		station := r.st
		r.serve()
		r.is("station's network", station.closed, true)
		r.is("connection", peer.how(), "RST")
		r.settle()
		r.is("client", r.state(0), 0)
		r.is("listens", r.st.listeners[80] != nil && r.st.packets[5000] != nil, true)
		r.x("E0 2B 02 01 01 01 01 EE", "E0 AB 01 02 FF 00 EE 00")
		served := r.st.listeners[80].dial("192.168.4.2:5")
		r.is("accepted into", r.accept(1), 0)

		r.ask(0x10, []byte("home"))
		r.is("status", r.status(), 0) // from AP mode, until the join ends
		served.end(true)
		time.Sleep(2 * time.Second)
		r.is("status", r.status(), 3)
		r.is("MAC", r.ask(0x22, b(255))[0], 0x30)
		r.is("BSSID", r.ask(0x24, b(255)), []byte{1, 0, 0, 0, 0, 2})
		r.is("listens", r.st.listeners[80] != nil && r.st.ap == nil, true)
		r.is("links", r.links, "[joining home joined home left home serving home closed home joining home joined home]")
	})
}

// The status that a start of the access point leaves is 1 until it runs, and a
// scan ends it.
func TestScanEndsTheAccessPoint(t *testing.T) {
	run(t, Config{AccessPoints: home}, func(r *rig) {
		r.serve()
		st := r.st
		r.command(unhex("E0 27 00 EE"))
		r.is("networks", len(r.answers()), 2)
		r.is("status", r.status(), 2)
		r.is("ended", st.closed, true)
		r.is("address", r.ask(0x21, b(255)), []byte{0, 0, 0, 0})
		r.is("BSSID is the interface's still", r.ask(0x24, b(255))[0], 0x31)
	})
}

func TestResetEndsTheAccessPoint(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.serve()
		st := r.st
		r.restart()
		r.is("ended", st.closed, true)
		r.is("status", r.status(), 0)
	})
}

func TestLongAccessPointNamesHang(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.command(build(0x18, make64()[:34], b(6)))
		r.hung("SSID of 34 bytes overruns a buffer of 33")
		r.command(build(0x19, []byte("home"), append(make64(), "xx"...), b(6)))
		r.hung("passphrase of 66 bytes overruns a buffer of 65")
	})
}

// On arduino-esp32 access-point mode shows in no status and no address, and 30
// does not end it.
func TestAccessPointOfAdafruit33(t *testing.T) {
	run(t, Config{Firmware: Adafruit33}, func(r *rig) {
		r.serve()
		st := r.st
		r.is("status", r.status(), 254)
		st.change(false, 1)
		r.is("status", r.status(), 254)
		r.is("address", r.ask(0x21, b(255)), []byte{0, 0, 0, 0})
		r.is("listen", r.listen(0, 80, 0), 1)
		st.listeners[80].dial("192.168.4.2:5")
		r.is("accepted into", r.accept(0), 1)
		r.ask(0x30, b(255))
		r.is("ended", st.closed, false)
		r.is("passphrase too short", r.ask(0x19, []byte("home"), []byte("1234567"), b(6))[0], 0)
		r.is("no name", r.ask(0x18, nil, b(6))[0], 0)
	})
}

func TestAdafruit17IgnoresTheChannel(t *testing.T) {
	run(t, Config{Firmware: Adafruit17}, func(r *rig) {
		r.is("channel 255", r.ask(0x19, []byte("home"), []byte("12345678"), b(255))[0], 1)
		r.is("status", r.status(), 7)
	})
}

// A real station on the network in memory joins, dials in and is dialled.
func TestStationsOnAVirtualNetwork(t *testing.T) {
	v := func(r *rig) *network.Virtual {
		n := network.NewVirtual(network.VirtualConfig{Clock: clock.Virtual(), RTT: 5 * time.Millisecond})
		r.c.Close()
		r.c = New(Config{Clock: clock.Virtual(), Attach: n.Station, AttachAP: n.AccessPoint})
		time.Sleep(750 * time.Millisecond)
		return n
	}
	run(t, Config{}, func(r *rig) {
		n := v(r)
		r.serve()
		r.listen(0, 80, 0)
		h, err := n.Join("home", "passw0rd")
		if err != nil {
			r.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		r.is("status", r.status(), 8)
		got := make(chan string)
		go func() {
			c, err := h.Dial(r.Context(), addr("192.168.4.1:80"))
			if err != nil {
				got <- err.Error()
				return
			}
			p := make([]byte, 10)
			m, _ := c.Read(p)
			got <- string(p[:m])
			c.Close()
		}()
		time.Sleep(20 * time.Millisecond)
		r.is("accepted into", r.accept(0), 1)
		r.x("E0 3A 01 01 01 EE FF FF", "E0 BA 02 04 C0 A8 04 02 02 C0 00 EE")
		r.is("send", r.send(1, "hi"), 2)
		r.is("station read", <-got, "hi")

		l, err := h.Listen(7)
		if err != nil {
			r.Fatal(err)
		}
		defer l.Close()
		r.is("connect", r.ask(0x2d, b(192, 168, 4, 2), b(0, 7), b(2), b(0)), []byte{1})
		for range 3 {
			if _, err := n.Join("home", "passw0rd"); err != nil {
				r.Fatal(err)
			}
		}
		if _, err := n.Join("home", "passw0rd"); err == nil {
			r.Fatal("a fifth station joined")
		}
		r.is("ping", r.ask(0x3e, b(192, 168, 4, 2), b(128)), []byte{5, 0})
		// There is no keep-alive: a peer that vanishes stays connected.
		h.Leave()
		time.Sleep(time.Hour)
		r.is("state", r.state(2), 4)
		r.is("status with three left", r.status(), 8)
		r.is("ping", r.ask(0x3e, b(192, 168, 4, 2), b(128)), []byte{255, 255})
		r.ask(0x30, b(255))
		r.is("status", r.status(), 0)
		if _, err := n.Join("home", "passw0rd"); err == nil {
			r.Fatal("somebody joined an access point that is no more")
		}
	})
}
