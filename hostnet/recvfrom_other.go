//go:build (darwin || (linux && 386)) && !tinygo

package hostnet

import (
	"net/netip"
	"syscall"
)

// source is the sender of a datagram. On these systems the call is only within
// reach by package syscall, which allocates it.
type source struct {
	sa syscall.Sockaddr
}

// recv is recvfrom(2).
func (s *source) recv(fd int, buf []byte) (n int, err error) {
	n, s.sa, err = syscall.Recvfrom(fd, buf, 0)
	return max(n, 0), err
}

// addrPort returns the sender's address, or the zero AddrPort.
func (s *source) addrPort(d *Device) netip.AddrPort { return d.addrPort(s.sa) }

// path returns the sender's path, or "".
func (s *source) path() string { return path(s.sa) }
