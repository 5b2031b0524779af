package espat

import (
	"net/netip"

	"tinynet/netdev"
	"tinynet/offload"
)

// A datagram socket is a link whose peer changes with each datagram (mode 2), and
// which is told the peer's address whenever it sends.

// bindDatagram gives a datagram socket its link.
func (c *chip) bindDatagram(s *offload.Socket, port uint16) fault {
	return c.startDatagram(int(s.Handle), port, s.V6, netip.Addr{})
}

// startDatagram opens the link of a datagram socket, which receives what is sent to
// group, too, if that is valid.
func (c *chip) startDatagram(i int, port uint16, v6 bool, group netip.Addr) fault {
	for range maxLinks {
		// A connection that comes in may take the link first: then with another.
		if err := c.tryDatagram(i, port, v6, group); err != 0 || c.conns[i].state != connNew {
			return err
		}
	}
	return errNoMoreSockets
}

func (c *chip) tryDatagram(i int, port uint16, v6 bool, group netip.Addr) fault {
	if err := c.ready(); err != 0 {
		return err
	}
	needingDatagrams()
	if !c.told {
		if err := c.tell(); err != 0 {
			return err
		}
	}
	link := c.freeLink()
	if link == noLink {
		return errNoMoreSockets
	}
	if c.passive && c.fw.perLink() && c.active&bit(link) == 0 {
		// The module keeps datagrams that are to be asked for as a stream.
		if err := c.at("+CIPRECVTYPE=").num(link).raw(",0").run(); err != 0 {
			return err
		}
		c.active |= bit(link)
	}
	if c.passive && !c.fw.least(2, 1) && !c.fw.nonos() {
		if err := c.pushAll(); err != 0 {
			return err
		}
	}
	if c.pool.buf == nil {
		c.makePool()
	}
	c.at("+CIPSTART=").num(link)
	switch {
	case group.Is4():
		c.raw(`,"UDP",`).ip(group)
	case group.IsValid():
		c.raw(`,"UDPv6",`).ip(group)
	case v6:
		c.raw(`,"UDPv6","::"`)
	default:
		c.raw(`,"UDP","0.0.0.0"`)
	}
	// Port 9 is that of the discard service.
	c.raw(",9,").num(int(port)).raw(",2")
	if err := c.start(i, link, c.lim().answer); err != 0 {
		return err
	}
	if c.await(stepFinal, 0, c.lim().grace) != 0 {
		c.late()
	}
	if k := &c.conns[i]; k.state == connRefused {
		k.renew(connNew, k.kind)
		if c.result == resultLost {
			return errNoAnswer
		}
		return errAddrInUse
	}
	return 0
}

// tell makes the module say who has sent what. Without an answer it may do so or not: then
// what it is asked for cannot be read, and read calls tell again.
func (c *chip) tell() fault {
	c.tells = true
	err := c.at("+CIPDINFO=1").run()
	switch err {
	case 0:
		c.told, c.untold = true, false
	case errRefused: // or damaged, if it was taken before
		c.untold = c.told
	default:
		c.untold = true
	}
	return err
}

// pushAll ends the passive mode: 2.0 loses all datagrams in it.
func (c *chip) pushAll() fault {
	err := c.at("+CIPRECVMODE=0").run()
	if err == 0 {
		c.passive = false
		for i := range c.conns {
			c.conns[i].avail = false // it sends what it had
		}
	}
	return err
}

// sendTo sends a datagram.
func (c *chip) sendTo(s *offload.Socket, p []byte, to netip.AddrPort) (bool, fault) {
	i := int(s.Handle)
	k := &c.conns[i]
	if !c.free() {
		k.blocked = c.state() == 0
		return false, c.state()
	}
	if k.state != connOpen {
		return false, c.why(k, errLinkEnded)
	}
	if len(p) == 0 {
		return false, c.because(errEmpty)
	}
	if to.Addr().Is6() != s.V6 {
		return false, c.because(netdev.ErrFamilyNotSupported)
	}
	c.at("+CIPSEND=").num(int(k.link)).char(',').num(len(p)).char(',').ip(to.Addr()).char(',').num(int(to.Port()))
	err := c.deliver(i, p)
	if err == errRefused || err == errDataLost {
		err = c.because(errNotSent)
	}
	return err == 0, err
}

// recvFrom receives a datagram.
func (c *chip) recvFrom(s *offload.Socket, p []byte) (int, netip.AddrPort, bool, fault) {
	i := int(s.Handle)
	k := &c.conns[i]
	c.pump()
	c.awaitNext(i)
	if n, from, ok := c.pool.datagram(i, p); ok {
		return n, from.addrPort(), true, 0
	}
	if err := c.state(); err != 0 {
		return 0, netip.AddrPort{}, false, err
	}
	if k.state == connClosed {
		return 0, netip.AddrPort{}, false, c.why(k, errLinkEnded)
	}
	if k.state != connOpen || !k.avail {
		return 0, netip.AddrPort{}, false, 0
	}
	if !c.free() {
		k.blocked = true
		return 0, netip.AddrPort{}, false, 0
	}
	// Exactly what was announced, which is the first of what has come: more would be
	// the beginning of the next datagram.
	size := int(k.size)
	if size > len(p) {
		return c.recvCut(i, p, size)
	}
	n, err := c.read(i, p, size)
	return n, c.from.addrPort(), n > 0, err
}

// recvCut reads a datagram that is longer than p. Its rest has to be read as
// well, into the pool, since some firmware keeps it for the next read.
func (c *chip) recvCut(i int, p []byte, size int) (int, netip.AddrPort, bool, fault) {
	if c.pool.buf == nil {
		c.makePool()
	}
	whole := c.pool.reserve(size)
	if whole == nil {
		_, err := c.read(i, nil, size) // lost
		return 0, c.from.addrPort(), false, err
	}
	n, err := c.read(i, whole, size)
	n = copy(p, whole[:n])
	c.pool.drop(nobody)
	return n, c.from.addrPort(), n > 0, err
}
