package netdevtest

import (
	"errors"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/sim/network"
	"tinynet/sim/nina"
)

// Where it is only inferred what the firmware does, the driver works under
// either reading.
func TestNINAReadings(t *testing.T) {
	for name, readings := range map[string]nina.Readings{
		"TailKept":             {TailKept: true},
		"EmptyPulseKeepsReply": {EmptyPulseKeepsReply: true},
		"GPIO0Misses":          {GPIO0Misses: true},
		"StrictBacklog":        {StrictBacklog: true},
	} {
		t.Run(name, func(t *testing.T) {
			Run(t, func(t *testing.T) *Setup {
				b := newNINA(network.VirtualConfig{RTT: 5 * time.Millisecond}, nina.Config{Readings: readings})
				if err := b.dev.NetConnect(); err != nil {
					b.close()
					t.Fatal(err)
				}
				return &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}, Sockets: 10, Close: b.close}
			}, synctest.Test)
		})
	}
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newNINA(network.VirtualConfig{}, nina.Config{
				AccessPoints: []nina.AccessPoint{{SSID: "tinynet", Passphrase: "another-one"}},
				Readings:     nina.Readings{WrongPassphraseFails: fails},
			})
			defer b.close()
			if err := b.dev.NetConnect(); !errors.Is(err, netlink.ErrAuthFailure) {
				t.Errorf("wrong passphrase, status 4 is %v: %v", fails, err)
			}
		})
	}
}

// When the access point goes away all sockets fail at once; with a watchdog
// they can be opened again as soon as it is back.
func TestNINALinkLossAndReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newNINA(network.VirtualConfig{RTT: 5 * time.Millisecond}, nina.Config{})
		defer b.close()
		check(t, b.dev.NetConnect(&netlink.ConnectParams{Ssid: "tinynet", Passphrase: "tinynet-pass", WatchdogTimeout: time.Second}))
		s := &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}}
		for round := range 5 {
			l, err := Listen(b.dev, 80)
			check(t, err)
			device, peer := pair(t, s, uint16(7000+round))
			failed := make(chan error, 2)
			go func() { _, err := device.Read(make([]byte, 1)); failed <- err }()
			go func() { _, err := l.Accept(); failed <- err }()
			time.Sleep(time.Second)
			start := time.Now()
			b.chip.DropLink()
			for range 2 {
				if err := <-failed; !errors.Is(err, netdev.ErrLinkDown) {
					t.Errorf("round %d: %v, want ErrLinkDown", round, err)
				}
			}
			if d := time.Since(start); d > 600*time.Millisecond {
				t.Errorf("round %d: noticed after %v", round, d)
			}
			time.Sleep(20 * time.Second)
			if _, err := b.dev.Addr(); err == nil {
				t.Error("the device has an address without an access point")
			}
			check(t, l.Close())
			check(t, device.Close())
			peer.Close()
			b.chip.RestoreLink()
			for _, err := b.dev.Addr(); err != nil; _, err = b.dev.Addr() {
				if time.Since(start) > time.Minute {
					t.Fatal("the link was not restored")
				}
				time.Sleep(100 * time.Millisecond)
			}
		}
		device, peer := pair(t, s, 7100)
		device.Write([]byte("x"))
		_, err := io.ReadFull(peer, make([]byte, 1))
		check(t, err)
		device.Close()
		peer.Close()
	})
}

func TestNINAConnectsAnyNumberOfTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newNINA(network.VirtualConfig{}, nina.Config{})
		defer b.close()
		s := &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}}
		for i := range 12 {
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

// A client that has sent all it has, and says so, still gets its answer.
func TestNINAHalfClosedPeerGetsItsAnswer(t *testing.T) {
	for _, pause := range []time.Duration{0, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			b := startNINA(t, network.VirtualConfig{RTT: 5 * time.Millisecond})
			defer b.close()
			l, err := Listen(b.dev, 80)
			check(t, err)
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				text, err := io.ReadAll(c)
				if err != nil {
					t.Error(err)
				}
				time.Sleep(pause)
				c.Write(append(text, text...))
				c.Close()
			}()
			time.Sleep(pause)
			c, err := b.net.Host().Dial(t.Context(), boardPort(t, &Setup{Dev: b.dev}, 80))
			check(t, err)
			defer c.Close()
			time.Sleep(pause)
			_, err = c.Write([]byte("twice "))
			check(t, err)
			time.Sleep(pause)
			check(t, c.(interface{ CloseWrite() error }).CloseWrite())
			text, err := io.ReadAll(c)
			check(t, err)
			if string(text) != "twice twice " {
				t.Errorf("the answer is %q", text)
			}
		})
	}
}

// Connections come and go without a trace in the chip. (That none is left in memory
// is tested where the driver is alone.)
func TestNINAManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startNINA(t, network.VirtualConfig{})
		defer b.close()
		s := &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}}
		l, err := s.Peer.Listen(7000)
		check(t, err)
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					io.Copy(c, c)
					c.Close()
				}()
			}
		}()
		requests := func(n int) {
			buf := make([]byte, 64)
			for i := range n {
				c, err := Dial(b.dev, netip.AddrPortFrom(s.Peer.Addr(), 7000))
				check(t, err)
				for range 5 {
					_, err = c.Write(buf[:1+i%64])
					check(t, err)
					_, err = io.ReadFull(c, buf[:1+i%64])
					check(t, err)
				}
				check(t, c.Close())
			}
		}
		// As fast at the end as at the beginning, and every socket is there.
		start := time.Now()
		requests(100)
		first := time.Since(start)
		requests(1000)
		start = time.Now()
		requests(100)
		if last := time.Since(start); last > first+first/10 {
			t.Errorf("100 connections took %v, later %v", first, last)
		}
		for range 10 {
			c, err := Dial(b.dev, netip.AddrPortFrom(s.Peer.Addr(), 7000))
			check(t, err)
			defer c.Close()
		}
	})
}

// What the chip says of itself and its surroundings.
func TestNINARadio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newNINA(network.VirtualConfig{}, nina.Config{AccessPoints: []nina.AccessPoint{{SSID: "tinynet", Passphrase: "tinynet-pass", RSSI: -57}, {SSID: "other", RSSI: -80}}})
		defer b.close()
		found, err := b.dev.Scan()
		check(t, err)
		if len(found) != 2 || found[0].SSID != "tinynet" || found[1].SSID != "other" || found[1].RSSI != -80 {
			t.Errorf("found %+v", found)
		}
		check(t, b.dev.NetConnect())
		rssi, err := b.dev.RSSI()
		check(t, err)
		if rssi != -57 {
			t.Errorf("%d dBm", rssi)
		}
		time.Sleep(5 * time.Second)
		now, err := b.dev.Time()
		check(t, err)
		if d := time.Since(now).Abs(); d > 10*time.Second {
			t.Errorf("the time is %v", now)
		}
		if _, err := b.dev.Ping(netip.MustParseAddr("10.0.0.1"), 64); err != nil {
			t.Errorf("ping of the gateway: %v", err)
		}
		if _, err := b.dev.Ping(netip.MustParseAddr("10.0.0.99"), 64); !errors.Is(err, netdev.ErrTimeout) {
			t.Errorf("ping of nobody: %v", err)
		}
		check(t, b.dev.SetPowerSave(true))
	})
}
