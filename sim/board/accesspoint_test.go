package board

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"tinynet/sim/network"
	"tinynet/sim/nina"
)

// A program that makes its board an access point is reached as any other: this
// machine is the station, and the board's ports appear on 127.0.0.1.
func TestBoardAsAccessPointOnTheHostsNetwork(t *testing.T) {
	announced := make(chan network.Announcement, 1)
	host, err := network.NewHost(network.HostConfig{Isolated: true, Announce: func(a network.Announcement) { announced <- a }})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	b, e := start(t, specs[0], Config{Network: host})
	p := run(t, b)
	p.bringUp()
	if got := p.exchange(8, 0x19, "board", "passw0rd", "\x06")[4]; got != 1 {
		t.Fatalf("command 19 answers %d", got)
	}
	if got := p.exchange(8, 0x28, "\x00\x50", "\x00", "\x00")[4]; got != 1 {
		t.Fatalf("command 28 answers %d", got)
	}
	place := <-announced
	if place.BoardPort != 80 || place.Board.String() != "192.168.4.1" || place.HostAddr.Addr().String() != "127.0.0.1" {
		t.Fatalf("announced %+v", place)
	}
	c, err := net.Dial("tcp", place.HostAddr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	slot := byte(255)
	for slot == 255 {
		slot = p.exchange(8, 0x2b, "\x00", "\x01")[4]
	}
	if got := p.exchange(8, cmdStatus)[4]; got != 8 {
		t.Errorf("status %d with a station", got)
	}
	if got := p.exchange(12, 0x3a, string([]byte{slot}))[4:8]; string(got) != "\xc0\xa8\x04\x02" {
		t.Errorf("the board sees % x", got)
	}
	p.exchange(8, 0x2e, string([]byte{slot}))
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read: %v", err)
	}
	p.exchange(8, 0x30, "\xff")
	p.end()
	b.Close()
	want := []string{`is access point "board", IP 192.168.4.1`, `a station has joined "board"`, `is no longer access point "board"`}
	if got := e.since(1); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

func TestFirmwareOfABoard(t *testing.T) {
	for _, fw := range nina.Firmwares() {
		b, e := start(t, specs[0], Config{Firmware: fw})
		p := run(t, b)
		p.bringUp()
		version := nina.FirmwareVersion(fw)
		if got := string(p.exchange(12, cmdVersion)[4:9]); got != version {
			t.Errorf("%s says it is %q", fw, got)
		}
		p.end()
		b.Close()
		if !strings.Contains(e.since(0)[0], "firmware "+version) || strings.Contains(e.since(0)[0], "of Adafruit") != strings.HasPrefix(fw, "adafruit") {
			t.Errorf("%s: first event %q", fw, e.since(0)[0])
		}
	}
}

func TestAccessPointsInRange(t *testing.T) {
	b, _ := start(t, specs[0], Config{SSID: "home", Passphrase: "passw0rd", InRange: []AccessPoint{{"cafe", ""}, {"office", "12345678"}}})
	p := run(t, b)
	p.bringUp()
	if got := string(p.exchange(24, 0x27)[2:20]); got != "\x03\x04home\x04cafe\x06office" {
		t.Errorf("scan: %q", got)
	}
	p.exchange(8, cmdSetNetwork, "cafe")
	for range 1000 {
		if p.exchange(8, cmdStatus)[4] == 3 {
			return
		}
	}
	t.Error("cannot join one of those in range")
}

func TestConfigurationsThatMakeNoSense(t *testing.T) {
	for want, cfg := range map[string]Config{
		"no firmware \"2.0.0\" is simulated: there are arduino-2.0": {Firmware: "2.0.0"},
		"needs an SSID":                {InRange: []AccessPoint{{"", "12345678"}}},
		"at most 32":                   {InRange: []AccessPoint{{strings.Repeat("x", 33), ""}}},
		"WPA2 needs 8 to 63":           {InRange: []AccessPoint{{"cafe", "short"}}},
		"two access points are called": {SSID: "cafe", InRange: []AccessPoint{{"cafe", ""}}},
	} {
		b, err := New(specs[0], cfg)
		if err == nil {
			b.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want one that says %q", cfg, err, want)
		}
	}
}
