package net

import (
	"os"
	"syscall"
	"time"
)

// UnixConn is a Unix domain socket. There are none on a device, so nothing
// makes one: it is here for programs that name it. Its methods fail with
// EINVAL.
type UnixConn struct {
	conn
}

// UnixListener is a listener for Unix domain sockets. Like UnixConn it is only
// here for programs that name it.
type UnixListener struct{}

// ResolveUnixAddr returns address as a UnixAddr. network is "unix", "unixgram"
// or "unixpacket".
func ResolveUnixAddr(network, address string) (*UnixAddr, error) {
	if proto, _, err := parseNetwork(network); err != nil || proto != "unix" {
		return nil, UnknownNetworkError(network)
	}
	return &UnixAddr{Name: address, Net: network}, nil
}

// DialUnix fails with errors.ErrUnsupported.
func DialUnix(network string, laddr, raddr *UnixAddr) (*UnixConn, error) {
	return nil, &OpError{Op: "dial", Net: network, Source: laddr.opAddr(), Addr: raddr.opAddr(), Err: errNoUnix}
}

// ListenUnix fails with errors.ErrUnsupported.
func ListenUnix(network string, laddr *UnixAddr) (*UnixListener, error) {
	return nil, &OpError{Op: "listen", Net: network, Addr: laddr.opAddr(), Err: errNoUnix}
}

// ListenUnixgram fails with errors.ErrUnsupported.
func ListenUnixgram(network string, laddr *UnixAddr) (*UnixConn, error) {
	return nil, &OpError{Op: "listen", Net: network, Addr: laddr.opAddr(), Err: errNoUnix}
}

// CloseRead fails with EINVAL.
func (c *UnixConn) CloseRead() error { return syscall.EINVAL }

// CloseWrite fails with EINVAL.
func (c *UnixConn) CloseWrite() error { return syscall.EINVAL }

// ReadFromUnix fails with EINVAL.
func (c *UnixConn) ReadFromUnix(b []byte) (int, *UnixAddr, error) { return 0, nil, syscall.EINVAL }

// ReadFrom fails with EINVAL.
func (c *UnixConn) ReadFrom(b []byte) (int, Addr, error) { return 0, nil, syscall.EINVAL }

// ReadMsgUnix fails with EINVAL.
func (c *UnixConn) ReadMsgUnix(b, oob []byte) (n, oobn, flags int, addr *UnixAddr, err error) {
	return 0, 0, 0, nil, syscall.EINVAL
}

// WriteToUnix fails with EINVAL.
func (c *UnixConn) WriteToUnix(b []byte, addr *UnixAddr) (int, error) { return 0, syscall.EINVAL }

// WriteTo fails with EINVAL.
func (c *UnixConn) WriteTo(b []byte, addr Addr) (int, error) { return 0, syscall.EINVAL }

// WriteMsgUnix fails with EINVAL.
func (c *UnixConn) WriteMsgUnix(b, oob []byte, addr *UnixAddr) (n, oobn int, err error) {
	return 0, 0, syscall.EINVAL
}

// AcceptUnix fails with EINVAL.
func (l *UnixListener) AcceptUnix() (*UnixConn, error) { return nil, syscall.EINVAL }

// Accept fails with EINVAL.
func (l *UnixListener) Accept() (Conn, error) { return nil, syscall.EINVAL }

// Close fails with EINVAL.
func (l *UnixListener) Close() error { return syscall.EINVAL }

// Addr returns nil.
func (l *UnixListener) Addr() Addr { return nil }

// SetDeadline fails with EINVAL.
func (l *UnixListener) SetDeadline(t time.Time) error { return syscall.EINVAL }

// SetUnlinkOnClose does nothing.
func (l *UnixListener) SetUnlinkOnClose(unlink bool) {}

// File fails with EINVAL.
func (l *UnixListener) File() (*os.File, error) { return nil, syscall.EINVAL }

// SyscallConn fails with EINVAL.
func (l *UnixListener) SyscallConn() (syscall.RawConn, error) { return nil, syscall.EINVAL }
