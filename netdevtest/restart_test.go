package netdevtest

import (
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"tinynet/netdev"
)

// recovered checks that connections can be made again within limit.
func recovered(t *testing.T, s *Setup, limit time.Duration) {
	t.Helper()
	start := time.Now()
	for {
		c, err := Dial(s.Dev, netip.AddrPortFrom(s.Peer.Addr(), 7999))
		if err == nil {
			c.Close()
		}
		if errors.Is(err, netdev.ErrConnRefused) { // nobody listens there
			return
		}
		if time.Since(start) > limit {
			t.Fatalf("the chip was not recovered in %v: %v", limit, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// restartItself checks that a chip which restarts by itself, idle and in the middle of
// something, ends what is open with an error within told, and is of use again.
func restartItself(t *testing.T, s *Setup, restart func(), told time.Duration) {
	for round := range 4 {
		device, peer := pair(t, s, uint16(7000+round))
		blocked := make(chan error, 1)
		go func() {
			for {
				if _, err := device.Read(make([]byte, 1)); err != nil {
					blocked <- err
					return
				}
			}
		}()
		if round%2 == 1 { // in the middle of something
			go func() {
				for {
					if _, err := device.Write(make([]byte, 2000)); err != nil {
						return
					}
				}
			}()
			go io.Copy(io.Discard, peer)
		}
		time.Sleep(time.Second + time.Duration(round)*1234*time.Microsecond)
		start := time.Now()
		restart()
		if err := <-blocked; err == nil || errors.Is(err, io.EOF) {
			t.Errorf("round %d: %v", round, err)
		}
		if d := time.Since(start); d > told {
			t.Errorf("round %d: it was told after %v", round, d)
		}
		device.Close()
		peer.Close()
		recovered(t, s, time.Minute)
	}
}
