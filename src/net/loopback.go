package net

import (
	"io"
	"net/netip"
	"os"
	"sync"
	"time"
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
	binding       *binding  // of the end that dialed, else nil
	next          *loopConn // in a listener's queue
}

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

func (c *loopConn) recv(b []byte) (int, netip.AddrPort, error) {
	n, err := c.in.read(b)
	return n, netip.AddrPort{}, err
}

func (c *loopConn) send(b []byte) (int, error) { return c.out.write(b) }

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
	changed sync.Cond
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
	s.changed.L = &s.mu
	s.size = loopbackBuffer
}

func (s *loopStream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
		s.reader.wait(&s.changed)
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
	s.changed.Broadcast()
	return n
}

func (s *loopStream) write(b []byte) (sent int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.sending && !s.writerGone {
		s.changed.Wait()
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
			s.writer.wait(&s.changed)
			continue
		default:
			n := s.put(b)
			sent += n
			b = b[n:]
		}
		if err != nil || len(b) == 0 {
			s.sending = false
			s.changed.Broadcast()
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
	s.changed.Broadcast()
	return n
}

func (s *loopStream) setSize(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buf == nil && n > 0 {
		s.size = min(n, loopbackBuffer)
	}
}

func (s *loopStream) setDeadline(a *alarm, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a == &s.reader && s.readerGone || a == &s.writer && s.writerGone {
		return ErrClosed
	}
	a.set(t)
	s.changed.Broadcast()
	return nil
}

// shutRead makes the reader see the end; what is written is lost.
func (s *loopStream) shutRead() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readerGone {
		return ErrClosed
	}
	s.deaf = true
	s.n, s.start = 0, 0
	s.changed.Broadcast()
	return nil
}

// shutWrite makes the reader see the end after the data.
func (s *loopStream) shutWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writerGone {
		return ErrClosed
	}
	s.ended = true
	s.changed.Broadcast()
	return nil
}

// closeRead closes the reader's end and reports whether there was data that
// it had not read.
func (s *loopStream) closeRead() (unread bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readerGone {
		return false, ErrClosed
	}
	s.readerGone = true
	s.unwanted = s.n > 0
	s.buf, s.n, s.start = nil, 0, 0
	s.reader.stop()
	s.changed.Broadcast()
	return s.unwanted, nil
}

// closeWrite closes the writer's end. As in TCP, the reader sees the end of
// the stream, or a reset if the writer has left data unread or wants it so.
func (s *loopStream) closeWrite(unread bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writerGone = true
	if s.abort {
		s.n, s.start = 0, 0
	}
	s.reset = unread || s.abort
	s.ended = true
	s.writer.stop()
	s.changed.Broadcast()
}

// A loopListener accepts the connections that are dialed in memory, and those
// of the device if it has a socket there too.
type loopListener struct {
	binding *binding
	dev     *devSocket // nil if it listens in memory alone

	mu          sync.Mutex
	changed     sync.Cond
	first, last *loopConn // dialed, not accepted yet
	waiting     int       // how many these are
	alarm       alarm
	closed      bool

	// For devices whose Accept has no deadline: a goroutine is in it, or has
	// come back with what it got.
	accepting bool
	got       *accepted
}

// accepted is a new connection, or why there is none.
type accepted struct {
	sock          socket
	local, remote netip.AddrPort
	err           error
}

// dialLoopback connects to a listener in memory. local may be invalid, or have
// no port.
func dialLoopback(local, remote netip.AddrPort) (*loopConn, error) {
	l := findListener(remote)
	if l == nil {
		return nil, os.NewSyscallError("connect", errConnRefused)
	}
	b, err := loopbackBinding(false, local, remote)
	if err != nil {
		return nil, err
	}
	if err := b.bind(nil); err != nil {
		return nil, err
	}
	near, far := loopPair(b.local, remote)
	near.binding = b
	if !l.offer(far) {
		b.release()
		return nil, os.NewSyscallError("connect", errConnRefused)
	}
	return near, nil
}

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

func newLoopListener(b *binding) *loopListener {
	l := &loopListener{binding: b}
	l.changed.L = &l.mu
	return l
}

// offer puts a connection in the queue. It reports false if the listener is
// closed or the queue is full.
func (l *loopListener) offer(c *loopConn) bool {
	l.mu.Lock()
	if l.closed || l.waiting == loopbackBacklog {
		l.mu.Unlock()
		return false
	}
	if l.last == nil {
		l.first = c
	} else {
		l.last.next = c
	}
	l.last = c
	l.waiting++
	l.changed.Broadcast()
	l.mu.Unlock()
	if l.dev != nil {
		l.dev.wake()
	}
	return true
}

// pending reports whether a connection is in the queue.
func (l *loopListener) pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first != nil
}

// poll returns the connection at the head of the queue, or why there will be
// none, or nothing.
func (l *loopListener) poll() (got accepted, ok bool) {
	switch c := l.first; {
	case l.closed:
		return accepted{err: ErrClosed}, true
	case l.alarm.expired():
		return accepted{err: os.ErrDeadlineExceeded}, true
	case c != nil:
		l.first, c.next = c.next, nil
		if l.first == nil {
			l.last = nil
		}
		l.waiting--
		return accepted{sock: c, local: c.local, remote: c.remote}, true
	case l.got != nil:
		got, l.got = *l.got, nil
		return got, true
	}
	return got, false
}

// accept waits for a connection in memory or on the device.
func (l *loopListener) accept() accepted {
	timed := l.dev != nil && l.dev.timed()
	for {
		l.mu.Lock()
		got, ok := l.poll()
		for !ok && !timed {
			if l.dev != nil && !l.accepting {
				l.accepting = true
				go l.fetch()
			}
			l.alarm.wait(&l.changed)
			got, ok = l.poll()
		}
		l.mu.Unlock()
		if ok {
			return got
		}
		// The device obeys deadlines, and offer uses them to wake it.
		if got = l.acceptDevice(); got.err != errPending {
			return got
		}
	}
}

// fetch waits in the Accept of a device that nothing but a connection, or the
// listener's end, can wake.
func (l *loopListener) fetch() {
	got := l.acceptDevice()
	l.mu.Lock()
	l.accepting = false
	late := l.closed
	if !late {
		l.got = &got
	}
	l.changed.Broadcast()
	l.mu.Unlock()
	if late && got.err == nil {
		got.sock.close()
	}
}

func (l *loopListener) acceptDevice() accepted {
	fd, remote, err := l.dev.accept()
	if err != nil {
		return accepted{err: err}
	}
	s := newDevSocket(l.dev.dev, fd, l.dev.domain, sockStream)
	return accepted{sock: s, local: s.localAddr(l.dev.bound, remote.Addr()), remote: unmap(remote)}
}

func (l *loopListener) setDeadline(t time.Time) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.alarm.set(t)
	l.changed.Broadcast()
	l.mu.Unlock()
	if l.dev != nil && l.dev.timed() {
		return l.dev.setDeadline(reading, t)
	}
	return nil
}

func (l *loopListener) close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closed = true
	unaccepted, got := l.first, l.got
	l.first, l.last, l.got = nil, nil, nil
	l.alarm.stop()
	l.changed.Broadcast()
	l.mu.Unlock()
	// Those who have dialed already find their connections reset.
	for c := unaccepted; c != nil; c = c.next {
		c.setOption(solSocket, soLinger, 0)
		c.close()
	}
	if got != nil && got.err == nil {
		got.sock.close()
	}
	var err error
	if l.dev != nil {
		err = l.dev.close()
	}
	l.binding.release()
	return err
}
