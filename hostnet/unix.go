//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"syscall"
	"time"
)

// errNotUnix is the error for a path given to a socket of another family.
var errNotUnix = wrap("a path is for netdev.AF_UNIX sockets", syscall.EAFNOSUPPORT)

// unix returns the socket if it is a Unix domain socket.
func (d *Device) unix(sockfd int) (*socket, error) {
	s, err := d.table.get(sockfd)
	if err == nil && s.domain != syscall.AF_UNIX {
		return nil, errNotUnix
	}
	return s, err
}

// BindUnix gives a Unix domain socket its path, at which a file appears. It is
// not removed by Close. A path that begins with @ is in no file system, which
// only Linux has; an empty one lets Linux choose such a name.
func (d *Device) BindUnix(sockfd int, path string) error {
	s, err := d.unix(sockfd)
	if err != nil {
		return err
	}
	return s.bind(&syscall.SockaddrUnix{Name: path})
}

// ConnectUnix connects a Unix domain socket to the one at path. The write deadline
// bounds it, and Close wakes it.
func (d *Device) ConnectUnix(sockfd int, path string) error {
	s, err := d.unix(sockfd)
	if err != nil {
		return err
	}
	return s.connect(&syscall.SockaddrUnix{Name: path})
}

// AcceptUnix is Accept with the peer's path. A peer without one has an empty
// path, or "@" on Linux, as in Go's net.
func (d *Device) AcceptUnix(sockfd int) (int, string, error) {
	if _, err := d.unix(sockfd); err != nil {
		return -1, "", err
	}
	number, sa, err := d.accept(sockfd)
	return number, path(sa), err
}

// LocalUnix returns the path of a Unix domain socket: empty, or "@" on Linux, if
// it has none.
func (d *Device) LocalUnix(sockfd int) (string, error) {
	sa, err := d.name(sockfd, "getsockname", syscall.Getsockname)
	return path(sa), err
}

// PeerUnix returns the path of a Unix domain socket's peer: empty, or "@" on
// Linux, if that has none. Without a peer it returns an error.
func (d *Device) PeerUnix(sockfd int) (string, error) {
	sa, err := d.name(sockfd, "getpeername", syscall.Getpeername)
	return path(sa), err
}

// SendToUnix sends buf as one datagram to the socket at path to. flags are 0.
func (d *Device) SendToUnix(sockfd int, buf []byte, flags int, to string, deadline time.Time) (int, error) {
	s, err := d.unix(sockfd)
	if err != nil {
		return 0, err
	}
	if flags != 0 {
		return 0, errFlags
	}
	c := s.newSender(buf)
	defer s.keepSender(c)
	// Anew: after a longer path its end would be the end of this one.
	c.addrs.unix = syscall.SockaddrUnix{Name: to}
	c.to = &c.addrs.unix
	return s.transmit(c, deadline)
}

// RecvFromUnix receives one datagram, or the part of it that fits buf, and
// returns the path of who has sent it, empty if that has none. flags are 0.
func (d *Device) RecvFromUnix(sockfd int, buf []byte, flags int, deadline time.Time) (int, string, error) {
	s, err := d.unix(sockfd)
	if err != nil {
		return 0, "", err
	}
	if flags != 0 {
		return 0, "", errFlags
	}
	c := s.newReceiver(buf)
	defer s.keepReceiver(c)
	if err := s.receive(c, "recvfrom", deadline); err != nil {
		return 0, "", err
	}
	return c.n, c.from.path(), nil
}
