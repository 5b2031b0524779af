package net

import (
	"context"
	"net/netip"
	"syscall"
	"time"
)

// Dialer is how to connect. The zero Dialer is Dial. Its methods may be called
// by several goroutines at once.
type Dialer struct {
	// Timeout is how long it may take, the look-up of the name included. 0 is
	// no limit but the device's own. Several addresses share the time.
	Timeout time.Duration

	// Deadline is when it fails at the latest. The zero time is no limit.
	Deadline time.Time

	// LocalAddr is the local address, of the network's type, or nil.
	LocalAddr Addr

	// DualStack changes nothing.
	//
	// Deprecated: it is for programs that name it.
	DualStack bool

	// FallbackDelay is how long the addresses of one family are tried before
	// those of the other are tried as well (RFC 8305): 300 ms if it is 0. If
	// it is negative, and with TinyGo since boards have few sockets, the
	// addresses are tried one after the other.
	FallbackDelay time.Duration

	// KeepAlive is how long a TCP connection is idle before it is probed:
	// 15 s if it is 0, and no probes if it is negative. A device that cannot
	// probe does without.
	KeepAlive time.Duration

	// KeepAliveConfig, if enabled, is used in place of KeepAlive.
	KeepAliveConfig KeepAliveConfig

	// Resolver looks up the name; nil is DefaultResolver.
	Resolver *Resolver

	// Cancel ends the attempt when it is closed.
	//
	// Deprecated: use DialContext.
	Cancel <-chan struct{}

	// Control, if not nil, is called with the new socket before it connects,
	// and its error ends the attempt. The RawConn's methods fail where the
	// socket has no descriptor.
	Control func(network, address string, c syscall.RawConn) error

	// ControlContext, if not nil, is used in place of Control.
	ControlContext func(ctx context.Context, network, address string, c syscall.RawConn) error

	multipath bool
	tls       bool // the device is to encrypt: see dialTLS
}

// MultipathTCP returns what SetMultipathTCP has set.
func (d *Dialer) MultipathTCP() bool { return d.multipath }

// SetMultipathTCP asks for multipath TCP. Devices do not have it: TCP is used.
func (d *Dialer) SetMultipathTCP(use bool) { d.multipath = use }

// Dial connects to address. network is "tcp" or "udp", either with a 4 or 6 for
// one family of addresses. address is "host:port", where the port is a number
// or the name of a service, and no host means the loopback. The addresses of
// a host are tried in turn, with "tcp" one family first and the other beside it
// if that takes long.
//
// Where the device has such sockets, network may also be "unix", "unixgram" or
// "unixpacket", where address is a path, and "ip", "ip4" or "ip6" followed by a
// colon and an IP protocol's number or name, where address is a host.
func Dial(network, address string) (Conn, error) {
	if len(network) == 3 && network[0] == 't' && network[1] == 'c' && network[2] == 'p' {
		// The network is a constant in most programs. TinyGo computes this form
		// of the comparison, and the program is without all other networks then,
		// and without package context.
		return dialPlain(network, address)
	}
	var d Dialer
	return d.dial(context.Background(), nil, network, address)
}

// dialPlain is Dial for the network "tcp".
func dialPlain(network, address string) (Conn, error) {
	if address == "" {
		return nil, dialError(network, errMissingAddress)
	}
	var none context.Context
	addrs, host, err := DefaultResolver.resolve(none, "tcp", 0, address)
	if err != nil {
		return nil, dialError(network, err)
	}
	return tryPlain(network, host, anyFamily(addrs))
}

// anyFamily returns addrs or, if that is "::", this machine in either family.
func anyFamily(addrs []netip.AddrPort) []netip.AddrPort {
	if len(addrs) == 1 && addrs[0].Addr() == netip.IPv6Unspecified() {
		addrs = append(addrs, netip.AddrPortFrom(netip.IPv4Unspecified(), addrs[0].Port()))
	}
	return addrs
}

// DialTimeout is Dial with a limit of time, the look-up of the name included.
func DialTimeout(network, address string, timeout time.Duration) (Conn, error) {
	d := Dialer{Timeout: timeout}
	return d.DialContext(context.Background(), network, address)
}

// Dial is DialContext without a context.
func (d *Dialer) Dial(network, address string) (Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects to address, as the function Dial does. If ctx ends
// before the connection is made it fails; afterwards ctx has no effect.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (Conn, error) {
	if ctx == nil {
		panic("net: nil context")
	}
	ctx, cancel := d.limit(ctx)
	defer cancel()
	return d.dial(ctx, context.WithTimeout, network, address)
}

// limiter is the type of context.WithTimeout. The function Dial, whose context
// has no end, has none: a program that only dials is without the greater part of
// package context then, and without the printing of times that comes with it.
type limiter func(context.Context, time.Duration) (context.Context, context.CancelFunc)

// dial is DialContext within the Dialer's limits. within may be nil if ctx has no
// deadline.
func (d *Dialer) dial(ctx context.Context, within limiter, network, address string) (Conn, error) {
	proto, family, err := parseNetwork(network)
	if err != nil {
		return nil, dialError(network, err)
	}
	var one dialFunc
	switch proto {
	case "tcp":
		one = (*Dialer).dialOneTCP
	case "udp":
		one = (*Dialer).dialOneUDP
	case "ip":
		one = (*Dialer).dialOneIP
	default:
		if address == "" {
			return nil, dialError(network, errMissingAddress)
		}
		return d.dialUnixName(ctx, network, address)
	}
	return d.dialNames(ctx, within, network, proto, family, address, one)
}

func dialError(network string, err error) error {
	return &OpError{Op: "dial", Net: network, Err: err}
}

// dialFunc connects to one address. host is the name that it was looked up from,
// or empty. For the function Dial, which calls dialOneTCP itself, d, ctx and local are
// nil.
type dialFunc func(d *Dialer, ctx context.Context, network, host string, local *netip.AddrPort, remote netip.AddrPort) (Conn, error)

// dialNames connects by one to the addresses that address stands for.
func (d *Dialer) dialNames(ctx context.Context, within limiter, network, proto string, family byte, address string, one dialFunc) (Conn, error) {
	if address == "" {
		return nil, dialError(network, errMissingAddress)
	}
	r := d.Resolver
	if r == nil {
		r = DefaultResolver
	}
	addrs, host, err := r.resolve(untraceConnects(ctx), proto, family, address)
	if err != nil {
		return nil, dialError(network, err)
	}
	if family == 0 {
		addrs = anyFamily(addrs)
	}
	local, err := d.local(proto)
	if err != nil {
		return nil, dialError(network, err)
	}
	if family == '4' && local.Addr().Is6() {
		return nil, dialError(network, &AddrError{Err: "non-IPv4 address", Addr: d.LocalAddr.String()})
	}
	if !isWildcard(local.Addr()) {
		if addrs = sameFamily(addrs, local.Addr()); addrs == nil {
			return nil, dialError(network, &AddrError{Err: errNoSuitableAddress.Error(), Addr: d.LocalAddr.String()})
		}
	}
	return d.tryFamilies(ctx, network, addrs, func(ctx context.Context, addrs []netip.AddrPort) (Conn, error) {
		return dialSerial(ctx, within, addrs, func(ctx context.Context, remote netip.AddrPort) (Conn, error) {
			return one(d, ctx, network, host, &local, remote)
		})
	})
}

// limit returns ctx with the Dialer's own limits.
func (d *Dialer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline := d.Deadline
	if d.Timeout != 0 {
		if t := time.Now().Add(d.Timeout); deadline.IsZero() || t.Before(deadline) {
			deadline = t
		}
	}
	cancel := func() {}
	if !deadline.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, deadline)
	}
	if d.Cancel != nil {
		outer := cancel
		var inner context.CancelFunc
		ctx, inner = context.WithCancel(ctx)
		cancel = func() { inner(); outer() }
		go func() {
			select {
			case <-d.Cancel:
				inner()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, cancel
}

// local returns d.LocalAddr, which must be of the protocol's type.
func (d *Dialer) local(proto string) (netip.AddrPort, error) {
	switch a := d.LocalAddr.(type) {
	case nil:
		return netip.AddrPort{}, nil
	case *TCPAddr:
		if proto == "tcp" && a != nil {
			return plain(a.IP, a.Port, a.Zone)
		}
	case *UDPAddr:
		if proto == "udp" && a != nil {
			return plain(a.IP, a.Port, a.Zone)
		}
	case *IPAddr:
		if proto == "ip" && a != nil {
			return plain(a.IP, 0, a.Zone)
		}
	}
	return netip.AddrPort{}, &AddrError{Err: "mismatched local address type", Addr: d.LocalAddr.String()}
}

func sameFamily(addrs []netip.AddrPort, as netip.Addr) (same []netip.AddrPort) {
	for _, a := range addrs {
		if !a.Addr().IsValid() || a.Addr().Is4() == as.Is4() {
			same = append(same, a)
		}
	}
	return same
}

// dialSerial tries the addresses in turn by one and returns the first error if
// none works. Each has its share of the time that is left.
func dialSerial(ctx context.Context, within limiter, addrs []netip.AddrPort, one func(context.Context, netip.AddrPort) (Conn, error)) (Conn, error) {
	if len(addrs) == 0 {
		return nil, errMissingAddress
	}
	var first error
	for i, remote := range addrs {
		tryCtx, cancel := ctx, context.CancelFunc(nil)
		if within != nil && i < len(addrs)-1 {
			if deadline, ok := ctx.Deadline(); ok {
				share := shareOf(time.Until(deadline), len(addrs)-i)
				tryCtx, cancel = within(ctx, share)
			}
		}
		c, err := one(tryCtx, remote)
		if cancel != nil {
			cancel()
		}
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
		if ctxErr(ctx) != nil {
			break
		}
	}
	return nil, first
}

// shareOf returns how much of the time that is left the first of n attempts may
// take: its share, but at least 2 s, as far as there are so many.
func shareOf(left time.Duration, n int) time.Duration {
	return min(left, max(left/time.Duration(n), 2*time.Second))
}

// dialOneTCP, dialOneUDP and dialOneIP are dialFuncs.
func (d *Dialer) dialOneTCP(ctx context.Context, network, host string, local *netip.AddrPort, remote netip.AddrPort) (Conn, error) {
	raddr := TCPAddrFromAddrPort(remote)
	done := traceConnect(ctx, network, raddr)
	c, err := d.dialTCP(ctx, network, host, local, remote)
	if err != nil {
		err = d.oneError(network, raddr, err)
	}
	done(err)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (d *Dialer) dialOneUDP(ctx context.Context, network, host string, local *netip.AddrPort, remote netip.AddrPort) (Conn, error) {
	raddr := UDPAddrFromAddrPort(remote)
	done := traceConnect(ctx, network, raddr)
	c, err := d.dialUDP(ctx, network, *local, remote)
	if err != nil {
		err = d.oneError(network, raddr, err)
	}
	done(err)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (d *Dialer) oneError(network string, raddr Addr, err error) error {
	e := &OpError{Op: "dial", Net: network, Addr: raddr, Err: err}
	if d != nil {
		e.Source = d.LocalAddr
	}
	return e
}

// ends checks the addresses of a connection and returns them as netip has them.
// A remote address without a host is the loopback.
func ends(proto, network string, lip IP, lport int, lzone string, rip IP, rport int, rzone string) (local, remote netip.AddrPort, err error) {
	p, family, err := parseNetwork(network)
	if err != nil || p != proto {
		return local, remote, UnknownNetworkError(network)
	}
	if local, err = plain(lip, lport, lzone); err != nil {
		return local, remote, err
	}
	if remote, err = plain(rip, rport, rzone); err != nil {
		return local, remote, err
	}
	for _, a := range [...]netip.Addr{local.Addr(), remote.Addr()} {
		if !isWildcard(a) && !inFamily(a, family) {
			return local, remote, &AddrError{Err: errNoSuitableAddress.Error(), Addr: a.String()}
		}
	}
	return local, remote, nil
}

// ctxErr returns why ctx, which may be nil, has ended, under the text that net has
// for it.
func ctxErr(ctx context.Context) error {
	if ctx == nil {
		return nil
	}
	return mapErr(ctx.Err())
}

// toLoopback returns remote, or the loopback if it names no host.
func toLoopback(network string, remote netip.AddrPort) netip.AddrPort {
	if !isWildcard(remote.Addr()) {
		return remote
	}
	host := loopback4
	if remote.Addr().Is6() || network[len(network)-1] == '6' {
		host = loopback6
	}
	return netip.AddrPortFrom(host, remote.Port())
}

// prepare returns the addresses that a socket is to connect, once ctx has been
// found to go on.
func prepare(ctx context.Context, network string, local, remote netip.AddrPort) (l, r netip.AddrPort, err error) {
	if err := ctxErr(ctx); err != nil {
		return local, remote, err
	}
	remote = toLoopback(network, remote)
	local, err = localFor(local, remote.Addr())
	return local, remote, err
}

// localFor returns the local address of a socket that is to be connected to remote.
func localFor(local netip.AddrPort, remote netip.Addr) (netip.AddrPort, error) {
	if isWildcard(local.Addr()) && local.Port() != 0 || local.Addr().IsUnspecified() {
		local = netip.AddrPortFrom(unspecified(remote), local.Port())
	}
	if loopbackInMemory(local.Addr()) && !loopbackInMemory(remote) {
		return local, errUnreachable
	}
	return local, nil
}

// control calls the Control function, for a socket that is going to be
// connected to remote. s is nil if it is in memory.
func (d *Dialer) control(ctx context.Context, network string, remote netip.AddrPort, s *devSocket) error {
	if d == nil || d.ControlContext == nil && d.Control == nil {
		return nil
	}
	return d.callControl(ctx, withFamily(network, remote.Addr()), remote.String(), controlConn(s, network))
}

func (d *Dialer) callControl(ctx context.Context, network, address string, raw syscall.RawConn) error {
	switch {
	case d.ControlContext != nil:
		return d.ControlContext(ctx, network, address, raw)
	case d.Control != nil:
		return d.Control(network, address, raw)
	}
	return nil
}
