package netdevtest

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/sim/network"
	"tinynet/sim/nina"
	"tinynet/wifinina"
)

// hangingWire makes the chip hang when hang is set: instead of the next
// command it gets one for a slot that does not exist.
type hangingWire struct {
	wifinina.SPI
	hang atomic.Bool
}

func (w *hangingWire) Tx(out, in []byte) error {
	if len(out) >= 3 && out[0] == 0xE0 && w.hang.CompareAndSwap(true, false) {
		w.SPI.Tx([]byte{0xE0, 0x2E, 1, 1, 99, 0xEE, 0xFF, 0xFF}, nil)
		return nil
	}
	return w.SPI.Tx(out, in)
}

// watched is a board with a watchdog, and its wire.
func watched(t *testing.T) (*ninaBoard, *hangingWire) {
	w := &hangingWire{}
	b := newNINA(network.VirtualConfig{RTT: 5 * time.Millisecond}, nina.Config{}, func(c *wifinina.Config) {
		w.SPI = c.Spi
		c.Spi = w
	})
	check(t, b.dev.NetConnect(&netlink.ConnectParams{Ssid: "tinynet", Passphrase: "tinynet-pass", WatchdogTimeout: time.Second}))
	return b, w
}

// A chip that hangs fails all sockets, holds up no deadline by more than a
// second, and is reset and used again.
func TestNINAHungChip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, w := watched(t)
		defer b.close()
		s := &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}}
		for round := range 3 {
			device, peer := pair(t, s, uint16(7000+round))
			other, peer2 := pair(t, s, uint16(7100+round))
			blocked := make(chan error, 1)
			go func() { _, err := other.Read(make([]byte, 1)); blocked <- err }()
			time.Sleep(time.Second)
			w.hang.Store(true)
			start := time.Now()
			device.SetDeadline(start.Add(200 * time.Millisecond))
			var err error
			if round == 0 {
				_, err = device.Write([]byte("x"))
			} else {
				_, err = device.Read(make([]byte, 1))
			}
			if err == nil {
				t.Errorf("round %d: the call succeeded", round)
			}
			if d := time.Since(start); d > 1200*time.Millisecond {
				t.Errorf("round %d: the call took %v, its deadline was after 200 ms", round, d)
			}
			if err := <-blocked; !errors.Is(err, netdev.ErrLinkDown) {
				t.Errorf("round %d: a call without deadline: %v", round, err)
			}
			if d := time.Since(start); d > 8*time.Second {
				t.Errorf("round %d: it was told after %v", round, d)
			}
			device.Close()
			other.Close()
			peer.Close()
			peer2.Close()
			for _, err := b.dev.Addr(); err != nil; _, err = b.dev.Addr() {
				if time.Since(start) > 30*time.Second {
					t.Fatal("the chip was not recovered")
				}
				time.Sleep(100 * time.Millisecond)
			}
		}
	})
}

// A chip that resets itself, as when its supply dips, loses everything; the
// driver finds out and starts over.
func TestNINAChipResetsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := watched(t)
		defer b.close()
		s := &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}}
		restartItself(t, s, func() {
			b.chip.Reset().Low()
			time.Sleep(time.Millisecond)
			b.chip.Reset().High()
		}, time.Minute)
	})
}
