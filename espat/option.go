package espat

import (
	"net/netip"

	"tinynet/netdev"
	"tinynet/offload"
)

// setOption sets an option of a connection.
func (c *chip) setOption(s *offload.Socket, level, opt int, value any) fault {
	on, ok := value.(bool)
	k := c.of(s)
	if !ok || s.IsDatagram() || k.state != connOpen {
		return errNotSupported
	}
	opts, bit := k.opts, uint8(0)
	switch {
	case level == netdev.SOL_TCP && opt == netdev.TCP_NODELAY:
		bit, on = optDelay, !on
	case level == netdev.SOL_SOCKET && opt == netdev.SO_KEEPALIVE:
		bit = optAlive
	default:
		return errNotSupported
	}
	if opts &^= bit; on {
		opts |= bit
	}
	c.at("+CIPTCPOPT=").num(int(k.link)).raw(",-1,")
	c.num(1 - int(opts&optDelay)/optDelay).char(',').num(sendTimeout)
	if (opts|k.opts)&optAlive != 0 {
		c.char(',').num(keepAlive * int(opts&optAlive) / optAlive)
	}
	err := c.run(c.lim.answer)
	if err == errRefused {
		return errNotSupported
	}
	if err == 0 {
		k.opts = opts
	}
	return err
}

// keepAlive is how many seconds a connection is idle before it is probed.
const keepAlive = 60

// joinGroup opens the link of a datagram socket anew, as a member of a group.
func (c *chip) joinGroup(s *offload.Socket, group netip.Addr) fault {
	i := int(s.Handle % maxConns)
	k := &c.conns[i]
	if !s.IsDatagram() || s.Port == 0 || k.state != connOpen || k.opts&optGroup != 0 {
		return c.because(errGroupSock)
	}
	if group.Is6() != s.V6 {
		return c.because(errGroup)
	}
	if err := c.ready(); err != 0 {
		return err
	}
	c.orphans |= 1 << k.link
	*k = conn{state: connNew, link: noLink, kind: s.Kind}
	err := c.startDatagram(i, s.Port, s.V6, group)
	if err == 0 {
		k.opts = optGroup
	}
	if err != 0 && k.state == connNew {
		k.state = connClosed
	}
	return err
}
