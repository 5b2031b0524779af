//go:build tinygo

package net

import (
	"os"
	"syscall"
)

// Devices of TinyGo's programs have no descriptors.

func newRawConn(s *devSocket, network string, local, remote Addr) (syscall.RawConn, error) {
	return nil, errNoDescriptor
}

func socketFile(s *devSocket, network string, local, remote Addr) (*os.File, error) {
	return nil, errNoDescriptor
}
