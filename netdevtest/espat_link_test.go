package netdevtest

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/espat"
	"tinynet/netdev"
	"tinynet/netlink"
	modem "tinynet/sim/espat"
	"tinynet/sim/fault"
	"tinynet/sim/network"
)

// When the access point goes away all sockets fail at once, those for datagrams too, of
// whose links the module says nothing; with a watchdog they can be opened again as soon
// as it is back, all of them.
func TestESPATLinkLossAndReturn(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := watchedESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version})
		defer b.close()
		var events struct {
			sync.Mutex
			list []netlink.Event
			at   time.Time
		}
		b.dev.NetNotify(func(e netlink.Event) {
			events.Lock()
			defer events.Unlock()
			events.list = append(events.list, e)
			events.at = time.Now()
		})
		s := b.setup()
		for round := range 3 {
			l, err := Listen(b.dev, 80)
			check(t, err)
			device, peer := pair(t, s, uint16(7000+round))
			fd, err := b.dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
			check(t, err)
			check(t, b.dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 5000)))
			failed := make(chan error, 3)
			go func() { _, err := device.Read(make([]byte, 1)); failed <- err }()
			go func() { _, err := l.Accept(); failed <- err }()
			go func() { _, _, err := b.dev.RecvFrom(fd, make([]byte, 1), 0, time.Time{}); failed <- err }()
			time.Sleep(time.Second)
			start := time.Now()
			b.chip.DropLink()
			for range 3 {
				if err := <-failed; !errors.Is(err, netdev.ErrLinkDown) {
					t.Errorf("round %d: %v, want ErrLinkDown", round, err)
				}
			}
			if d := time.Since(start); d > 100*time.Millisecond {
				t.Errorf("round %d: noticed after %v", round, d)
			}
			time.Sleep(time.Duration(round*round) * 5 * time.Second)
			if _, err := b.dev.Addr(); err == nil {
				t.Error("the device has an address without an access point")
			}
			check(t, l.Close())
			check(t, device.Close())
			check(t, b.dev.Close(fd))
			peer.Close()
			events.Lock()
			if n := len(events.list); n != 2*round+1 || events.list[n-1] != netlink.EventNetDown || events.at.Sub(start) > 100*time.Millisecond {
				t.Errorf("round %d: told of %v, last %v after the loss", round, events.list, events.at.Sub(start))
			}
			events.Unlock()
			back := time.Now()
			b.chip.RestoreLink()
			awaitLink(t, b)
			if d := time.Since(back); d > 12*time.Second {
				t.Errorf("round %d: the link is back after %v", round, d)
			}
			events.Lock()
			if n := len(events.list); n != 2*round+2 || events.list[n-1] != netlink.EventNetUp {
				t.Errorf("round %d: told of %v", round, events.list)
			}
			events.Unlock()
		}
		// All five links are there.
		for i := range 5 {
			device, peer := pair(t, s, uint16(7100+i))
			defer peer.Close()
			defer device.Close()
			_, err := device.Write([]byte("x"))
			check(t, err)
			_, err = io.ReadFull(peer, make([]byte, 1))
			check(t, err)
		}
	})
}

// The news of the loss may be lost on the wire: then the device finds out by asking, with
// links open that outlast the network, and with none.
func TestESPATLossThatIsNotTold(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		for _, datagrams := range []bool{false, true} {
			b := watchedESPAT(t, network.VirtualConfig{}, modem.Config{Version: version})
			defer b.close()
			blocked := make(chan error, 1)
			var fd int
			if datagrams {
				var err error
				fd, err = b.dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
				check(t, err)
				check(t, b.dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 5000)))
				go func() { _, _, err := b.dev.RecvFrom(fd, make([]byte, 1), 0, time.Time{}); blocked <- err }()
			} else {
				l, err := Listen(b.dev, 80)
				check(t, err)
				defer l.Close()
				go func() { _, err := l.Accept(); blocked <- err }()
			}
			time.Sleep(2900 * time.Millisecond) // between two looks
			b.wire.Play(fault.Plan{List: []fault.Fault{{Kind: fault.Lose, Half: fault.Reply}}})
			start := time.Now()
			b.chip.DropLink()
			if err := <-blocked; !errors.Is(err, netdev.ErrLinkDown) {
				t.Errorf("%v, want ErrLinkDown", err)
			}
			if d := time.Since(start); d > 4*time.Second {
				t.Errorf("datagrams %v: noticed after %v", datagrams, d)
			}
			if n := len(b.wire.Log()); n != 1 {
				t.Errorf("%d bytes were lost", n)
			}
			if datagrams {
				check(t, b.dev.Close(fd))
			}
			b.chip.RestoreLink()
			awaitLink(t, b)
		}
	})
}

// Without a watchdog the link stays down, though the firmware joins again by itself,
// until NetConnect.
func TestESPATLinkLossWithoutWatchdog(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{}, modem.Config{Version: version})
		defer b.close()
		b.chip.DropLink()
		time.Sleep(10 * time.Second)
		b.chip.RestoreLink()
		time.Sleep(10 * time.Second)
		if _, err := b.dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP); !errors.Is(err, netdev.ErrLinkDown) {
			t.Errorf("a socket while the link is down: %v", err)
		}
		check(t, b.dev.NetConnect())
		device, peer := pair(t, b.setup(), 7000)
		device.Close()
		peer.Close()
	})
}

func TestESPATConnectsAnyNumberOfTimes(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := newESPAT(network.VirtualConfig{}, modem.Config{Version: version})
		defer b.close()
		s := b.setup()
		for i := range 8 {
			check(t, b.dev.NetConnect())
			l, err := Listen(b.dev, 80)
			check(t, err)
			device, peer := pair(t, s, uint16(7000+i))
			device.Write([]byte("x"))
			_, err = io.ReadFull(peer, make([]byte, 1))
			check(t, err)
			b.dev.NetDisconnect()
			if _, err := device.Write([]byte("x")); !errors.Is(err, netdev.ErrLinkDown) {
				t.Errorf("time %d: %v", i, err)
			}
			check(t, device.Close())
			check(t, l.Close())
			peer.Close()
		}
	})
}

// The module's reasons for a join that fails are told apart.
func TestESPATJoinFailures(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		for _, tt := range []struct {
			aps  []modem.AccessPoint
			want error
		}{
			{[]modem.AccessPoint{{SSID: "tinynet", Passphrase: "another-one"}}, netlink.ErrAuthFailure},
			{[]modem.AccessPoint{{SSID: "other"}}, netlink.ErrNoAccessPoint},
		} {
			b := newESPAT(network.VirtualConfig{}, modem.Config{Version: version, AccessPoints: tt.aps}, func(c *espat.Config) { c.Retries = 1 })
			if err := b.dev.NetConnect(); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			b.close()
		}
		// Names that need care.
		ssid, pass := `a "name", of \ mine`, `"pass\word,"`
		b := newESPAT(network.VirtualConfig{}, modem.Config{Version: version, AccessPoints: []modem.AccessPoint{{SSID: ssid, Passphrase: pass, RSSI: -61}}},
			func(c *espat.Config) { c.Ssid, c.Passphrase, c.Retries = ssid, pass, 1 })
		defer b.close()
		check(t, b.dev.NetConnect())
		rssi, err := b.dev.RSSI()
		check(t, err)
		if rssi != -61 {
			t.Errorf("%d dBm", rssi)
		}
	})
}

// The end that the loss of the network makes is no end of a stream, whichever is told
// first.
func TestESPATLossIsNotEOF(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := watchedESPAT(t, network.VirtualConfig{}, modem.Config{Version: version})
		defer b.close()
		device, peer := pair(t, b.setup(), 7000)
		defer device.Close()
		_, err := peer.Write([]byte("beginning"))
		check(t, err)
		_, err = io.ReadFull(device, make([]byte, 9))
		check(t, err)
		b.chip.DropLink()
		if _, err := device.Read(make([]byte, 1)); !errors.Is(err, netdev.ErrLinkDown) {
			t.Errorf("Read: %v, want ErrLinkDown", err)
		}
		b.chip.RestoreLink()
	})
}

// What the module says of itself and its surroundings.
func TestESPATRadio(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		time.Sleep(3 * 365 * 24 * time.Hour) // the bubble begins in 2000, when no module knows the time
		odd := `a "name", of \ mine`
		b := newESPAT(network.VirtualConfig{RTT: 8 * time.Millisecond}, modem.Config{Version: version, AccessPoints: []modem.AccessPoint{
			{SSID: "tinynet", Passphrase: "tinynet-pass", RSSI: -57, Channel: 6, BSSID: [6]byte{2, 1, 2, 3, 4, 5}},
			{SSID: odd, RSSI: -80, Channel: 11, BSSID: [6]byte{2, 9, 8, 7, 6, 5}},
		}})
		defer b.close()
		look := func() {
			t.Helper()
			found, err := b.dev.Scan()
			check(t, err)
			if len(found) != 2 {
				t.Fatalf("found %+v", found)
			}
			if f := found[0]; f.SSID != "tinynet" || f.RSSI != -57 || f.Channel != 6 || f.BSSID.String() != "02:01:02:03:04:05" || f.Encryption == espat.EncryptionNone {
				t.Errorf("found %+v", f)
			}
			if f := found[1]; f.SSID != odd || f.RSSI != -80 || f.Channel != 11 || f.Encryption != espat.EncryptionNone {
				t.Errorf("found %+v", f)
			}
		}
		look()
		check(t, b.dev.NetConnect())
		look() // and while it is joined
		rssi, err := b.dev.RSSI()
		check(t, err)
		if rssi != -57 {
			t.Errorf("%d dBm", rssi)
		}
		mac, err := b.dev.GetHardwareAddr()
		check(t, err)
		if mac.String() != "24:0a:c4:10:20:30" {
			t.Errorf("the MAC address is %v", mac)
		}
		if d, err := b.dev.Ping(netip.MustParseAddr("10.0.0.1"), 64); err != nil || d < 8*time.Millisecond || d > 12*time.Millisecond {
			t.Errorf("ping of the gateway: %v, %v", d, err)
		}
		if _, err := b.dev.Ping(netip.MustParseAddr("10.0.0.99"), 64); !errors.Is(err, netdev.ErrTimeout) {
			t.Errorf("ping of nobody: %v", err)
		}
		if _, err := b.dev.Time(); err == nil {
			t.Error("the time is known before anybody was asked")
		}
		time.Sleep(5 * time.Second)
		now, err := b.dev.Time()
		check(t, err)
		if d := time.Since(now).Abs(); d > 2*time.Second {
			t.Errorf("the time is %v, off by %v", now, d)
		}
		servers := b.dev.DNSServers()
		if len(servers) == 0 || servers[0].Port() != 53 || version != "esp8266-1.7" && servers[0].Addr() != network.HostAddr {
			t.Errorf("name servers %v", servers)
		}
	})
}

// An address of one's own choice is used, with its name servers, and given back for that
// of DHCP; and the network is told the name.
func TestESPATStaticAddressAndHostname(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		st := &espat.Static{
			Addr: netip.MustParseAddr("10.0.0.2"), Mask: netip.MustParseAddr("255.255.255.0"), Gateway: network.HostAddr,
			DNS: [2]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.53")},
		}
		var said []string
		trace := func(e modem.Event) { said = append(said, e.String()) }
		b := newESPAT(network.VirtualConfig{}, modem.Config{Version: version, Trace: trace}, func(c *espat.Config) { c.Static = st })
		defer b.close()
		check(t, b.dev.NetConnect(&netlink.ConnectParams{Ssid: "tinynet", Passphrase: "tinynet-pass", Hostname: `my-"board"`}))
		ip, err := b.dev.Addr()
		check(t, err)
		if ip != st.Addr {
			t.Errorf("the address is %v", ip)
		}
		servers := b.dev.DNSServers()
		if len(servers) != 2 || servers[0].Addr() != st.DNS[0] || servers[1].Addr() != st.DNS[1] {
			t.Errorf("name servers %v", servers)
		}
		ip, err = b.dev.GetHostByName("host")
		check(t, err)
		if ip != network.HostAddr {
			t.Errorf("host is %v", ip)
		}
		device, peer := pair(t, b.setup(), 7000)
		device.Close()
		peer.Close()
		if log := strings.Join(said, "\n"); !strings.Contains(log, `CWHOSTNAME=`) || strings.Contains(log, "10.0.0.2") != true {
			t.Errorf("the module was told:\n%s", log)
		}
	})
}

// A name is looked up by the module; what is no name is refused before.
func TestESPATLookup(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		long := strings.Repeat("a-long-label.", 12) + "example" // 163 bytes
		b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond, Hosts: map[string]netip.Addr{long: network.HostAddr}}, modem.Config{Version: version})
		defer b.close()
		for _, name := range []string{"host", long} {
			ip, err := b.dev.GetHostByName(name)
			if err != nil || ip != network.HostAddr {
				t.Errorf("%.20s is %v, %v", name, ip, err)
			}
		}
		for _, name := range []string{"no-such-host", `x","y`, "", strings.Repeat("x", 300)} {
			if ip, err := b.dev.GetHostByName(name); err == nil {
				t.Errorf("%.20q is %v", name, ip)
			}
		}
		ip, err := b.dev.GetHostByName("host") // it is as before
		if err != nil || ip != network.HostAddr {
			t.Errorf("host is %v, %v", ip, err)
		}
	})
}

// A client that has sent all it has, and says so, can be answered only before it does: the
// firmware closes both directions. What it sent arrives all the same, and the end.
func TestESPATHalfClosedPeerIsReadToTheEnd(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version})
		defer b.close()
		l, err := Listen(b.dev, 80)
		check(t, err)
		defer l.Close()
		c, err := b.net.Host().Dial(t.Context(), boardPort(t, b.setup(), 80))
		check(t, err)
		defer c.Close()
		want := payload(1, 4000)
		_, err = c.Write(want)
		check(t, err)
		check(t, c.(interface{ CloseWrite() error }).CloseWrite())
		in, err := l.Accept()
		check(t, err)
		time.Sleep(time.Second)
		in.SetReadDeadline(time.Now().Add(10 * time.Second))
		got, err := io.ReadAll(in)
		check(t, err)
		if string(got) != string(want) {
			t.Errorf("%d of %d bytes arrived", len(got), len(want))
		}
		check(t, in.Close())
	})
}

// Where the firmware has IPv6, connections, servers and datagrams go over it; elsewhere
// it is no error to ask for it.
func TestESPATIPv6(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version}, func(c *espat.Config) { c.IPv6 = true })
		defer b.close()
		has := !onESP8266(version) && version != "esp32-2.0" && version != "esp32-2.1"
		six := netip.MustParseAddr("64:ff9b::a00:1") // the peer, through a translator
		l, err := b.net.Host().Listen(7000)
		check(t, err)
		defer l.Close()
		fd, err := b.dev.Socket(netdev.AF_INET6, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
		if !has {
			if err == nil {
				err = b.dev.Connect(fd, "", netip.AddrPortFrom(six, 7000))
				check(t, b.dev.Close(fd))
			}
			if err == nil {
				t.Error("connected over IPv6 by a firmware that has none")
			}
			device, peer := pair(t, b.setup(), 7001)
			device.Close()
			peer.Close()
			return
		}
		check(t, err)
		check(t, b.dev.Connect(fd, "", netip.AddrPortFrom(six, 7000)))
		peer, err := l.Accept()
		check(t, err)
		defer peer.Close()
		want := payload(6, 6000)
		go io.Copy(peer, peer)
		echoTLS(t, b.dev, fd, want)
		check(t, b.dev.Close(fd))

		ips, err := b.dev.LookupHost("ip6", "host", time.Time{})
		check(t, err)
		if len(ips) != 1 || ips[0] != six {
			t.Errorf("host is %v, want %v", ips, six)
		}

		// A server of the family.
		server, err := b.dev.Socket(netdev.AF_INET6, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
		check(t, err)
		check(t, b.dev.Bind(server, netip.AddrPortFrom(netip.IPv6Unspecified(), 80)))
		check(t, b.dev.Listen(server, 4))
		c, err := b.net.Host().Dial(t.Context(), boardPort(t, b.setup(), 80))
		check(t, err)
		defer c.Close()
		in, from, err := b.dev.Accept(server)
		check(t, err)
		if from.Addr() != six {
			t.Errorf("accepted from %v, want %v", from, six)
		}
		check(t, b.dev.Close(in))
		check(t, b.dev.Close(server))

		// Datagrams.
		p, err := b.net.Host().ListenPacket(5000)
		check(t, err)
		defer p.Close()
		dg, err := b.dev.Socket(netdev.AF_INET6, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
		check(t, err)
		check(t, b.dev.Bind(dg, netip.AddrPortFrom(netip.IPv6Unspecified(), 5001)))
		_, err = b.dev.SendTo(dg, []byte("over six"), 0, netip.AddrPortFrom(six, 5000), time.Time{})
		check(t, err)
		buf := make([]byte, 100)
		n, back, err := p.ReadFrom(buf)
		check(t, err)
		if string(buf[:n]) != "over six" {
			t.Errorf("the peer got %q", buf[:n])
		}
		_, err = p.WriteTo([]byte("and back"), back)
		check(t, err)
		n, from, err = b.dev.RecvFrom(dg, buf, 0, time.Now().Add(time.Second))
		check(t, err)
		if string(buf[:n]) != "and back" || from != netip.AddrPortFrom(six, 5000) {
			t.Errorf("received %q from %v", buf[:n], from)
		}
		check(t, b.dev.Close(dg))
	})
}

// Nothing of all that is written to the module's flash, from 2.1 on, where that can be
// helped: a module that is switched on again knows nothing.
func TestESPATLeavesNoTraceInFlash(t *testing.T) {
	for _, version := range modem.Versions() {
		if version == "esp32-2.0" {
			continue // has no SYSSTORE
		}
		t.Run(version, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := startESPAT(t, network.VirtualConfig{}, modem.Config{Version: version}, func(c *espat.Config) { c.MaxBaud = 921600 })
				b.dev.NetDisconnect()
				b.chip.UART().SetBaud(115200)
				joined := 0
				b.chip.Restart()
				time.Sleep(20 * time.Second)
				var buf [4096]byte
				n := 0
				for b.chip.UART().Buffered() > 0 {
					m, err := b.chip.UART().Read(buf[n:])
					check(t, err)
					n += m
				}
				if strings.Contains(string(buf[:n]), "WIFI") {
					joined++
				}
				if joined > 0 || !strings.Contains(string(buf[:n]), "ready") {
					t.Errorf("after a restart it said %q", buf[:n])
				}
				b.chip.Close()
			})
		})
	}
}
