package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// VirtualHost is a machine on a Virtual network. Its connections, listeners
// and sockets behave as those of package net do, deadlines and errors
// included: errors.Is finds syscall.ECONNREFUSED and so on as well as this
// package's errors.
type VirtualHost struct {
	n  *node
	ap *accessPoint // that it has joined; nil on the network itself
}

// Addr returns the machine's address.
func (h *VirtualHost) Addr() netip.Addr { return h.n.addr }

// Dial opens a connection, a *VirtualConn, to a board or another machine.
func (h *VirtualHost) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	e, err := h.n.f.connect(ctx, h.n, addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(addr), Err: hostError(err)}
	}
	h.n.f.lock()
	defer h.n.f.unlock()
	return &VirtualConn{e: e}, h.n.take() // a machine has no limit
}

// Listen listens on a TCP port, on any free one if it is 0. It accepts
// *VirtualConns.
func (h *VirtualHost) Listen(port uint16) (net.Listener, error) {
	h.n.f.lock()
	defer h.n.f.unlock()
	l, err := h.n.listen(port, 128)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: tcpAddr(h.n.addr, port), Err: hostError(err)}
	}
	return &virtualListener{l: l}, nil
}

// ListenPacket opens a UDP socket on a port, on any free one if it is 0.
func (h *VirtualHost) ListenPacket(port uint16) (net.PacketConn, error) {
	h.n.f.lock()
	defer h.n.f.unlock()
	s, err := h.n.listenPacket(port)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: tcpAddr(h.n.addr, port), Err: hostError(err)}
	}
	return &virtualPacketConn{s: s}, nil
}

// bothErrors is an error of this package and what an operating system calls it.
type bothErrors struct {
	ours  error
	errno syscall.Errno
}

func (e *bothErrors) Error() string   { return e.ours.Error() }
func (e *bothErrors) Unwrap() []error { return []error{e.ours, e.errno} }
func (e *bothErrors) Timeout() bool   { return e.errno.Timeout() }
func (e *bothErrors) Temporary() bool { return e.errno.Temporary() }

func hostError(err error) error {
	for _, b := range []bothErrors{
		{ErrRefused, syscall.ECONNREFUSED},
		{ErrReset, syscall.ECONNRESET},
		{ErrUnreachable, syscall.ETIMEDOUT},
		{ErrInUse, syscall.EADDRINUSE},
		{ErrTooLong, syscall.EMSGSIZE},
	} {
		if errors.Is(err, b.ours) {
			return &b
		}
	}
	return err
}

func tcpAddr(addr netip.Addr, port uint16) net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, port))
}

// VirtualConn is a TCP connection of a VirtualHost, a net.Conn.
type VirtualConn struct {
	e       *end
	rd, wd  time.Time // deadlines
	writing bool      // a Write is under way; others wait for it
}

func (c *VirtualConn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: hostError(err)}
}

// Read reads what has arrived, whatever the segments.
func (c *VirtualConn) Read(p []byte) (n int, err error) {
	timeout := c.e.f.await(&c.e.signal, &c.rd, func() bool {
		if len(p) == 0 && !c.e.closed {
			return true
		}
		n, err = c.e.readSlowly(p)
		return err != ErrWouldBlock
	})
	if timeout != nil {
		err = timeout
	}
	return n, c.opError("read", err)
}

// Write returns when everything has a place in the send buffer of 64 KB.
func (c *VirtualConn) Write(p []byte) (n int, err error) {
	err = c.e.f.await(&c.e.signal, &c.wd, func() bool {
		if c.writing && !c.e.closed {
			return false
		}
		c.writing = true
		return true
	})
	if err != nil {
		return 0, c.opError("write", err)
	}
	defer func() {
		c.e.f.lock()
		defer c.e.f.unlock()
		c.writing = false
		c.e.wake()
	}()
	for first := true; err == nil && (first || n < len(p)); first = false {
		timeout := c.e.f.await(&c.e.signal, &c.wd, func() bool {
			rest := p[n:]
			last := true
			// Only whole segments as long as there is more to come.
			if room := c.e.room(); room < len(rest) && !c.e.reset && !c.e.closed {
				rest, last = rest[:max(0, room/c.e.mss*c.e.mss)], false
				if len(rest) == 0 {
					return false
				}
			}
			var m int
			m, err = c.e.write(rest, last)
			n += m
			return true
		})
		if timeout != nil {
			err = timeout
		}
	}
	return n, c.opError("write", err)
}

// Close sends FIN after what is queued, or a reset if something is unread.
func (c *VirtualConn) Close() error {
	c.e.f.lock()
	defer c.e.f.unlock()
	if err := c.e.close(); err != nil {
		return c.opError("close", err)
	}
	c.e.node.release()
	return nil
}

// CloseWrite sends FIN after what is queued; reading goes on.
func (c *VirtualConn) CloseWrite() error {
	c.e.f.lock()
	defer c.e.f.unlock()
	return c.opError("close", c.e.shutdown())
}

// Reset closes the connection with a reset: what is queued is not sent.
func (c *VirtualConn) Reset() error {
	c.e.f.lock()
	defer c.e.f.unlock()
	if c.e.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.e.abort()
	if c.e.close() == nil {
		c.e.node.release()
	}
	return nil
}

// LocalAddr returns the machine's address, a *net.TCPAddr.
func (c *VirtualConn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.e.local) }

// RemoteAddr returns the peer's address, a *net.TCPAddr.
func (c *VirtualConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.e.remote) }

// SetDeadline sets the deadlines of Read and Write.
func (c *VirtualConn) SetDeadline(t time.Time) error { return c.setDeadlines(t, &c.rd, &c.wd) }

// SetReadDeadline sets the deadline of Read, those under way included.
func (c *VirtualConn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, &c.rd) }

// SetWriteDeadline sets the deadline of Write, those under way included.
func (c *VirtualConn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.wd) }

func (c *VirtualConn) setDeadlines(t time.Time, which ...*time.Time) error {
	c.e.f.lock()
	defer c.e.f.unlock()
	if c.e.closed {
		return c.opError("set", net.ErrClosed)
	}
	for _, d := range which {
		*d = t
	}
	c.e.wake()
	return nil
}

type virtualListener struct {
	l        *tcpListener
	deadline time.Time
}

func (l *virtualListener) Accept() (net.Conn, error) {
	var e *end
	var err error
	timeout := l.l.f.await(&l.l.signal, &l.deadline, func() bool {
		e, err = l.l.accept()
		return err != ErrWouldBlock
	})
	if timeout != nil {
		err = timeout
	}
	if err != nil {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: hostError(err)}
	}
	return &VirtualConn{e: e}, nil
}

func (l *virtualListener) Close() error {
	l.l.f.lock()
	defer l.l.f.unlock()
	if err := l.l.close(); err != nil {
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.Addr(), Err: err}
	}
	return nil
}

func (l *virtualListener) Addr() net.Addr { return tcpAddr(l.l.node.addr, l.l.port) }

// SetDeadline sets the deadline of Accept.
func (l *virtualListener) SetDeadline(t time.Time) error {
	l.l.f.lock()
	defer l.l.f.unlock()
	l.deadline = t
	l.l.wake()
	return nil
}

type virtualPacketConn struct {
	s        *udpSocket
	deadline time.Time // of ReadFrom; WriteTo does not block
	wd       time.Time
}

func (c *virtualPacketConn) opError(op string, addr net.Addr, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: "udp", Source: c.LocalAddr(), Addr: addr, Err: hostError(err)}
}

func (c *virtualPacketConn) ReadFrom(p []byte) (n int, addr net.Addr, err error) {
	timeout := c.s.f.await(&c.s.signal, &c.deadline, func() bool {
		var from netip.AddrPort
		n, from, err = c.s.readFrom(p)
		addr = net.UDPAddrFromAddrPort(from)
		return err != ErrWouldBlock
	})
	if timeout != nil {
		err = timeout
	}
	if err != nil {
		return 0, nil, c.opError("read", nil, err)
	}
	return n, addr, nil
}

func (c *virtualPacketConn) WriteTo(p []byte, addr net.Addr) (int, error) {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, c.opError("write", addr, fmt.Errorf("%v is not a *net.UDPAddr", addr))
	}
	c.s.f.lock()
	late := !c.wd.IsZero() && time.Until(c.wd) <= 0
	c.s.f.unlock()
	if late {
		return 0, c.opError("write", addr, os.ErrDeadlineExceeded)
	}
	if err := c.s.writeTo(p, udp.AddrPort()); err != nil {
		return 0, c.opError("write", addr, err)
	}
	return len(p), nil
}

func (c *virtualPacketConn) Close() error {
	c.s.f.lock()
	defer c.s.f.unlock()
	return c.opError("close", nil, c.s.close())
}

func (c *virtualPacketConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.s.local) }

func (c *virtualPacketConn) SetDeadline(t time.Time) error {
	return c.setDeadlines(t, &c.deadline, &c.wd)
}
func (c *virtualPacketConn) SetReadDeadline(t time.Time) error  { return c.setDeadlines(t, &c.deadline) }
func (c *virtualPacketConn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.wd) }

func (c *virtualPacketConn) setDeadlines(t time.Time, which ...*time.Time) error {
	c.s.f.lock()
	defer c.s.f.unlock()
	if c.s.closed {
		return c.opError("set", nil, net.ErrClosed)
	}
	for _, d := range which {
		*d = t
	}
	c.s.wake()
	return nil
}
