//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"os"
	"syscall"

	"tinynet/netdev"
)

// File returns a duplicate of the socket's descriptor, which the caller closes,
// as os.File does. Both are non-blocking, and closed in programs that this one starts.
func (d *Device) File(sockfd int) (uintptr, error) {
	s, err := d.table.get(sockfd)
	if err != nil {
		return 0, err
	}
	var dup int
	err = s.control("dup", func(fd int) (err error) {
		dup, err = duplicate(fd)
		return err
	})
	return uintptr(dup), err
}

// duplicate duplicates a descriptor, so that programs that this one starts do
// not inherit it.
func duplicate(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	dup, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(dup)
	}
	return dup, err
}

// FromFile makes a socket of a duplicate of the descriptor fd, which stays the
// caller's and becomes non-blocking. It returns the socket with its domain and
// type as in Socket. A descriptor of something else is ENOTSOCK, a socket of
// another family netdev.ErrFamilyNotSupported.
func (d *Device) FromFile(fd uintptr) (sockfd, domain, stype int, err error) {
	fail := func(call string, err error) (int, int, int, error) {
		return -1, 0, 0, os.NewSyscallError(call, err)
	}
	stype, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil {
		return fail("getsockopt", err)
	}
	sa, err := syscall.Getsockname(int(fd))
	if err != nil && err != syscall.EAFNOSUPPORT { // which package syscall says of other families
		return fail("getsockname", err)
	}
	sysDomain := 0
	switch sa.(type) {
	case *syscall.SockaddrInet4:
		domain, sysDomain = netdev.AF_INET, syscall.AF_INET
	case *syscall.SockaddrInet6:
		domain, sysDomain = netdev.AF_INET6, syscall.AF_INET6
	case *syscall.SockaddrUnix:
		domain, sysDomain = netdev.AF_UNIX, syscall.AF_UNIX
	default:
		return -1, 0, 0, netdev.ErrFamilyNotSupported
	}
	dup, err := duplicate(int(fd))
	if err != nil {
		return fail("dup", err)
	}
	if err := syscall.SetNonblock(dup, true); err != nil {
		syscall.Close(dup)
		return fail("setnonblock", err)
	}
	// SOCK_STREAM and the others are the same numbers on all systems.
	s, err := d.add(dup, sysDomain, stype)
	if err != nil {
		return -1, 0, 0, err
	}
	s.bound.Store(true)
	return s.number, domain, stype, nil
}

// SyscallConn returns access to the socket's descriptor. Its Read and Write
// obey the deadlines, and Close wakes them.
func (d *Device) SyscallConn(sockfd int) (syscall.RawConn, error) {
	s, err := d.table.get(sockfd)
	if err != nil {
		return nil, err
	}
	return s.raw, nil
}
