//go:build tinygo

package net

import "syscall"

// Errors of the loopback and of zero connections. TinyGo's syscall.Errno has the
// numbers but no texts.
var (
	errInvalid       = &errno{"invalid argument", int(syscall.EINVAL)}
	errConnRefused   = &errno{"connection refused", int(syscall.ECONNREFUSED)}
	errConnReset     = &errno{"connection reset by peer", int(syscall.ECONNRESET)}
	errBrokenPipe    = &errno{"broken pipe", int(syscall.EPIPE)}
	errAddrInUse     = &errno{"address already in use", int(syscall.EADDRINUSE)}
	errAddrNotAvail  = &errno{"cannot assign requested address", int(syscall.EADDRNOTAVAIL)}
	errMessageTooBig = &errno{"message too long", int(syscall.EMSGSIZE)}
	errNotConnected  = &errno{"socket is not connected", int(syscall.ENOTCONN)}
)

// errno is a system's error number with its text. It is found by errors.Is and
// errors.As without Unwrap, which would have every program link Errno.Error.
type errno struct {
	text   string
	number int // a field of the type Errno would have its methods linked
}

func (e *errno) Error() string { return e.text }

func (e *errno) Is(target error) bool {
	n, ok := target.(syscall.Errno)
	return ok && int(n) == e.number
}

func (e *errno) As(target any) bool {
	n, ok := target.(*syscall.Errno)
	if ok {
		*n = syscall.Errno(e.number)
	}
	return ok
}
