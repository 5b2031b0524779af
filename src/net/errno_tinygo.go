//go:build tinygo

package net

import "syscall"

// Errors of the loopback and of zero connections. TinyGo's syscall.Errno has the
// numbers but no texts.
var (
	errInvalid       = &errno{"invalid argument", syscall.EINVAL}
	errConnRefused   = &errno{"connection refused", syscall.ECONNREFUSED}
	errConnReset     = &errno{"connection reset by peer", syscall.ECONNRESET}
	errBrokenPipe    = &errno{"broken pipe", syscall.EPIPE}
	errAddrInUse     = &errno{"address already in use", syscall.EADDRINUSE}
	errAddrNotAvail  = &errno{"cannot assign requested address", syscall.EADDRNOTAVAIL}
	errMessageTooBig = &errno{"message too long", syscall.EMSGSIZE}
	errNotConnected  = &errno{"socket is not connected", syscall.ENOTCONN}
)

// errno is a system's error number with its text. It is found by errors.Is and
// errors.As without Unwrap, which would have every program link Errno.Error.
type errno struct {
	text   string
	number syscall.Errno
}

func (e *errno) Error() string { return e.text }

func (e *errno) Is(target error) bool {
	n, ok := target.(syscall.Errno)
	return ok && n == e.number
}

func (e *errno) As(target any) bool {
	n, ok := target.(*syscall.Errno)
	if ok {
		*n = e.number
	}
	return ok
}
