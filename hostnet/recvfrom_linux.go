//go:build !386 && !tinygo

package hostnet

import (
	"net/netip"
	"syscall"
	"unsafe"
)

// source is the sender of a datagram as the kernel tells it. Package syscall's
// Recvfrom would allocate one each time.
type source struct {
	raw syscall.RawSockaddrAny
}

// recv is recvfrom(2).
func (s *source) recv(fd int, buf []byte) (int, error) {
	s.raw.Addr.Family = syscall.AF_UNSPEC
	size := uint32(syscall.SizeofSockaddrAny)
	p := unsafe.Pointer(s) // not nil even if buf is empty
	if len(buf) > 0 {
		p = unsafe.Pointer(&buf[0])
	}
	n, _, errno := syscall.Syscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(p), uintptr(len(buf)), 0,
		uintptr(unsafe.Pointer(&s.raw)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0, errno
	}
	if s.raw.Addr.Family == syscall.AF_UNIX {
		// The kernel ends the path with a NUL only if there is room.
		unix := (*syscall.RawSockaddrUnix)(unsafe.Pointer(&s.raw))
		if used := int(size) - 2; used < len(unix.Path) {
			clear(unix.Path[max(used, 0):])
		}
	}
	return int(n), nil
}

// addrPort returns the sender's address, or the zero AddrPort.
func (s *source) addrPort(d *Device) netip.AddrPort {
	switch s.raw.Addr.Family {
	case syscall.AF_INET:
		sa := (*syscall.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), hostOrder(sa.Port))
	case syscall.AF_INET6:
		sa := (*syscall.RawSockaddrInet6)(unsafe.Pointer(&s.raw))
		return netip.AddrPortFrom(d.addr16(sa.Addr, sa.Scope_id), hostOrder(sa.Port))
	}
	return netip.AddrPort{}
}

// path returns the sender's path, or "". Names that begin with NUL, which are
// in no file system, are shown with an @.
func (s *source) path() string {
	if s.raw.Addr.Family != syscall.AF_UNIX {
		return ""
	}
	sa := (*syscall.RawSockaddrUnix)(unsafe.Pointer(&s.raw))
	var name [len(sa.Path)]byte
	n := 0
	for n < len(sa.Path) && (n == 0 || sa.Path[n] != 0) {
		name[n] = byte(sa.Path[n])
		n++
	}
	if name[0] == 0 {
		if n == 1 {
			return "" // it has none
		}
		name[0] = '@'
	}
	return string(name[:n])
}

func hostOrder(port uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&port))
	return uint16(b[0])<<8 | uint16(b[1])
}
