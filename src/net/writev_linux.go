//go:build !tinygo

package net

import (
	"os"
	"syscall"
	"unsafe"
)

// mostPerWritev is how many slices the system takes at a time: IOV_MAX.
const mostPerWritev = 1024

// writev has the system write many slices at once, if c has a descriptor. If not
// it reports handled as false and has done nothing. What was written is taken
// off v.
func (c *conn) writev(v *Buffers) (sent int64, handled bool, err error) {
	s := c.state().device()
	if s == nil {
		return 0, false, nil
	}
	raw, err := s.syscallConn()
	if err != nil {
		return 0, false, nil
	}
	var parts []syscall.Iovec
	var result error
	err = s.rawWrite(raw, func(fd uintptr) bool {
		for {
			parts = parts[:0]
			for i := 0; i < len(*v) && len(parts) < mostPerWritev; i++ {
				if b := (*v)[i]; len(b) > 0 {
					parts = append(parts, syscall.Iovec{Base: &b[0]})
					parts[len(parts)-1].SetLen(len(b))
				}
			}
			if len(parts) == 0 {
				v.consume(0)
				return true
			}
			n, _, e := syscall.Syscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&parts[0])), uintptr(len(parts)))
			switch e {
			case 0:
				didWritev(int(n))
				sent += int64(n)
				v.consume(int64(n))
			case syscall.EINTR:
			case syscall.EAGAIN:
				return false
			default:
				result = os.NewSyscallError("writev", e)
				return true
			}
		}
	})
	if err == nil {
		err = result
	}
	return sent, true, err
}
