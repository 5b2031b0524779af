package netdevtest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/espat"
	modem "tinynet/sim/espat"
	"tinynet/sim/network"
	"tinynet/sim/nina"
)

var soak = flag.Int("soak", 100_000, "how many requests a soak makes over each driver")

func TestNINASoak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A host that looks at READY less often: the test takes a tenth of the
		// time.
		timing := nina.DefaultTiming()
		timing.PinRead = 50 * time.Microsecond
		b := newNINA(network.VirtualConfig{RTT: time.Millisecond}, nina.Config{Timing: timing})
		defer b.close()
		check(t, b.dev.NetConnect())
		soakBoard(t, &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}}, *soak, time.Second, b.chip.OpenSockets)
	})
}

func TestESPATSoak(t *testing.T) {
	for _, v := range []struct {
		version string
		active  bool
	}{{"esp32-5.0", false}, {"esp8266-1.7", true}} {
		t.Run(v.version, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := startESPAT(t, network.VirtualConfig{RTT: time.Millisecond}, modem.Config{Version: v.version}, func(c *espat.Config) {
					c.Active, c.FlowControl, c.MaxBaud = v.active, true, 2000000
				})
				defer b.close()
				soakBoard(t, b.setup(), *soak/2, 3*time.Second, func() int {
					links, server := b.chip.Open()
					if server {
						links++
					}
					return links
				})
			})
		})
	}
}

// soakBoard checks that n small requests, however many, take no more memory, goroutines and
// sockets than a few. Each connection carries ten; every other one is opened by the peer.
// The driver has closed what it closes in the background after settle; open counts the
// chip's sockets, listening ones among them.
func soakBoard(t *testing.T, s *Setup, n int, settle time.Duration, open func() int) {
	if testing.Short() || raceEnabled {
		n = min(n, 10_000)
	}
	there, err := s.Peer.Listen(7300)
	check(t, err)
	here, err := Listen(s.Dev, 7301)
	check(t, err)
	served := make(chan struct{}, 2)
	serve := func(l net.Listener) {
		for {
			c, err := l.Accept()
			if err != nil {
				served <- struct{}{}
				return
			}
			io.Copy(c, c)
			c.Close()
		}
	}
	go serve(there)
	go serve(here)

	payload := payload(7, 64)
	answer := make([]byte, len(payload))
	connection := func(i int) error {
		var c net.Conn
		var err error
		if i%2 == 0 {
			c, err = Dial(s.Dev, there.Addr().(*net.TCPAddr).AddrPort())
		} else {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			c, err = s.Peer.Dial(ctx, boardPort(t, s, 7301))
			cancel()
		}
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Minute)) // nobody answers where sockets leak
		for k := range 10 {
			size := 1 + (i+k)%len(payload)
			if _, err := c.Write(payload[:size]); err != nil {
				return err
			}
			if _, err := io.ReadFull(c, answer[:size]); err != nil {
				return err
			}
			if !bytes.Equal(answer[:size], payload[:size]) {
				return errors.New("the answer differs")
			}
		}
		return nil
	}

	var memory, after runtime.MemStats
	goroutines := 0
	start := time.Now()
	connections := n / 10
	for i := range connections {
		if i == connections/10 { // everything has been used once
			time.Sleep(settle)
			synctest.Wait() // for what wakes at this very moment
			goroutines = runtime.NumGoroutine()
			runtime.GC()
			runtime.ReadMemStats(&memory)
		}
		if err := connection(i); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	took := time.Since(start)
	time.Sleep(settle)
	synctest.Wait()
	if g := runtime.NumGoroutine(); g > goroutines {
		t.Errorf("%d goroutines, and %d at first", g, goroutines)
	}
	if n := open(); n != 1 {
		t.Errorf("the chip has %d sockets open, want that of the listener", n)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	const most = 64 << 10
	grown := int64(after.HeapAlloc) - int64(memory.HeapAlloc)
	if grown > most {
		t.Errorf("the heap has grown by %d bytes, at most %d are allowed", grown, most)
	}
	t.Logf("%d requests, %v of simulated time; the heap has grown by %d bytes", connections*10, took, grown)
	check(t, here.Close())
	check(t, there.Close())
	<-served
	<-served
	time.Sleep(settle)
	if n := open(); n != 0 {
		t.Errorf("everything is closed, and the chip has %d sockets open", n)
	}
}
