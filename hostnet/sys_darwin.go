//go:build !tinygo

package hostnet

import "syscall"

// acceptCall is the system call that sysAccept makes.
const acceptCall = "accept"

// sysSocket makes a non-blocking socket that programs started from this one do
// not inherit.
func sysSocket(domain, stype, protocol int) (int, error) {
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(domain, stype, protocol)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, err
	}
	return unblocked(fd)
}

// sysAccept accepts a connection as such a socket, or returns EAGAIN.
func sysAccept(fd int) (int, syscall.Sockaddr, error) {
	syscall.ForkLock.RLock() // the listener does not block
	fd, sa, err := syscall.Accept(fd)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, nil, err
	}
	fd, err = unblocked(fd)
	return fd, sa, err
}

func unblocked(fd int) (int, error) {
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

// From macOS's netinet/tcp.h; package syscall has only the first.
const (
	sysTCPKeepIdle     = syscall.TCP_KEEPALIVE
	sysTCPKeepInterval = 0x101
	sysTCPKeepCount    = 0x102
)

// sysReuseDatagrams is the option by which several datagram sockets share a
// port.
const sysReuseDatagrams = syscall.SO_REUSEPORT
