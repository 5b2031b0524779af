package network

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
)

func virtual() clock.Clock { return clock.Virtual() }

var ours = AccessPoint{SSID: "board", Passphrase: "passw0rd", Addr: netip.MustParsePrefix("192.168.4.1/24"), MaxJoined: 4}

// ap runs a test on a network with a board that is an access point.
func ap(t *testing.T, test func(t *testing.T, v *Virtual, s Station)) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVirtual(VirtualConfig{Clock: virtual(), RTT: rtt})
		s := v.AccessPoint(nina, ours)
		defer s.Close()
		test(t, v, s)
	})
}

func TestBoardAsAccessPoint(t *testing.T) {
	ap(t, func(t *testing.T, v *Virtual, s Station) {
		if a := netip.AddrPortFrom(s.Addr(), 0); a.Addr() != ours.Addr.Addr() || s.Gateway() != s.Addr() ||
			s.Netmask() != netip.MustParseAddr("255.255.255.0") || s.DNS().IsValid() {
			t.Fatalf("address %v, gateway %v, mask %v, DNS %v", s.Addr(), s.Gateway(), s.Netmask(), s.DNS())
		}
		count := changes(s)
		_, err := v.Join("nobody", "")
		wantErr(t, err, ErrNoAccessPoint)
		_, err = v.Join("board", "wrong")
		wantErr(t, err, ErrWrongPassphrase)
		if s.Stations() != 0 || count() != 0 {
			t.Fatal("somebody who was refused counts")
		}
		h, err := v.Join("board", "passw0rd")
		check(t, err)
		if h.Addr() != netip.MustParseAddr("192.168.4.2") || s.Stations() != 1 || count() != 1 {
			t.Fatalf("%v joined, %d stations", h.Addr(), s.Stations())
		}

		// The station dials the board.
		l, err := s.Listen(80, 6)
		check(t, err)
		p, err := h.Dial(t.Context(), netip.AddrPortFrom(s.Addr(), 80))
		check(t, err)
		time.Sleep(rtt)
		c, err := l.Accept()
		check(t, err)
		if from := c.RemoteAddr().Addr(); from != h.Addr() {
			t.Fatalf("the board sees %v", from)
		}
		_, err = p.Write([]byte("hello"))
		check(t, err)
		time.Sleep(rtt)
		buf := make([]byte, 10)
		if n, _, err := c.Read(buf); err != nil || string(buf[:n]) != "hello" {
			t.Fatalf("%q, %v", buf[:n], err)
		}

		// And the board the station.
		hl, err := h.Listen(7)
		check(t, err)
		_, err = s.Connect(t.Context(), netip.AddrPortFrom(h.Addr(), 7))
		check(t, err)
		hl.Close()

		// It leaves: its connections fall silent.
		h.Leave()
		h.Leave()
		if s.Stations() != 0 || count() != 1 {
			t.Fatalf("%d stations", s.Stations())
		}
		time.Sleep(time.Minute)
		if c.Ended() {
			t.Fatal("the board knows that its peer has left")
		}
		_, err = h.Dial(t.Context(), netip.AddrPortFrom(s.Addr(), 80))
		wantErr(t, err, ErrDown)
	})
}

func TestAccessPointTakesAtMost4(t *testing.T) {
	ap(t, func(t *testing.T, v *Virtual, s Station) {
		var hosts []*VirtualHost
		for range 4 {
			h, err := v.Join("board", "passw0rd")
			check(t, err)
			hosts = append(hosts, h)
		}
		_, err := v.Join("board", "passw0rd")
		wantErr(t, err, ErrFull)
		hosts[1].Leave()
		h, err := v.Join("board", "passw0rd")
		check(t, err)
		if h.Addr() != hosts[1].Addr() {
			t.Fatalf("the free address is %v, not %v", hosts[1].Addr(), h.Addr())
		}
	})
}

// The network of an access point is one of its own.
func TestAccessPointIsApart(t *testing.T) {
	ap(t, func(t *testing.T, v *Virtual, s Station) {
		l, err := v.Host().Listen(80)
		check(t, err)
		defer l.Close()
		_, err = s.Connect(t.Context(), netip.AddrPortFrom(HostAddr, 80))
		wantErr(t, err, ErrUnreachable)
		_, err = s.Lookup(t.Context(), "host")
		wantErr(t, err, ErrUnknownHost)
		v.SetAccessPoint(false)
		if !s.InRange() {
			t.Fatal("another access point's absence makes a difference")
		}
		second := v.AccessPoint(nina, AccessPoint{SSID: "second", Addr: ours.Addr})
		defer second.Close()
		if !second.InRange() {
			t.Fatal("another access point's absence makes a difference to one that begins")
		}
	})
}

func TestAccessPointEnds(t *testing.T) {
	ap(t, func(t *testing.T, v *Virtual, s Station) {
		h, err := v.Join("board", "passw0rd")
		check(t, err)
		s.Close()
		_, err = h.Dial(t.Context(), netip.AddrPortFrom(s.Addr(), 80))
		wantErr(t, err, ErrDown)
		_, err = v.Join("board", "passw0rd")
		wantErr(t, err, ErrNoAccessPoint)
		if len(v.all()) != 1 || v.all()[0] != v.f || len(v.aps) != 0 || s.Stations() != 0 {
			t.Fatal("something of it is still there")
		}
	})
}

// The conditions of a network are those of its access points too.
func TestConditionsOfAnAccessPoint(t *testing.T) {
	ap(t, func(t *testing.T, v *Virtual, s Station) {
		h, err := v.Join("board", "passw0rd")
		check(t, err)
		_, err = s.Listen(80, 6)
		check(t, err)
		for _, want := range []time.Duration{rtt, time.Second} {
			start := time.Now()
			_, err = h.Dial(t.Context(), netip.AddrPortFrom(s.Addr(), 80))
			check(t, err)
			if d := time.Since(start); d != want {
				t.Fatalf("it took %v, want %v", d, want)
			}
			v.SetRTT(time.Second)
		}
	})
}

// On the host's network this machine is the station that has joined: ports
// appear where they do otherwise, and the board dials the loopback.
func TestHostJoinsTheBoardsAccessPoint(t *testing.T) {
	h := host(t, HostConfig{Forward: []Forward{{HostPort: 0, BoardPort: 80}}})
	h.s.Close()
	s := h.AccessPoint(nina, ours)
	told := make(chan struct{}, 10)
	s.OnLink(func() { told <- struct{}{} })
	<-told
	if s.Stations() != 1 {
		t.Fatalf("%d stations", s.Stations())
	}
	frames := make(chan struct{}, 10)
	s.OnFrame(func() { frames <- struct{}{} })
	l, err := s.Listen(80, 6)
	check(t, err)
	h.mu.Lock()
	place := h.announced[0]
	h.mu.Unlock()
	if place.Board != s.Addr() || place.BoardPort != 80 {
		t.Fatalf("announced %+v", place)
	}
	h.Host.mu.Lock()
	forwarded := h.ports[portKey{"tcp", netip.AddrPortFrom(BoardAddr, 80)}]
	h.Host.mu.Unlock()
	if forwarded == nil || forwarded.places[0] != place.HostAddr {
		t.Fatalf("port 80 of the board is at %v, not where it was forwarded", place.HostAddr)
	}
	// Nothing is beyond this machine, and the board is not where it would be
	// as a station.
	if !s.(*station).n.f.alone {
		t.Fatal("the board's own network leads further")
	}
	other := h.Station(nina)
	defer other.Close()
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = other.Connect(soon, netip.AddrPortFrom(BoardAddr, 80))
	wantErr(t, err, context.DeadlineExceeded)
	var d net.Dialer
	p, err := d.DialContext(context.Background(), "tcp", place.HostAddr.String())
	check(t, err)
	defer p.Close()
	for !l.Pending() {
		<-frames
	}
	c, err := l.Accept()
	check(t, err)
	if from := c.RemoteAddr().Addr(); from != netip.MustParseAddr("192.168.4.2") {
		t.Fatalf("the board sees %v", from)
	}
	_, err = c.Write([]byte("hi"))
	check(t, err)
	buf := make([]byte, 2)
	_, err = io.ReadFull(p, buf)
	check(t, err)

	echo, err := net.Listen("tcp4", "127.0.0.1:0")
	check(t, err)
	defer echo.Close()
	port := echo.Addr().(*net.TCPAddr).AddrPort().Port()
	_, err = s.Connect(t.Context(), netip.AddrPortFrom(netip.MustParseAddr("192.168.4.2"), port))
	check(t, err)
	_, err = s.Connect(t.Context(), netip.AddrPortFrom(HostAddr, port))
	wantErr(t, err, ErrUnreachable)

	// UDP both ways.
	u, err := s.ListenPacket(5000)
	check(t, err)
	h.mu.Lock()
	place = h.announced[1]
	h.mu.Unlock()
	o, err := net.Dial("udp4", place.HostAddr.String())
	check(t, err)
	defer o.Close()
	_, err = o.Write([]byte("ping"))
	check(t, err)
	for u.Pending() < 0 {
		<-frames
	}
	n, from, err := u.ReadFrom(make([]byte, 10))
	if err != nil || n != 4 || from.Addr() != netip.MustParseAddr("192.168.4.2") {
		t.Fatalf("%d bytes from %v, %v", n, from, err)
	}
	check(t, u.WriteTo([]byte("pong"), from))
	_, err = o.Read(buf)
	check(t, err)

	// Afterwards the board is a station again, at the same address.
	s.Close()
	again := h.Station(nina)
	defer again.Close()
	if again.Addr() != BoardAddr {
		t.Fatalf("the board is %v", again.Addr())
	}
}
