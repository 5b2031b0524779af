package net

import (
	"context"
	"net/netip"
	"syscall"
)

// ResolveUDPAddr returns the address "host:port" as a UDPAddr. network is "udp",
// "udp4" or "udp6". Of several addresses of a host it takes the first IPv4 one.
func ResolveUDPAddr(network, address string) (*UDPAddr, error) {
	if network == "" {
		network = "udp"
	}
	proto, family, err := parseNetwork(network)
	if err != nil || proto != "udp" {
		return nil, UnknownNetworkError(network)
	}
	addr, err := resolveOne(proto, family, address)
	if err != nil {
		return nil, err
	}
	return UDPAddrFromAddrPort(addr), nil
}

// UDPConn is a UDP socket, on the device, in memory or both.
type UDPConn struct {
	conn
	u *udpSocket
}

// DialUDP makes a socket whose peer is raddr. network is "udp", "udp4" or
// "udp6"; laddr may be nil. No IP in raddr means the loopback.
func DialUDP(network string, laddr, raddr *UDPAddr) (*UDPConn, error) {
	var d Dialer
	c, err := d.dialUDPAddr(context.Background(), network, laddr, raddr)
	if err != nil {
		return nil, &OpError{Op: "dial", Net: network, Source: laddr.opAddr(), Addr: raddr.opAddr(), Err: err}
	}
	return c, nil
}

func (d *Dialer) dialUDPAddr(ctx context.Context, network string, laddr, raddr *UDPAddr) (*UDPConn, error) {
	if raddr == nil {
		return nil, errMissingAddress
	}
	if laddr == nil {
		laddr = &UDPAddr{}
	}
	local, remote, err := ends("udp", network, laddr.IP, laddr.Port, laddr.Zone, raddr.IP, raddr.Port, raddr.Zone)
	if err != nil {
		return nil, err
	}
	return d.dialUDP(ctx, network, local, remote)
}

func (d *Dialer) dialUDP(ctx context.Context, network string, local, remote netip.AddrPort) (*UDPConn, error) {
	local, remote, err := d.prepare(ctx, network, local, remote)
	if err != nil {
		return nil, err
	}
	if loopbackInMemory(remote.Addr()) {
		b, err := loopbackBinding(true, local, remote)
		if err != nil {
			return nil, err
		}
		u := newUDPSocket(b)
		u.memory, u.peer = true, remote
		b.inbox, b.peer = u, remote
		if err := b.bind(nil); err != nil {
			return nil, err
		}
		return newUDPConn(u, network, b.local), nil
	}
	dev, err := currentDevice()
	if err != nil {
		return nil, err
	}
	s, err := openSocket(dev, remote.Addr(), sockDgram, protoUDP)
	if err != nil {
		return nil, err
	}
	if !local.Addr().IsValid() {
		local = netip.AddrPortFrom(unspecified(remote.Addr()), 0)
	}
	// Devices want a port of their own before they send.
	u := newUDPSocket(&binding{udp: true, local: local})
	u.dev, u.peer = s, remote
	s.connected, s.peer = true, remote
	if err = u.binding.bind(s); err == nil {
		if err = s.connect(ctx, "", remote); err != nil {
			u.binding.release()
		}
	}
	if err != nil {
		s.abandon()
		return nil, err
	}
	return newUDPConn(u, network, s.localAddr(u.binding.local)), nil
}

// ListenUDP opens a socket at laddr. network is "udp", "udp4" or "udp6". A nil
// laddr or one without an IP stands for all addresses; port 0 is any free one.
func ListenUDP(network string, laddr *UDPAddr) (*UDPConn, error) {
	var lc ListenConfig
	c, err := lc.listenUDPAddr(context.Background(), network, laddr)
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Addr: laddr.opAddr(), Err: err}
	}
	return c, nil
}

func (lc *ListenConfig) listenUDPAddr(ctx context.Context, network string, laddr *UDPAddr) (*UDPConn, error) {
	if laddr == nil {
		laddr = &UDPAddr{}
	}
	b, err := bindingFor("udp", network, laddr.IP, laddr.Port, laddr.Zone)
	if err != nil {
		return nil, err
	}
	u := newUDPSocket(b)
	var device bool
	u.memory, device = b.where()
	if u.memory {
		b.inbox = u
	}
	if device {
		if u.dev, err = openListening(b); err != nil {
			return nil, err
		}
		if u.memory {
			u.dev.pending = u.pending
		}
	}
	if err = lc.control(ctx, network, b.local); err == nil {
		err = b.bind(u.dev)
	}
	if err != nil {
		if u.dev != nil {
			u.dev.abandon()
		}
		return nil, err
	}
	return newUDPConn(u, network, b.local), nil
}

// ListenMulticastUDP fails with errors.ErrUnsupported: devices have no
// multicast sockets.
func ListenMulticastUDP(network string, ifi *Interface, gaddr *UDPAddr) (*UDPConn, error) {
	return nil, &OpError{Op: "listen", Net: network, Addr: gaddr.opAddr(), Err: errNoMulticast}
}

func newUDPConn(u *udpSocket, network string, local netip.AddrPort) *UDPConn {
	c := &UDPConn{conn: conn{sock: u, net: network}, u: u}
	if local.IsValid() {
		c.laddr = UDPAddrFromAddrPort(local)
	}
	if u.peer.IsValid() {
		c.raddr = UDPAddrFromAddrPort(u.peer)
	}
	return c
}

// ReadFromUDPAddrPort waits for a datagram and copies it into b; what does not
// fit is lost. It returns the sender's address, IPv4 in its 4-byte form.
func (c *UDPConn) ReadFromUDPAddrPort(b []byte) (n int, addr netip.AddrPort, err error) {
	if !c.ok() {
		return 0, addr, syscall.EINVAL
	}
	n, addr, err = c.sock.recv(b)
	if err != nil {
		err = c.fail("read", err)
	}
	return n, addr, err
}

// ReadFromUDP is ReadFromUDPAddrPort with the address as a UDPAddr.
func (c *UDPConn) ReadFromUDP(b []byte) (n int, addr *UDPAddr, err error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if from.IsValid() {
		addr = UDPAddrFromAddrPort(from)
	}
	return n, addr, err
}

// ReadFrom is ReadFromUDP.
func (c *UDPConn) ReadFrom(b []byte) (int, Addr, error) {
	n, addr, err := c.ReadFromUDP(b)
	if addr == nil {
		return n, nil, err
	}
	return n, addr, err
}

// ReadMsgUDPAddrPort is ReadFromUDPAddrPort. There is never anything for oob,
// and no flags.
func (c *UDPConn) ReadMsgUDPAddrPort(b, oob []byte) (n, oobn, flags int, addr netip.AddrPort, err error) {
	n, addr, err = c.ReadFromUDPAddrPort(b)
	return n, 0, 0, addr, err
}

// ReadMsgUDP is ReadFromUDP. There is never anything for oob, and no flags.
func (c *UDPConn) ReadMsgUDP(b, oob []byte) (n, oobn, flags int, addr *UDPAddr, err error) {
	n, addr, err = c.ReadFromUDP(b)
	return n, 0, 0, addr, err
}

// WriteToUDPAddrPort sends b to addr as one datagram.
func (c *UDPConn) WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	n, err := c.writeTo(b, unmap(addr))
	if err != nil {
		err = &OpError{Op: "write", Net: c.net, Source: c.laddr, Addr: UDPAddrFromAddrPort(addr), Err: err}
	}
	return n, err
}

// WriteToUDP sends b to addr as one datagram.
func (c *UDPConn) WriteToUDP(b []byte, addr *UDPAddr) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	var to netip.AddrPort
	var err error = errMissingAddress
	if addr != nil {
		to, err = plain(addr.IP, addr.Port, addr.Zone)
	}
	n := 0
	if err == nil {
		if !to.Addr().IsValid() {
			to = netip.AddrPortFrom(unspecified(to.Addr()), to.Port())
		}
		n, err = c.writeTo(b, to)
	}
	if err != nil {
		err = &OpError{Op: "write", Net: c.net, Source: c.laddr, Addr: addr.opAddr(), Err: err}
	}
	return n, err
}

func (c *UDPConn) writeTo(b []byte, to netip.AddrPort) (int, error) {
	switch {
	case c.u.peer.IsValid():
		return 0, ErrWriteToConnected
	case !to.IsValid():
		return 0, errMissingAddress
	}
	return c.u.sendTo(b, to)
}

// WriteTo sends b to addr, a *UDPAddr, as one datagram.
func (c *UDPConn) WriteTo(b []byte, addr Addr) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	a, ok := addr.(*UDPAddr)
	if !ok {
		return 0, &OpError{Op: "write", Net: c.net, Source: c.laddr, Addr: addr, Err: syscall.EINVAL}
	}
	return c.WriteToUDP(b, a)
}

// WriteMsgUDPAddrPort is WriteToUDPAddrPort, or Write on a connected socket if
// addr is the zero AddrPort. oob must be empty.
func (c *UDPConn) WriteMsgUDPAddrPort(b, oob []byte, addr netip.AddrPort) (n, oobn int, err error) {
	switch {
	case !c.ok():
		return 0, 0, syscall.EINVAL
	case len(oob) > 0:
		return 0, 0, c.fail("write", errNoControl)
	case c.u.peer.IsValid() && !addr.IsValid():
		n, err = c.Write(b)
	default:
		n, err = c.WriteToUDPAddrPort(b, addr)
	}
	return n, 0, err
}

// WriteMsgUDP is WriteToUDP, or Write on a connected socket if addr is nil. oob
// must be empty.
func (c *UDPConn) WriteMsgUDP(b, oob []byte, addr *UDPAddr) (n, oobn int, err error) {
	switch {
	case !c.ok():
		return 0, 0, syscall.EINVAL
	case len(oob) > 0:
		return 0, 0, c.fail("write", errNoControl)
	case c.u.peer.IsValid() && addr == nil:
		n, err = c.Write(b)
	default:
		n, err = c.WriteToUDP(b, addr)
	}
	return n, 0, err
}
