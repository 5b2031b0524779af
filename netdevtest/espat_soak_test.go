package netdevtest

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/espat"
	modem "tinynet/sim/espat"
	"tinynet/sim/network"
)

// Connections by the thousand, every other one opened by the peer, take no more memory,
// goroutines and links than a few.
func TestESPATSoak(t *testing.T) {
	n := 2000
	if testing.Short() || raceEnabled {
		n = 200
	}
	for _, v := range []struct {
		version string
		active  bool
	}{{"esp32-5.0", false}, {"esp8266-1.7", true}} {
		t.Run(v.version, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := startESPAT(t, network.VirtualConfig{RTT: time.Millisecond}, modem.Config{Version: v.version}, func(c *espat.Config) {
					c.Active, c.FlowControl = v.active, true
				})
				defer b.close()
				s := b.setup()
				there, err := s.Peer.Listen(7300)
				check(t, err)
				here, err := Listen(b.dev, 7301)
				check(t, err)
				serve := func(l net.Listener) {
					for {
						c, err := l.Accept()
						if err != nil {
							return
						}
						io.Copy(c, c)
						c.Close()
					}
				}
				go serve(there)
				go serve(here)
				want := payload(7, 64)
				got := make([]byte, len(want))
				connection := func(i int) error {
					var c net.Conn
					var err error
					if i%2 == 0 {
						c, err = Dial(b.dev, there.Addr().(*net.TCPAddr).AddrPort())
					} else {
						c, err = s.Peer.Dial(t.Context(), boardPort(t, s, 7301))
					}
					if err != nil {
						return err
					}
					defer c.Close()
					size := 1 + i%len(want)
					if _, err := c.Write(want[:size]); err != nil {
						return err
					}
					if _, err := io.ReadFull(c, got[:size]); err != nil {
						return err
					}
					if !bytes.Equal(got[:size], want[:size]) {
						t.Errorf("connection %d: the answer differs", i)
					}
					return nil
				}
				var memory, after runtime.MemStats
				goroutines := 0
				for i := range n {
					if i == n/10 { // everything has been used once
						time.Sleep(3 * time.Second)
						synctest.Wait()
						goroutines = runtime.NumGoroutine()
						runtime.GC()
						runtime.ReadMemStats(&memory)
					}
					if err := connection(i); err != nil {
						t.Fatalf("connection %d: %v", i, err)
					}
				}
				time.Sleep(3 * time.Second)
				synctest.Wait()
				if g := runtime.NumGoroutine(); g > goroutines {
					t.Errorf("%d goroutines, and %d at first", g, goroutines)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				if grown := int64(after.HeapAlloc) - int64(memory.HeapAlloc); grown > 64<<10 {
					t.Errorf("the heap has grown by %d bytes", grown)
				}
				if links, server := b.chip.Open(); links != 0 || !server {
					t.Errorf("the module has %d links open, and its server runs: %v", links, server)
				}
				check(t, here.Close())
				check(t, there.Close())
				time.Sleep(3 * time.Second)
				if links, server := b.chip.Open(); links != 0 || server {
					t.Errorf("everything is closed, and the module has %d links open, and its server runs: %v", links, server)
				}
			})
		})
	}
}
