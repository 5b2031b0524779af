//go:build linux || darwin

package netdevtest

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"testing"

	"tinynet/hostnet"
)

// loopbackDevice is hostnet with the loopback for its own address: tests stay
// inside the machine.
type loopbackDevice struct{ *hostnet.Device }

func (loopbackDevice) Addr() (netip.Addr, error) { return loopbackAddr, nil }

var loopbackAddr = netip.MustParseAddr("127.0.0.1")

// stockPeer is the standard library's net on the same loopback.
type stockPeer struct{}

func (stockPeer) Addr() netip.Addr { return loopbackAddr }

func (stockPeer) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", to.String())
}

func (stockPeer) Listen(port uint16) (net.Listener, error) {
	return net.Listen("tcp", onLoopback(port))
}

func (stockPeer) ListenPacket(port uint16) (net.PacketConn, error) {
	return net.ListenPacket("udp", onLoopback(port))
}

func onLoopback(port uint16) string {
	return net.JoinHostPort(loopbackAddr.String(), strconv.Itoa(int(port)))
}

func TestHostnet(t *testing.T) {
	Run(t, func(t *testing.T) *Setup {
		return &Setup{
			Dev:         loopbackDevice{hostnet.New()},
			Peer:        stockPeer{},
			PeerName:    "localhost",
			Sockets:     10,
			MoreSockets: true,
			MaxDatagram: 65507, // of UDP over IPv4
			WallClock:   true,
			Close:       func() {},
		}
	}, func(t *testing.T, f func(*testing.T)) { f(t) })
}
