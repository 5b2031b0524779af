package netdevtest

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"tinynet/netdev"
)

// Dial connects a TCP socket of dev and returns it as a net.Conn of the standard
// library, so that what is written for those (net/http, nettest) runs straight
// on a device.
func Dial(dev netdev.Netdever, to netip.AddrPort) (net.Conn, error) {
	fd, err := dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	if err != nil {
		return nil, err
	}
	if err := dev.Connect(fd, "", to); err != nil {
		dev.Close(fd)
		return nil, err
	}
	return &conn{dev: dev, fd: fd, peer: to}, nil
}

// Listen opens a listening TCP socket of dev as a net.Listener of the standard
// library.
func Listen(dev netdev.Netdever, port uint16) (net.Listener, error) {
	fd, err := dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	if err != nil {
		return nil, err
	}
	if err = dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), port)); err == nil {
		err = dev.Listen(fd, 4)
	}
	if err != nil {
		dev.Close(fd)
		return nil, err
	}
	return &listener{dev: dev, fd: fd}, nil
}

type conn struct {
	dev    netdev.Netdever
	fd     int
	peer   netip.AddrPort
	closed atomic.Bool
}

func (c *conn) Read(b []byte) (int, error) {
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	if len(b) == 0 {
		return 0, nil
	}
	n, err := c.dev.Recv(c.fd, b, 0, time.Time{})
	return max(n, 0), c.check(err)
}

func (c *conn) Write(b []byte) (int, error) {
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	n, err := c.dev.Send(c.fd, b, 0, time.Time{})
	return max(n, 0), c.check(err)
}

func (c *conn) check(err error) error {
	if err != nil && c.closed.Load() {
		return net.ErrClosed
	}
	return err
}

func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	return c.dev.Close(c.fd)
}

func (c *conn) LocalAddr() net.Addr {
	if a, ok := c.dev.(netdev.LocalAddrer); ok {
		if local, err := a.LocalAddr(c.fd); err == nil {
			return net.TCPAddrFromAddrPort(local)
		}
	}
	return &net.TCPAddr{}
}

func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.peer) }

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	if d, ok := c.dev.(netdev.Deadliner); ok {
		return d.SetReadDeadline(c.fd, t)
	}
	return netdev.ErrNotSupported
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	if d, ok := c.dev.(netdev.Deadliner); ok {
		return d.SetWriteDeadline(c.fd, t)
	}
	return netdev.ErrNotSupported
}

type listener struct {
	dev    netdev.Netdever
	fd     int
	closed atomic.Bool
}

func (l *listener) Accept() (net.Conn, error) {
	fd, peer, err := l.dev.Accept(l.fd)
	if err != nil {
		if l.closed.Load() {
			err = net.ErrClosed
		}
		return nil, err
	}
	return &conn{dev: l.dev, fd: fd, peer: peer}, nil
}

func (l *listener) Close() error {
	if l.closed.Swap(true) {
		return net.ErrClosed
	}
	return l.dev.Close(l.fd)
}

func (l *listener) Addr() net.Addr {
	if a, ok := l.dev.(netdev.LocalAddrer); ok {
		if local, err := a.LocalAddr(l.fd); err == nil {
			return net.TCPAddrFromAddrPort(local)
		}
	}
	return &net.TCPAddr{}
}
