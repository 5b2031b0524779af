//go:build !tinygo

package net

import (
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// peerAddrer is netdev.PeerAddrer.
type peerAddrer interface {
	PeerAddr(sockfd int) (netip.AddrPort, error)
}

// socketOf makes a socket of a duplicate of the file's descriptor.
func socketOf(f *os.File) (s *devSocket, err error) {
	dev, err := currentDevice()
	d, ok := dev.(filer)
	if err != nil || !ok {
		return nil, errNoDescriptor
	}
	defer recovered(&err)
	fd, domain, stype, err := d.FromFile(f.Fd())
	runtime.KeepAlive(f)
	if err != nil {
		return nil, err
	}
	return newDevSocket(dev, fd, domain, stype), nil
}

// peerAddr returns the address of the socket's peer, if it has one.
func (s *devSocket) peerAddr() (addr netip.AddrPort) {
	var err error
	defer recovered(&err)
	if d, ok := s.dev.(peerAddrer); ok {
		if addr, err = d.PeerAddr(s.fd); err == nil {
			return unmap(addr)
		}
	}
	return netip.AddrPort{}
}

// unixNetwork returns the network of a Unix domain socket.
func unixNetwork(stype int) string {
	switch stype {
	case sockDgram:
		return "unixgram"
	case sockSeqpacket:
		return "unixpacket"
	}
	return "unix"
}

func fileConn(f *os.File) (Conn, error) {
	s, err := socketOf(f)
	if err != nil {
		return nil, err
	}
	if _, ok := s.dev.(unixSocketer); ok && s.domain == afUnix {
		return newUnixConn(s, unixNetwork(s.stype)), nil
	}
	if s.domain != afUnix {
		switch s.stype {
		case sockStream:
			c := newTCPConn(socket{dev: s}, "tcp", s.localAddr(netip.AddrPort{}, netip.Addr{}), s.peerAddr())
			c.keepAlive(0, KeepAliveConfig{})
			return c, nil
		case sockDgram:
			return fileUDPConn(s), nil
		}
	}
	s.abandon()
	return nil, syscall.EINVAL
}

func fileUDPConn(s *devSocket) *UDPConn {
	u := newUDPSocket(&binding{udp: true})
	u.dev, u.peer = s, s.peerAddr()
	s.connected = u.peer.IsValid()
	s.setPeer(u.peer)
	return newUDPConn(u, "udp", s.localAddr(netip.AddrPort{}, netip.Addr{}))
}

func fileListener(f *os.File) (Listener, error) {
	s, err := socketOf(f)
	if err != nil {
		return nil, err
	}
	s.listening = true
	if _, ok := s.dev.(unixSocketer); ok && s.domain == afUnix && !s.datagrams {
		l := newUnixListener(s, unixNetwork(s.stype))
		l.unlink = false
		return l, nil
	}
	if s.domain != afUnix && s.stype == sockStream {
		l := newLoopListener(&binding{local: s.localAddr(netip.AddrPort{}, netip.Addr{})}, "tcp")
		l.dev = s
		l.laddr = TCPAddrFromAddrPort(l.binding.local)
		return &TCPListener{unsafe.Pointer(l)}, nil
	}
	s.abandon()
	return nil, syscall.EINVAL
}

func filePacketConn(f *os.File) (PacketConn, error) {
	s, err := socketOf(f)
	if err != nil {
		return nil, err
	}
	if s.datagrams {
		if _, ok := s.dev.(unixSocketer); ok && s.domain == afUnix {
			return newUnixConn(s, unixNetwork(s.stype)), nil
		}
		if s.domain != afUnix && s.stype == sockDgram {
			return fileUDPConn(s), nil
		}
	}
	s.abandon()
	return nil, syscall.EINVAL
}
