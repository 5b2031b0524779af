//go:build unix

package board

import (
	"io"
	"os"
	"syscall"
)

// Pair returns the two ends of a connection: one for Serve, and one for a
// program to inherit, which the environment variable TINYNET_BOARD names:
// "fd:3" for the first of exec.Cmd's ExtraFiles. Close the latter once the
// program has started, or Serve will not notice the program's end.
func Pair() (io.ReadWriteCloser, *os.File, error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	// The runtime's poller takes ours, so that closing it wakes a Read.
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fds[0]), "program"), os.NewFile(uintptr(fds[1]), "board"), nil
}
