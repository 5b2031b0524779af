package net

import (
	"context"
	"errors"
	"net/netip"
	"testing"
)

func TestDialTLSAsksTheDeviceToEncrypt(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		d.hosts["host.example"] = []netip.Addr{fakePeer.Addr()}
		var dialer Dialer
		c, err := dialTLS(context.Background(), &dialer, "tcp", "host.example:7000")
		if err != nil {
			t.Fatal(err)
		}
		fd, s := d.only(t)
		if s.protocol != protoTLS || d.hostOf[fd] != "host.example" {
			t.Errorf("protocol %#x, host %q", s.protocol, d.hostOf[fd])
		}
		c.Close()
		// The Dialer that it was done with stays as it was.
		c, err = dialer.Dial("tcp", fakePeer.String())
		if err != nil {
			t.Fatal(err)
		}
		if _, s := d.only(t); s.protocol != protoTCP {
			t.Errorf("protocol %#x without TLS", s.protocol)
		}
		c.Close()
	})
}

// Without encryption there is no connection, and no socket is left.
func TestDialTLSIsNeverInTheClear(t *testing.T) {
	onBoth(t, func(t *testing.T, d *fakeDevice) {
		d.fail["Socket"] = errNoShutdown
		l := mustListen(t, "tcp", "127.0.0.1:0")
		for _, addr := range []string{fakePeer.String(), l.Addr().String(), "localhost:1"} {
			if c, err := dialTLS(context.Background(), &Dialer{}, "tcp", addr); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s: %v, %v", addr, c, err)
			}
		}
		d.wantSockets(t, 0)
	})
}
