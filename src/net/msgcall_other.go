//go:build (darwin || (linux && (386 || s390x))) && !tinygo

package net

import (
	"net/netip"
	"syscall"
)

// msgCall is for other systems.
type msgCall struct{}

// recvAddrMsg is recvMsg for IP sockets.
func (s *devSocket) recvAddrMsg(b, oob []byte) (n, oobn, flags int, from netip.AddrPort, err error) {
	n, oobn, flags, sa, err := s.recvMsg(b, oob)
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		from = netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *syscall.SockaddrInet6:
		addr := netip.AddrFrom16(sa.Addr).Unmap()
		if sa.ZoneId != 0 && addr.Is6() {
			addr = addr.WithZone(zoneName(int(sa.ZoneId)))
		}
		from = netip.AddrPortFrom(addr, uint16(sa.Port))
	}
	return n, oobn, flags, from, err
}
