package espat

import (
	"net/netip"

	"tinynet/netdev"
	"tinynet/offload"
)

// SetOption sets an option of a connection.
func (c *chip) SetOption(s *offload.Socket, level, opt int, value any) error {
	on, ok := value.(bool)
	k := c.of(s)
	if !ok || s.Kind == offload.Datagram || k.state != connOpen {
		return netdev.ErrNotSupported
	}
	quick, alive := k.quick, k.alive
	switch {
	case level == netdev.SOL_TCP && opt == netdev.TCP_NODELAY:
		quick = on
	case level == netdev.SOL_SOCKET && opt == netdev.SO_KEEPALIVE:
		alive = on
	default:
		return netdev.ErrNotSupported
	}
	c.at("+CIPTCPOPT=").num(int(k.link)).raw(",-1,")
	c.char(digit(quick)).char(',').num(sendTimeout)
	if alive || k.alive {
		c.char(',')
		if alive {
			c.num(keepAlive)
		} else {
			c.num(0)
		}
	}
	err := c.run(c.lim.answer)
	if err == errRefused {
		return netdev.ErrNotSupported
	}
	if err == nil {
		k.quick, k.alive = quick, alive
	}
	return err
}

// keepAlive is how many seconds a connection is idle before it is probed.
const keepAlive = 60

func digit(b bool) byte {
	if b {
		return '1'
	}
	return '0'
}

// joinGroup opens the link of a datagram socket anew, as a member of a group.
func (c *chip) joinGroup(s *offload.Socket, group netip.Addr) error {
	i := int(s.Handle % maxConns)
	k := &c.conns[i]
	if s.Kind != offload.Datagram || s.Port == 0 || k.state != connOpen || k.grouped {
		return errGroupSock
	}
	if group.Is6() != s.V6 {
		return errGroup
	}
	if err := c.ready(); err != nil {
		return err
	}
	c.orphans |= 1 << k.link
	*k = conn{state: connNew, link: noLink, kind: s.Kind}
	err := c.startDatagram(i, s.Port, s.V6, group)
	k.grouped = err == nil
	if err != nil && k.state == connNew {
		k.state = connClosed
	}
	return err
}
