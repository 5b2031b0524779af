package offload

import (
	"io"

	"tinynet/netdev"
)

// A call on a socket that has to wait does so on a channel of its own, with
// neither the bus nor a lock held, until the poller, the chip or another call has
// news for it.

// want is what a call waits for.
type want uint8

const (
	wantNothing want = iota // it is at work, or waits for the bus
	wantData                // Readable
	wantRoom                // Writable
	wantTurn                // another Send on the stream to end
	wantEntry               // an entry of the socket table
)

// ready is the same in the chip's terms.
func (w want) ready() Ready {
	switch w {
	case wantData:
		return Readable
	case wantRoom:
		return Writable
	}
	return 0
}

// waiter is a call on a socket that is in progress. Whoever has news for it
// sets told and wakes it.
type waiter struct {
	next     *waiter
	behind   *waiter // in the queue of a gate
	wake     bell
	s        *Socket
	deadline instant // given with the call
	gen      uint8
	state    state // of s when the call took the bus last
	want     want
	write    bool // obeys the write deadline, not the read deadline
	told     bool
	through  bool // a gate was handed to it
}

// newWaiter returns a waiter, which oldWaiter takes back. The caller holds mu.
func (d *device) newWaiter() *waiter {
	w := d.spare
	if w == nil {
		return &waiter{wake: newBell()}
	}
	d.spare = w.next
	w.wake.rung()
	return w
}

func (d *device) oldWaiter(w *waiter) {
	w.s = nil
	w.next = d.spare
	d.spare = w
}

// enter begins a call on socket fd, which ends at limit if that is not 0.
func (d *device) enter(fd int, write bool, limit instant) (*waiter, error) {
	d.mu.Lock()
	w, err := d.enterLocked(fd, write, limit)
	d.mu.Unlock()
	return w, err
}

func (d *device) enterLocked(fd int, write bool, limit instant) (*waiter, error) {
	s := d.lookup(fd)
	if s == nil {
		return nil, netdev.ErrInvalidSocketFd
	}
	w := d.newWaiter()
	w.s, w.gen, w.state, w.write = s, s.gen, s.state, write
	w.want, w.told, w.deadline = wantNothing, false, limit
	if err := d.check(w); err != nil {
		d.oldWaiter(w)
		return nil, err
	}
	w.next = d.waiters
	d.waiters = w
	return w, nil
}

// exit ends a call.
func (d *device) exit(w *waiter) {
	d.mu.Lock()
	for p := &d.waiters; *p != nil; p = &(*p).next {
		if *p == w {
			*p = w.next
			break
		}
	}
	d.oldWaiter(w)
	d.mu.Unlock()
}

// check returns the error with which the call has to end, if any. The caller
// holds mu.
func (d *device) check(w *waiter) error {
	if w.gen != w.s.gen || w.s.state == stateClosing || w.s.state == stateFree {
		return netdev.ErrInvalidSocketFd
	}
	w.state = w.s.state
	if w.s.err != nil {
		return w.s.err
	}
	if t := w.expiry(); t != 0 && d.now() >= t {
		return netdev.ErrTimeout
	}
	return nil
}

// expiry returns when the call has to end, 0 for never.
func (w *waiter) expiry() instant {
	t := w.s.rdl
	if w.write {
		t = w.s.wdl
	}
	if t == 0 || w.deadline != 0 && w.deadline < t {
		t = w.deadline
	}
	return t
}

// inform wakes the call because it has what it wants.
func (w *waiter) inform() {
	w.told = true
	w.want = wantNothing
	w.wake.ring()
}

// wakeAll wakes all calls; the caller holds mu.
func (d *device) wakeAll() {
	for w := d.waiters; w != nil; w = w.next {
		w.wake.ring()
	}
}

// ready wakes the calls that wait for what the socket is ready for, and
// remembers it if there are none. The caller holds mu.
func (d *device) ready(s *Socket, r Ready) {
	left := r
	if r&Failed != 0 {
		r |= Readable | Writable
	}
	for w := d.waiters; w != nil; w = w.next {
		if w.s == s && w.gen == s.gen && r&w.want.ready() != 0 {
			left &^= w.want.ready()
			w.inform()
		}
	}
	s.told |= left &^ Failed
}

// takeFor takes the bus for a call, unless the call has to end.
func (d *device) takeFor(w *waiter) error {
	d.mu.Lock()
	held, err := false, d.check(w)
	if err == nil {
		held = d.bus.enter(w)
		if !held && w.expiry() != 0 {
			d.kickPoller() // it minds the deadlines
		}
		for !held && err == nil {
			d.mu.Unlock()
			w.wake.wait()
			d.mu.Lock()
			held, err = w.through, d.check(w)
		}
		if !held {
			d.bus.abandon(w)
		}
	}
	if err == nil && !w.s.onChip {
		err = netdev.ErrConnReset
		if !w.write && w.state == stateConnected {
			w.s.eof = true
			err = io.EOF
		}
	}
	if held {
		d.current = w
	}
	d.mu.Unlock()
	if err == nil {
		err = d.alive()
	}
	if err != nil && held {
		d.give()
	}
	return err
}

// alive returns an error if the chip has to be looked after before it is of use: each
// call in the queue for the bus would wait for it in vain. The caller holds the
// bus.
func (d *device) alive() error {
	if !d.chip.Broken() {
		return nil
	}
	d.mu.Lock()
	d.poll.link = 1
	d.mu.Unlock()
	d.kickPoller()
	return errMute
}

// give hands back the bus.
func (d *device) give() {
	d.mu.Lock()
	d.current = nil
	d.bus.leave()
	d.mu.Unlock()
}

// await waits until the call has what it wants, or has to end. The bus is not
// held meanwhile.
func (d *device) await(w *waiter, want want) error {
	d.mu.Lock()
	return d.awaitLocked(w, want)
}

// awaitLocked is await for a caller that holds mu, which it releases.
func (d *device) awaitLocked(w *waiter, want want) error {
	w.told, w.want = false, want
	if r := want.ready(); w.gen == w.s.gen && w.s.told&r != 0 {
		w.s.told &^= r
		w.told, w.want = true, wantNothing
	}
	for {
		if w.told {
			// Even if the call has to end: a turn that was given to it has to
			// be passed on.
			d.mu.Unlock()
			return nil
		}
		if err := d.check(w); err != nil {
			w.want = wantNothing
			d.mu.Unlock()
			return err
		}
		timed := w.expiry() != 0
		d.mu.Unlock()
		if timed || want == wantData || want == wantRoom {
			d.kickPoller()
		}
		w.wake.wait()
		d.mu.Lock()
	}
}

// beginWrite waits until no other Send is at work on the stream, whose data
// would mingle.
func (d *device) beginWrite(w *waiter) error {
	d.mu.Lock()
	if w.s.writing {
		return d.awaitLocked(w, wantTurn)
	}
	err := d.check(w)
	w.s.writing = err == nil
	d.mu.Unlock()
	return err
}

// endWrite gives the next Send its turn.
func (d *device) endWrite(w *waiter) {
	d.mu.Lock()
	if w.gen == w.s.gen {
		o := d.waiters
		for o != nil && (o.s != w.s || o.want != wantTurn) {
			o = o.next
		}
		if o != nil {
			o.inform()
		} else {
			w.s.writing = false
		}
	}
	d.mu.Unlock()
}

// fail makes all further calls on the socket return err, and returns it.
func (d *device) fail(w *waiter, err error) error {
	d.mu.Lock()
	if w.gen == w.s.gen && w.s.err == nil {
		w.s.err = err
		d.wakeAll()
	}
	if Is(err, netdev.ErrDevice) {
		d.poll.link = 1 // let the poller see at once what is the matter
		d.kickPoller()
	}
	d.mu.Unlock()
	return err
}
