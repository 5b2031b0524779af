//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"tinynet/netdev"
)

// leastBacklog is how many connections a listener keeps for Accept at least:
// the system takes less if its own limit is lower, and Go's net asks for as many.
const leastBacklog = 4096

// errFlags is the error for flags of Send and Recv, which are to be 0.
var errFlags = wrap("flags of a call are 0", netdev.ErrNotSupported)

// acceptOne is sysAccept. Tests have their own.
var acceptOne = sysAccept

// A socket is a socket of the system, registered with the runtime's poller by
// way of an os.File.
type socket struct {
	number int // of the device
	domain int // the system's AF_INET, AF_INET6 or AF_UNIX
	stype  int // the system's SOCK_STREAM, SOCK_DGRAM …
	file   *os.File
	raw    syscall.RawConn

	read, write deadline
	bound       atomic.Bool
	closed      atomic.Bool

	// Datagram calls that are over, for the next to use.
	receiver, sender atomic.Pointer[datagramCall]
}

// add makes a socket of a descriptor, which must be non-blocking, and closes that if
// there is an error.
func (d *Device) add(fd, domain, stype int) (*socket, error) {
	s := &socket{domain: domain, stype: stype}
	s.file = os.NewFile(uintptr(fd), "socket")
	// Without the poller every blocking call would fail with EAGAIN.
	err := s.file.SetDeadline(time.Time{})
	if err == nil {
		s.raw, err = s.file.SyscallConn()
	}
	if err != nil {
		s.file.Close()
		return nil, wrap("the runtime's poller does not take the socket", err)
	}
	s.read.arm = s.file.SetReadDeadline
	s.write.arm = s.file.SetWriteDeadline
	if err := d.table.put(s); err != nil {
		s.file.Close()
		return nil, err
	}
	return s, nil
}

// isDatagram reports whether each Recv is one datagram, which may be empty.
func (s *socket) isDatagram() bool {
	return s.stype == syscall.SOCK_DGRAM || s.stype == syscall.SOCK_RAW
}

// control calls f with the descriptor, which stays valid during the call. name
// is the system call that f makes.
func (s *socket) control(name string, f func(fd int) error) error {
	var err error
	if e := s.raw.Control(func(fd uintptr) {
		for {
			if err = f(int(fd)); err != syscall.EINTR {
				return
			}
		}
	}); e != nil {
		return s.failure(name, e)
	}
	return os.NewSyscallError(name, err)
}

// failure returns the error for what a call on s.file or s.raw gave.
func (s *socket) failure(name string, err error) error {
	// A server interrupts a read after each request: this is no place for
	// errors.As.
	if path, ok := err.(*os.PathError); ok {
		err = path.Err
	}
	if err == os.ErrDeadlineExceeded {
		return netdev.ErrTimeout
	}
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return os.NewSyscallError(name, errno)
	case s.closed.Load():
		return netdev.ErrInvalidSocketFd
	}
	return err
}

// again reports whether a call has to be made again because the poller woke
// it for another call's deadline.
func again(d *deadline, own time.Time, err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || d.concerns(own) {
		return false
	}
	runtime.Gosched() // let the other one go
	return true
}

// Socket makes a socket. domain is netdev.AF_INET, netdev.AF_INET6 or AF_UNIX,
// stype netdev.SOCK_STREAM, netdev.SOCK_DGRAM, netdev.SOCK_RAW or netdev.SOCK_SEQPACKET.
// protocol is netdev.IPPROTO_TCP for a stream, netdev.IPPROTO_UDP for
// datagrams, any for netdev.SOCK_RAW, or 0. netdev.IPPROTO_TLS gives
// netdev.ErrProtocolNotSupported.
//
// TCP sockets have TCP_NODELAY set, UDP sockets SO_BROADCAST, as in Go's net. An
// AF_INET6 socket is for IPv6 alone until netdev.IPV6_V6ONLY is set to false.
func (d *Device) Socket(domain, stype, protocol int) (int, error) {
	sysDomain := 0
	switch domain {
	case netdev.AF_INET:
		sysDomain = syscall.AF_INET
	case netdev.AF_INET6:
		sysDomain = syscall.AF_INET6
	case netdev.AF_UNIX:
		sysDomain = syscall.AF_UNIX
	default:
		return -1, netdev.ErrFamilyNotSupported
	}
	inet := domain != netdev.AF_UNIX
	sysType, ok := 0, protocol == 0
	switch stype {
	case netdev.SOCK_STREAM:
		sysType = syscall.SOCK_STREAM
		ok = ok || inet && protocol == netdev.IPPROTO_TCP
	case netdev.SOCK_DGRAM:
		sysType = syscall.SOCK_DGRAM
		ok = ok || inet && protocol == netdev.IPPROTO_UDP
	case netdev.SOCK_RAW:
		sysType = syscall.SOCK_RAW
		ok = inet && protocol != netdev.IPPROTO_TLS
	case netdev.SOCK_SEQPACKET:
		sysType = syscall.SOCK_SEQPACKET
		ok = ok && !inet
	default:
		ok = false
	}
	if !ok {
		return -1, netdev.ErrProtocolNotSupported
	}
	fd, err := sysSocket(sysDomain, sysType, protocol)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := setDefaults(fd, sysDomain, sysType); err != nil {
		syscall.Close(fd)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	s, err := d.add(fd, sysDomain, sysType)
	if err != nil {
		return -1, err
	}
	return s.number, nil
}

// Bind gives the socket its local address. An address that is not valid, or
// unspecified, stands for all addresses of the socket's family. A TCP socket
// may take a port that only old connections hold (SO_REUSEADDR).
func (d *Device) Bind(sockfd int, ip netip.AddrPort) error {
	s, err := d.table.get(sockfd)
	if err != nil {
		return err
	}
	sa, err := d.sockaddr(s.domain, ip)
	if err != nil {
		return err
	}
	// With port 0 it would let the system give a port that is in use.
	if s.stype == syscall.SOCK_STREAM && ip.Port() != 0 {
		if err := s.setOption(syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
			return err
		}
	}
	return s.bind(sa)
}

func (s *socket) bind(sa syscall.Sockaddr) error {
	err := s.control("bind", func(fd int) error { return syscall.Bind(fd, sa) })
	if err == nil {
		s.bound.Store(true)
	}
	return err
}

// Connect connects a stream, or sets the peer of a datagram socket. Without an
// address in ip it connects to an address that LookupHost finds for host. The
// write deadline bounds it, and Close wakes it. A TCP connection to
// itself, which can happen on a port of this machine on which nobody listens,
// is ECONNREFUSED, unless the socket was bound.
func (d *Device) Connect(sockfd int, host string, ip netip.AddrPort) error {
	s, err := d.table.get(sockfd)
	if err != nil {
		return err
	}
	if !ip.Addr().IsValid() && host != "" {
		addr, err := d.lookupFor(s.domain, host)
		if err != nil {
			return err
		}
		ip = netip.AddrPortFrom(addr, ip.Port())
	}
	sa, err := d.sockaddr(s.domain, ip)
	if err != nil {
		return err
	}
	if err := s.connect(sa); err != nil {
		return err
	}
	if s.stype == syscall.SOCK_STREAM && !s.bound.Load() {
		var local, peer syscall.Sockaddr
		err := s.control("getsockname", func(fd int) error {
			local, err = syscall.Getsockname(fd)
			if err == nil {
				peer, err = syscall.Getpeername(fd)
			}
			return err
		})
		if err == nil && d.addrPort(local) == d.addrPort(peer) {
			return os.NewSyscallError("connect", syscall.ECONNREFUSED)
		}
	}
	return nil
}

func (s *socket) connect(sa syscall.Sockaddr) error {
	var result error
	begun := false
	attempt := func(fd uintptr) (done bool) {
		if !begun {
			begun = true
			result = syscall.Connect(int(fd), sa)
			switch result {
			case syscall.EINPROGRESS, syscall.EINTR:
				return false
			}
			return true
		}
		// Being writable is no proof: the poller may have been told of the
		// time before connect, when a socket counts as hung up.
		errno, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
		switch {
		case err != nil:
			result = err
			return true
		case errno != 0:
			result = syscall.Errno(errno)
			return true
		}
		_, result = syscall.Getpeername(int(fd))
		return result == nil
	}
	for {
		err := s.raw.Write(attempt)
		if err == nil {
			return os.NewSyscallError("connect", result)
		}
		if !again(&s.write, time.Time{}, err) {
			return s.failure("connect", err)
		}
	}
}

// Listen makes a bound stream socket accept connections. The system keeps 4096
// of them for Accept, even if backlog is less, unless its own limit is lower.
func (d *Device) Listen(sockfd, backlog int) error {
	s, err := d.table.get(sockfd)
	if err != nil {
		return err
	}
	if s.domain != syscall.AF_UNIX {
		// For the next listener on the port: the connections of this one
		// hand it down.
		if err := s.setOption(syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
			return err
		}
	}
	return s.control("listen", func(fd int) error { return syscall.Listen(fd, max(backlog, leastBacklog)) })
}

// Accept waits for a connection and returns its new socket and the peer's
// address.
func (d *Device) Accept(sockfd int) (int, netip.AddrPort, error) {
	number, sa, err := d.accept(sockfd)
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	return number, d.addrPort(sa), nil
}

func (d *Device) accept(sockfd int) (int, syscall.Sockaddr, error) {
	s, err := d.table.get(sockfd)
	if err != nil {
		return -1, nil, err
	}
	var (
		fd     int
		sa     syscall.Sockaddr
		result error
	)
	attempt := func(listener uintptr) (done bool) {
		for {
			fd, sa, result = acceptOne(int(listener))
			switch result {
			case syscall.EAGAIN:
				return false
			case syscall.EINTR, syscall.ECONNABORTED: // the next one may be good
				continue
			}
			return true
		}
	}
	for {
		if err = s.raw.Read(attempt); err == nil {
			break
		}
		if !again(&s.read, time.Time{}, err) {
			return -1, nil, s.failure(acceptCall, err)
		}
	}
	if result != nil {
		return -1, nil, os.NewSyscallError(acceptCall, result)
	}
	conn, err := d.add(fd, s.domain, s.stype)
	if err != nil {
		return -1, nil, err
	}
	return conn.number, sa, nil
}

// Send writes all of buf unless there is an error, or one datagram. flags are
// 0.
func (d *Device) Send(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	s, err := d.table.get(sockfd)
	if err != nil {
		return 0, err
	}
	if flags != 0 {
		return 0, errFlags
	}
	if !deadline.IsZero() {
		s.write.enter(deadline)
		defer s.write.leave(deadline)
	}
	raceRelease() // for datagrams
	sent := 0
	for {
		n, err := s.file.Write(buf[sent:])
		sent += n
		if err == nil {
			return sent, nil
		}
		if !again(&s.write, deadline, err) {
			return sent, s.failure("write", err)
		}
	}
}

// Recv returns what has arrived, at most len(buf) bytes, or one datagram. The
// end of a stream is io.EOF. flags are 0.
func (d *Device) Recv(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	s, err := d.table.get(sockfd)
	if err != nil {
		return 0, err
	}
	if flags != 0 {
		return 0, errFlags
	}
	if s.isDatagram() {
		c := s.newReceiver(buf)
		err := s.receive(c, "read", deadline)
		n := c.n
		s.keepReceiver(c)
		return n, err
	}
	if !deadline.IsZero() {
		s.read.enter(deadline)
		defer s.read.leave(deadline)
	}
	for {
		n, err := s.file.Read(buf)
		if err == nil || err == io.EOF {
			return n, err
		}
		if !again(&s.read, deadline, err) {
			return n, s.failure("read", err)
		}
	}
}

// Close frees the socket. It wakes the calls that are blocked on it, whose
// error is netdev.ErrInvalidSocketFd, and waits until they have returned.
func (d *Device) Close(sockfd int) error {
	s, err := d.table.take(sockfd)
	if err != nil {
		return err
	}
	s.closed.Store(true)
	if err := s.file.Close(); err != nil {
		return s.failure("close", err)
	}
	return nil
}

// Shutdown closes one direction of a connection or both: how is netdev.SHUT_RD,
// netdev.SHUT_WR or netdev.SHUT_RDWR.
func (d *Device) Shutdown(sockfd, how int) error {
	s, err := d.table.get(sockfd)
	if err != nil {
		return err
	}
	return s.control("shutdown", func(fd int) error { return syscall.Shutdown(fd, how) })
}

// LocalAddr returns the socket's local address. It is the zero AddrPort for a Unix
// domain socket.
func (d *Device) LocalAddr(sockfd int) (netip.AddrPort, error) {
	sa, err := d.name(sockfd, "getsockname", syscall.Getsockname)
	return d.addrPort(sa), err
}

// PeerAddr returns the address of the socket's peer, or an error if it has
// none. It is the zero AddrPort for a Unix domain socket.
func (d *Device) PeerAddr(sockfd int) (netip.AddrPort, error) {
	sa, err := d.name(sockfd, "getpeername", syscall.Getpeername)
	return d.addrPort(sa), err
}

func (d *Device) name(sockfd int, call string, get func(int) (syscall.Sockaddr, error)) (sa syscall.Sockaddr, err error) {
	s, err := d.table.get(sockfd)
	if err != nil {
		return nil, err
	}
	err = s.control(call, func(fd int) (err error) {
		sa, err = get(fd)
		return err
	})
	return sa, err
}
