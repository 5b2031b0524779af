//go:build unix

package machine

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// The system calls are made here and not by package net, since net is the
// simulated board's own.

// inherited returns the socket with the given descriptor.
func inherited(fd int) (io.ReadWriteCloser, error) {
	if _, err := syscall.Getpeername(fd); err != nil {
		return nil, err
	}
	// What the program starts in turn is no business of the board's.
	syscall.CloseOnExec(fd)
	return socket(fd)
}

// dial connects to the socket at path.
func dial(path string) (io.ReadWriteCloser, error) {
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	return socket(fd)
}

// socket returns a connected socket as a file. It blocks a thread while it
// waits for a reply, which is some microseconds away: the runtime's poller looks
// only when a processor is idle, which in a program that computes may be never.
func socket(fd int) (io.ReadWriteCloser, error) {
	if err := syscall.SetNonblock(fd, false); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), "board"), nil
}

// defaultSocket returns the path at which 'tinynet attach' offers its board, and
// whether the user owns what is there: others could have made it first.
func defaultSocket() (string, bool) {
	dir := filepath.Join(os.TempDir(), "tinynet-"+strconv.Itoa(os.Getuid()))
	path := filepath.Join(dir, "board.sock")
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return path, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) != os.Getuid() {
		return path, false
	}
	_, err = os.Lstat(path)
	return path, err == nil
}
