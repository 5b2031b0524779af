//go:build !tinygo

package net

import (
	"context"
	"io"
	"syscall"
	"time"
)

// unixSocketer is netdev.UnixSocketer with what a device needs beside it: its
// sockets know their deadlines.
type unixSocketer interface {
	deadliner
	BindUnix(sockfd int, path string) error
	ConnectUnix(sockfd int, path string) error
	AcceptUnix(sockfd int) (int, string, error)
	LocalUnix(sockfd int) (string, error)
	PeerUnix(sockfd int) (string, error)
	SendToUnix(sockfd int, buf []byte, flags int, to string, deadline time.Time) (int, error)
	RecvFromUnix(sockfd int, buf []byte, flags int, deadline time.Time) (int, string, error)
}

// openUnix makes a Unix domain socket. The device of one is a unixSocketer.
func openUnix(network string) (*devSocket, error) {
	stype := sockStream
	switch network {
	case "unix":
	case "unixgram":
		stype = sockDgram
	case "unixpacket":
		stype = sockSeqpacket
	default:
		return nil, UnknownNetworkError(network)
	}
	dev, err := currentDevice()
	if _, ok := dev.(unixSocketer); err != nil || !ok {
		return nil, errNoUnix
	}
	return makeSocket(dev, afUnix, stype, 0)
}

// dialUnixName is dialUnixAddr for DialContext.
func (d *Dialer) dialUnixName(ctx context.Context, network, address string) (Conn, error) {
	laddr, ok := d.LocalAddr.(*UnixAddr)
	if d.LocalAddr != nil && (!ok || d.LocalAddr.Network() != network) {
		return nil, &OpError{Op: "dial", Net: network, Err: &AddrError{Err: "mismatched local address type", Addr: d.LocalAddr.String()}}
	}
	done := traceConnect(ctx, network, &UnixAddr{Name: address, Net: network})
	c, err := d.dialUnixAddr(ctx, network, laddr, &UnixAddr{Name: address, Net: network})
	done(err)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// listenUnixName is ListenUnix for Listen, and listenUnixgramName is
// ListenUnixgram for ListenPacket.
func (lc *ListenConfig) listenUnixName(network, address string) (Listener, error) {
	laddr := &UnixAddr{Name: address, Net: network}
	if network == "unixgram" {
		return nil, &OpError{Op: "listen", Net: network, Addr: laddr, Err: &AddrError{Err: "unexpected address type", Addr: address}}
	}
	s, err := lc.listenUnix(network, laddr, sockStream)
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Addr: laddr, Err: err}
	}
	return newUnixListener(s, network), nil
}

func (lc *ListenConfig) listenUnixgramName(network, address string) (PacketConn, error) {
	laddr := &UnixAddr{Name: address, Net: network}
	if network != "unixgram" {
		return nil, &OpError{Op: "listen", Net: network, Addr: laddr, Err: &AddrError{Err: "unexpected address type", Addr: address}}
	}
	s, err := lc.listenUnix(network, laddr, sockDgram)
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Addr: laddr, Err: err}
	}
	return newUnixConn(s, network), nil
}

func (s *devSocket) unix() unixSocketer { return s.dev.(unixSocketer) }

// do makes a call of the device that may block in direction dir.
func (s *devSocket) do(dir direction, call func() error) (err error) {
	if err := s.enter(dir); err != nil {
		return err
	}
	defer s.leave(dir)
	if dir != 0 {
		if err := s.interrupted(dir); err != nil {
			return err
		}
	}
	raceRelease()
	err = protect(call)
	raceAcquire()
	if err != nil && dir != 0 {
		if reason := s.interrupted(dir); reason != nil {
			return reason
		}
	}
	return err
}

func protect(call func() error) (err error) {
	defer recovered(&err)
	return call()
}

func (s *devSocket) bindUnix(name string) error {
	return s.do(0, func() error { return s.unix().BindUnix(s.fd, name) })
}

func (s *devSocket) connectUnix(ctx context.Context, name string) error {
	return s.connectBy(ctx, func() error {
		err := s.enter(writing)
		if err == nil {
			raceRelease()
			err = protect(func() error { return s.unix().ConnectUnix(s.fd, name) })
			s.leave(writing)
		}
		return err
	})
}

func (s *devSocket) acceptUnix() (*devSocket, string, error) {
	var fd int
	var name string
	err := s.do(reading, func() (err error) {
		fd, name, err = s.unix().AcceptUnix(s.fd)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if fd < 0 {
		return nil, "", errBadDevice
	}
	return newDevSocket(s.dev, fd, afUnix, s.stype), name, nil
}

// unixName returns the name of this end or of the peer.
func (s *devSocket) unixName(peer bool) (name string, err error) {
	err = s.do(0, func() (err error) {
		if peer {
			name, err = s.unix().PeerUnix(s.fd)
		} else {
			name, err = s.unix().LocalUnix(s.fd)
		}
		return err
	})
	return name, err
}

func (s *devSocket) recvUnix(b []byte) (n int, from string, err error) {
	err = s.do(reading, func() (err error) {
		n, from, err = s.unix().RecvFromUnix(s.fd, b, 0, time.Time{})
		return err
	})
	return s.checkRecv(n, b, err), from, s.orEnd(n, err)
}

// checkRecv returns n unless a device cannot have received as many bytes.
func (s *devSocket) checkRecv(n int, b []byte, err error) int {
	if err != nil || n < 0 || n > len(b) {
		return 0
	}
	return n
}

// orEnd returns io.EOF for a stream or messages that have ended.
func (s *devSocket) orEnd(n int, err error) error {
	if n == 0 && err == nil && !s.datagrams {
		return io.EOF
	}
	return err
}

func (s *devSocket) sendUnix(b []byte, to string) (n int, err error) {
	err = s.do(writing, func() (err error) {
		n, err = s.unix().SendToUnix(s.fd, b, 0, to, time.Time{})
		return err
	})
	return n, err
}

func removeName(name string) { syscall.Unlink(name) }
