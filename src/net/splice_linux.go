//go:build !tinygo

package net

import (
	"io"
	"os"
	"syscall"
)

const (
	// spliceSize is how many bytes the system moves at a time, at most.
	spliceSize = 1 << 20

	spliceMove     = 0x1 // SPLICE_F_MOVE and
	spliceNonblock = 0x2 // SPLICE_F_NONBLOCK of splice(2)

	setPipeSize = 1031 // F_SETPIPE_SZ of fcntl(2)
)

// spliceFrom has the system move what arrives at r to c, if both are streams with
// descriptors. If not it reports handled as false and has done nothing.
func (c *conn) spliceFrom(r io.Reader) (moved int64, handled bool, err error) {
	left := int64(1<<63 - 1)
	limited, _ := r.(*io.LimitedReader)
	if limited != nil {
		if left = limited.N; left <= 0 {
			return 0, true, nil
		}
		r = limited.R
	}
	moved, handled, err = splice(c, spliceable(r), left)
	if limited != nil {
		limited.N -= moved
	}
	return moved, handled, err
}

// spliceTo has the system move what arrives at c to w, as spliceFrom does.
func (c *conn) spliceTo(w io.Writer) (moved int64, handled bool, err error) {
	return splice(spliceable(w), c, 1<<63-1)
}

// spliceable returns the connection that v is, if it is a stream, or nil.
func spliceable(v any) *conn {
	switch v := v.(type) {
	case *TCPConn:
		if v.ok() {
			return &v.conn
		}
	case *UnixConn:
		if v.ok() && v.state().net == "unix" {
			return &v.conn
		}
	}
	return nil
}

// splice moves up to left bytes from src to dst, either of which may be nil, by
// way of a pipe, since one end of a splice(2) has to be one.
func splice(dst, src *conn, left int64) (moved int64, handled bool, err error) {
	if dst == nil || src == nil {
		return 0, false, nil
	}
	from, to := src.state().device(), dst.state().device()
	if from == nil || to == nil {
		return 0, false, nil
	}
	defer func() { didSplice(to, from, moved, handled, err) }()
	in, err := from.syscallConn()
	if err == nil {
		var out syscall.RawConn
		if out, err = to.syscallConn(); err == nil {
			return pump(to, out, from, in, left)
		}
	}
	if err == errNoDescriptor {
		return 0, false, nil
	}
	return 0, true, err
}

func pump(to *devSocket, out syscall.RawConn, from *devSocket, in syscall.RawConn, left int64) (moved int64, handled bool, err error) {
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return 0, false, nil
	}
	defer syscall.Close(pipe[0])
	defer syscall.Close(pipe[1])
	// As large as the user may have it: the system's limit may be lower.
	syscall.Syscall(syscall.SYS_FCNTL, uintptr(pipe[1]), setPipeSize, spliceSize)

	inPipe, n := int64(0), int64(0)
	var result error
	move := func(from, to int, most int64) (done bool) {
		for {
			m, err := syscall.Splice(from, nil, to, nil, int(min(most, spliceSize)), spliceMove|spliceNonblock)
			if err == syscall.EINTR {
				continue
			}
			n, result = max(int64(m), 0), os.NewSyscallError("splice", err)
			return err != syscall.EAGAIN
		}
	}
	receive := func(fd uintptr) bool { return move(int(fd), pipe[1], left) }
	send := func(fd uintptr) bool { return move(pipe[0], int(fd), inPipe) }
	for left > 0 {
		if err = from.rawRead(in, receive); err == nil {
			err = result
		}
		if e, ok := err.(*os.SyscallError); ok && e.Err == syscall.EINVAL && moved == 0 {
			return 0, false, nil // not with these sockets
		}
		if err != nil || n == 0 {
			return moved, true, err
		}
		for inPipe = n; inPipe > 0; inPipe -= n {
			if err = to.rawWrite(out, send); err == nil {
				err = result
			}
			if err != nil {
				return moved, true, err
			}
			moved += n
			left -= n
		}
	}
	return moved, true, nil
}
