package network

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
)

// changes counts how often a station is told of its link.
func changes(s Station) (count func() int) {
	told := make(chan struct{}, 100)
	s.OnLink(func() { told <- struct{}{} })
	return func() int {
		time.Sleep(time.Millisecond)
		n := 0
		for len(told) > 0 {
			<-told
			n++
		}
		return n
	}
}

func TestAccessPointGoesAwayAndReturns(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		count := changes(s)
		c, p := pair(t, v, s)
		time.Sleep(rtt)
		framed := make(chan struct{}, 10)
		s.OnFrame(func() { framed <- struct{}{} })
		v.SetAccessPoint(false)
		<-framed // whoever waits for data has to look
		if s.InRange() || count() != 1 {
			t.Fatal("the station was not told once that the access point is gone")
		}
		if _, _, err := c.Read(make([]byte, 1)); !errors.Is(err, ErrReset) {
			t.Fatalf("read of the board: %v", err)
		}
		s.SetLink(true)
		_, err := s.Connect(t.Context(), netip.AddrPortFrom(HostAddr, 80))
		wantErr(t, err, ErrDown)
		_, err = p.Write([]byte("into the void"))
		check(t, err)

		v.SetAccessPoint(false) // no change, nobody is told
		s.SetLink(false)        // nor is this one
		v.SetAccessPoint(true)
		if !s.InRange() || count() != 1 {
			t.Fatal("the station was not told once that the access point is back")
		}
		_, err = s.Connect(t.Context(), netip.AddrPortFrom(HostAddr, 80))
		wantErr(t, err, ErrDown) // it has to join again
		s.SetLink(true)
		pair(t, v, s)
		_, err = p.Read(make([]byte, 1))
		wantErr(t, err, syscall.ECONNRESET)
		s.SetLink(false)
		v.SetAccessPoint(false) // with nobody to cut off
	})
}

// A station that comes while the access point is away is told at once.
func TestStationWithoutAnAccessPoint(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		v.SetAccessPoint(false)
		count := changes(s)
		if n := count(); n != 1 {
			t.Fatalf("told %d times", n)
		}
	})
}

func TestResetConnections(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		d, _ := pair(t, v, s)
		if n := v.ResetConnections(); n != 2 {
			t.Fatalf("%d connections were reset", n)
		}
		time.Sleep(rtt)
		for _, c := range []Conn{c, d} {
			_, _, err := c.Read(make([]byte, 1))
			wantErr(t, err, ErrReset)
		}
		_, err := p.Read(make([]byte, 1))
		wantErr(t, err, syscall.ECONNRESET)
		if n := v.ResetConnections(); n != 0 {
			t.Fatalf("%d connections were reset again", n)
		}
	})
}

// A slow reader takes 1000 bytes a second, so that after the 64 KB of its
// receive window and what the board holds, the board can send no faster.
func TestSlowReader(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		v.SetReadRate(1000)
		c, p := pair(t, v, s)
		go func() {
			for data := bytes.Repeat([]byte{'x'}, 80_000); len(data) > 0; {
				n, err := c.Write(data)
				if err != nil && !errors.Is(err, ErrWouldBlock) {
					t.Error(err)
					return
				}
				data = data[n:]
				c.WaitWritable(t.Context())
			}
			c.Close()
		}()
		start := time.Now()
		n, err := io.Copy(io.Discard, p)
		check(t, err)
		took := time.Since(start)
		if n != 80_000 || took < 79*time.Second || took > 82*time.Second {
			t.Fatalf("%d bytes in %v", n, took)
		}
	})
}

func TestNameServerFails(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		v.SetDNS(DNSFails)
		start := time.Now()
		_, err := s.Lookup(t.Context(), "host")
		wantErr(t, err, ErrUnknownHost)
		if d := time.Since(start); d != rtt {
			t.Fatalf("it took %v", d)
		}
		v.SetDNS(DNSSilent)
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		_, err = s.Lookup(ctx, "host")
		wantErr(t, err, context.DeadlineExceeded)
		addr, err := s.Lookup(t.Context(), "10.0.0.9")
		if err != nil || addr != netip.MustParseAddr("10.0.0.9") {
			t.Fatalf("an address is asked for: %v, %v", addr, err)
		}
		v.SetDNS(DNSAnswers)
		_, err = s.Lookup(t.Context(), "host")
		check(t, err)
	})
}

// Latency and loss can be set while a network runs; the same seed and traffic
// lose the same.
func TestLatencyAndLossWhileRunning(t *testing.T) {
	run := func(seed uint64) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			v := NewVirtual(VirtualConfig{Clock: virtual(), Seed: seed})
			s := v.Station(nina)
			defer s.Close()
			c, p := pair(t, v, s)
			frames := make(chan struct{}, 1000)
			s.OnFrame(func() { frames <- struct{}{} })
			start := time.Now()
			echo := func() {
				_, err := p.Write([]byte("x"))
				check(t, err)
				for n := 0; n == 0; {
					<-frames
					n, _, _ = c.Read(make([]byte, 1))
				}
			}
			echo()
			if d := time.Since(start); d != 0 {
				t.Fatalf("without delay it took %v", d)
			}
			v.SetRTT(20 * time.Millisecond)
			echo()
			if d := time.Since(start); d != 10*time.Millisecond {
				t.Fatalf("half a round trip took %v", d)
			}
			v.SetLoss(0.5)
			for range 20 {
				echo()
			}
			v.SetLoss(0)
			took = time.Since(start)
		})
		return took
	}
	first, again, other := run(1), run(1), run(2)
	if first != again || first == other || first < time.Second {
		t.Fatalf("took %v, %v again, and %v with another seed", first, again, other)
	}
}

func TestConditionsRefuseNonsense(t *testing.T) {
	v := NewVirtual(VirtualConfig{})
	for name, f := range map[string]func(){
		"loss":  func() { v.SetLoss(1) },
		"RTT":   func() { v.SetRTT(-1) },
		"reads": func() { v.SetReadRate(-1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	for _, cfg := range []HostConfig{{Loss: -1}, {RTT: -1}} {
		if h, err := NewHost(cfg); err == nil {
			h.Close()
			t.Errorf("%+v was taken", cfg)
		}
	}
}

// A delay on the host's network takes its time, whatever the clock.
func TestDelayOfAHostIsReal(t *testing.T) {
	clk := &watchedClock{Clock: clock.Free(), waits: make(chan time.Duration, 100)}
	h := host(t, HostConfig{Clock: clk, RTT: 4 * time.Millisecond})
	check(t, h.s.Ping(t.Context(), HostAddr))
	for _, d := range []time.Duration{<-clk.waits, <-clk.waits} {
		if d > 2*time.Millisecond || d < time.Millisecond {
			t.Errorf("waited for %v, want the half of 4ms", d)
		}
	}
}

// watchedClock tells how long it was asked to wait.
type watchedClock struct {
	clock.Clock
	waits chan time.Duration
}

func (c *watchedClock) AfterFunc(d time.Duration, f func()) clock.Timer {
	c.waits <- d
	return c.Clock.AfterFunc(d, f)
}

// The host's network, too, loses its access point, resets, delays, and has a
// name server that fails.
func TestConditionsOfAHost(t *testing.T) {
	h := host(t, HostConfig{})
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	to := netip.AddrPortFrom(HostAddr, l.Addr().(*net.TCPAddr).AddrPort().Port())
	dial := func() (Conn, net.Conn) {
		c, err := h.s.Connect(t.Context(), to)
		check(t, err)
		p, err := l.Accept()
		check(t, err)
		return c, p
	}
	c, p := dial()
	defer p.Close()
	if n := h.ResetConnections(); n != 1 {
		t.Fatalf("%d connections were reset", n)
	}
	h.await(c.Ended)
	_, _, err = c.Read(make([]byte, 1))
	wantErr(t, err, ErrReset)

	h.SetDNS(DNSFails)
	_, err = h.s.Lookup(t.Context(), "host")
	wantErr(t, err, ErrUnknownHost)
	h.SetDNS(DNSAnswers)
	_, err = h.s.Lookup(t.Context(), "host")
	check(t, err)

	c, p = dial()
	defer p.Close()
	h.SetAccessPoint(false)
	if !c.Ended() || h.s.InRange() {
		t.Fatal("the board does not notice that the access point is gone")
	}
	h.SetAccessPoint(true)
	h.s.SetLink(true)

	h.SetRTT(40 * time.Millisecond)
	c, p = dial()
	defer p.Close()
	_, err = c.Write([]byte("late"))
	check(t, err)
	h.SetLoss(0.99)
	u, err := h.s.ListenPacket(0)
	check(t, err)
	heard, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(t, err)
	defer heard.Close()
	for range 20 {
		check(t, u.WriteTo([]byte("lost"), netip.AddrPortFrom(HostAddr, heard.LocalAddr().(*net.UDPAddr).AddrPort().Port())))
	}
	h.SetLoss(0)
	check(t, u.WriteTo([]byte("not lost"), netip.AddrPortFrom(HostAddr, heard.LocalAddr().(*net.UDPAddr).AddrPort().Port())))
	buf := make([]byte, 100)
	got := 0
	for {
		n, _, err := heard.ReadFrom(buf)
		check(t, err)
		if string(buf[:n]) == "not lost" {
			break
		}
		got++
	}
	if got > 10 {
		t.Fatalf("%d of 20 datagrams came, though 99 %% are lost", got)
	}
	n, err := io.ReadFull(p, buf[:4])
	if err != nil || string(buf[:n]) != "late" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
}

func TestPing(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		start := time.Now()
		check(t, s.Ping(t.Context(), HostAddr))
		if d := time.Since(start); d != rtt {
			t.Fatalf("it took %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantErr(t, s.Ping(ctx, netip.MustParseAddr("10.0.0.77")), context.DeadlineExceeded)
		v.SetAccessPoint(false)
		wantErr(t, s.Ping(t.Context(), HostAddr), ErrDown)
	})
	h := host(t, HostConfig{})
	check(t, h.s.Ping(t.Context(), HostAddr))
}
