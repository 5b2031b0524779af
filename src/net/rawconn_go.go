//go:build !tinygo

package net

import (
	"errors"
	"os"
	"syscall"
)

// filer is netdev.Filer.
type filer interface {
	File(sockfd int) (uintptr, error)
	FromFile(fd uintptr) (sockfd, domain, stype int, err error)
	SyscallConn(sockfd int) (syscall.RawConn, error)
}

// rawConn is access to the descriptor of a device's socket.
type rawConn struct {
	sock          *devSocket
	raw           syscall.RawConn // the device's
	net           string
	local, remote Addr
}

// newRawConn returns access to the descriptor of s, which may be nil.
func newRawConn(s *devSocket, network string, local, remote Addr) (syscall.RawConn, error) {
	if s == nil {
		return nil, errNoDescriptor
	}
	raw, err := s.syscallConn()
	if err != nil {
		return nil, err
	}
	return &rawConn{s, raw, network, local, remote}, nil
}

func (s *devSocket) syscallConn() (raw syscall.RawConn, err error) {
	d, ok := s.dev.(filer)
	if !ok {
		return nil, errNoDescriptor
	}
	if err := s.enter(0); err != nil {
		return nil, err
	}
	defer s.leave(0)
	defer recovered(&err)
	return d.SyscallConn(s.fd)
}

// Control calls f with the descriptor, which is open until f returns.
func (c *rawConn) Control(f func(fd uintptr)) error {
	err := c.sock.enter(0)
	if err == nil {
		err = c.sock.rawError(c.raw.Control(f))
		c.sock.leave(0)
	}
	if err != nil {
		return &OpError{Op: "raw-control", Net: c.net, Addr: c.local, Err: err}
	}
	return nil
}

// Read calls f until it returns true, each time that there may be something to
// read.
func (c *rawConn) Read(f func(fd uintptr) bool) error {
	return c.fail("raw-read", c.sock.rawRead(c.raw, f))
}

// Write calls f until it returns true, each time that there may be room for
// writing.
func (c *rawConn) Write(f func(fd uintptr) bool) error {
	return c.fail("raw-write", c.sock.rawWrite(c.raw, f))
}

func (c *rawConn) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	return &OpError{Op: op, Net: c.net, Source: c.local, Addr: c.remote, Err: err}
}

func (s *devSocket) rawRead(raw syscall.RawConn, f func(fd uintptr) bool) error {
	if err := s.enter(reading); err != nil {
		return err
	}
	defer s.leave(reading)
	err := s.rawError(raw.Read(f))
	raceAcquire()
	return err
}

func (s *devSocket) rawWrite(raw syscall.RawConn, f func(fd uintptr) bool) error {
	if err := s.enter(writing); err != nil {
		return err
	}
	defer s.leave(writing)
	raceRelease()
	return s.rawError(raw.Write(f))
}

// rawError returns the error for one of the device's RawConn.
func (s *devSocket) rawError(err error) error {
	if err == nil {
		return nil
	}
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case isTimeout(err):
		return os.ErrDeadlineExceeded
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}

// socketFile returns a file with a duplicate of the descriptor of s, which may
// be nil.
func socketFile(s *devSocket, network string, local, remote Addr) (*os.File, error) {
	if s == nil {
		return nil, errNoDescriptor
	}
	fd, err := s.file()
	if err != nil {
		return nil, err
	}
	name := network + ":"
	if local != nil {
		name += local.String()
	}
	name += "->"
	if remote != nil {
		name += remote.String()
	}
	return newSocketFile(fd, name), nil
}

func (s *devSocket) file() (fd uintptr, err error) {
	d, ok := s.dev.(filer)
	if !ok {
		return 0, errNoDescriptor
	}
	if err := s.enter(0); err != nil {
		return 0, err
	}
	defer s.leave(0)
	defer recovered(&err)
	return d.File(s.fd)
}
