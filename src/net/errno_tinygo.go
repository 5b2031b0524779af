//go:build tinygo

package net

import "syscall"

// Errors of the loopback. TinyGo's syscall.Errno has the numbers but no texts.
var (
	errConnRefused   = errno{"connection refused", syscall.ECONNREFUSED}
	errConnReset     = errno{"connection reset by peer", syscall.ECONNRESET}
	errBrokenPipe    = errno{"broken pipe", syscall.EPIPE}
	errAddrInUse     = errno{"address already in use", syscall.EADDRINUSE}
	errAddrNotAvail  = errno{"cannot assign requested address", syscall.EADDRNOTAVAIL}
	errMessageTooBig = errno{"message too long", syscall.EMSGSIZE}
	errNotConnected  = errno{"socket is not connected", syscall.ENOTCONN}
)

// errno is a system's error number with its text.
type errno struct {
	text   string
	number syscall.Errno
}

func (e errno) Error() string { return e.text }
func (e errno) Unwrap() error { return e.number }
