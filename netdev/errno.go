//go:build !tinygo

package netdev

import "syscall"

// Errors of a device for which the system has a number.
var (
	// ErrNotConnected: the socket has no peer yet.
	ErrNotConnected error = syscall.ENOTCONN
	// ErrAddrInUse: the port is taken.
	ErrAddrInUse error = syscall.EADDRINUSE
	// ErrConnRefused: nobody listens there.
	ErrConnRefused error = syscall.ECONNREFUSED
	// ErrConnReset: the peer or the network ended the connection.
	ErrConnReset error = syscall.ECONNRESET
	// ErrLinkDown: the device has no network link, or lost it.
	ErrLinkDown error = syscall.ENETDOWN
	// ErrMsgSize: the datagram is longer than the device can send.
	ErrMsgSize error = syscall.EMSGSIZE
)
