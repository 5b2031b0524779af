package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// portKey is a port of a board.
type portKey struct {
	proto string
	board netip.AddrPort
}

// port is a port of a board and where it is on the host. It stays there for
// the Host's lifetime, whether the board listens or not.
type port struct {
	places    []netip.AddrPort
	udp       *net.UDPConn // the first place; nil for TCP
	wide      bool         // udp is not bound to the loopback
	announced bool
}

// forward takes a place on the host for a port of a board.
func (h *Host) forward(fw Forward) error {
	if fw.Proto == "" {
		fw.Proto = "tcp"
	}
	if !fw.HostIP.IsValid() {
		fw.HostIP = loopback4
	}
	if !fw.Board.IsValid() {
		fw.Board = BoardAddr
	}
	fw.HostIP = fw.HostIP.Unmap()
	place := netip.AddrPortFrom(fw.HostIP, fw.HostPort)
	fail := func(err error) error {
		return fmt.Errorf("forward %s %v to port %d of the board: %w", fw.Proto, place, fw.BoardPort, err)
	}
	switch {
	case fw.Proto != "tcp" && fw.Proto != "udp":
		return fail(errors.New(`the protocol is neither "tcp" nor "udp"`))
	case !fw.HostIP.Is4():
		return fail(errors.New("the host's address is not IPv4"))
	case fw.BoardPort == 0:
		return fail(errors.New("a board has no port 0"))
	case !Subnet.Contains(fw.Board) || fw.Board == HostAddr:
		return fail(fmt.Errorf("%v is not a board's address", fw.Board))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := portKey{fw.Proto, netip.AddrPortFrom(fw.Board, fw.BoardPort)}
	p := h.ports[key]
	switch {
	case p == nil:
		p = new(port)
	case p.udp != nil:
		return fail(errors.New("that port is forwarded already, and answers can come from one place only"))
	}
	if err := h.occupy(key, p, place); err != nil {
		switch {
		case inUse(err):
			err = fmt.Errorf("%w: another program has that port: stop it, or choose another port", ErrInUse)
		case isErrno(err, syscall.EACCES, 10013) && fw.HostPort < 1024:
			err = fmt.Errorf("%w: choose a port from 1024 on", err)
		}
		return fail(err)
	}
	h.ports[key] = p
	return nil
}

// publish implements beyond.
func (h *Host) publish(n *node, proto string, number uint16) error {
	if proto == "udp" && number >= 49152 {
		return nil
	}
	key := portKey{proto, netip.AddrPortFrom(n.ident, number)}
	p, first, err := h.appear(key)
	if err != nil {
		return fmt.Errorf("make %s port %d of the board appear on 127.0.0.1: %w", proto, number, err)
	}
	if first && h.announce != nil {
		for _, place := range p.places {
			h.announce(Announcement{Proto: proto, Board: n.addr, BoardPort: number, HostAddr: place})
		}
	}
	return nil
}

func (h *Host) appear(key portKey) (p *port, first bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, false, ErrDown
	}
	p = h.ports[key]
	if p == nil {
		p = new(port)
		number := int(key.board.Port())
		if number < 1024 {
			number += 8000
		}
		for {
			err = h.occupy(key, p, netip.AddrPortFrom(loopback4, uint16(number)))
			if err == nil {
				break
			}
			// Windows keeps ranges of ports from everybody: access denied.
			if !inUse(err) && !isErrno(err, syscall.EACCES, 10013) {
				return nil, false, err
			}
			if number++; number > 65535 {
				return nil, false, ErrInUse
			}
		}
		h.ports[key] = p
	}
	first = !p.announced
	p.announced = true
	return p, first, nil
}

// occupy opens a socket at a place. It is called with h.mu locked.
func (h *Host) occupy(key portKey, p *port, place netip.AddrPort) error {
	if key.proto == "udp" {
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(place))
		if err != nil {
			return err
		}
		if p.udp == nil {
			p.udp = c
			p.wide = !place.Addr().IsLoopback()
		}
		p.places = append(p.places, c.LocalAddr().(*net.UDPAddr).AddrPort())
		h.open[c] = struct{}{}
		h.work.Add(1)
		go func() {
			defer h.work.Done()
			h.receive(c, nil, key.board)
		}()
		return nil
	}
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(place))
	if err != nil {
		return err
	}
	p.places = append(p.places, l.Addr().(*net.TCPAddr).AddrPort())
	h.open[l] = struct{}{}
	h.work.Add(1)
	go func() {
		defer h.work.Done()
		h.serve(l, key.board)
	}()
	return nil
}

// serve hands connections to a place to the board's listener. While that is
// full they wait; if there is none they are reset.
func (h *Host) serve(l *net.TCPListener, board netip.AddrPort) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			select {
			case <-h.ctx.Done():
				return
			case <-time.After(50 * time.Millisecond): // out of descriptors, say
			}
			continue
		}
		start := func() {
			c.SetLinger(0)
			c.Close()
		}
		for {
			n := h.board(board.Addr())
			if n == nil {
				break
			}
			n.f.lock()
			if n.closed || !n.up || n.listeners[board.Port()] == nil {
				n.f.unlock()
				break
			}
			to := n.listeners[board.Port()]
			if !to.full() {
				start = h.accepted(to, c)
				n.f.unlock()
				break
			}
			changed, down := to.wait(), n.down
			n.f.unlock()
			select {
			case <-changed:
			case <-down:
			}
		}
		start()
	}
}
