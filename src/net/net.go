// Package net is Go's net for programs whose network lives in a separate
// device: it has the exported API of the standard package and works on a
// netdev.Netdever. It takes the standard package's place in GOROOT, by an
// overlay with Go and as a part of TINYGOROOT with TinyGo.
//
// Addresses of the loopback (127.0.0.0/8, ::1, the name localhost) work in
// memory, with or without a device. Everything else needs a device: a driver's
// New function hands it over, or netdev.UseNetdev. A listener on all
// addresses, as on ":80", accepts from both.
package net

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Addr is the address of one end of a connection, or of a listener.
type Addr interface {
	// Network returns the name of the network, as "tcp" or "udp".
	Network() string

	// String returns the address in text, as "10.0.0.2:80".
	String() string
}

// Conn is a connection to a peer. Its methods may be called by several
// goroutines at once.
type Conn interface {
	// Read waits until there is data and reads at most len(b) bytes of it.
	// The end of a stream is io.EOF. After the read deadline the error is
	// os.ErrDeadlineExceeded, after Close it is ErrClosed, both wrapped.
	Read(b []byte) (n int, err error)

	// Write writes all of b unless there is an error. After the write
	// deadline the error is os.ErrDeadlineExceeded, wrapped.
	Write(b []byte) (n int, err error)

	// Close closes the connection. Blocked calls return ErrClosed, wrapped.
	Close() error

	// LocalAddr returns this end's address, if it is known.
	LocalAddr() Addr

	// RemoteAddr returns the peer's address, if it is known.
	RemoteAddr() Addr

	// SetDeadline sets both deadlines. They are points in time after which
	// calls fail instead of blocking, the calls that are blocked now included;
	// the zero time is no deadline.
	SetDeadline(t time.Time) error

	// SetReadDeadline sets the deadline of Read.
	SetReadDeadline(t time.Time) error

	// SetWriteDeadline sets the deadline of Write. A Write that it ends may
	// have written a part, and says how much.
	SetWriteDeadline(t time.Time) error
}

// PacketConn is a socket for datagrams. Its methods may be called by several
// goroutines at once.
type PacketConn interface {
	// ReadFrom waits for a datagram and copies it into p; what does not fit is
	// lost. It returns the sender's address. Errors are as in Conn.Read.
	ReadFrom(p []byte) (n int, addr Addr, err error)

	// WriteTo sends p to addr as one datagram.
	WriteTo(p []byte, addr Addr) (n int, err error)

	// Close closes the socket. Blocked calls return ErrClosed, wrapped.
	Close() error

	// LocalAddr returns the address of the socket, if it is known.
	LocalAddr() Addr

	// SetDeadline sets both deadlines, as in Conn.
	SetDeadline(t time.Time) error

	// SetReadDeadline sets the deadline of ReadFrom.
	SetReadDeadline(t time.Time) error

	// SetWriteDeadline sets the deadline of WriteTo.
	SetWriteDeadline(t time.Time) error
}

// Listener accepts connections. Its methods may be called by several
// goroutines at once.
type Listener interface {
	// Accept waits for a connection.
	Accept() (Conn, error)

	// Close ends the listening. Blocked Accepts return ErrClosed, wrapped.
	Close() error

	// Addr returns the address that it listens on, with the real port.
	Addr() Addr
}

// conn is what the connections of all networks share. The zero conn is not
// connected: its methods fail with EINVAL. What it consists of is behind a pointer
// without a type: TinyGo has the descriptors of all types that are named in what
// is put into an interface.
type conn struct {
	p unsafe.Pointer // *connState, or nil
}

type connState struct {
	socket
	net          string
	laddr, raddr Addr // nil if unknown
}

func (c *conn) ok() bool { return c != nil && c.p != nil }

// state returns what c consists of. It must be connected.
func (c *conn) state() *connState { return (*connState)(c.p) }

// fail returns err as an OpError of c, and nil for nil.
func (c *conn) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	s := c.state()
	return &OpError{Op: op, Net: s.net, Source: s.laddr, Addr: s.raddr, Err: err}
}

// failSet is fail for operations on the socket itself, not with the peer.
func (c *conn) failSet(op string, err error) error {
	if err == nil {
		return nil
	}
	s := c.state()
	return &OpError{Op: op, Net: s.net, Addr: s.laddr, Err: err}
}

// Read reads from the connection as Conn says.
func (c *conn) Read(b []byte) (int, error) {
	if !c.ok() {
		return 0, errInvalid
	}
	n, err := c.state().recv(b)
	if err != nil && !isEOF(err) {
		err = c.fail("read", err)
	}
	return n, err
}

// Write writes to the connection as Conn says.
func (c *conn) Write(b []byte) (int, error) {
	if !c.ok() {
		return 0, errInvalid
	}
	n, err := c.state().send(b)
	if err != nil {
		err = c.fail("write", err)
	}
	return n, err
}

// Close closes the connection and wakes the calls that are blocked on it.
func (c *conn) Close() error {
	if !c.ok() {
		return errInvalid
	}
	return c.fail("close", c.state().close())
}

// LocalAddr returns the local address, which callers share and must not
// change.
func (c *conn) LocalAddr() Addr {
	if !c.ok() {
		return nil
	}
	return c.state().laddr
}

// RemoteAddr returns the peer's address, which callers share and must not
// change, or nil.
func (c *conn) RemoteAddr() Addr {
	if !c.ok() {
		return nil
	}
	return c.state().raddr
}

// SetDeadline sets the read and the write deadline.
func (c *conn) SetDeadline(t time.Time) error { return c.setDeadline(reading|writing, t) }

// SetReadDeadline sets the deadline of reading calls, blocked ones included.
func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadline(reading, t) }

// SetWriteDeadline sets the deadline of writing calls, blocked ones included
// if the device can do that.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(writing, t) }

func (c *conn) setDeadline(dirs direction, t time.Time) error {
	if !c.ok() {
		return errInvalid
	}
	return c.failSet("set", c.state().setDeadline(dirs, t))
}

// SetReadBuffer sets the size of the receive buffer in bytes. A device may not
// support it.
func (c *conn) SetReadBuffer(bytes int) error { return c.setOption(solSocket, soRcvbuf, bytes) }

// SetWriteBuffer sets the size of the send buffer in bytes. A device may not
// support it.
func (c *conn) SetWriteBuffer(bytes int) error { return c.setOption(solSocket, soSndbuf, bytes) }

func (c *conn) setOption(level, opt int, value any) error {
	if !c.ok() {
		return errInvalid
	}
	return c.failSet("set", c.state().setOption(level, opt, value))
}

func (c *conn) shutdown(how int) error {
	if !c.ok() {
		return errInvalid
	}
	return c.fail("close", c.state().shutdown(how))
}

// File returns a duplicate of the socket's descriptor as a file, which the
// caller closes; closing one does not affect the other. Where the socket has no
// descriptor it fails with errors.ErrUnsupported.
func (c *conn) File() (*os.File, error) {
	if !c.ok() {
		return nil, errInvalid
	}
	s := c.state()
	f, err := socketFile(s.device(), s.net, s.laddr, s.raddr)
	if err != nil {
		return nil, c.fail("file", err)
	}
	return f, nil
}

// SyscallConn returns access to the socket's descriptor. Where it has none
// SyscallConn fails with errors.ErrUnsupported.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if !c.ok() {
		return nil, errInvalid
	}
	s := c.state()
	raw, err := newRawConn(s.device(), s.net, s.laddr, s.raddr)
	if err != nil {
		return nil, c.fail("raw-control", err)
	}
	return raw, nil
}
