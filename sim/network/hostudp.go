package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// udpFlow is what a board's UDP socket sends through on the host.
type udpFlow struct {
	near *net.UDPConn // to the loopback
	far  *net.UDPConn // beyond; nil until needed
	sent map[netip.AddrPort]struct{}
}

// maxFlowPeers bounds how many peers beyond a socket may have at a time.
const maxFlowPeers = 1024

// route implements beyond.
func (h *Host) route(n *node, to netip.AddrPort) (netip.AddrPort, error) {
	addr := to.Addr()
	switch {
	case addr.IsMulticast() || n.f.isBroadcast(addr):
		return to, fmt.Errorf("send to %v: the host's network carries no multicast or broadcast: %w", addr, errors.ErrUnsupported)
	case addr == n.f.gate:
		return netip.AddrPortFrom(loopback4, to.Port()), nil
	case h.isolated || n.f.alone:
		return to, fmt.Errorf("send to %v: the network is isolated: %w", to, ErrUnreachable)
	}
	return to, nil
}

// sendTo implements beyond.
func (h *Host) sendTo(s *udpSocket, p []byte, to netip.AddrPort) error {
	c, err := h.flow(s, to)
	if err != nil {
		return err
	}
	if _, err := c.WriteToUDPAddrPort(p, to); err != nil {
		return fmt.Errorf("send to %v: %w: %w", to, ErrUnreachable, err)
	}
	return nil
}

// flow returns the host's socket for what a board's socket sends to an
// address. Answers come back to it.
func (h *Host) flow(s *udpSocket, to netip.AddrPort) (*net.UDPConn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrDown
	}
	board := netip.AddrPortFrom(s.node.ident, s.local.Port())
	p := h.ports[portKey{"udp", board}]
	near := to.Addr().IsLoopback()
	if p != nil && (near || p.wide) {
		return p.udp, nil
	}
	fl := h.flows[s]
	if fl == nil {
		s.f.lock()
		closed := s.closed
		if !closed {
			s.onClose = func() { h.endFlow(s) }
		}
		s.f.unlock()
		if closed {
			return nil, net.ErrClosed
		}
		fl = &udpFlow{sent: make(map[netip.AddrPort]struct{})}
		h.flows[s] = fl
	}
	c, at := &fl.near, loopback4
	if !near {
		c, at = &fl.far, netip.IPv4Unspecified()
		if len(fl.sent) >= maxFlowPeers {
			clear(fl.sent)
		}
		fl.sent[to] = struct{}{}
	}
	if *c == nil {
		opened, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
		if err != nil {
			return nil, err
		}
		*c = opened
		h.open[opened] = struct{}{}
		if near {
			fl = nil
		}
		h.work.Add(1)
		go func() {
			defer h.work.Done()
			h.receive(opened, fl, board)
		}()
	}
	return *c, nil
}

// endFlow closes a board's socket on the host's side.
func (h *Host) endFlow(s *udpSocket) {
	h.mu.Lock()
	fl := h.flows[s]
	delete(h.flows, s)
	h.mu.Unlock()
	for _, c := range []*net.UDPConn{fl.near, fl.far} {
		if c != nil {
			h.disown(c)
		}
	}
}

// receive hands what comes to a socket of the host to a board's port until the
// socket is closed. What is beyond the loopback is heard, with an open network,
// if the board has sent to it (sent says so), or if its socket is open to all.
func (h *Host) receive(c *net.UDPConn, only *udpFlow, board netip.AddrPort) {
	buf := make([]byte, 64<<10)
	var in *line
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // Windows: an earlier datagram was refused
		}
		to := h.board(board.Addr())
		if to == nil {
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		switch {
		case from.Addr().IsLoopback():
			from = netip.AddrPortFrom(to.f.gate, from.Port())
		case h.isolated || to.f.alone || to.f.subnet.Contains(from.Addr()):
			continue
		case only != nil:
			h.mu.Lock()
			_, ok := only.sent[from]
			h.mu.Unlock()
			if !ok {
				continue
			}
		}
		d := datagram{data: append([]byte(nil), buf[:n]...), from: from}
		to.f.lock()
		if in == nil || in.f != to.f {
			l := to.f.newLine("udp to " + board.String())
			in = &l
		}
		if !to.closed && !in.lost() {
			in.send(func() { to.deliver(d, board.Port()) })
		}
		to.f.unlock()
	}
}
