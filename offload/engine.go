package offload

import (
	"net/netip"
	"time"

	"tinynet/netdev"
)

// Engine is the driver's side of a Device: what a Chip may ask of it, and
// tell it. It is the same thing as the Device under another name, so that none
// of this is in the way of the driver's users.
type Engine device

func (e *Engine) dev() *device { return (*device)(e) }

// Take waits for the bus and takes it, for exchanges that are not part of a
// Chip's method. Never with the bus held.
func (e *Engine) Take() { e.dev().take(&e.bus) }

// Elapsed returns the time since some moment in the past: a clock for a Chip, which does
// better without a time.Time of its own (that costs flash).
func (e *Engine) Elapsed() time.Duration { return e.clock.elapsed() }

// Give hands the bus back.
func (e *Engine) Give() { e.dev().leave(&e.bus) }

// Begin takes the bus for an exchange that the driver's user asked for, like
// the signal strength. It starts the chip if need be. If up is set, the link
// has to be up. After it comes Give, unless there is an error.
func (e *Engine) Begin(up bool) error {
	d := e.dev()
	if up {
		if err := d.isUp(); err != nil {
			return err
		}
		e.Take()
		return nil
	}
	d.take(&d.link)
	err := d.start()
	d.leave(&d.link)
	if err == nil {
		e.Take()
	}
	return err
}

// Interrupted returns the error with which the call that holds the bus has to
// end, nil while it may go on. A Chip that waits long for an answer asks it every few
// milliseconds. It serves the deadlines of other calls, too.
func (e *Engine) Interrupted() error {
	d := e.dev()
	var err error
	now := d.now()
	d.mu.Lock()
	d.expire(now)
	switch w := d.current; {
	case w != nil:
		err = d.check(w)
	case d.until != 0 && now >= d.until:
		err = netdev.ErrTimeout
	case d.resolving && !d.up:
		err = errNotUp
	}
	d.mu.Unlock()
	return err
}

// Waiting serves the deadlines of other calls. A Chip calls it about every
// millisecond while it waits for the chip to answer, so that they end in time
// even if it is the engine's own goroutine that waits.
func (e *Engine) Waiting() {
	d := e.dev()
	now := d.now()
	d.mu.Lock()
	d.expire(now)
	d.mu.Unlock()
}

// Pause sleeps for t without the bus, in Join. It returns an error as soon as
// NetDisconnect wants the link.
func (e *Engine) Pause(t time.Duration) error {
	if !e.dev().pause(t) {
		return errCancelled
	}
	return nil
}

// SetSockets says how many sockets the chip has after all, once that is known; not
// more than in Config.
func (e *Engine) SetSockets(n int) {
	e.mu.Lock()
	e.limit = uint8(min(n, len(e.sockets)))
	e.mu.Unlock()
}

// SetIPv6 says that the chip has IPv6, and its address, the unspecified one if that
// is not known yet. Such a chip takes addresses of either family, and implements
// Resolver6 if it looks up both.
func (e *Engine) SetIPv6(ip netip.Addr) {
	needingIPv6()
	e.mu.Lock()
	e.ip6 = &ip
	e.mu.Unlock()
}

// Socket returns the open socket that has the handle, or nil.
func (e *Engine) Socket(h Handle) *Socket {
	var found *Socket
	e.mu.Lock()
	for i := range e.sockets {
		if s := &e.sockets[i]; s.onChip && s.Handle == h {
			found = s
			break
		}
	}
	e.mu.Unlock()
	return found
}

// Find returns the socket that the user knows as sockfd, for methods of the
// driver's own; nil if there is none. With the bus held, it stays what it is.
func (e *Engine) Find(sockfd int) *Socket {
	d := e.dev()
	d.mu.Lock()
	s := d.lookup(sockfd)
	if s != nil && (!s.onChip || s.err != nil) {
		s = nil
	}
	d.mu.Unlock()
	return s
}

// Blocked returns how many calls wait for the network, for tests and
// diagnosis.
func (e *Engine) Blocked() (n int) {
	e.mu.Lock()
	for w := e.waiters; w != nil; w = w.next {
		if w.want != wantNothing {
			n++
		}
	}
	e.mu.Unlock()
	return n
}

// Addr returns the chip's address, invalid while the link is down.
func (e *Engine) Addr() netip.Addr {
	a, _ := e.dev().addr()
	return a
}

// Notify says that the socket is ready. It may be called with the bus held or
// not.
func (e *Engine) Notify(s *Socket, r Ready) {
	d := e.dev()
	d.mu.Lock()
	if s.onChip {
		d.ready(s, r)
	}
	d.mu.Unlock()
}

// Push puts data that the chip sent unasked into the socket's receive buffer,
// of a datagram socket as one datagram from the given address. It returns how
// much fitted: what did not is lost, and with it a stream, which the chip then
// has to fail by Fail. A nil p is the end of the stream.
func (e *Engine) Push(s *Socket, p []byte, from netip.AddrPort) int {
	d := e.dev()
	now := d.now()
	n := len(p)
	d.mu.Lock()
	if s.onChip {
		switch {
		case p == nil:
			s.ended = true
		case s.IsDatagram():
			n = s.ring.putDatagram(p, from)
		default:
			n = s.ring.put(p)
		}
		s.active, d.active = now, now
		d.ready(s, Readable)
	}
	d.mu.Unlock()
	return n
}

// Fail ends a socket: all calls on it return err from now on.
func (e *Engine) Fail(s *Socket, err error) {
	d := e.dev()
	d.mu.Lock()
	if s.onChip && s.err == nil {
		s.err = err
		d.wakeAll()
	}
	d.mu.Unlock()
}

// Gone says that the chip has closed the socket by itself, and may give its
// number to another: no method is called for it any more, not even Close. A
// stream has ended, as if Recv had said so, and cannot be sent on. An error that
// the method returns which found out, or Fail, takes precedence.
func (e *Engine) Gone(s *Socket) {
	d := e.dev()
	d.mu.Lock()
	if s.onChip {
		d.ready(s, Readable|Writable)
		s.onChip = false
	}
	d.mu.Unlock()
}

// SetPort says what the socket's local port is, 0 if it is unknown.
func (e *Engine) SetPort(s *Socket, port uint16) { e.dev().setPort(s, port) }

// SetSignalled says whether the signal tells of the socket, once it is open.
func (e *Engine) SetSignalled(s *Socket, told bool) {
	e.mu.Lock()
	s.Signalled = told
	e.mu.Unlock()
}

// SetSignalTime says how long the signal may go without a look, for a UART that
// would lose what comes; it is 5 ms at most and at first.
func (e *Engine) SetSignalTime(t time.Duration) {
	e.mu.Lock()
	e.poll.most = bounded(1, pause(t>>10), signalMax)
	e.mu.Unlock()
}

// CheckSoon makes the engine look at once whether the link is up and the chip
// alive.
func (e *Engine) CheckSoon() {
	d := e.dev()
	d.mu.Lock()
	d.poll.link = 1
	d.mu.Unlock()
	d.kickPoller()
}
