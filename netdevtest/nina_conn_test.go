package netdevtest

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"golang.org/x/net/nettest"

	"tinynet/sim/clock"
	"tinynet/sim/network"
	"tinynet/sim/nina"
	"tinynet/wifinina"
)

// Connections over the driver behave as those of package net, by the check that
// package has for others. It makes subtests and minds the true clock, so that the chip's
// runs free.
func TestNINAConnIsANetConn(t *testing.T) {
	v := network.NewVirtual(network.VirtualConfig{Clock: clock.Free()})
	chip := nina.New(nina.Config{Clock: clock.Free(), Attach: v.Station})
	defer chip.Close()
	dev := wifinina.New(&wifinina.Config{
		Ssid: "tinynet", Passphrase: "tinynet-pass",
		Spi: chip.SPI(), Cs: chip.CS(), Ack: chip.Ready(), Gpio0: chip.GPIO0(), Resetn: chip.Reset(),
	})
	check(t, dev.NetConnect())
	defer dev.NetDisconnect()
	s := &Setup{Dev: dev, Peer: virtualPeer{v.Host()}}
	testConn(t, s)
}

// testConn runs nettest.TestConn on connections that the device opened, and on those that
// it accepted.
func testConn(t *testing.T, s *Setup) {
	t.Run("opened", func(t *testing.T) { testOpened(t, s) })
	t.Run("accepted", func(t *testing.T) { testAccepted(t, s) })
}

// closing closes both ends of a connection.
func closing(conns ...net.Conn) func() {
	return func() {
		for _, c := range conns {
			c.Close()
		}
	}
}

func testOpened(t *testing.T, s *Setup) {
	var port atomic.Uint32
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		l, err := s.Peer.Listen(uint16(7100 + port.Add(1)))
		if err != nil {
			return nil, nil, nil, err
		}
		defer l.Close()
		device, err := Dial(s.Dev, netip.AddrPortFrom(s.Peer.Addr(), uint16(l.Addr().(*net.TCPAddr).Port)))
		if err != nil {
			return nil, nil, nil, err
		}
		peer, err := l.Accept()
		return device, peer, closing(device, peer), err
	})
}

func testAccepted(t *testing.T, s *Setup) {
	l, err := Listen(s.Dev, 7200)
	check(t, err)
	defer l.Close()
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		peer, err := s.Peer.Dial(t.Context(), boardPort(t, s, 7200))
		if err != nil {
			return nil, nil, nil, err
		}
		device, err := l.Accept()
		return peer, device, closing(device, peer), err
	})
}
