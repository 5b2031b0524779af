package net

import (
	"context"
	"net/netip"
	"unsafe"
)

// IPConn is a raw IP socket. Few devices have them, and none of TinyGo's: there
// what would make one fails with errors.ErrUnsupported.
type IPConn struct {
	conn
}

// ResolveIPAddr returns the address of a host. network is "ip", "ip4" or "ip6",
// perhaps with a protocol after a colon. Of several addresses it takes the
// first IPv4 one.
func ResolveIPAddr(network, address string) (*IPAddr, error) {
	if network == "" {
		network = "ip"
	}
	proto, family, ok := parseIPNetwork(network)
	if !ok {
		var err error
		if proto, family, err = parseNetwork(network); err != nil || proto != "ip" {
			return nil, UnknownNetworkError(network)
		}
	}
	addr, err := resolveOne(proto, family, address)
	if err != nil {
		return nil, err
	}
	return newIPAddr(addr), nil
}

func newIPAddr(addr netip.AddrPort) *IPAddr {
	return &IPAddr{IP: addr.Addr().AsSlice(), Zone: addr.Addr().Zone()}
}

// DialIP makes a socket whose peer is raddr. network is "ip", "ip4" or "ip6"
// with an IP protocol after a colon; laddr may be nil.
func DialIP(network string, laddr, raddr *IPAddr) (*IPConn, error) {
	var d Dialer
	return d.dialIPAddr(context.Background(), network, laddr, raddr)
}

func (d *Dialer) dialIPAddr(ctx context.Context, network string, laddr, raddr *IPAddr) (*IPConn, error) {
	var local, remote netip.AddrPort
	var err error = errMissingAddress
	if raddr != nil {
		remote, err = plain(raddr.IP, 0, raddr.Zone)
	}
	if err == nil && laddr != nil {
		local, err = plain(laddr.IP, 0, laddr.Zone)
	}
	var c *IPConn
	if err == nil {
		c, err = d.dialRaw(ctx, network, local, remote)
	}
	if err != nil {
		return nil, &OpError{Op: "dial", Net: network, Source: laddr.opAddr(), Addr: raddr.opAddr(), Err: err}
	}
	return c, nil
}

func (d *Dialer) dialRaw(ctx context.Context, network string, local, remote netip.AddrPort) (*IPConn, error) {
	family, proto, err := parseRawNetwork(network)
	if err != nil {
		return nil, err
	}
	for _, a := range [...]netip.Addr{local.Addr(), remote.Addr()} {
		if !isWildcard(a) && !inFamily(a, family) {
			return nil, &AddrError{Err: errNoSuitableAddress.Error(), Addr: a.String()}
		}
	}
	if local, remote, err = prepare(ctx, network[:2]+string(family), local, remote); err != nil {
		return nil, err
	}
	s, err := openRaw(remote.Addr(), proto)
	if err != nil {
		return nil, err
	}
	if d.Control != nil || d.ControlContext != nil {
		err = d.callControl(ctx, rawFamily(network, remote.Addr()), remote.Addr().String(), controlConn(s, network))
	}
	if err == nil && local.Addr().IsValid() {
		err = s.bind(local)
	}
	if err == nil {
		err = s.connect(ctx, "", remote)
	}
	if err != nil {
		s.abandon()
		return nil, err
	}
	s.connected = true
	s.setPeer(remote)
	return newIPConn(s, network, s.localAddr(local, remote.Addr()), remote), nil
}

// ListenIP opens a socket at laddr. network is "ip", "ip4" or "ip6" with an IP
// protocol after a colon. A nil laddr or one without an IP stands for all
// addresses.
func ListenIP(network string, laddr *IPAddr) (*IPConn, error) {
	var lc ListenConfig
	c, err := lc.listenRaw(network, laddr)
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Addr: laddr.opAddr(), Err: err}
	}
	return c, nil
}

func (lc *ListenConfig) listenRaw(network string, laddr *IPAddr) (*IPConn, error) {
	family, proto, err := parseRawNetwork(network)
	if err != nil {
		return nil, err
	}
	if laddr == nil {
		laddr = &IPAddr{}
	}
	local, err := plain(laddr.IP, 0, laddr.Zone)
	if err != nil {
		return nil, err
	}
	if isWildcard(local.Addr()) {
		all := netip.IPv6Unspecified()
		if family == '4' {
			all = netip.IPv4Unspecified()
		}
		local = netip.AddrPortFrom(all, 0)
	} else if !inFamily(local.Addr(), family) {
		return nil, &AddrError{Err: errNoSuitableAddress.Error(), Addr: laddr.String()}
	}
	s, err := openRaw(local.Addr(), proto)
	if err != nil {
		return nil, err
	}
	if lc.Control != nil {
		err = lc.Control(rawFamily(network, local.Addr()), laddr.String(), controlConn(s, network))
	}
	if err == nil {
		err = s.bind(local)
	}
	if err != nil {
		s.abandon()
		return nil, err
	}
	return newIPConn(s, network, s.localAddr(local, netip.Addr{}), netip.AddrPort{}), nil
}

func newIPConn(s *devSocket, network string, local, remote netip.AddrPort) *IPConn {
	c := &connState{socket: socketOn(s), net: network}
	if local.IsValid() {
		c.laddr = newIPAddr(local)
	}
	if remote.IsValid() {
		c.raddr = newIPAddr(remote)
	}
	return &IPConn{conn{unsafe.Pointer(c)}}
}

func openRaw(addr netip.Addr, proto int) (*devSocket, error) {
	dev, err := currentDevice()
	if err != nil {
		return nil, errNoRawIP
	}
	return openSocket(dev, addr, sockRaw, proto)
}

// parseRawNetwork splits a network as "ip4:icmp" into the family, '4', '6' or 0
// for any, and the protocol.
func parseRawNetwork(network string) (family byte, proto int, err error) {
	for i := range network {
		if network[i] != ':' {
			continue
		}
		_, family, ok := parseIPNetwork(network[:i])
		if !ok {
			break
		}
		proto, named := parsePort(network[i+1:])
		if named {
			if proto = ipProtocol(network[i+1:]); proto == 0 {
				return 0, 0, &AddrError{Err: "unknown IP protocol specified", Addr: network[i+1:]}
			}
		}
		return family, proto, nil
	}
	return 0, 0, UnknownNetworkError(network)
}

// ipProtocol returns the number of an IP protocol, or 0.
func ipProtocol(name string) int {
	switch lowerASCII(name) {
	case "icmp":
		return 1
	case "igmp":
		return 2
	case "tcp":
		return 6
	case "udp":
		return 17
	case "ipv6-icmp":
		return 58
	}
	return 0
}

// rawFamily returns network with the family of addr, as "ip4:icmp".
func rawFamily(network string, addr netip.Addr) string {
	if len(network) > 2 && network[2] != ':' {
		return network
	}
	family := "4"
	if addr.Is6() {
		family = "6"
	}
	return network[:2] + family + network[2:]
}

// dev returns the socket, which is always the device's.
func (c *IPConn) dev() *devSocket { return c.state().device() }

// ReadFromIP waits for a packet and copies what is in it into b; what does not
// fit is lost. It returns the sender's address.
func (c *IPConn) ReadFromIP(b []byte) (int, *IPAddr, error) {
	if !c.ok() {
		return 0, nil, errInvalid
	}
	n, from, err := c.dev().recvFrom(b)
	if err != nil {
		return n, nil, c.fail("read", err)
	}
	return withoutHeader(b, n, from), newIPAddr(from), nil
}

// withoutHeader removes the header of an IPv4 packet, which comes with what is
// in it. b[:n] is the packet; it returns how much is left.
func withoutHeader(b []byte, n int, from netip.AddrPort) int {
	if n < 20 || !from.Addr().Is4() || b[0]>>4 != 4 {
		return n
	}
	header := int(b[0]&0xF) * 4
	if header < 20 || header > n {
		return n
	}
	return copy(b, b[header:n])
}

// ReadFrom is ReadFromIP.
func (c *IPConn) ReadFrom(b []byte) (int, Addr, error) {
	n, addr, err := c.ReadFromIP(b)
	return n, addr.opAddr(), err
}

// ReadMsgIP waits for a packet and copies it into b, its header included if it
// is an IPv4 packet, and the control messages that came along into oob: oobn
// bytes of them. flags are those of recvmsg(2).
func (c *IPConn) ReadMsgIP(b, oob []byte) (n, oobn, flags int, addr *IPAddr, err error) {
	if !c.ok() {
		return 0, 0, 0, nil, errInvalid
	}
	n, oobn, flags, from, err := c.dev().recvAddrMsg(b, oob)
	if err != nil {
		return n, oobn, flags, nil, c.fail("read", err)
	}
	return n, oobn, flags, newIPAddr(from), nil
}

// WriteToIP sends a packet with b in it to addr.
func (c *IPConn) WriteToIP(b []byte, addr *IPAddr) (int, error) {
	if !c.ok() {
		return 0, errInvalid
	}
	to, err := c.mayWriteTo(addr)
	n := 0
	if err == nil {
		n, err = c.dev().sendTo(b, to)
	}
	if err != nil {
		err = &OpError{Op: "write", Net: c.state().net, Source: c.state().laddr, Addr: addr.opAddr(), Err: err}
	}
	return n, err
}

func (c *IPConn) mayWriteTo(addr *IPAddr) (netip.AddrPort, error) {
	switch {
	case c.dev().connected:
		return netip.AddrPort{}, ErrWriteToConnected
	case addr == nil:
		return netip.AddrPort{}, errMissingAddress
	}
	to, err := plain(addr.IP, 0, addr.Zone)
	if err == nil && !to.Addr().IsValid() {
		to = netip.AddrPortFrom(unspecified(to.Addr()), 0)
	}
	return to, err
}

// WriteTo sends a packet with b in it to addr, an *IPAddr.
func (c *IPConn) WriteTo(b []byte, addr Addr) (int, error) {
	if !c.ok() {
		return 0, errInvalid
	}
	a, ok := addr.(*IPAddr)
	if !ok {
		return 0, &OpError{Op: "write", Net: c.state().net, Source: c.state().laddr, Addr: addr, Err: errInvalid}
	}
	return c.WriteToIP(b, a)
}

// WriteMsgIP is WriteToIP with the control messages in oob. It returns how many
// bytes of each it sent.
func (c *IPConn) WriteMsgIP(b, oob []byte, addr *IPAddr) (n, oobn int, err error) {
	if !c.ok() {
		return 0, 0, errInvalid
	}
	to, err := c.mayWriteTo(addr)
	if err == nil {
		n, oobn, err = c.dev().sendAddrMsg(b, oob, to)
	}
	if err != nil {
		err = &OpError{Op: "write", Net: c.state().net, Source: c.state().laddr, Addr: addr.opAddr(), Err: err}
	}
	return n, oobn, err
}
