package net

import (
	"io"
	"net/netip"
	"os"
	"sync"
	"time"
	"unsafe"
)

// The loopback's addresses.
var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
)

// loopbackFor returns the loopback's own address in the family of addr.
func loopbackFor(addr netip.Addr) netip.Addr {
	if addr.Is6() {
		return loopback6
	}
	return loopback4
}

// A loopConn is one end of a stream in memory.
type loopConn struct {
	in, out       *loopStream
	local, remote netip.AddrPort
	binding       *binding // of the end that dialed, else nil
}

var loopOps = socketOps{
	recv: func(c unsafe.Pointer, b []byte) (int, error) { return (*loopConn)(c).in.read(b) },
	send: func(c unsafe.Pointer, b []byte) (int, error) { return (*loopConn)(c).out.write(b) },
	setDeadline: func(c unsafe.Pointer, dirs direction, t time.Time) error {
		return (*loopConn)(c).setDeadline(dirs, t)
	},
	shutdown: func(c unsafe.Pointer, how int) error { return (*loopConn)(c).shutdown(how) },
	setOption: func(c unsafe.Pointer, level, opt int, value any) error {
		return (*loopConn)(c).setOption(level, opt, value)
	},
	close:  func(c unsafe.Pointer) error { return (*loopConn)(c).close() },
	device: func(unsafe.Pointer) *devSocket { return nil },
}

func (c *loopConn) socket() socket { return socket{ops: &loopOps, other: unsafe.Pointer(c)} }

// loopPair returns the two ends of a stream in memory.
func loopPair(local, remote netip.AddrPort) (a, b *loopConn) {
	pair := &struct {
		a, b   loopConn
		ab, ba loopStream
	}{}
	pair.ab.init()
	pair.ba.init()
	pair.a = loopConn{in: &pair.ba, out: &pair.ab, local: local, remote: remote}
	pair.b = loopConn{in: &pair.ab, out: &pair.ba, local: remote, remote: local}
	return &pair.a, &pair.b
}

func (c *loopConn) setDeadline(dirs direction, t time.Time) error {
	if dirs&reading != 0 {
		if err := c.in.setDeadline(&c.in.reader, t); err != nil {
			return err
		}
	}
	if dirs&writing != 0 {
		return c.out.setDeadline(&c.out.writer, t)
	}
	return nil
}

func (c *loopConn) shutdown(how int) error {
	if how == shutRd {
		return c.in.shutRead()
	}
	return c.out.shutWrite()
}

// setOption honours the options that mean something in memory: buffer sizes,
// until something was sent, and SO_LINGER 0. Others change nothing here.
func (c *loopConn) setOption(level, opt int, value any) error {
	n, _ := value.(int)
	if level != solSocket {
		return nil
	}
	switch opt {
	case soRcvbuf:
		c.in.setSize(n)
	case soSndbuf:
		c.out.setSize(n)
	case soLinger:
		c.out.mu.Lock()
		c.out.abort = n == 0
		c.out.mu.Unlock()
	}
	return nil
}

func (c *loopConn) close() error {
	unread, err := c.in.closeRead()
	if err != nil {
		return err
	}
	c.out.closeWrite(unread)
	if c.binding != nil {
		c.binding.release()
	}
	return nil
}

// A loopStream is one direction of a stream in memory.
type loopStream struct {
	mu      sync.Mutex
	changed condition
	buf     []byte // a ring, made by the first write
	start   int    // where the data begins
	n       int    // how much there is
	size    int    // length of buf

	reader, writer alarm // their deadlines
	sending        bool  // a write has its turn
	ended          bool  // the writer has shut its end: io.EOF after the data
	abort          bool  // the writer's close is to lose the data (SO_LINGER 0)
	reset          bool  // the writer closed in a way that is an error to the reader
	deaf           bool  // the reader has shut its end: data is thrown away
	writerGone     bool  // the writer's end is closed
	readerGone     bool  // the reader's end is closed
	unwanted       bool  // the reader closed before it had read all
	refused        bool  // something was written after the reader closed
}

func (s *loopStream) init() {
	s.changed.init(&s.mu)
	s.size = loopbackBuffer
}

func (s *loopStream) read(b []byte) (int, error) {
	s.mu.Lock()
	n, err := s.readLocked(b)
	s.mu.Unlock()
	return n, err
}

func (s *loopStream) readLocked(b []byte) (int, error) {
	for {
		switch {
		case s.readerGone:
			return 0, ErrClosed
		case len(b) == 0:
			return 0, nil
		case s.reader.expired():
			return 0, os.ErrDeadlineExceeded
		case s.n > 0:
			return s.take(b), nil
		case s.reset:
			return 0, errConnReset
		case s.ended || s.deaf:
			return 0, io.EOF
		}
		s.reader.wait(&s.changed, &s.mu)
	}
}

// take copies data from the ring to b, as much as there is or fits.
func (s *loopStream) take(b []byte) int {
	n := min(len(b), s.n)
	first := copy(b[:n], s.buf[s.start:])
	copy(b[first:n], s.buf)
	s.start += n
	if s.start >= len(s.buf) {
		s.start -= len(s.buf)
	}
	s.n -= n
	if s.n == 0 {
		s.start = 0
	}
	s.changed.broadcast()
	return n
}

func (s *loopStream) write(b []byte) (int, error) {
	s.mu.Lock()
	n, err := s.writeLocked(b)
	s.mu.Unlock()
	return n, err
}

func (s *loopStream) writeLocked(b []byte) (sent int, err error) {
	for s.sending && !s.writerGone {
		s.changed.wait()
	}
	if s.writerGone {
		return 0, ErrClosed
	}
	s.sending = true
	for {
		switch {
		case s.writerGone:
			err = ErrClosed
		case len(b) == 0:
		case s.writer.expired():
			err = os.ErrDeadlineExceeded
		case s.unwanted:
			err = errConnReset
		case s.ended || s.readerGone && s.refused:
			err = errBrokenPipe
		case s.deaf || s.readerGone:
			// As in TCP, the first write after the peer's close goes out
			// and only its answer is an error.
			s.refused = s.readerGone
			sent += len(b)
			b = nil
		case s.n == s.size:
			s.writer.wait(&s.changed, &s.mu)
			continue
		default:
			n := s.put(b)
			sent += n
			b = b[n:]
		}
		if err != nil || len(b) == 0 {
			s.sending = false
			s.changed.broadcast()
			return sent, err
		}
	}
}

// put copies data from b to the ring, as much as fits.
func (s *loopStream) put(b []byte) int {
	if s.buf == nil {
		s.buf = make([]byte, s.size)
	}
	n := min(len(b), s.size-s.n)
	end := s.start + s.n
	if end >= s.size {
		end -= s.size
	}
	first := copy(s.buf[end:], b[:n])
	copy(s.buf, b[first:n])
	s.n += n
	s.changed.broadcast()
	return n
}

func (s *loopStream) setSize(n int) {
	s.mu.Lock()
	if s.buf == nil && n > 0 {
		s.size = min(n, loopbackBuffer)
	}
	s.mu.Unlock()
}

func (s *loopStream) setDeadline(a *alarm, t time.Time) error {
	s.mu.Lock()
	gone := a == &s.reader && s.readerGone || a == &s.writer && s.writerGone
	if !gone {
		a.set(t)
		s.changed.broadcast()
	}
	s.mu.Unlock()
	return closedIf(gone)
}

func closedIf(gone bool) error {
	if gone {
		return ErrClosed
	}
	return nil
}

// shutRead makes the reader see the end; what is written is lost.
func (s *loopStream) shutRead() error {
	s.mu.Lock()
	gone := s.readerGone
	if !gone {
		s.deaf = true
		s.n, s.start = 0, 0
		s.changed.broadcast()
	}
	s.mu.Unlock()
	return closedIf(gone)
}

// shutWrite makes the reader see the end after the data.
func (s *loopStream) shutWrite() error {
	s.mu.Lock()
	gone := s.writerGone
	if !gone {
		s.ended = true
		s.changed.broadcast()
	}
	s.mu.Unlock()
	return closedIf(gone)
}

// closeRead closes the reader's end and reports whether there was data that
// it had not read.
func (s *loopStream) closeRead() (unread bool, err error) {
	s.mu.Lock()
	gone := s.readerGone
	if !gone {
		s.readerGone = true
		s.unwanted = s.n > 0
		s.buf, s.n, s.start = nil, 0, 0
		s.reader.stop()
		s.changed.broadcast()
		unread = s.unwanted
	}
	s.mu.Unlock()
	return unread, closedIf(gone)
}

// closeWrite closes the writer's end. As in TCP, the reader sees the end of
// the stream, or a reset if the writer has left data unread or wants it so.
func (s *loopStream) closeWrite(unread bool) {
	s.mu.Lock()
	s.writerGone = true
	if s.abort {
		s.n, s.start = 0, 0
	}
	s.reset = unread || s.abort
	s.ended = true
	s.writer.stop()
	s.changed.broadcast()
	s.mu.Unlock()
}

// dialLoopback connects to the listener l in memory, at the address remote. local
// may be invalid, or have no port.
func dialLoopback(l *loopListener, local, remote netip.AddrPort) (*loopConn, error) {
	b, err := loopbackBinding(false, local, remote)
	if err != nil {
		return nil, err
	}
	if err := b.bind(nil); err != nil {
		return nil, err
	}
	near, far := loopPair(b.local, remote)
	near.binding = b
	if !l.offer(newTCPConn(far.socket(), l.net, far.local, far.remote)) {
		b.release()
		return nil, errLoopRefused()
	}
	return near, nil
}

func errLoopRefused() error { return os.NewSyscallError("connect", errConnRefused) }

// loopbackBinding returns the binding for a socket that talks to remote.
func loopbackBinding(udp bool, local, remote netip.AddrPort) (*binding, error) {
	addr := local.Addr()
	if !addr.IsValid() || addr.IsUnspecified() {
		addr = loopbackFor(remote.Addr())
	}
	if !addr.IsLoopback() || addr.Is4() != remote.Addr().Is4() {
		return nil, os.NewSyscallError("bind", errAddrNotAvail)
	}
	b := &binding{udp: udp, local: netip.AddrPortFrom(addr, local.Port())}
	return b, nil
}
