//go:build unix

package board

import (
	"io"
	"os"
	"sync"
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
	ours := os.NewFile(uintptr(fds[0]), "program")
	return &end{File: ours, fd: fds[0]}, os.NewFile(uintptr(fds[1]), "board"), nil
}

// end is a socket in blocking mode: its round trips are shorter than those
// through the runtime's poller. Closing the file alone would not wake a Read.
type end struct {
	*os.File
	fd    int
	close sync.Once // the number may be another file's afterwards
	err   error
}

// Close wakes a blocked Read and closes the socket. Later calls return what the
// first did.
func (e *end) Close() error {
	e.close.Do(func() {

		e.err = e.File.Close()
	})
	return e.err
}
