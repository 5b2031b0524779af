package netdevtest

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"tinynet/espat"
	"tinynet/netdev"
	"tinynet/netlink"
	modem "tinynet/sim/espat"
	"tinynet/sim/network"
)

// echoServer serves a port of the device until the function that it returns is called.
func echoServer(t *testing.T, dev netdev.Netdever, port uint16) (stop func()) {
	t.Helper()
	l, err := Listen(dev, port)
	check(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.Copy(c, c)
			c.Close()
		}
	}()
	return func() { l.Close(); <-served }
}

// echoBack checks that a host gets back what it sends to a port of the device.
func echoBack(t *testing.T, h *network.VirtualHost, to netip.AddrPort) {
	t.Helper()
	c, err := h.Dial(t.Context(), to)
	check(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	want := payload(1, 3000)
	go c.Write(want)
	got := make([]byte, len(want))
	_, err = io.ReadFull(c, got)
	check(t, err)
	if string(got) != string(want) {
		t.Error("the echo differs")
	}
}

// A board that is an access point serves who joins it, and can be a station
// before and after.
func TestESPATAccessPoint(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := newESPAT(network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version})
		defer b.close()
		for _, pass := range []string{"passw0rd", ""} {
			check(t, b.dev.NetConnect())
			b.dev.NetDisconnect()
			check(t, b.dev.NetConnect(&netlink.ConnectParams{ConnectMode: netlink.ConnectModeAP, Ssid: "board", Passphrase: pass}))
			stop := echoServer(t, b.dev, 80)
			if pass != "" {
				if _, err := b.net.Join("board", "something else"); err == nil {
					t.Error("a wrong passphrase was taken")
				}
			}
			h, err := b.net.Join("board", pass)
			check(t, err)
			ip, err := b.dev.Addr()
			check(t, err)
			echoBack(t, h, netip.AddrPortFrom(ip, 80))
			// It reaches them, too.
			s := &Setup{Dev: b.dev, Peer: virtualPeer{h}}
			device, peer := pair(t, s, 7000)
			_, err = device.Write([]byte("hello"))
			check(t, err)
			_, err = io.ReadFull(peer, make([]byte, 5))
			check(t, err)
			device.Close()
			peer.Close()
			time.Sleep(10 * time.Second)
			if got, err := b.dev.Addr(); err != nil || got != ip {
				t.Errorf("the access point did not last: %v, %v", got, err)
			}
			stop()
			b.dev.NetDisconnect()
			if _, err := b.net.Join("board", pass); err == nil {
				t.Error("the access point is still there")
			}
		}
		check(t, b.dev.NetConnect())
	})
}

// A board can be an access point while it is a station, and serves both networks.
func TestESPATStationAndAccessPoint(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := watchedESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version}, func(c *espat.Config) {
			c.AP = &espat.AccessPointConfig{Ssid: "board", Passphrase: "passw0rd"}
		})
		defer b.close()
		stop := echoServer(t, b.dev, 80)
		defer stop()
		echoBack(t, b.net.Host(), boardPort(t, b.setup(), 80))
		if _, err := b.net.Join("board", ""); err == nil {
			t.Error("a wrong passphrase was taken")
		}
		h, err := b.net.Join("board", "passw0rd")
		check(t, err)
		inside := netip.MustParseAddrPort("192.168.4.1:80") // the firmware's own choice
		echoBack(t, h, inside)
		// It dials both ways.
		for i, p := range []Peer{virtualPeer{b.net.Host()}, virtualPeer{h}} {
			device, peer := pair(t, &Setup{Dev: b.dev, Peer: p}, uint16(7000+i))
			_, err = device.Write([]byte("hello"))
			check(t, err)
			_, err = io.ReadFull(peer, make([]byte, 5))
			check(t, err)
			device.Close()
			peer.Close()
		}
		// The access point outlasts the loss of the other network.
		b.chip.DropLink()
		time.Sleep(3 * time.Second)
		c, err := h.Dial(t.Context(), inside)
		if err == nil {
			c.Close()
		}
		b.chip.RestoreLink()
		awaitLink(t, b)
		stop()
		stop = echoServer(t, b.dev, 80)
		echoBack(t, b.net.Host(), boardPort(t, b.setup(), 80))
		h, err = b.net.Join("board", "passw0rd")
		check(t, err)
		echoBack(t, h, inside)
		stop()
		b.dev.NetDisconnect()
		if _, err := b.net.Join("board", "passw0rd"); err == nil {
			t.Error("the access point is still there")
		}
	})
}

// awaitLink waits until the device has an address again.
func awaitLink(t *testing.T, b *espatBoard) {
	t.Helper()
	start := time.Now()
	for _, err := b.dev.Addr(); err != nil; _, err = b.dev.Addr() {
		if time.Since(start) > time.Minute {
			t.Fatalf("the link was not restored: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// An access point has the address and the channel that were asked for.
func TestESPATAccessPointAddress(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		var serving modem.LinkEvent
		b := newESPAT(network.VirtualConfig{}, modem.Config{Version: version, LinkEvent: func(e modem.LinkEvent) {
			if e.Kind == modem.LinkServing {
				serving = e
			}
		}}, func(c *espat.Config) {
			c.Static = &espat.Static{Addr: netip.MustParseAddr("172.16.5.1"), Mask: netip.MustParseAddr("255.255.255.0")}
		})
		defer b.close()
		check(t, b.dev.NetConnect(&netlink.ConnectParams{ConnectMode: netlink.ConnectModeAP, Ssid: `my "board", \`, Passphrase: `pass,"w\0rd`}))
		ip, err := b.dev.Addr()
		check(t, err)
		if ip.String() != "172.16.5.1" || serving.SSID != `my "board", \` {
			t.Errorf("it is %v and serves %q", ip, serving.SSID)
		}
		stop := echoServer(t, b.dev, 80)
		h, err := b.net.Join(`my "board", \`, `pass,"w\0rd`)
		check(t, err)
		echoBack(t, h, netip.AddrPortFrom(ip, 80))
		stop()
		mac, err := b.dev.GetHardwareAddr()
		check(t, err)
		if len(mac) != 6 || net.HardwareAddr(mac).String() == "24:0a:c4:10:20:30" {
			t.Errorf("the access point has the station's address, %v", mac)
		}
	})
}
