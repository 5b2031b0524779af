package wifinina

import "time"

// The chip tells nothing by itself about the sockets that the driver uses, so
// one goroutine per device, while the link is up, asks for those on which a
// call waits: often right after traffic, and at least every 20 ms. It also
// ends calls whose deadline has passed, looks whether the link is still up,
// and is the watchdog that restores it.

const (
	pollMin   = 500 * time.Microsecond // between two looks at a socket at least
	pollMax   = 20 * time.Millisecond  // at most: what the first request after a pause waits for
	pollShare = 8                      // in between this part of the time since the last traffic
	maxFails  = 3                      // failed exchanges in a row that mean a broken chip
)

// poller is the state of a device's poller. Only its goroutine uses it, but
// for begin.
type poller struct {
	timer *time.Timer
	link  instant // when to look at the link
	watch instant // when to try to restore it
}

// begin starts over when the link comes up; the caller holds mu.
func (p *poller) begin(d *Device) { p.link = d.now() + instant(d.bus.lim.link) }

// kickPoller makes the poller look again at what there is to do.
func (d *Device) kickPoller() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// run is the poller's goroutine. It ends with the link, or if there is a
// watchdog with NetDisconnect.
func (d *Device) run() {
	for {
		now := d.now()
		d.mu.Lock()
		if d.stop || !d.up && d.params.WatchdogTimeout <= 0 {
			d.running = false
			d.mu.Unlock()
			return
		}
		up := d.up
		until := d.expire(now)
		s, at := d.due()
		link, watch := d.poll.link, d.poll.watch
		d.mu.Unlock()

		switch {
		case !up && now >= watch:
			d.restore()
		case !up:
			d.rest(earlier(until, watch) - now)
		case now >= link:
			d.checkLink(until)
		case s != nil && now >= at:
			d.look(s, until)
		default:
			until = earlier(until, link)
			if s != nil {
				until = earlier(until, at)
			}
			d.rest(until - now)
		}
	}
}

// earlier returns the earlier of two instants, of which a may be none.
func earlier(a, b instant) instant {
	if a == 0 || b < a {
		return b
	}
	return a
}

// expire wakes the calls that have to end and returns the earliest deadline
// of the others, 0 if none has any. The caller holds mu.
func (d *Device) expire(now instant) (next instant) {
	for w := d.waiters; w != nil; w = w.next {
		t := w.expiry()
		switch {
		case t == 0:
		case t <= now:
			w.signal()
		default:
			next = earlier(next, t)
		}
	}
	return next
}

// due returns the socket to be polled next, and when. The caller holds mu.
func (d *Device) due() (next *socket, at instant) {
	for w := d.waiters; w != nil; w = w.next {
		if w.want != wantData && w.want != wantRoom {
			continue
		}
		if s := w.s; w.gen == s.gen && s.onChip && s.err == nil && (next == nil || s.next < at) {
			next, at = s, s.next
		}
	}
	return next, at
}

// rest waits for t or a kick.
func (d *Device) rest(t instant) {
	d.arm(t)
	select {
	case <-d.poll.timer.C:
	case <-d.kick:
	}
}

// arm sets the poller's timer. A tick that is left from before only makes the
// poller look once in vain.
func (d *Device) arm(t instant) {
	t = max(t, 1)
	if d.poll.timer == nil {
		d.poll.timer = time.NewTimer(time.Duration(t))
		return
	}
	d.poll.timer.Stop()
	d.poll.timer.Reset(time.Duration(t))
}

// takeUntil takes the bus for the poller, unless something else comes up
// first: a deadline, or a kick.
func (d *Device) takeUntil(until instant) bool {
	if !d.bus.tryTake() {
		wait := instant(d.bus.lim.link)
		if until != 0 {
			wait = until - d.now()
		}
		d.arm(wait)
		select {
		case d.bus.owner <- struct{}{}:
		case <-d.poll.timer.C:
			return false
		case <-d.kick:
			return false
		}
	}
	d.bus.waiting = d.minding
	return true
}

// giveBack gives the bus back and returns whether the chip is broken.
func (d *Device) giveBack(err error) (broken bool) {
	broken = err != nil && (err == errNoAnswer || d.bus.fails >= maxFails)
	d.bus.waiting = nil
	d.bus.give()
	return broken
}

// minding serves deadlines while the poller itself waits for the chip.
func (d *Device) minding() {
	now := d.now()
	d.mu.Lock()
	d.expire(now)
	d.mu.Unlock()
}

// look asks the chip what a socket is ready for and wakes who waits for it.
func (d *Device) look(s *socket, until instant) {
	if !d.takeUntil(until) {
		return
	}
	d.mu.Lock()
	desc, gen, stream := s.desc, s.gen, s.state == stateConnected && !s.dgram
	gone := !s.onChip
	d.mu.Unlock()
	if gone {
		d.bus.give()
		return
	}
	flags, err := d.bus.poll(desc)
	if d.giveBack(err) {
		d.lost(errLostChip)
		return
	}
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.gen != gen {
		return
	}
	s.next = now + d.interval(s, now)
	if err != nil {
		return
	}
	read := flags&(pollReadable|pollError|pollFail) != 0
	write := flags&(pollWritable|pollError|pollFail) != 0
	if flags == 0 && stream {
		// A connection that the chip has closed looks like one with nothing to
		// read and no room to write: a reader finds out which.
		read = true
	}
	for w := d.waiters; w != nil; w = w.next {
		if w.s == s && (w.want == wantData && read || w.want == wantRoom && write) {
			w.inform()
		}
	}
}

// interval returns how long not to poll a socket. The caller holds mu.
func (d *Device) interval(s *socket, now instant) instant {
	last := s.active
	if s.state == stateListening {
		last = d.active // a client that got its answer may have the next request
	}
	return max(instant(pollMin), min((now-last)/pollShare, instant(pollMax)))
}

// checkLink asks the chip whether it is still connected.
func (d *Device) checkLink(until instant) {
	if !d.takeUntil(until) {
		return
	}
	st, err := d.bus.status()
	if err == nil && st != statusConnected {
		// Nothing guards the byte on the wire, and much depends on it.
		st, err = d.bus.status()
	}
	broken := d.giveBack(err)
	d.mu.Lock()
	d.poll.begin(d)
	d.mu.Unlock()
	switch {
	case broken:
		d.lost(errLostChip)
	case err == nil && st != statusConnected:
		d.lost(errLost)
	}
}

// lost takes note that the link is gone, or the chip.
func (d *Device) lost(cause error) {
	select {
	case d.link <- struct{}{}:
	default:
		return // NetDisconnect is at it
	}
	if cause == errLostChip {
		d.started = false
	}
	d.linkDown(cause)
	d.poll.watch = d.now()
	<-d.link
	d.tell()
}

// restore tries to bring the link up again.
func (d *Device) restore() {
	select {
	case d.link <- struct{}{}:
	default:
		// NetConnect or NetDisconnect is at it.
		d.rest(instant(d.bus.lim.link))
		return
	}
	d.mu.Lock()
	wanted := !d.stop && !d.up && !d.cancel
	d.mu.Unlock()
	if wanted {
		if d.attempt() == nil {
			d.linkUp()
		}
		d.poll.watch = d.now() + instant(d.params.WatchdogTimeout)
	}
	<-d.link
	d.tell()
}
