package net

import (
	"context"
	"net/netip"
	"syscall"
	"time"
)

// Listen listens for connections at address, "host:port". network is "tcp",
// "tcp4" or "tcp6". No host stands for all addresses, of the loopback and of
// the device; port 0 is any free one, which Addr tells. Of several addresses
// of a host it takes one.
func Listen(network, address string) (Listener, error) {
	if len(network) == 3 && network[0] == 't' && network[1] == 'c' && network[2] == 'p' {
		if len(address) > 0 && address[0] == ':' {
			// As constant as the network, often: then no look-up of hosts is
			// in the program.
			return listenTCPPort(network, address)
		}
		var none context.Context // see Dial
		return (*ListenConfig)(nil).listenTCPName(none, network, 0, address)
	}
	var lc ListenConfig
	return lc.Listen(context.Background(), network, address)
}

// ListenPacket opens a socket for datagrams at address, "host:port". network is
// "udp", "udp4" or "udp6". The address is as in Listen.
func ListenPacket(network, address string) (PacketConn, error) {
	var lc ListenConfig
	return lc.ListenPacket(context.Background(), network, address)
}

// ListenConfig is how to listen. The zero ListenConfig is Listen.
type ListenConfig struct {
	// Control, if not nil, is called with the new socket before it is bound,
	// and its error ends the attempt. The RawConn's methods fail where the
	// socket has no descriptor.
	Control func(network, address string, c syscall.RawConn) error

	// KeepAlive is how long accepted connections are idle before they are
	// probed: 15 s if it is 0, and no probes if it is negative.
	KeepAlive time.Duration

	// KeepAliveConfig, if enabled, is used in place of KeepAlive.
	KeepAliveConfig KeepAliveConfig

	multipath bool
}

// MultipathTCP returns what SetMultipathTCP has set.
func (lc *ListenConfig) MultipathTCP() bool { return lc.multipath }

// SetMultipathTCP asks for multipath TCP. Devices do not have it: TCP is used.
func (lc *ListenConfig) SetMultipathTCP(use bool) { lc.multipath = use }

// bindingFor returns the binding for a socket that listens at an address.
func bindingFor(proto, network string, ip IP, port int, zone string) (*binding, error) {
	p, family, err := parseNetwork(network)
	if err != nil || p != proto {
		return nil, UnknownNetworkError(network)
	}
	at, err := plain(ip, port, zone)
	if err != nil {
		return nil, err
	}
	if !isWildcard(at.Addr()) && !inFamily(at.Addr(), family) {
		return nil, &AddrError{Err: errNoSuitableAddress.Error(), Addr: ip.String()}
	}
	return newBinding(proto == "udp", family, at), nil
}

// control calls the Control function, for a socket that is going to be bound to
// at. s is nil if it is in memory.
func (lc *ListenConfig) control(network string, family netip.Addr, at Addr, s *devSocket) error {
	if lc.Control == nil {
		return nil
	}
	return lc.Control(withFamily(network, family), at.String(), controlConn(s, network))
}

// withFamily returns network with the family of addr, as "tcp4".
func withFamily(network string, addr netip.Addr) string {
	if len(network) == 3 {
		if addr.Is4() {
			return network + "4"
		}
		return network + "6"
	}
	return network
}

// Listen is the function Listen with a context that bounds the look-up of the
// address. It does not end the listener.
func (lc *ListenConfig) Listen(ctx context.Context, network, address string) (Listener, error) {
	proto, family, err := parseNetwork(network)
	switch {
	case err != nil:
		return nil, listenError(network, err)
	case proto == "tcp":
		return lc.listenTCPName(ctx, network, family, address)
	case proto == "unix":
		return lc.listenUnixName(network, address)
	}
	if _, _, err := DefaultResolver.resolve(ctx, proto, family, address); err != nil {
		return nil, listenError(network, err)
	}
	return nil, listenError(network, &AddrError{Err: "unexpected address type", Addr: address})
}

func listenError(network string, err error) error {
	return &OpError{Op: "listen", Net: network, Err: err}
}

// listenTCPName listens at "host:port". lc and ctx may be nil.
func (lc *ListenConfig) listenTCPName(ctx context.Context, network string, family byte, address string) (Listener, error) {
	addrs, _, err := DefaultResolver.resolve(ctx, "tcp", family, address)
	if err != nil {
		return nil, listenError(network, err)
	}
	return lc.listenTCPAt(network, family, prefer4(addrs))
}

// listenTCPPort is listenTCPName for an address without a host.
//
// It is not part of its caller, which is main, often: what is left in the frame of a
// function that goes on for ever keeps memory for ever.
//
//go:noinline
func listenTCPPort(network, address string) (Listener, error) {
	_, port, err := splitPort("tcp", address)
	if err != nil {
		return nil, listenError(network, err)
	}
	return (*ListenConfig)(nil).listenTCPAt(network, 0, netip.AddrPortFrom(netip.Addr{}, uint16(port)))
}

func (lc *ListenConfig) listenTCPAt(network string, family byte, at netip.AddrPort) (Listener, error) {
	l, err := lc.listenTCP(network, newBinding(false, family, at), at)
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Addr: TCPAddrFromAddrPort(at), Err: err}
	}
	return l, nil
}

// ListenPacket is the function ListenPacket with a context that bounds the
// look-up of the address. It does not end the socket.
func (lc *ListenConfig) ListenPacket(ctx context.Context, network, address string) (PacketConn, error) {
	proto, at, err := lc.resolve(ctx, network, address)
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Err: err}
	}
	switch proto {
	case "udp":
		laddr := UDPAddrFromAddrPort(at)
		c, err := lc.listenUDPAddr(ctx, network, laddr)
		if err != nil {
			return nil, &OpError{Op: "listen", Net: network, Addr: laddr, Err: err}
		}
		return c, nil
	case "ip":
		return lc.listenIPAddr(network, &IPAddr{IP: at.Addr().AsSlice(), Zone: at.Addr().Zone()})
	case "unix":
		return lc.listenUnixgramName(network, address)
	}
	return nil, &OpError{Op: "listen", Net: network, Err: &AddrError{Err: "unexpected address type", Addr: address}}
}

// resolve returns the protocol and the address to listen at.
func (lc *ListenConfig) resolve(ctx context.Context, network, address string) (proto string, at netip.AddrPort, err error) {
	proto, family, err := parseNetwork(network)
	if err != nil || proto == "unix" {
		return proto, at, err
	}
	addrs, _, err := DefaultResolver.resolve(ctx, proto, family, address)
	if err != nil {
		return proto, at, err
	}
	return proto, prefer4(addrs), nil
}
