//go:build !tinygo

package net

import (
	"io"
	"os"
	"syscall"
)

// mostPerSendfile is how many bytes the system is told to send at a time.
const mostPerSendfile = 4 << 20

// sendFile has the system send what r reads, if that is a regular file, or a
// part of one, and c has a descriptor. If not it reports handled as false and
// has done nothing.
func (c *conn) sendFile(r io.Reader) (sent int64, handled bool, err error) {
	s := c.state().device()
	if s == nil {
		return 0, false, nil
	}
	left := int64(1<<63 - 1)
	limited, _ := r.(*io.LimitedReader)
	if limited != nil {
		if left = limited.N; left <= 0 {
			return 0, true, nil
		}
		r = limited.R
	}
	// Not just *os.File: there is a type around it in io.Copy.
	f, ok := r.(interface {
		syscall.Conn
		Stat() (os.FileInfo, error)
	})
	if !ok {
		return 0, false, nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0, false, nil
	}
	src, err := f.SyscallConn()
	if err != nil {
		return 0, false, nil
	}
	dst, err := s.syscallConn()
	if err != nil {
		return 0, false, nil
	}
	var result error
	failed := src.Control(func(in uintptr) {
		err = s.rawWrite(dst, func(out uintptr) bool {
			for left > 0 {
				n, e := syscall.Sendfile(int(out), int(in), nil, int(min(left, mostPerSendfile)))
				switch {
				case n > 0:
					sent += int64(n)
					left -= int64(n)
				case e == syscall.EINTR:
				case e == syscall.EAGAIN:
					return false
				default:
					result = os.NewSyscallError("sendfile", e) // or the file's end
					return true
				}
			}
			return true
		})
	})
	if err == nil {
		err = result
	}
	if failed != nil || sent == 0 && result != nil {
		return 0, false, nil // a file system that cannot do it
	}
	if limited != nil {
		limited.N -= sent
	}
	didSendFile(sent, err)
	return sent, true, err
}
