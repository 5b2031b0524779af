package net

import (
	"net/netip"
	"os"
	"sync"
	"time"
)

// A loopListener accepts the connections that are dialed in memory, and those
// of the device if it has a socket there too.
type loopListener struct {
	binding *binding
	dev     *devSocket // nil if it listens in memory alone

	mu          sync.Mutex
	changed     condition
	first, last *accepted // dialed in memory, not accepted yet
	waiting     int       // how many these are
	alarm       alarm
	closed      bool

	// For devices whose Accept has no deadline: a goroutine is in it, or has
	// come back with what it got.
	accepting bool
	got       *accepted
}

// accepted is a new connection, or why there is none. Whoever dials makes the
// listener's end of it, so that a program that only listens is without the
// loopback's streams.
type accepted struct {
	sock          socket
	local, remote netip.AddrPort
	err           error
	next          *accepted // in a listener's queue
}

func newLoopListener(b *binding) *loopListener {
	l := &loopListener{binding: b}
	l.changed.init(&l.mu)
	return l
}

// offer puts a connection in the queue. It reports false if the listener is
// closed or the queue is full.
func (l *loopListener) offer(c *accepted) bool {
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
	l.changed.broadcast()
	l.mu.Unlock()
	if l.dev != nil {
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
// none, or nil.
func (l *loopListener) poll() *accepted {
	switch c := l.first; {
	case l.closed:
		return &accepted{err: ErrClosed}
	case l.alarm.expired():
		return &accepted{err: os.ErrDeadlineExceeded}
	case c != nil:
		l.first, c.next = c.next, nil
		if l.first == nil {
			l.last = nil
		}
		l.waiting--
		return c
	}
	got := l.got
	l.got = nil
	return got
}

// accept waits for a connection in memory or on the device.
func (l *loopListener) accept() *accepted {
	timed := l.dev != nil && l.dev.timed()
	for {
		l.mu.Lock()
		got := l.poll()
		for got == nil && !timed {
			if l.dev != nil && !l.accepting {
				l.accepting = true
				go l.fetch()
			}
			l.alarm.wait(&l.changed, &l.mu)
			got = l.poll()
		}
		l.mu.Unlock()
		if got != nil {
			return got
		}
		// The device obeys deadlines, and offer uses them to wake it.
		if got = l.acceptDevice(); !identical(got.err, errPending) {
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
		l.got = got
	}
	l.changed.broadcast()
	l.mu.Unlock()
	if late && got.err == nil {
		got.sock.close()
	}
}

func (l *loopListener) acceptDevice() *accepted {
	fd, remote, err := l.dev.accept()
	if err != nil {
		return &accepted{err: err}
	}
	s := newDevSocket(l.dev.dev, fd, l.dev.domain, sockStream)
	return &accepted{sock: socket{dev: s}, local: s.localAddr(l.dev.bound, remote.Addr()), remote: unmap(remote)}
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
	for c := unaccepted; c != nil; c = c.next {
		c.sock.setOption(solSocket, soLinger, 0)
		c.sock.close()
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
