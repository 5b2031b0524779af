//go:build !tinygo

package net

import "syscall"

// Errors of the loopback and of zero connections. With Go they are the system's
// own.
const (
	errInvalid       = syscall.EINVAL
	errConnRefused   = syscall.ECONNREFUSED
	errConnReset     = syscall.ECONNRESET
	errBrokenPipe    = syscall.EPIPE
	errAddrInUse     = syscall.EADDRINUSE
	errAddrNotAvail  = syscall.EADDRNOTAVAIL
	errMessageTooBig = syscall.EMSGSIZE
	errNotConnected  = syscall.ENOTCONN
)
