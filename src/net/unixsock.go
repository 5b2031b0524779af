package net

import (
	"context"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// UnixConn is a Unix domain socket. Few devices have them, and none of
// TinyGo's: there what would make one fails with errors.ErrUnsupported.
type UnixConn struct {
	conn
}

// ResolveUnixAddr returns address as a UnixAddr. network is "unix", "unixgram"
// or "unixpacket".
func ResolveUnixAddr(network, address string) (*UnixAddr, error) {
	if proto, _, err := parseNetwork(network); err != nil || proto != "unix" {
		return nil, UnknownNetworkError(network)
	}
	return &UnixAddr{Name: address, Net: network}, nil
}

// DialUnix connects to raddr. network is "unix", "unixgram" or "unixpacket";
// laddr is the name of this end, or nil.
func DialUnix(network string, laddr, raddr *UnixAddr) (*UnixConn, error) {
	var d Dialer
	return d.dialUnixAddr(context.Background(), network, laddr, raddr)
}

func (d *Dialer) dialUnixAddr(ctx context.Context, network string, laddr, raddr *UnixAddr) (*UnixConn, error) {
	c, err := d.dialUnix(ctx, network, laddr, raddr)
	if err != nil {
		return nil, &OpError{Op: "dial", Net: network, Source: laddr.opAddr(), Addr: raddr.opAddr(), Err: err}
	}
	return c, nil
}

func (d *Dialer) dialUnix(ctx context.Context, network string, laddr, raddr *UnixAddr) (*UnixConn, error) {
	if ctx.Err() != nil {
		return nil, mapErr(ctx.Err())
	}
	s, err := openUnix(network)
	if err != nil {
		return nil, err
	}
	to := raddr
	switch {
	case !raddr.isWildcard():
	case s.datagrams && !laddr.isWildcard():
		to = laddr // to receive only
	default:
		s.abandon()
		return nil, errMissingAddress
	}
	if d.Control != nil || d.ControlContext != nil {
		err = d.callControl(ctx, network, to.Name, controlConn(s, network))
	}
	if err == nil && !laddr.isWildcard() {
		err = s.bindUnix(laddr.Name)
	}
	if err == nil && to == raddr {
		err = s.connectUnix(ctx, raddr.Name)
	}
	if err != nil {
		s.abandon()
		return nil, err
	}
	return newUnixConn(s, network), nil
}

// newUnixConn returns the connection on s, whose names it asks for.
func newUnixConn(s *devSocket, network string) *UnixConn {
	c := &connState{socket: socketOn(s), net: network}
	if name, err := s.unixName(false); err == nil {
		c.laddr = &UnixAddr{Name: name, Net: network}
	}
	if name, err := s.unixName(true); err == nil {
		c.raddr = &UnixAddr{Name: name, Net: network}
		s.connected = true
	}
	return &UnixConn{conn{unsafe.Pointer(c)}}
}

// dev returns the socket, which is always the device's.
func (c *UnixConn) dev() *devSocket { return c.state().device() }

// CloseRead shuts the receiving side of the connection.
func (c *UnixConn) CloseRead() error { return c.shutdown(shutRd) }

// CloseWrite shuts the sending side: the peer reads the end of the stream.
func (c *UnixConn) CloseWrite() error { return c.shutdown(shutWr) }

// ReadFromUnix reads as Read does and returns the sender's address, nil if it
// has none.
func (c *UnixConn) ReadFromUnix(b []byte) (int, *UnixAddr, error) {
	if !c.ok() {
		return 0, nil, errInvalid
	}
	n, name, err := c.dev().recvUnix(b)
	if err != nil {
		err = c.fail("read", err)
	}
	return n, c.sender(name), err
}

// sender returns the address of who has sent a datagram.
func (c *UnixConn) sender(name string) *UnixAddr {
	if name == "" {
		return nil
	}
	return &UnixAddr{Name: name, Net: c.state().net}
}

// ReadFrom is ReadFromUnix.
func (c *UnixConn) ReadFrom(b []byte) (int, Addr, error) {
	n, addr, err := c.ReadFromUnix(b)
	return n, addr.opAddr(), err
}

// ReadMsgUnix is ReadFromUnix with the control messages that came along, which
// it puts into oob: oobn bytes of them. flags are those of recvmsg(2).
func (c *UnixConn) ReadMsgUnix(b, oob []byte) (n, oobn, flags int, addr *UnixAddr, err error) {
	if !c.ok() {
		return 0, 0, 0, nil, errInvalid
	}
	n, oobn, flags, name, err := c.dev().recvUnixMsg(b, oob)
	if err != nil {
		err = c.fail("read", err)
	}
	return n, oobn, flags, c.sender(name), err
}

// WriteToUnix sends b to addr as one datagram.
func (c *UnixConn) WriteToUnix(b []byte, addr *UnixAddr) (int, error) {
	if !c.ok() {
		return 0, errInvalid
	}
	var n int
	err := c.mayWriteTo(addr)
	if err == nil {
		n, err = c.dev().sendUnix(b, addr.Name)
	}
	if err != nil {
		err = &OpError{Op: "write", Net: c.state().net, Source: c.state().laddr, Addr: addr.opAddr(), Err: err}
	}
	return n, err
}

func (c *UnixConn) mayWriteTo(addr *UnixAddr) error {
	switch {
	case c.dev().connected:
		return ErrWriteToConnected
	case addr == nil:
		return errMissingAddress
	case addr.Net != c.state().net:
		return syscall.EAFNOSUPPORT
	}
	return nil
}

// WriteTo sends b to addr, a *UnixAddr, as one datagram.
func (c *UnixConn) WriteTo(b []byte, addr Addr) (int, error) {
	if !c.ok() {
		return 0, errInvalid
	}
	a, ok := addr.(*UnixAddr)
	if !ok {
		return 0, &OpError{Op: "write", Net: c.state().net, Source: c.state().laddr, Addr: addr, Err: errInvalid}
	}
	return c.WriteToUnix(b, a)
}

// WriteMsgUnix sends b with the control messages in oob, to addr or, if that is
// nil, to the peer. It returns how many bytes of each it sent.
func (c *UnixConn) WriteMsgUnix(b, oob []byte, addr *UnixAddr) (n, oobn int, err error) {
	if !c.ok() {
		return 0, 0, errInvalid
	}
	to := ""
	switch {
	case c.dev().connected && c.dev().datagrams:
		err = ErrWriteToConnected
	case addr == nil:
	case addr.Net != c.state().net:
		err = syscall.EAFNOSUPPORT
	default:
		to = addr.Name
	}
	if err == nil {
		n, oobn, err = c.dev().sendUnixMsg(b, oob, to)
	}
	if err != nil {
		err = &OpError{Op: "write", Net: c.state().net, Source: c.state().laddr, Addr: addr.opAddr(), Err: err}
	}
	return n, oobn, err
}

// UnixListener is a listener for Unix domain sockets.
type UnixListener struct {
	dev    *devSocket
	net    string
	laddr  *UnixAddr
	unlink bool
	once   sync.Once
}

// ListenUnix listens at laddr, where a file appears that Close removes. network
// is "unix" or "unixpacket".
func ListenUnix(network string, laddr *UnixAddr) (*UnixListener, error) {
	var lc ListenConfig
	l, err := lc.listenUnix(network, laddr, sockStream)
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Addr: laddr.opAddr(), Err: err}
	}
	return newUnixListener(l, network), nil
}

// ListenUnixgram opens a socket at laddr, where a file appears. network is
// "unixgram".
func ListenUnixgram(network string, laddr *UnixAddr) (*UnixConn, error) {
	var lc ListenConfig
	s, err := lc.listenUnix(network, laddr, sockDgram)
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Addr: laddr.opAddr(), Err: err}
	}
	return newUnixConn(s, network), nil
}

// listenUnix makes a socket with a name, for datagrams or to listen.
func (lc *ListenConfig) listenUnix(network string, laddr *UnixAddr, stype int) (*devSocket, error) {
	switch network {
	case "unix", "unixpacket":
		if stype != sockStream {
			return nil, UnknownNetworkError(network)
		}
	case "unixgram":
		if stype != sockDgram {
			return nil, UnknownNetworkError(network)
		}
	default:
		return nil, UnknownNetworkError(network)
	}
	if laddr == nil {
		return nil, errMissingAddress
	}
	s, err := openUnix(network)
	if err != nil {
		return nil, err
	}
	if lc.Control != nil {
		err = lc.Control(network, laddr.Name, controlConn(s, network))
	}
	if err == nil {
		err = s.bindUnix(laddr.Name)
	}
	if err == nil && !s.datagrams {
		err = s.listen()
	}
	if err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

func newUnixListener(s *devSocket, network string) *UnixListener {
	name, _ := s.unixName(false)
	return &UnixListener{dev: s, net: network, laddr: &UnixAddr{Name: name, Net: network}, unlink: true}
}

func (l *UnixListener) ok() bool { return l != nil && l.dev != nil }

func (l *UnixListener) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	return &OpError{Op: op, Net: l.net, Addr: l.laddr, Err: err}
}

// AcceptUnix waits for a connection. After the deadline the error is
// os.ErrDeadlineExceeded, after Close it is ErrClosed, both wrapped.
func (l *UnixListener) AcceptUnix() (*UnixConn, error) {
	if !l.ok() {
		return nil, errInvalid
	}
	s, name, err := l.dev.acceptUnix()
	if err != nil {
		return nil, l.fail("accept", err)
	}
	s.connected = true
	return &UnixConn{conn{unsafe.Pointer(&connState{
		socket: socketOn(s),
		net:    l.net,
		laddr:  l.laddr,
		raddr:  &UnixAddr{Name: name, Net: l.net},
	})}}, nil
}

// Accept is AcceptUnix.
func (l *UnixListener) Accept() (Conn, error) {
	c, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Close ends the listening and removes the file, if Listen or ListenUnix made
// it. Blocked Accepts return; connections that were accepted stay.
func (l *UnixListener) Close() error {
	if !l.ok() {
		return errInvalid
	}
	// Before the socket is closed: afterwards the file may be another's.
	l.once.Do(func() {
		if name := l.laddr.Name; l.unlink && name != "" && name[0] != '@' {
			removeName(name)
		}
	})
	return l.fail("close", l.dev.close())
}

// SetUnlinkOnClose says whether Close removes the file. It does by default, but
// not for a FileListener.
func (l *UnixListener) SetUnlinkOnClose(unlink bool) { l.unlink = unlink }

// Addr returns the address that it listens on, a *UnixAddr. Callers share it
// and must not change it.
func (l *UnixListener) Addr() Addr {
	if !l.ok() {
		return nil
	}
	return l.laddr
}

// SetDeadline sets the deadline of Accept, for blocked ones too.
func (l *UnixListener) SetDeadline(t time.Time) error {
	if !l.ok() {
		return errInvalid
	}
	return l.fail("set", l.dev.setDeadline(reading, t))
}

// File returns a duplicate of the listener's descriptor as a file, which the
// caller closes; closing one does not affect the other.
func (l *UnixListener) File() (*os.File, error) {
	if !l.ok() {
		return nil, errInvalid
	}
	f, err := socketFile(l.dev, l.net, l.laddr, nil)
	if err != nil {
		return nil, l.fail("file", err)
	}
	return f, nil
}

// SyscallConn returns access to the listener's descriptor, for Control alone.
func (l *UnixListener) SyscallConn() (syscall.RawConn, error) {
	if !l.ok() {
		return nil, errInvalid
	}
	raw, err := newRawConn(l.dev, l.net, l.laddr, nil)
	if err != nil {
		return nil, l.fail("raw-control", err)
	}
	return rawListener{raw}, nil
}
