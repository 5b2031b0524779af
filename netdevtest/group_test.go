package netdevtest

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	modem "tinynet/sim/espat"
	"tinynet/sim/network"
	"tinynet/sim/nina"
)

func TestNINAGroup(t *testing.T) {
	for _, firmware := range nina.Firmwares() {
		t.Run(firmware, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newNINA(network.VirtualConfig{}, nina.Config{Firmware: firmware})
				defer b.close()
				check(t, b.dev.NetConnect())
				joinGroup(t, b.dev, virtualPeer{b.net.Host()}, 12)
			})
		})
	}
}

func TestESPATGroup(t *testing.T) {
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{}, modem.Config{Version: version})
		defer b.close()
		joinGroup(t, b.dev, virtualPeer{b.net.Host()}, 7)
	})
}

// joinGroup checks that a socket that has joined a group is a datagram socket like any
// other, and hears the group; so often that the chip's sockets would not last.
func joinGroup(t *testing.T, dev netdev.Netdever, host Peer, rounds int) {
	peer, err := host.ListenPacket(5353)
	check(t, err)
	defer peer.Close()
	group := netip.MustParseAddr("224.0.0.251")
	for round := range rounds {
		fd, err := dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
		check(t, err)
		check(t, dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 5353)))
		check(t, dev.(netdev.Multicaster).JoinGroup(fd, group, 0))
		ip, err := dev.Addr()
		check(t, err)
		for _, to := range []netip.Addr{ip, group} {
			want := payload(uint64(round), 100+round)
			_, err = peer.WriteTo(want, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 5353)))
			check(t, err)
			buf := make([]byte, 1500)
			n, from, err := dev.(netdev.Datagrammer).RecvFrom(fd, buf, 0, time.Now().Add(time.Second))
			if err != nil || string(buf[:n]) != string(want) || from != netip.AddrPortFrom(host.Addr(), 5353) {
				t.Fatalf("to %v: %d bytes from %v, %v", to, n, from, err)
			}
			_, err = dev.(netdev.Datagrammer).SendTo(fd, want, 0, from, time.Time{})
			check(t, err)
			n, _, err = peer.ReadFrom(buf)
			if err != nil || string(buf[:n]) != string(want) {
				t.Fatalf("the answer has %d bytes, %v", n, err)
			}
		}
		check(t, dev.Close(fd))
	}
}
