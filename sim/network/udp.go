package network

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

// datagram is one that has arrived.
type datagram struct {
	data []byte
	from netip.AddrPort
}

// udpSocket is a UDP socket of a node. Its methods are called with the fabric
// locked, unless their comments say otherwise.
type udpSocket struct {
	signal // something to read
	f      *fabric
	node   *node
	local  netip.AddrPort
	line   line
	queue  []datagram
	groups []netip.Addr
	closed bool

	onClose func() // called without the lock; nil for nothing
}

func (n *node) listenPacket(port uint16) (*udpSocket, error) {
	if n.closed {
		return nil, ErrDown
	}
	if port == 0 {
		var err error
		if port, err = n.freePort(n.udpPortUsed); err != nil {
			return nil, err
		}
	}
	if n.udpPortUsed(port) {
		return nil, fmt.Errorf("UDP port %d of %v: %w", port, n.addr, ErrInUse)
	}
	if err := n.take(); err != nil {
		return nil, err
	}
	local := netip.AddrPortFrom(n.addr, port)
	s := &udpSocket{f: n.f, node: n, local: local, line: n.f.newLine("udp " + local.String())}
	n.udp[port] = s
	return s, nil
}

func (s *udpSocket) close() error {
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	s.queue = nil
	s.node.release()
	delete(s.node.udp, s.local.Port())
	if s.onClose != nil {
		s.f.calls = append(s.f.calls, s.onClose)
	}
	s.wake()
	return nil
}

// isBroadcast reports whether addr is everybody on the subnet.
func (f *fabric) isBroadcast(addr netip.Addr) bool {
	last := f.subnet.Addr().As4()
	n := binary.BigEndian.Uint32(last[:])
	binary.BigEndian.PutUint32(last[:], n|^uint32(0)>>f.subnet.Bits())
	return addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || addr == netip.AddrFrom4(last)
}

// inside reports whether what goes to addr stays on the fabric.
func (f *fabric) inside(addr netip.Addr) bool {
	return f.beyond == nil || f.nodes[addr] != nil || f.subnet.Contains(addr) && addr != f.gate
}

// writeTo sends a datagram. It is called without the lock.
func (s *udpSocket) writeTo(p []byte, to netip.AddrPort) error {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	addr := to.Addr()
	s.f.lock()
	var err error
	inside := false
	switch {
	case s.closed:
		err = net.ErrClosed
	case !s.node.up:
		err = ErrDown
	case len(p) > s.node.p.MaxDatagram:
		err = fmt.Errorf("%d bytes, at most %d: %w", len(p), s.node.p.MaxDatagram, ErrTooLong)
	case !addr.Is4() || addr.IsUnspecified() || to.Port() == 0:
		err = fmt.Errorf("%v: %w", to, ErrUnreachable)
	case addr.IsLoopback():
		err = fmt.Errorf("%v: a chip's own loopback: %w", to, ErrRefused)
	default:
		inside = s.f.inside(addr) && (s.f.beyond == nil || !s.f.isBroadcast(addr))
		if inside && !s.line.lost() {
			d := datagram{data: append([]byte(nil), p...), from: s.local}
			s.line.send(func() { s.f.deliver(d, to) })
		}
	}
	s.f.unlock()
	if err != nil || inside {
		return err
	}
	if to, err = s.f.beyond.route(s.node, to); err != nil {
		return err
	}
	s.f.lock()
	lost, late := s.line.lost(), s.f.delay > 0
	if late && !lost {
		p = append([]byte(nil), p...)
		s.line.send(func() {
			s.f.calls = append(s.f.calls, func() { s.f.beyond.sendTo(s, p, to) })
		})
	}
	s.f.unlock()
	if lost || late {
		return nil
	}
	return s.f.beyond.sendTo(s, p, to)
}

// deliver hands a datagram that has arrived to whom it is for.
func (f *fabric) deliver(d datagram, to netip.AddrPort) {
	addr := to.Addr()
	if !f.isBroadcast(addr) && !addr.IsMulticast() {
		if n := f.nodes[addr]; n != nil {
			n.deliver(d, to.Port())
		}
		return
	}
	for _, n := range f.nodes {
		s := n.udp[to.Port()]
		if s == nil || s.local == d.from {
			continue
		}
		if f.isBroadcast(addr) || s.joined(addr) {
			n.deliver(d, to.Port())
		}
	}
}

func (n *node) deliver(d datagram, port uint16) {
	s := n.udp[port]
	if s == nil || !n.up || len(d.data) > n.p.MaxDatagram ||
		n.p.DatagramQueue > 0 && len(s.queue) >= n.p.DatagramQueue {
		return
	}
	s.queue = append(s.queue, d)
	s.wake()
	n.frame()
}

func (s *udpSocket) joined(group netip.Addr) bool {
	for _, g := range s.groups {
		if g == group {
			return true
		}
	}
	return false
}

func (s *udpSocket) readFrom(p []byte) (int, netip.AddrPort, error) {
	if s.closed {
		return 0, netip.AddrPort{}, net.ErrClosed
	}
	if len(s.queue) == 0 {
		return 0, netip.AddrPort{}, ErrWouldBlock
	}
	d := s.queue[0]
	s.queue[0] = datagram{}
	s.queue = s.queue[1:]
	return copy(p, d.data), d.from, nil
}
