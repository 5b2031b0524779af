package netdevtest

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"tinynet/espat"
	modem "tinynet/sim/espat"
	"tinynet/sim/network"
)

// A server accepts no more connections at once than it was told to, refuses the rest,
// accepts again when one has ended, and leaves the other links for who dials.
func TestESPATServerMaxConns(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version}, func(c *espat.Config) { c.MaxConns = 2 })
		defer b.close()
		s := b.setup()
		l, err := Listen(b.dev, 80)
		check(t, err)
		to := boardPort(t, s, 80)
		dial := func() net.Conn {
			t.Helper()
			c, err := b.net.Host().Dial(t.Context(), to)
			check(t, err)
			return c
		}
		var peers, accepted []net.Conn
		for range 2 {
			peers = append(peers, dial())
			c, err := l.Accept()
			check(t, err)
			accepted = append(accepted, c)
		}
		time.Sleep(100 * time.Millisecond)
		if c, err := b.net.Host().Dial(t.Context(), to); !errors.Is(err, network.ErrRefused) {
			t.Errorf("the third client: %v, want it refused", err)
			if err == nil {
				c.Close()
			}
		}
		// Three links are left.
		for i := range 3 {
			device, peer := pair(t, s, uint16(7000+i))
			defer peer.Close()
			defer device.Close()
			_, err := device.Write([]byte("x"))
			check(t, err)
			_, err = io.ReadFull(peer, make([]byte, 1))
			check(t, err)
		}
		// The board ends one, and then the peer.
		check(t, accepted[0].Close())
		time.Sleep(100 * time.Millisecond)
		peers = append(peers, dial())
		third, err := l.Accept()
		check(t, err)
		peers[1].Close()
		if _, err := accepted[1].Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the end of a client: %v", err)
		}
		check(t, accepted[1].Close())
		time.Sleep(100 * time.Millisecond)
		peers = append(peers, dial())
		fourth, err := l.Accept()
		check(t, err)
		_, err = peers[3].Write([]byte("y"))
		check(t, err)
		_, err = io.ReadFull(fourth, make([]byte, 1))
		check(t, err)
		for _, c := range []io.Closer{third, fourth, l, peers[0], peers[2], peers[3]} {
			c.Close()
		}
	})
}

// The module closes an accepted connection without traffic after the time that was
// given, and without one never, whatever its firmware does by itself.
func TestESPATServerIdleTimeout(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		for _, limit := range []time.Duration{0, 10 * time.Second} {
			b := startESPAT(t, network.VirtualConfig{}, modem.Config{Version: version}, func(c *espat.Config) { c.IdleTimeout = limit })
			defer b.close()
			l, err := Listen(b.dev, 80)
			check(t, err)
			defer l.Close()
			peer, err := b.net.Host().Dial(t.Context(), boardPort(t, b.setup(), 80))
			check(t, err)
			defer peer.Close()
			c, err := l.Accept()
			check(t, err)
			defer c.Close()
			for range 4 { // traffic keeps it
				time.Sleep(7 * time.Second)
				_, err = peer.Write([]byte("x"))
				check(t, err)
				_, err = io.ReadFull(c, make([]byte, 1))
				check(t, err)
			}
			start := time.Now()
			c.SetReadDeadline(start.Add(250 * time.Second))
			_, err = c.Read(make([]byte, 1))
			d := time.Since(start)
			if limit == 0 {
				if d < 250*time.Second {
					t.Errorf("without a limit it ended after %v: %v", d, err)
				}
				continue
			}
			if err != io.EOF || d < limit-time.Second || d > limit+time.Second {
				t.Errorf("with a limit of %v it ended after %v: %v", limit, d, err)
			}
			peer.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := peer.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the client: %v", err)
			}
		}
	})
}

// Listening does not wait for who is still being served, and does not end them.
func TestESPATServerOutlivedByItsClients(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{}, modem.Config{Version: version})
		defer b.close()
		var all []net.Conn
		for port := uint16(80); port < 83; port++ {
			l, err := Listen(b.dev, port)
			check(t, err)
			peer, err := b.net.Host().Dial(t.Context(), boardPort(t, b.setup(), port))
			check(t, err)
			c, err := l.Accept()
			check(t, err)
			check(t, l.Close())
			time.Sleep(time.Second)
			if _, err := b.net.Host().Dial(t.Context(), boardPort(t, b.setup(), port)); !errors.Is(err, network.ErrRefused) {
				t.Errorf("port %d after its end: %v", port, err)
			}
			all = append(all, peer, c)
		}
		for i := 0; i < len(all); i += 2 {
			_, err := all[i].Write([]byte("x"))
			check(t, err)
			_, err = io.ReadFull(all[i+1], make([]byte, 1))
			check(t, err)
		}
		for _, c := range all {
			c.Close()
		}
	})
}
