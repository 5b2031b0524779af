package network

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// station is a board on a fabric.
type station struct {
	n      *node
	ap     *accessPoint // that the board is; nil if it has joined one
	lookup func(ctx context.Context, name string) (netip.Addr, error)
	ended  func() // called by Close; nil for nothing
}

// newStation attaches a board at the lowest address that is free.
func newStation(f *fabric, p Params, lookup func(ctx context.Context, name string) (netip.Addr, error)) *station {
	f.lock()
	defer f.unlock()
	for addr := BoardAddr; Subnet.Contains(addr.Next()); addr = addr.Next() {
		if f.nodes[addr] == nil {
			n := f.attach(addr, p, false)
			if f.away {
				n.cut()
			}
			return &station{n: n, lookup: lookup}
		}
	}
	panic(fmt.Sprintf("network: no address is left in %v for another station", Subnet))
}

func (s *station) Addr() netip.Addr { return s.n.addr }

func (s *station) Netmask() netip.Addr {
	var m [4]byte
	binary.BigEndian.PutUint32(m[:], ^uint32(0)<<(32-s.n.f.subnet.Bits()))
	return netip.AddrFrom4(m)
}

func (s *station) Gateway() netip.Addr {
	if s.ap != nil {
		return s.n.addr
	}
	return s.n.f.gate
}

func (s *station) DNS() netip.Addr {
	if s.ap != nil {
		return netip.Addr{}
	}
	return s.n.f.gate
}

func (s *station) OnFrame(f func()) {
	s.n.f.lock()
	defer s.n.f.unlock()
	s.n.onFrame.call = f
}

func (s *station) InRange() bool {
	s.n.f.lock()
	defer s.n.f.unlock()
	return !s.n.f.away
}

func (s *station) Stations() int {
	s.n.f.lock()
	defer s.n.f.unlock()
	if s.ap == nil {
		return 0
	}
	return len(s.ap.joined)
}

func (s *station) OnLink(f func()) {
	n := s.n
	n.f.lock()
	defer n.f.unlock()
	n.onLink.call = f
	if n.f.away || s.ap != nil && len(s.ap.joined) > 0 {
		n.onLink.notify(n.f)
	}
}

func (s *station) Connect(ctx context.Context, remote netip.AddrPort) (Conn, error) {
	e, err := s.connect(ctx, netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()))
	if err != nil {
		return nil, fmt.Errorf("connect to %v: %w", remote, err)
	}
	return &conn{e}, nil
}

func (s *station) connect(ctx context.Context, remote netip.AddrPort) (*end, error) {
	f, addr := s.n.f, remote.Addr()
	f.lock()
	var err error
	switch {
	case !s.n.up:
		err = ErrDown
	case !addr.IsValid() || remote.Port() == 0 || addr.IsLoopback() || addr.IsUnspecified():
		err = ErrRefused
	case !addr.Is4() || addr.IsMulticast() || f.isBroadcast(addr):
		err = ErrUnreachable
	default:
		err = s.n.take()
	}
	inside := f.inside(addr)
	f.unlock()
	if err != nil {
		return nil, err
	}
	var e *end
	if inside {
		e, err = f.connect(ctx, s.n, remote)
	} else {
		e, err = f.beyond.connect(ctx, s.n, remote)
	}
	if err != nil {
		f.lock()
		s.n.release()
		f.unlock()
	}
	return e, err
}

func (s *station) Listen(port uint16, backlog int) (Listener, error) {
	f := s.n.f
	f.lock()
	l, err := s.n.listen(port, backlog)
	f.unlock()
	if err != nil {
		return nil, err
	}
	if f.beyond != nil {
		if err := f.beyond.publish(s.n, "tcp", l.port); err != nil {
			f.lock()
			l.close()
			f.unlock()
			return nil, err
		}
	}
	return &listener{l}, nil
}

func (s *station) ListenPacket(port uint16) (PacketConn, error) {
	f := s.n.f
	f.lock()
	u, err := s.n.listenPacket(port)
	f.unlock()
	if err != nil {
		return nil, err
	}
	if f.beyond != nil {
		if err := f.beyond.publish(s.n, "udp", u.local.Port()); err != nil {
			f.lock()
			u.close()
			f.unlock()
			return nil, err
		}
	}
	return &packetConn{u}, nil
}

func (s *station) Lookup(ctx context.Context, name string) (netip.Addr, error) {
	f := s.n.f
	f.lock()
	up, down, dns := s.n.up, s.n.down, f.dns
	f.unlock()
	if !up {
		return netip.Addr{}, fmt.Errorf("look up %s: %w", name, ErrDown)
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := afterClose(down, cancel)
	defer stop()
	addr, err := s.resolve(inner, dns, name)
	if err != nil {
		select {
		case <-down:
			err = ErrDown
		default:
			if ctx.Err() != nil {
				err = ctx.Err()
			}
		}
		return netip.Addr{}, fmt.Errorf("look up %s: %w", name, err)
	}
	return addr, nil
}

func (s *station) Ping(ctx context.Context, addr netip.Addr) error {
	f := s.n.f
	f.lock()
	if !s.n.up {
		f.unlock()
		return ErrDown
	}
	answered := make(chan struct{})
	to := f.newLine("ping " + s.n.addr.String() + " " + addr.String())
	back := f.newLine("pong " + s.n.addr.String() + " " + addr.String())
	if !to.lost() {
		to.send(func() {
			if (f.up(addr) || f.host != nil && addr == f.gate) && !back.lost() {
				back.send(func() { close(answered) })
			}
		})
	}
	down := s.n.down
	f.unlock()
	select {
	case <-answered:
		return nil
	case <-down:
		return ErrDown
	case <-ctx.Done():
		return ctx.Err()
	}
}

// noDNS is a network without a name server: that of a board.
func noDNS(_ context.Context, name string) (netip.Addr, error) {
	addr, known, err := lookupKnown(nil, name)
	if !known || !addr.IsValid() || addr == HostAddr {
		return netip.Addr{}, ErrUnknownHost
	}
	return addr, err
}

// resolve asks a name server that does what dns says.
func (s *station) resolve(ctx context.Context, dns DNS, name string) (netip.Addr, error) {
	_, notAddr := netip.ParseAddr(name)
	switch {
	case notAddr == nil || dns == DNSAnswers:
		return s.lookup(ctx, name)
	case dns == DNSFails:
		return netip.Addr{}, errors.Join(s.n.f.roundTrip(ctx), ErrUnknownHost)
	}
	<-ctx.Done()
	return netip.Addr{}, ctx.Err()
}

// afterClose calls f once c is closed, unless stop is called before.
func afterClose(c <-chan struct{}, f func()) (stop func()) {
	stopped := make(chan struct{})
	go func() {
		select {
		case <-c:
			f()
		case <-stopped:
		}
	}()
	return func() { close(stopped) }
}

// lookupKnown answers what needs no DNS: addresses, "host", and the names that
// were configured. An IPv4 loopback address stands for the host.
func lookupKnown(hosts map[string]netip.Addr, name string) (netip.Addr, bool, error) {
	if addr, err := netip.ParseAddr(name); err == nil {
		if addr = addr.Unmap(); !addr.Is4() {
			return netip.Addr{}, true, fmt.Errorf("not an IPv4 address: %w", ErrUnknownHost)
		}
		return addr, true, nil
	}
	name = canonical(name)
	if addr, ok := hosts[name]; ok {
		return addr, true, nil
	}
	switch name {
	case "host":
		return HostAddr, true, nil
	case "":
		return netip.Addr{}, true, ErrUnknownHost
	}
	return netip.Addr{}, false, nil
}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// checkHosts returns the names in the form that lookupKnown needs.
func checkHosts(hosts map[string]netip.Addr) (map[string]netip.Addr, error) {
	checked := make(map[string]netip.Addr)
	for name, addr := range hosts {
		if canonical(name) == "" {
			return nil, fmt.Errorf("host name for %v is empty", addr)
		}
		switch addr = addr.Unmap(); {
		case addr.IsLoopback():
			addr = HostAddr
		case !addr.Is4():
			return nil, fmt.Errorf("host %s: %v is not an IPv4 address; boards have no other", name, addr)
		}
		checked[canonical(name)] = addr
	}
	return checked, nil
}

func (s *station) SetLink(up bool) {
	n := s.n
	n.f.lock()
	defer n.f.unlock()
	switch {
	case n.closed || up == n.up || up && n.f.away:
	case up:
		n.up = true
		n.down = make(chan struct{})
		n.f.haunt(n.addr)
	default:
		n.cut()
		n.frame()
	}
}

func (s *station) Close() {
	n := s.n
	n.f.lock()
	if n.closed {
		n.f.unlock()
		return
	}
	n.detach()
	if s.ap != nil {
		s.ap.end()
	}
	n.f.unlock()
	if s.ended != nil {
		s.ended()
	}
}

// detach takes a node off its fabric.
func (n *node) detach() {
	n.closed = true
	n.onFrame.call, n.onLink.call = nil, nil
	if n.up {
		n.cut()
	}
	for _, l := range n.listeners {
		l.close()
	}
	for _, u := range n.udp {
		u.close()
	}
	delete(n.f.nodes, n.addr)
}

// conn is a station's connection.
type conn struct{ e *end }

func (c *conn) LocalAddr() netip.AddrPort  { return c.e.local }
func (c *conn) RemoteAddr() netip.AddrPort { return c.e.remote }

func (c *conn) Buffered() int {
	c.e.f.lock()
	defer c.e.f.unlock()
	return c.e.buffered
}

func (c *conn) Read(p []byte) (n int, push bool, err error) {
	c.e.f.lock()
	defer c.e.f.unlock()
	return c.e.read(p)
}

func (c *conn) Write(p []byte) (int, error) {
	c.e.f.lock()
	defer c.e.f.unlock()
	return c.e.write(p, true)
}

func (c *conn) WaitWritable(ctx context.Context) error {
	for {
		c.e.f.lock()
		ok := c.e.closed || c.e.reset || c.e.room() > 0
		changed := c.e.wait()
		c.e.f.unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *conn) Ended() bool {
	c.e.f.lock()
	defer c.e.f.unlock()
	return c.e.finIn || c.e.reset
}

func (c *conn) Close() {
	c.e.f.lock()
	defer c.e.f.unlock()
	if c.e.close() == nil {
		c.e.node.release()
	}
}

// listener is a station's listening socket.
type listener struct{ l *tcpListener }

func (l *listener) Port() uint16 { return l.l.port }

func (l *listener) Pending() bool {
	l.l.f.lock()
	defer l.l.f.unlock()
	return len(l.l.pending) > 0
}

func (l *listener) Accept() (Conn, error) {
	l.l.f.lock()
	defer l.l.f.unlock()
	e, err := l.l.accept()
	if err != nil {
		return nil, err
	}
	return &conn{e}, nil
}

func (l *listener) Close() {
	l.l.f.lock()
	defer l.l.f.unlock()
	l.l.close()
}

// packetConn is a station's UDP socket.
type packetConn struct{ s *udpSocket }

func (c *packetConn) Port() uint16 { return c.s.local.Port() }

func (c *packetConn) Pending() int {
	c.s.f.lock()
	defer c.s.f.unlock()
	if len(c.s.queue) == 0 {
		return -1
	}
	return len(c.s.queue[0].data)
}

func (c *packetConn) ReadFrom(p []byte) (int, netip.AddrPort, error) {
	c.s.f.lock()
	defer c.s.f.unlock()
	return c.s.readFrom(p)
}

func (c *packetConn) WriteTo(p []byte, to netip.AddrPort) error { return c.s.writeTo(p, to) }

func (c *packetConn) JoinGroup(group netip.Addr) error {
	if !group.Is4() || !group.IsMulticast() {
		return fmt.Errorf("%v is not an IPv4 multicast group", group)
	}
	c.s.f.lock()
	defer c.s.f.unlock()
	switch {
	case c.s.closed:
		return net.ErrClosed
	case c.s.f.beyond != nil:
		return fmt.Errorf("join %v: the host's network carries no multicast: %w", group, errors.ErrUnsupported)
	case !c.s.joined(group):
		c.s.groups = append(c.s.groups, group)
	}
	return nil
}

func (c *packetConn) Close() {
	c.s.f.lock()
	defer c.s.f.unlock()
	c.s.close()
}
