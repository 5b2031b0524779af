//go:build (linux || darwin) && !tinygo

package net

import (
	"net/netip"
	"os"
	"strconv"
	"syscall"
)

// recvMsg is recvmsg(2) on the socket's descriptor.
func (s *devSocket) recvMsg(b, oob []byte) (n, oobn, flags int, from syscall.Sockaddr, err error) {
	raw, err := s.syscallConn()
	if err != nil {
		return 0, 0, 0, nil, err
	}
	var result error
	err = s.rawRead(raw, func(fd uintptr) bool {
		for {
			n, oobn, flags, from, result = syscall.Recvmsg(int(fd), b, oob, msgFlags)
			if result != syscall.EINTR {
				return result != syscall.EAGAIN
			}
		}
	})
	if err == nil {
		err = os.NewSyscallError("recvmsg", result)
	}
	if err != nil {
		return 0, 0, 0, nil, err
	}
	closeOnExec(oob[:oobn])
	return n, oobn, flags, from, nil
}

// sendMsg is sendmsg(2) on the socket's descriptor. to is nil for the peer.
func (s *devSocket) sendMsg(b, oob []byte, to syscall.Sockaddr) (n, oobn int, err error) {
	raw, err := s.syscallConn()
	if err != nil {
		return 0, 0, err
	}
	var result error
	err = s.rawWrite(raw, func(fd uintptr) bool {
		for {
			n, result = syscall.SendmsgN(int(fd), b, oob, to, 0)
			if result != syscall.EINTR {
				return result != syscall.EAGAIN
			}
		}
	})
	if err == nil {
		err = os.NewSyscallError("sendmsg", result)
	}
	if err != nil {
		return 0, 0, err
	}
	return n, len(oob), nil
}

// sendAddrMsg is sendMsg for IP sockets. to is not valid for the peer.
func (s *devSocket) sendAddrMsg(b, oob []byte, to netip.AddrPort) (n, oobn int, err error) {
	var sa syscall.Sockaddr
	switch addr := to.Addr(); {
	case !addr.IsValid():
	case s.domain == afInet6:
		sa = &syscall.SockaddrInet6{Addr: addr.As16(), Port: int(to.Port()), ZoneId: zoneIndex(addr.Zone())}
	case addr.Is4():
		sa = &syscall.SockaddrInet4{Addr: addr.As4(), Port: int(to.Port())}
	default:
		return 0, 0, &AddrError{Err: "non-IPv4 address", Addr: addr.String()}
	}
	return s.sendMsg(b, oob, sa)
}

// recvUnixMsg and sendUnixMsg are recvMsg and sendMsg for Unix domain sockets.
func (s *devSocket) recvUnixMsg(b, oob []byte) (n, oobn, flags int, from string, err error) {
	n, oobn, flags, sa, err := s.recvMsg(b, oob)
	if sa, ok := sa.(*syscall.SockaddrUnix); ok {
		from = sa.Name
	}
	return n, oobn, flags, from, s.orEnd(n, err)
}

func (s *devSocket) sendUnixMsg(b, oob []byte, to string) (n, oobn int, err error) {
	var sa syscall.Sockaddr
	if to != "" {
		sa = &syscall.SockaddrUnix{Name: to}
	}
	return s.sendMsg(b, oob, sa)
}

// hasMsgs reports whether recvAddrMsg and sendAddrMsg work.
func (s *devSocket) hasMsgs() bool {
	_, ok := s.dev.(filer)
	return ok
}

// zoneName returns the zone of an address, which is the name of the interface
// with that index.
func zoneName(index int) string {
	if ifi, err := InterfaceByIndex(index); err == nil {
		return ifi.Name
	}
	return strconv.Itoa(index)
}

func zoneIndex(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if ifi, err := InterfaceByName(zone); err == nil {
		return uint32(ifi.Index)
	}
	n, _ := strconv.ParseUint(zone, 10, 32)
	return uint32(n)
}
