package net

import "syscall"

// noRawConn is what Control functions get where there is no descriptor.
type noRawConn struct{}

func (noRawConn) Control(func(fd uintptr)) error    { return errNoDescriptor }
func (noRawConn) Read(func(fd uintptr) bool) error  { return errNoDescriptor }
func (noRawConn) Write(func(fd uintptr) bool) error { return errNoDescriptor }

// controlConn returns what a Control function gets for a socket that is not
// connected yet, or nil for one in memory.
func controlConn(s *devSocket, network string) syscall.RawConn {
	if raw, err := newRawConn(s, network, nil, nil); err == nil {
		return raw
	}
	return noRawConn{}
}

// rawListener is a listener's descriptor, which is not for reading or writing.
type rawListener struct{ syscall.RawConn }

func (rawListener) Read(func(fd uintptr) bool) error  { return errInvalid }
func (rawListener) Write(func(fd uintptr) bool) error { return errInvalid }
