//go:build !tinygo

package hostnet

import "syscall"

// acceptCall is the system call that sysAccept makes.
const acceptCall = "accept4"

// sysSocket makes a non-blocking socket that programs started from this one do
// not inherit.
func sysSocket(domain, stype, protocol int) (int, error) {
	return syscall.Socket(domain, stype|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, protocol)
}

// sysAccept accepts a connection as such a socket, or returns EAGAIN.
func sysAccept(fd int) (int, syscall.Sockaddr, error) {
	return syscall.Accept4(fd, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
}

const (
	sysTCPKeepIdle     = syscall.TCP_KEEPIDLE
	sysTCPKeepInterval = syscall.TCP_KEEPINTVL
	sysTCPKeepCount    = syscall.TCP_KEEPCNT
)

// sysReuseDatagrams is the option by which several datagram sockets share a
// port.
const sysReuseDatagrams = syscall.SO_REUSEADDR
