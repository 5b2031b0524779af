package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// share lets the next program have a terminal that one before it had for itself alone
// (TIOCEXCL), as GNU screen does: a port forgets that when it is closed, and this end
// keeps the terminal open. It returns what ends that.
func share(terminal *os.File) (io.Closer, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	closings := os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, terminal.Name(), unix.IN_CLOSE); err != nil {
		closings.Close()
		return nil, err
	}
	conn, err := terminal.SyscallConn()
	if err != nil {
		closings.Close()
		return nil, err
	}
	go func() {
		events := make([]byte, 4096)
		for {
			if _, err := closings.Read(events); err != nil {
				return
			}
			conn.Control(func(fd uintptr) { unix.IoctlSetInt(int(fd), unix.TIOCNXCL, 0) })
		}
	}()
	return closings, nil
}
