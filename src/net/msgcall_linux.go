//go:build !386 && !s390x && !tinygo

package net

import (
	"net/netip"
	"os"
	"syscall"
	"unsafe"
)

// A msgCall is a call of recvmsg(2) with its arguments and results. Its method
// try is made a function once, so that no call allocates.
type msgCall struct {
	try   func(fd uintptr) (done bool)
	head  syscall.Msghdr
	part  syscall.Iovec
	from  syscall.RawSockaddrAny
	n     int
	errno syscall.Errno
}

// recvAddrMsg is recvMsg for IP sockets.
func (s *devSocket) recvAddrMsg(b, oob []byte) (n, oobn, flags int, from netip.AddrPort, err error) {
	raw, err := s.syscallConn()
	if err != nil {
		return 0, 0, 0, from, err
	}
	c := s.msg.Swap(nil)
	if c == nil {
		c = new(msgCall)
		c.try = c.receive
	}
	c.part, c.head = syscall.Iovec{}, syscall.Msghdr{}
	if len(b) > 0 {
		c.part.Base = &b[0]
		c.part.SetLen(len(b))
	}
	c.head.Iov, c.head.Iovlen = &c.part, 1
	if len(oob) > 0 {
		c.head.Control = &oob[0]
		c.head.SetControllen(len(oob))
	}
	err = s.rawRead(raw, c.try)
	if err == nil && c.errno != 0 {
		err = os.NewSyscallError("recvmsg", c.errno)
	}
	if err == nil {
		n, oobn, flags, from = c.n, int(c.head.Controllen), int(c.head.Flags), c.addrPort()
	}
	c.part, c.head = syscall.Iovec{}, syscall.Msghdr{} // not to keep b and oob
	s.msg.Store(c)
	return n, oobn, flags, from, err
}

func (c *msgCall) receive(fd uintptr) (done bool) {
	c.from.Addr.Family = syscall.AF_UNSPEC
	c.head.Name = (*byte)(unsafe.Pointer(&c.from))
	for {
		c.head.Namelen = syscall.SizeofSockaddrAny
		n, _, errno := syscall.Syscall(syscall.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&c.head)), msgFlags)
		if errno != syscall.EINTR {
			c.n, c.errno = int(n), errno
			return errno != syscall.EAGAIN
		}
	}
}

// addrPort returns who has sent.
func (c *msgCall) addrPort() netip.AddrPort {
	port := func(p *uint16) uint16 {
		b := (*[2]byte)(unsafe.Pointer(p))
		return uint16(b[0])<<8 | uint16(b[1])
	}
	switch c.from.Addr.Family {
	case syscall.AF_INET:
		sa := (*syscall.RawSockaddrInet4)(unsafe.Pointer(&c.from))
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), port(&sa.Port))
	case syscall.AF_INET6:
		sa := (*syscall.RawSockaddrInet6)(unsafe.Pointer(&c.from))
		addr := netip.AddrFrom16(sa.Addr).Unmap()
		if sa.Scope_id != 0 && addr.Is6() {
			addr = addr.WithZone(zoneName(int(sa.Scope_id)))
		}
		return netip.AddrPortFrom(addr, port(&sa.Port))
	}
	return netip.AddrPort{}
}
