package netdevtest

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"tinynet/netdev"
	modem "tinynet/sim/espat"
	"tinynet/sim/network"
)

// A datagram socket that was connected has one peer; one that was not names each sender,
// and reaches any; on one link at a time, or on all five.
func TestESPATDatagramPeers(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version})
		defer b.close()
		var peers [3]net.PacketConn
		for i := range peers {
			p, err := b.net.HostAt(netip.AddrFrom4([4]byte{10, 0, 0, byte(7 + i)})).ListenPacket(9000)
			check(t, err)
			defer p.Close()
			peers[i] = p
		}
		at := func(i int) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(7 + i)}), 9000)
		}
		socket := func() int {
			t.Helper()
			fd, err := b.dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
			check(t, err)
			return fd
		}
		buf := make([]byte, 1500)
		for range 7 { // more often than there are links
			fd := socket()
			check(t, b.dev.Connect(fd, "", at(0)))
			_, err := b.dev.Send(fd, []byte("hello"), 0, time.Time{})
			check(t, err)
			n, board, err := peers[0].ReadFrom(buf)
			check(t, err)
			if string(buf[:n]) != "hello" {
				t.Errorf("the peer got %q", buf[:n])
			}
			_, err = peers[0].WriteTo([]byte("hello yourself"), board)
			check(t, err)
			n, err = b.dev.Recv(fd, buf, 0, time.Now().Add(time.Second))
			if err != nil || string(buf[:n]) != "hello yourself" {
				t.Errorf("received %q, %v", buf[:n], err)
			}
			check(t, b.dev.Close(fd))
		}
		var fds []int
		for i := range 5 {
			fd := socket()
			check(t, b.dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(5000+i))))
			fds = append(fds, fd)
		}
		for round := range 6 {
			for i, fd := range fds {
				p := (round + i) % 3
				want := payload(uint64(10*round+i), 1+(round*5+i)*49)
				_, err := peers[p].WriteTo(want, net.UDPAddrFromAddrPort(boardPort(t, b.setup(), uint16(5000+i))))
				check(t, err)
				n, from, err := b.dev.RecvFrom(fd, buf, 0, time.Now().Add(time.Second))
				if err != nil || string(buf[:n]) != string(want) || from != at(p) {
					t.Fatalf("socket %d: %d bytes from %v, %v; want %d from %v", i, n, from, err, len(want), at(p))
				}
				_, err = b.dev.SendTo(fd, want, 0, at((p+1)%3), time.Time{})
				check(t, err)
				n, back, err := peers[(p+1)%3].ReadFrom(buf)
				if err != nil || string(buf[:n]) != string(want) || back.(*net.UDPAddr).Port != 5000+i {
					t.Fatalf("socket %d: the peer got %d bytes from %v, %v", i, n, back, err)
				}
			}
		}
		for _, fd := range fds {
			check(t, b.dev.Close(fd))
		}
	})
}

// A program that reads late loses whole datagrams and no parts of them, and a stream that
// goes on meanwhile nothing.
func TestESPATDatagramsBeyondTheBuffer(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond}, modem.Config{Version: version})
		defer b.close()
		fd, err := b.dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
		check(t, err)
		check(t, b.dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 5000)))
		p, err := b.net.Host().ListenPacket(9000)
		check(t, err)
		defer p.Close()
		const size = 700
		for i := range 12 {
			_, err := p.WriteTo(payload(uint64(i), size), net.UDPAddrFromAddrPort(boardPort(t, b.setup(), 5000)))
			check(t, err)
			time.Sleep(100 * time.Millisecond)
		}
		got := 0
		buf := make([]byte, 1500)
		for {
			n, from, err := b.dev.RecvFrom(fd, buf, 0, time.Now().Add(time.Second))
			if errors.Is(err, netdev.ErrTimeout) {
				break
			}
			check(t, err)
			for i := 0; i < n; i += size { // before 4.0 those that were not read come merged
				whole := false
				for j := range 12 {
					whole = whole || string(buf[i:min(i+size, n)]) == string(payload(uint64(j), size))
				}
				if !whole {
					t.Fatalf("received something of %d bytes that is no datagram", n)
				}
				got++
			}
			if from != netip.AddrPortFrom(network.HostAddr, 9000) {
				t.Errorf("from %v", from)
			}
		}
		if got < 3 || got > 8 {
			t.Errorf("%d of 12 datagrams were kept", got)
		}
		// It goes on.
		_, err = p.WriteTo([]byte("last"), net.UDPAddrFromAddrPort(boardPort(t, b.setup(), 5000)))
		check(t, err)
		n, _, err := b.dev.RecvFrom(fd, buf, 0, time.Now().Add(time.Second))
		if err != nil || string(buf[:n]) != "last" {
			t.Errorf("then %q, %v", buf[:n], err)
		}
		check(t, b.dev.Close(fd))
	})
}
