package netdevtest

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	"tinynet/sim/network"
	"tinynet/sim/nina"
)

// A socket that has joined a group is a datagram socket like any other, and
// hears the group.
func TestNINAGroup(t *testing.T) {
	for _, firmware := range nina.Firmwares() {
		t.Run(firmware, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newNINA(network.VirtualConfig{}, nina.Config{Firmware: firmware})
				defer b.close()
				check(t, b.dev.NetConnect())
				peer, err := b.net.Host().ListenPacket(5353)
				check(t, err)
				defer peer.Close()
				group := netip.MustParseAddr("224.0.0.251")
				for round := range 12 { // more often than there are sockets
					fd, err := b.dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
					check(t, err)
					check(t, b.dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 5353)))
					check(t, b.dev.JoinGroup(fd, group))
					ip, err := b.dev.Addr()
					check(t, err)
					for _, to := range []netip.Addr{ip, group} {
						want := payload(uint64(round), 100+round)
						_, err = peer.WriteTo(want, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 5353)))
						check(t, err)
						buf := make([]byte, 1500)
						n, from, err := b.dev.RecvFrom(fd, buf, 0, time.Now().Add(time.Second))
						if err != nil || string(buf[:n]) != string(want) || from != netip.AddrPortFrom(b.net.Host().Addr(), 5353) {
							t.Fatalf("to %v: %d bytes from %v, %v", to, n, from, err)
						}
					}
					check(t, b.dev.Close(fd))
				}
			})
		})
	}
}
