package net

import (
	"context"
	"net/netip"
	"unsafe"
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
}

// udp returns the socket behind c, which must be ok.
func (c *UDPConn) udp() *udpSocket { return (*udpSocket)(c.state().other) }

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
	local, remote, err := prepare(ctx, network, local, remote)
	if err != nil {
		return nil, err
	}
	if loopbackInMemory(remote.Addr()) {
		if err := d.control(ctx, network, remote, nil); err != nil {
			return nil, err
		}
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
	bind := local.Addr().IsValid()
	if !bind {
		// Plain devices want a port of their own before they send.
		local, bind = netip.AddrPortFrom(unspecified(remote.Addr()), 0), !s.tells()
	}
	u := newUDPSocket(&binding{udp: true, local: local})
	u.dev, u.peer = s, remote
	s.connected = true
	s.setPeer(remote)
	err = d.control(ctx, network, remote, s)
	if err == nil && bind {
		err = u.binding.bind(s)
	}
	if err == nil {
		err = s.connect(ctx, "", remote)
	}
	if err != nil {
		u.binding.release()
		s.abandon()
		return nil, err
	}
	return newUDPConn(u, network, s.localAddr(u.binding.local, remote.Addr())), nil
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
	if laddr.IP.IsMulticast() {
		return lc.listenGroup(network, laddr, nil)
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
		if u.dev, err = b.open(); err != nil {
			return nil, err
		}
		if u.memory {
			u.dev.pending = u.pending
		}
	}
	if err = lc.control(network, b.domain(), laddr, u.dev); err == nil {
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

func newUDPConn(u *udpSocket, network string, local netip.AddrPort) *UDPConn {
	s := &connState{socket: socket{ops: &udpOps, other: unsafe.Pointer(u)}, net: network}
	if local.IsValid() {
		s.laddr = UDPAddrFromAddrPort(local)
	}
	if u.peer.IsValid() {
		s.raddr = UDPAddrFromAddrPort(u.peer)
	}
	return &UDPConn{conn{unsafe.Pointer(s)}}
}

// ReadFromUDPAddrPort waits for a datagram and copies it into b; what does not
// fit is lost. It returns the sender's address, IPv4 in its 4-byte form.
func (c *UDPConn) ReadFromUDPAddrPort(b []byte) (n int, addr netip.AddrPort, err error) {
	if !c.ok() {
		return 0, addr, errInvalid
	}
	n, addr, err = c.udp().recvFrom(b)
	if err != nil {
		err = c.fail("read", err)
	}
	return n, addr, err
}

// ReadFromUDP is ReadFromUDPAddrPort with the address as a UDPAddr.
func (c *UDPConn) ReadFromUDP(b []byte) (n int, addr *UDPAddr, err error) {
	// Inlined, the UDPAddr can live on the caller's stack.
	return c.readFromUDP(b, &UDPAddr{})
}

func (c *UDPConn) readFromUDP(b []byte, addr *UDPAddr) (int, *UDPAddr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if !from.IsValid() {
		return n, nil, err
	}
	addr.IP, addr.Port, addr.Zone = from.Addr().AsSlice(), int(from.Port()), from.Addr().Zone()
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

// ReadMsgUDPAddrPort is ReadFromUDPAddrPort with the control messages that came
// along, which it puts into oob: oobn bytes of them. flags are those of
// recvmsg(2). Where the socket has no descriptor there are neither.
func (c *UDPConn) ReadMsgUDPAddrPort(b, oob []byte) (n, oobn, flags int, addr netip.AddrPort, err error) {
	if c.hasMsgs() { // also for the flags
		if n, oobn, flags, addr, err = c.udp().dev.recvAddrMsg(b, oob); err != nil {
			err = c.fail("read", err)
		}
		return n, oobn, flags, addr, err
	}
	n, addr, err = c.ReadFromUDPAddrPort(b)
	return n, 0, 0, addr, err
}

// ReadMsgUDP is ReadMsgUDPAddrPort with the address as a UDPAddr.
func (c *UDPConn) ReadMsgUDP(b, oob []byte) (n, oobn, flags int, addr *UDPAddr, err error) {
	n, oobn, flags, from, err := c.ReadMsgUDPAddrPort(b, oob)
	if from.IsValid() {
		addr = UDPAddrFromAddrPort(from)
	}
	return n, oobn, flags, addr, err
}

// hasMsgs reports whether control messages can be sent and received.
func (c *UDPConn) hasMsgs() bool {
	if !c.ok() {
		return false
	}
	u := c.udp()
	return u.dev != nil && !u.memory && u.dev.hasMsgs()
}

// WriteToUDPAddrPort sends b to addr as one datagram.
func (c *UDPConn) WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	if !c.ok() {
		return 0, errInvalid
	}
	n, err := c.writeTo(b, unmap(addr))
	if err != nil {
		err = &OpError{Op: "write", Net: c.state().net, Source: c.state().laddr, Addr: UDPAddrFromAddrPort(addr), Err: err}
	}
	return n, err
}

// WriteToUDP sends b to addr as one datagram.
func (c *UDPConn) WriteToUDP(b []byte, addr *UDPAddr) (int, error) {
	if !c.ok() {
		return 0, errInvalid
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
		err = &OpError{Op: "write", Net: c.state().net, Source: c.state().laddr, Addr: addr.opAddr(), Err: err}
	}
	return n, err
}

func (c *UDPConn) writeTo(b []byte, to netip.AddrPort) (int, error) {
	switch {
	case c.udp().peer.IsValid():
		return 0, ErrWriteToConnected
	case !to.IsValid():
		return 0, errMissingAddress
	}
	return c.udp().sendTo(b, to)
}

// WriteTo sends b to addr, a *UDPAddr, as one datagram.
func (c *UDPConn) WriteTo(b []byte, addr Addr) (int, error) {
	if !c.ok() {
		return 0, errInvalid
	}
	a, ok := addr.(*UDPAddr)
	if !ok {
		return 0, &OpError{Op: "write", Net: c.state().net, Source: c.state().laddr, Addr: addr, Err: errInvalid}
	}
	return c.WriteToUDP(b, a)
}

// WriteMsgUDPAddrPort is WriteToUDPAddrPort, or Write on a connected socket if
// addr is the zero AddrPort, with the control messages in oob. It returns how
// many bytes of each it sent. Where the socket has no descriptor oob must be
// empty.
func (c *UDPConn) WriteMsgUDPAddrPort(b, oob []byte, addr netip.AddrPort) (n, oobn int, err error) {
	if !c.ok() {
		return 0, 0, errInvalid
	}
	n, oobn, err = c.writeMsg(b, oob, unmap(addr), addr.IsValid())
	if err != nil {
		var to Addr
		if addr.IsValid() {
			to = UDPAddrFromAddrPort(addr)
		}
		err = &OpError{Op: "write", Net: c.state().net, Source: c.state().laddr, Addr: to, Err: err}
	}
	return n, oobn, err
}

// WriteMsgUDP is WriteMsgUDPAddrPort with the address as a UDPAddr, or nil.
func (c *UDPConn) WriteMsgUDP(b, oob []byte, addr *UDPAddr) (n, oobn int, err error) {
	if !c.ok() {
		return 0, 0, errInvalid
	}
	var to netip.AddrPort
	if addr != nil {
		to, err = plain(addr.IP, addr.Port, addr.Zone)
		if !to.Addr().IsValid() {
			to = netip.AddrPortFrom(unspecified(to.Addr()), to.Port())
		}
	}
	if err == nil {
		n, oobn, err = c.writeMsg(b, oob, to, addr != nil)
	}
	if err != nil {
		err = &OpError{Op: "write", Net: c.state().net, Source: c.state().laddr, Addr: addr.opAddr(), Err: err}
	}
	return n, oobn, err
}

// writeMsg sends to the address to if it is given, or else to the peer.
func (c *UDPConn) writeMsg(b, oob []byte, to netip.AddrPort, given bool) (n, oobn int, err error) {
	switch connected := c.udp().peer.IsValid(); {
	case connected && given:
		return 0, 0, ErrWriteToConnected
	case !connected && !given:
		return 0, 0, errMissingAddress
	case len(oob) > 0 && !c.hasMsgs():
		return 0, 0, errNoControl
	case len(oob) > 0:
		return c.udp().dev.sendAddrMsg(b, oob, to)
	case connected:
		n, err = c.udp().send(b)
	default:
		n, err = c.udp().sendTo(b, to)
	}
	return n, 0, err
}
