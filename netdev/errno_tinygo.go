//go:build tinygo

package netdev

import "errors"

// Errors of a device for which TinyGo's syscall has no number.
var (
	// ErrNotConnected: the socket has no peer yet.
	ErrNotConnected = errors.New("socket is not connected")
	// ErrAddrInUse: the port is taken.
	ErrAddrInUse = errors.New("address already in use")
	// ErrConnRefused: nobody listens there.
	ErrConnRefused = errors.New("connection refused")
	// ErrConnReset: the peer or the network ended the connection.
	ErrConnReset = errors.New("connection reset by peer")
	// ErrLinkDown: the device has no network link, or lost it.
	ErrLinkDown = errors.New("network link is down")
	// ErrMsgSize: the datagram is longer than the device can send.
	ErrMsgSize = errors.New("message too long")
)
