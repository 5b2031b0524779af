//go:build !tinygo

package netdev

import (
	"net/netip"
	"syscall"
	"time"
)

// The optional interfaces in this file are for devices that are made of an
// operating system's sockets, such as package hostnet.

// PeerAddrer is implemented by devices that know the peer of a socket that
// they did not connect or accept themselves.
type PeerAddrer interface {
	PeerAddr(sockfd int) (netip.AddrPort, error)
}

// UnixSocketer is implemented by devices with Unix domain sockets (AF_UNIX), which
// are named by paths. Where a socket has no path it is empty, or "@" on
// Linux.
type UnixSocketer interface {
	// BindUnix gives the socket its path, at which a file appears that Close
	// does not remove. A path that begins with @ is in no file system.
	BindUnix(sockfd int, path string) error
	// ConnectUnix is Connect.
	ConnectUnix(sockfd int, path string) error
	// AcceptUnix is Accept with the peer's path.
	AcceptUnix(sockfd int) (int, string, error)
	// LocalUnix and PeerUnix return the paths of both ends.
	LocalUnix(sockfd int) (string, error)
	PeerUnix(sockfd int) (string, error)
	// SendToUnix and RecvFromUnix are those of Datagrammer.
	SendToUnix(sockfd int, buf []byte, flags int, to string, deadline time.Time) (int, error)
	RecvFromUnix(sockfd int, buf []byte, flags int, deadline time.Time) (int, string, error)
}

// Filer is implemented by devices whose sockets are descriptors of the
// system.
type Filer interface {
	// File returns a duplicate of the socket's descriptor, which the caller
	// closes.
	File(sockfd int) (uintptr, error)
	// FromFile makes a socket of a duplicate of a descriptor and returns it
	// with its domain and type as in Socket.
	FromFile(fd uintptr) (sockfd, domain, stype int, err error)
	// SyscallConn returns access to the socket's descriptor. Its Read and Write
	// obey the deadlines, and Close wakes them.
	SyscallConn(sockfd int) (syscall.RawConn, error)
}
