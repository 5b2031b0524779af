package wifinina

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
)

// sent returns the frames of a command.
func (c *fakeChip) sent(cmd byte) (fs [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.frames {
		if f[1] == cmd {
			fs = append(fs, f)
		}
	}
	return fs
}

func TestFirmwaresAreToldApart(t *testing.T) {
	for _, tt := range []struct {
		version            string
		old, adafruit      bool
		descriptors        bool
		slots              uint8
		mac                string
		isAdafruit, probed bool
	}{
		{version: "1.4.0", old: true, slots: 10, mac: "01:02:03:04:05:06"},
		{version: "1.5.0", descriptors: true, slots: 10, mac: "01:02:03:04:05:06"},
		{version: "1.7.6", old: true, slots: 10, mac: "01:02:03:04:05:06", isAdafruit: true},
		{version: "2.0.0", descriptors: true, slots: 10, mac: "01:02:03:04:05:06"},
		{version: "3.0.1", descriptors: true, slots: 10, mac: "06:05:04:03:02:01", probed: true},
		{version: "3.3.0", adafruit: true, descriptors: true, slots: 6, mac: "06:05:04:03:02:01", isAdafruit: true, probed: true},
	} {
		c := newFake(t)
		c.version, c.oldFirmware, c.adafruit = tt.version, tt.old, tt.adafruit
		d := newFast(c.config())
		mac, err := d.GetHardwareAddr()
		ok(t, err)
		fw := d.chip().fw
		if fw.descriptors != tt.descriptors || fw.slots != tt.slots || fw.adafruit != tt.isAdafruit || mac.String() != tt.mac {
			t.Errorf("%s: %+v, MAC %v", tt.version, fw, mac)
		}
		if probed := c.count(cmdVersionNumber) > 0; probed != tt.probed {
			t.Errorf("%s: probed %v", tt.version, probed)
		}
		if tt.old && c.version == "1.4.0" && c.count(cmdErrno) > 0 {
			t.Errorf("%s: asked for what it does not have", tt.version)
		}
	}
}

func TestSixSocketsOfAdafruit(t *testing.T) {
	c := newFake(t)
	c.version, c.adafruit = "3.3.0", true
	d := newFast(c.config())
	ok(t, d.NetConnect())
	defer d.NetDisconnect()
	for i := 0; i < 6; i++ {
		stream(t, d)
	}
	before := c.count(cmdSocket)
	_, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	is(t, err, netdev.ErrNoMoreSockets)
	if c.count(cmdSocket) != before {
		t.Error("the chip was asked for a seventh")
	}
}

// Adafruit's firmware before 3.0 does not tell why.
func TestJoinWithoutReasons(t *testing.T) {
	c := newFake(t)
	c.version, c.oldFirmware = "1.7.6", true
	d := newFast(c.config())
	is(t, d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "not this", Retries: 2}), netlink.ErrConnectFailed)
	ok(t, d.NetConnect())
	d.NetDisconnect()
	if c.count(cmdReason) != 0 {
		t.Error("it was asked")
	}
}

// Adafruit's state 1 is not "connecting" but "no access point".
func TestMissingAccessPointOnAdafruit(t *testing.T) {
	c := newFake(t)
	c.version, c.adafruit = "3.3.0", true
	d := newFast(c.config())
	for _, limit := range []time.Duration{time.Hour, 20 * time.Millisecond} { // the second time the reason is not new
		is(t, d.NetConnect(&netlink.ConnectParams{Ssid: "away", Passphrase: "passw0rd", Retries: 1, ConnectTimeout: limit}), netlink.ErrNoAccessPoint)
	}
	ok(t, d.NetConnect())
	d.NetDisconnect()
}

func TestAccessPointHasAChannel(t *testing.T) {
	for _, adafruit := range []bool{false, true} {
		for _, pass := range []string{"", "passw0rd"} {
			c := newFake(t)
			cfg := c.config()
			if c.adafruit = adafruit; adafruit {
				c.version = "3.3.0"
			}
			cfg.APChannel = 11
			d := newFast(cfg)
			ok(t, d.NetConnect(&netlink.ConnectParams{ConnectMode: netlink.ConnectModeAP, Ssid: "board", Passphrase: pass}))
			cmd, want := byte(cmdSetAP), "board\x01\x0B"
			if pass != "" {
				cmd, want = cmdSetAPPassphrase, "board\x08passw0rd\x01\x0B"
			}
			if f := c.sent(cmd); len(f) != 1 || !bytes.Contains(f[0], []byte(want)) {
				t.Errorf("% X", f)
			}
			must(d.Send(dialed(t, d), []byte("x"), 0, forever))(t)
			time.Sleep(3 * fastTimes.Check)
			if _, err := d.Addr(); err != nil {
				t.Errorf("the access point did not last: %v", err)
			}
			c.do(func() { c.refuseAP = true })
			d.NetDisconnect()
			is(t, d.NetConnect(&netlink.ConnectParams{ConnectMode: netlink.ConnectModeAP, Ssid: "board", Passphrase: pass, Retries: 1}), errAPFailed)
			d.NetDisconnect()
		}
	}
}

func TestStaticAddress(t *testing.T) {
	c := newFake(t)
	cfg := c.config()
	a := netip.MustParseAddr
	cfg.Static = &Static{Addr: a("192.168.1.9"), Mask: a("255.255.255.0"), Gateway: a("192.168.1.1"), DNS: [2]netip.Addr{a("9.9.9.9")}}
	d := newFast(cfg)
	ok(t, d.NetConnect())
	d.NetDisconnect()
	if f := c.sent(cmdSetIPConfig); len(f) != 1 || !bytes.Equal(f[0][4:20], []byte{1, 4, 192, 168, 1, 9, 4, 192, 168, 1, 1, 4, 255, 255, 255, 0}) {
		t.Errorf("% X", f)
	}
	if f := c.sent(cmdSetDNS); len(f) != 1 || !bytes.Equal(f[0][3:15], []byte{1, 1, 4, 9, 9, 9, 9, 4, 0, 0, 0, 0}) {
		t.Errorf("% X", f)
	}
	// The address is there before the station joins, and set after an access
	// point was made, since the firmware sets that of whatever it is.
	if ip, join := bytes.IndexByte(c.commands, cmdSetIPConfig), bytes.IndexByte(c.commands, cmdSetPassphrase); ip > join {
		t.Errorf("commands % X", c.commands)
	}
	ok(t, d.NetConnect(&netlink.ConnectParams{ConnectMode: netlink.ConnectModeAP, Ssid: "board"}))
	d.NetDisconnect()
	if ip, made := bytes.LastIndexByte(c.commands, cmdSetIPConfig), bytes.IndexByte(c.commands, cmdSetAP); ip < made {
		t.Errorf("commands % X", c.commands)
	}
}

func TestEnterprise(t *testing.T) {
	c := newFake(t)
	cfg := c.config()
	cfg.Passphrase = ""
	cfg.Enterprise = &Enterprise{User: "me", Password: "secret"}
	d := newFast(cfg)
	ok(t, d.NetConnect())
	d.NetDisconnect()
	want := "\xE0\x40\x06\x00\x01\x00\x00\x04home\x00\x02me\x00\x06secret\x00\x02me\x00\x01\x00\xEE"
	if f := c.sent(cmdEnterprise); len(f) != 1 || !bytes.HasPrefix(f[0], []byte(want)) {
		t.Errorf("% X", f)
	}
	// By certificate: as C strings.
	cfg.Enterprise = &Enterprise{Identity: "me", CA: "ca", Cert: "cert", Key: "key"}
	d = newFast(cfg)
	ok(t, d.NetConnect())
	d.NetDisconnect()
	want = "\xE0\x40\x06\x00\x01\x01\x00\x04home\x00\x05cert\x00\x00\x04key\x00\x00\x02me\x00\x03ca\x00\xEE"
	if f := c.sent(cmdEnterprise); len(f) != 2 || !bytes.HasPrefix(f[1], []byte(want)) {
		t.Errorf("% X", f)
	}
	// Adafruit's has commands of its own for it.
	c.do(func() { c.version, c.adafruit, c.pass = "3.3.0", true, "" })
	cfg.Enterprise = &Enterprise{Identity: "anonymous", User: "me", Password: "secret"}
	d = newFast(cfg)
	ok(t, d.NetConnect())
	d.NetDisconnect()
	at := bytes.IndexByte(c.commands, cmdEntIdentity)
	if at < 0 || !bytes.Equal(c.commands[at:at+5], []byte{cmdEntIdentity, cmdEntUser, cmdEntPassword, cmdEntEnable, cmdSetNet}) {
		t.Errorf("commands % X", c.commands)
	}
}

func TestBadConfigNeverReachesTheWire(t *testing.T) {
	long := strings.Repeat("x", 129)
	for what, tt := range map[string]struct {
		change func(*Config)
		want   error
	}{
		"channel":           {func(c *Config) { c.APChannel = 14 }, netlink.ErrConnectModeNoGood},
		"static without IP": {func(c *Config) { c.Static = &Static{Mask: netip.MustParseAddr("255.0.0.0")} }, netdev.ErrMalAddr},
		"static IPv6":       {func(c *Config) { c.Static = &Static{Addr: netip.MustParseAddr("::1")} }, netdev.ErrMalAddr},
		"enterprise user":   {func(c *Config) { c.Passphrase, c.Enterprise = "", &Enterprise{User: long} }, netdev.ErrNotSupported},
		"enterprise pass":   {func(c *Config) { c.Passphrase, c.Enterprise = "", &Enterprise{Password: long} }, netdev.ErrNotSupported},
		"enterprise CA":     {func(c *Config) { c.Passphrase, c.Enterprise = "", &Enterprise{CA: strings.Repeat("x", 4000)} }, netdev.ErrNotSupported},
		"SSID":              {func(c *Config) { c.Ssid = long[:33] }, netlink.ErrLongSSID},
		"passphrase of 64":  {func(c *Config) { c.Passphrase = long[:64] }, netlink.ErrLongPassphrase},
		"no network's name": {func(c *Config) { c.Ssid = "" }, netlink.ErrMissingSSID},
	} {
		c := newFake(t)
		cfg := c.config()
		tt.change(cfg)
		err := newFast(cfg).NetConnect()
		is(t, err, tt.want)
		if c.transfers != 0 || c.resets != 0 {
			t.Errorf("%s: the chip was touched", what)
		}
	}
}

// Numbers are little-endian, the time of Adafruit's firmware longer.
func TestNumbersAreLittleEndian(t *testing.T) {
	d, c := connected(t)
	if rssi := must(d.RSSI())(t); rssi != -55 {
		t.Errorf("RSSI %d", rssi)
	}
	for _, adafruit := range []bool{false, true} {
		c.do(func() { c.adafruit = adafruit })
		if now := must(d.Time())(t); !now.Equal(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("time %v", now)
		}
	}
	if rtt := must(d.Ping(netip.MustParseAddr("10.0.0.1"), 64))(t); rtt != 300*time.Millisecond {
		t.Errorf("ping %v", rtt)
	}
	_, err := d.Ping(netip.MustParseAddr("10.0.0.99"), 64)
	is(t, err, netdev.ErrTimeout)
	_, err = d.Ping(netip.MustParseAddr("::1"), 64)
	is(t, err, netdev.ErrFamilyNotSupported)
}

func TestDNSServers(t *testing.T) {
	d, c := connected(t)
	if s := d.DNSServers(); len(s) != 1 || s[0] != ap("9.9.9.9:53") {
		t.Errorf("%v", s)
	}
	c.do(func() { // as firmware 1.5
		c.onCmd = func(cmd byte, r []byte) []byte {
			if cmd == cmdGetDNS {
				return refusal
			}
			return r
		}
	})
	if s := d.DNSServers(); s != nil {
		t.Errorf("%v", s)
	}
	if _, err := d.GetHostByName("host"); err != nil {
		t.Error(err)
	}
}

func TestScan(t *testing.T) {
	c := newFake(t)
	d := newFast(c.config())
	found := must(d.Scan())(t)
	if len(found) != 2 || found[0].SSID != "home" || found[1].SSID != "a name of thirty-two characters!" ||
		found[0].RSSI != -80 || found[1].RSSI != -79 || found[1].Channel != 11 || found[1].Encryption != EncryptionNone ||
		found[0].BSSID.String() != "01:02:03:04:05:06" {
		t.Errorf("%+v", found)
	}
	ok(t, d.NetConnect())
	defer d.NetDisconnect()
	_, err := d.Scan()
	is(t, err, netlink.ErrConnected)
	if c.count(cmdScan) != 1 {
		t.Error("a scan ended the connection")
	}
}

func TestPowerSave(t *testing.T) {
	d, c := connected(t)
	ok(t, d.SetPowerSave(true))
	modes := c.sent(cmdSetPowerMode)
	if len(modes) != 3 || modes[0][4] != 0 || modes[2][4] != 1 {
		t.Errorf("% X", modes)
	}
	// It lasts beyond a reset.
	c.do(func() { c.dead = true })
	eventually(t, "the link is lost", func() bool { _, err := d.Addr(); return err != nil })
	ok(t, d.NetConnect())
	if modes = c.sent(cmdSetPowerMode); modes[len(modes)-1][4] != 1 {
		t.Errorf("% X", modes)
	}
}

func TestOptions(t *testing.T) {
	d, c := connected(t)
	fd := dialed(t, d)
	ok(t, d.SetSockOpt(fd, netdev.SOL_SOCKET, netdev.SO_KEEPALIVE, true))
	ok(t, d.SetSockOpt(fd, netdev.SOL_SOCKET, netdev.SO_BROADCAST, false))
	f := c.sent(cmdSetSockOpt)
	f = f[len(f)-2:]
	if !bytes.Equal(f[0][5:15], []byte{4, 8, 0, 0, 0, 4, 1, 0, 0, 0}) || !bytes.Equal(f[1][5:15], []byte{4, 0x20, 0, 0, 0, 4, 0, 0, 0, 0}) {
		t.Errorf("% X", f)
	}
	before := c.count(cmdSetSockOpt)
	is(t, d.SetSockOpt(fd, netdev.SOL_TCP, netdev.TCP_NODELAY, true), netdev.ErrNotSupported)
	is(t, d.SetSockOpt(fd, netdev.SOL_SOCKET, netdev.SO_KEEPALIVE, 1), netdev.ErrNotSupported)
	is(t, d.Shutdown(fd, netdev.SHUT_WR), netdev.ErrNotSupported)
	if c.count(cmdSetSockOpt) != before {
		t.Error("the chip was asked for what it does not have")
	}
}

// A group is joined in a slot, and its descriptor used like any other, without
// what slots do to datagrams.
func TestJoinGroup(t *testing.T) {
	d, c := connected(t)
	group := netip.MustParseAddr("224.0.0.251")
	for i := 0; i < 12; i++ { // and leaks nothing
		u := datagram(t, d)
		is(t, d.JoinGroup(u, group, 0), errGroupSock) // not bound
		ok(t, d.Bind(u, ap("0.0.0.0:5353")))
		is(t, d.JoinGroup(u, netip.MustParseAddr("10.0.0.1"), 0), netdev.ErrMalAddr)
		ok(t, d.JoinGroup(u, group, 0))
		is(t, d.JoinGroup(u, group, 0), errGroupSock)
		if c.grouped != group.As4() {
			t.Errorf("group %v", c.grouped)
		}
		c.do(func() {
			s := c.sock(d, u)
			s.dgrams = []fakeDatagram{{5353, addr{[4]byte{10, 0, 0, 7}, 5353}, []byte("who?")}}
		})
		buf := make([]byte, 10)
		n, from, err := d.RecvFrom(u, buf, 0, forever)
		ok(t, err)
		if string(buf[:n]) != "who?" || from != ap("10.0.0.7:5353") {
			t.Errorf("%q from %v", buf[:n], from)
		}
		ok(t, d.Close(u))
	}
	if len(c.socks) != 0 {
		t.Errorf("%d descriptors left", len(c.socks))
	}
	is(t, d.JoinGroup(dialed(t, d), group, 0), errGroupSock)
	is(t, d.JoinGroup(99, group, 0), netdev.ErrInvalidSocketFd)
}

// A length byte may say anything; the driver reads what there is.
func TestLengthByteFromTheWireIsChecked(t *testing.T) {
	for _, cmd := range []byte{cmdFirmwareVersion, cmdMAC, cmdIPConfig, cmdStatus, cmdRecv, cmdAccept} {
		for _, length := range []byte{0, 33, 128, 255} {
			c := newFake(t)
			c.onCmd = func(x byte, r []byte) []byte {
				if x == cmd && len(r) > 4 {
					r[3] = length
				}
				return r
			}
			d := newFast(c.config())
			c.hostile = true
			d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "passw0rd", Retries: 1, ConnectTimeout: 10 * time.Millisecond})
			if fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, 0); err == nil {
				soon := time.Now().Add(10 * time.Millisecond)
				d.SetWriteDeadline(fd, soon)
				if d.Connect(fd, "", ap("10.0.0.1:80")) == nil {
					d.Recv(fd, make([]byte, 4000), 0, soon)
				}
			}
			d.NetDisconnect()
		}
	}
}
