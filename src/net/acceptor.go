package net

import (
	"net/netip"
	"os"
	"sync"
	"time"
)

// A loopListener accepts the connections that are dialed in memory, and those
// of the device if it has a socket there too. It is what a TCPListener consists of.
type loopListener struct {
	binding *binding
	dev     *devSocket // nil if it listens in memory alone
	net     string
	laddr   *TCPAddr

	// keepAlive, if not nil, is used in place of TCPConn.keepAliveByDefault.
	keepAlive func(c *TCPConn)

	mu          sync.Mutex
	changed     condition
	first, last *queued // dialed in memory, not accepted yet
	waiting     int     // how many these are
	alarm       alarm
	closed      bool

	// For devices whose Accept has no deadline: a goroutine is in it, or has
	// come back with what it got.
	accepting bool
	got       *queued
}

// queued is a new connection, or why there is none. Whoever dials makes the
// listener's end of it, so that a program that only listens is without the
// loopback's streams.
type queued struct {
	c    *TCPConn
	err  error
	next *queued
}

func newLoopListener(b *binding, network string) *loopListener {
	l := &loopListener{binding: b, net: network}
	l.changed.init(&l.mu)
	return l
}

// offer puts a connection in the queue. It reports false if the listener is
// closed or the queue is full.
func (l *loopListener) offer(c *TCPConn) bool {
	l.mu.Lock()
	if l.closed || l.waiting == loopbackBacklog {
		l.mu.Unlock()
		return false
	}
	q := &queued{c: c}
	if l.last == nil {
		l.first = q
	} else {
		l.last.next = q
	}
	l.last = q
	l.waiting++
	l.changed.broadcast()
	l.mu.Unlock()
	if l.dev != nil {
		usePending()
		l.dev.wake()
	}
	return true
}

// pending reports whether a connection is in the queue.
func (l *loopListener) pending() bool {
	l.mu.Lock()
	pending := l.first != nil
	l.mu.Unlock()
	return pending
}

// poll returns the connection at the head of the queue, or why there will be
// none, or neither.
func (l *loopListener) poll() (*TCPConn, error) {
	if l.closed {
		return nil, ErrClosed
	}
	if l.alarm.expired() {
		return nil, os.ErrDeadlineExceeded
	}
	if q := l.first; q != nil {
		if l.first = q.next; l.first == nil {
			l.last = nil
		}
		l.waiting--
		return q.c, nil
	}
	if q := l.got; q != nil {
		l.got = nil
		return q.c, q.err
	}
	return nil, nil
}

// accept waits for a connection in memory or on the device.
func (l *loopListener) accept() (*TCPConn, error) {
	timed := l.dev != nil && l.dev.timed()
	for {
		l.mu.Lock()
		c, err := l.poll()
		for c == nil && err == nil && !timed {
			if l.dev != nil && !l.dev.timed() && !l.accepting {
				l.accepting = true
				go l.fetch()
			}
			l.alarm.wait(&l.changed, &l.mu)
			c, err = l.poll()
		}
		l.mu.Unlock()
		if c != nil || err != nil {
			return c, err
		}
		// The device obeys deadlines, and offer uses them to wake it.
		if c, err = l.acceptDevice(); err == nil || !identical(err, errPending) {
			return c, err
		}
	}
}

// fetch waits in the Accept of a device that nothing but a connection, or the
// listener's end, can wake.
func (l *loopListener) fetch() {
	c, err := l.acceptDevice()
	l.mu.Lock()
	l.accepting = false
	late := l.closed
	if !late {
		l.got = &queued{c: c, err: err}
	}
	l.changed.broadcast()
	l.mu.Unlock()
	if late && err == nil {
		c.state().close()
	}
}

func (l *loopListener) acceptDevice() (*TCPConn, error) {
	fd, remote, err := l.dev.accept()
	if err != nil {
		return nil, err
	}
	s := newStream(l.dev.dev, fd, l.dev.domain)
	return s.open(l.net, s.sock.localAddr(l.bound(), remote.Addr()), unmap(remote)), nil
}

// bound returns what the device's socket is bound to.
func (l *loopListener) bound() netip.AddrPort {
	return netip.AddrPortFrom(l.binding.domain(), l.binding.local.Port())
}

func (l *loopListener) setDeadline(t time.Time) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.alarm.set(t)
	l.changed.broadcast()
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
	l.changed.broadcast()
	l.mu.Unlock()
	// Those who have dialed already find their connections reset.
	for q := unaccepted; q != nil; q = q.next {
		s := q.c.state()
		s.setOption(solSocket, soLinger, 0)
		s.close()
	}
	if got != nil && got.err == nil {
		got.c.state().close()
	}
	var err error
	if l.dev != nil {
		err = l.dev.close()
	}
	l.binding.release()
	return err
}
