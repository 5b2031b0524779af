//go:build unix

package main

import (
	"io"
	"net"
	"os"
	"sync"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// terminal is a line on a pseudo-terminal.
type terminal struct {
	*os.File          // the module's end
	other    *os.File // kept open, so that one program after another can use it
	sharing  io.Closer

	mu     sync.Mutex
	closed bool
}

// openPTY makes a pseudo-terminal that passes every byte as it is.
func openPTY() (line, error) {
	ours, theirs, err := pty.Open()
	if err != nil {
		return nil, err
	}
	if _, err := term.MakeRaw(int(theirs.Fd())); err != nil {
		ours.Close()
		theirs.Close()
		return nil, err
	}
	// The file that pty returns blocks: nothing would end a Read or Write of it.
	fd, err := unix.FcntlInt(ours.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	ours.Close()
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		theirs.Close()
		return nil, err
	}
	t := &terminal{File: os.NewFile(uintptr(fd), ours.Name()), other: theirs}
	if t.sharing, err = share(theirs); err != nil {
		t.File.Close()
		theirs.Close()
		return nil, err
	}
	return t, nil
}

// stays is the terminal as somebody uses it, which ends for nobody.
type stays struct{ io.ReadWriter }

func (stays) Close() error { return nil }

func (t *terminal) open() (io.ReadWriteCloser, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, net.ErrClosed
	}
	return stays{t.File}, nil
}

func (t *terminal) path() string { return t.other.Name() }

func (t *terminal) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	t.sharing.Close()
	err := t.File.Close() // first: with nobody at the other end a read would fail otherwise
	t.other.Close()
	return err
}
