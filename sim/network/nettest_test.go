package network

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"
)

func TestVirtualConnIsANetConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		v := NewVirtual(VirtualConfig{})
		l, err := v.Host().Listen(0)
		if err != nil {
			return nil, nil, nil, err
		}
		c1, err = v.HostAt(BoardAddr).Dial(t.Context(), l.Addr().(*net.TCPAddr).AddrPort())
		if err != nil {
			return nil, nil, nil, err
		}
		c2, err = l.Accept()
		return c1, c2, func() {
			c1.Close()
			c2.Close()
			l.Close()
		}, err
	})
}
