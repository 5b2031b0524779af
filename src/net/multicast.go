package net

import "net/netip"

// ListenMulticastUDP opens a socket that receives what is sent to the multicast
// group gaddr, and to its port at any other address. network is "udp", "udp4" or
// "udp6". Others may listen at the port too. The group is joined on the interface
// ifi, or where the device chooses if that is nil.
func ListenMulticastUDP(network string, ifi *Interface, gaddr *UDPAddr) (*UDPConn, error) {
	c, err := listenMulticast(network, ifi, gaddr)
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Addr: gaddr.opAddr(), Err: err}
	}
	return c, nil
}

func listenMulticast(network string, ifi *Interface, gaddr *UDPAddr) (*UDPConn, error) {
	if proto, _, err := parseNetwork(network); err != nil || proto != "udp" {
		return nil, UnknownNetworkError(network)
	}
	if gaddr == nil || gaddr.IP == nil {
		return nil, errMissingAddress
	}
	group, ok := netip.AddrFromSlice(gaddr.IP)
	if !ok || !group.IsMulticast() {
		return nil, &AddrError{Err: "not a multicast address", Addr: gaddr.IP.String()}
	}
	index := 0
	if ifi != nil {
		index = ifi.Index
	}
	var lc ListenConfig
	return lc.listenGroup(network, gaddr, func(s *devSocket) error { return s.joinGroup(group.Unmap(), index) })
}

// listenGroup opens a socket at the port of a multicast address, which it shares
// with others. join, if not nil, joins the group.
func (lc *ListenConfig) listenGroup(network string, gaddr *UDPAddr, join func(*devSocket) error) (*UDPConn, error) {
	b, err := bindingFor("udp", network, gaddr.IP, gaddr.Port, gaddr.Zone)
	if err != nil {
		return nil, err
	}
	b.local = netip.AddrPortFrom(unspecified(b.local.Addr()), b.local.Port())
	u := newUDPSocket(b)
	if u.dev, err = b.open(); err != nil {
		return nil, err
	}
	u.dev.setOption(solSocket, soReuseaddr, true) // a device may do without
	if err = lc.control(network, b.domain(), gaddr, u.dev); err == nil {
		err = b.bind(u.dev)
	}
	if err == nil && join != nil {
		err = join(u.dev)
	}
	if err != nil {
		b.release()
		u.dev.abandon()
		return nil, err
	}
	return newUDPConn(u, network, b.local), nil
}

func (s *devSocket) joinGroup(group netip.Addr, ifIndex int) error {
	d, ok := s.dev.(multicaster)
	if !ok {
		return errNoMulticast
	}
	err := s.enter(0)
	if err == nil {
		err = callJoinGroup(d, s.fd, group, ifIndex)
		s.leave(0)
	}
	return err
}
