//go:build !tinygo

package netdev

import "syscall"

// systemError is an error that is also one of the system's.
type systemError struct {
	text  string
	errno syscall.Errno
}

func (e *systemError) Error() string        { return e.text }
func (e *systemError) Is(target error) bool { return target == e.errno }

const (
	enotconn     = syscall.ENOTCONN
	eaddrinuse   = syscall.EADDRINUSE
	econnrefused = syscall.ECONNREFUSED
	econnreset   = syscall.ECONNRESET
	enetdown     = syscall.ENETDOWN
	emsgsize     = syscall.EMSGSIZE
)
