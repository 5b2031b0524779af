package offload

import (
	"time"

	"tinynet/netdev"
)

// One goroutine per device, while the link is up, asks the chip about the
// sockets on which a call waits, or waits for its signal. It also ends calls
// whose deadline has passed, looks whether the link is still up, and is the
// watchdog that restores it.

// How often a socket is asked about depends on how long nothing has come: a
// part of that time, but
const (
	pollMin   = pause(500 * time.Microsecond >> 10) // at least
	pollShare = 5                                   // that part, as a power of 2,
	pollWarm  = pause(20 * time.Millisecond >> 10)  // at most: what the first request after a pause waits for
	coldShare = 6                                   // then, if there are others, a smaller part,
	pollCold  = pause(59 * time.Millisecond >> 10)  // until there are 17 looks a second at all together.

	pushShare = 10                                  // the part, as a power of 2, if the signal is a UART's, of which a look costs little
	signalMax = pause(5 * time.Millisecond >> 10)   // between two looks at the signal, unless SetSignalTime says less,
	pollQuiet = pause(500 * time.Millisecond >> 10) // at a socket that it tells of, while it does not,

	signalLate = pause(30 * time.Millisecond >> 10) // but for so long after traffic: a signal may lag
)

// poller is the state of a device's poller. Only its goroutine uses it, but
// for begin, link and most, which mu guards.
type poller struct {
	sleeper
	kick   bell    // rung when it has to look again
	link   instant // when to look at the link
	watch  instant // when to try to restore it
	signal instant // when to look at the signal
	most   pause   // between two such looks
	edge   instant // when it rose
	high   bool
}

// begin starts over when the link comes up; the caller holds mu.
func (p *poller) begin(d *device) { p.link = d.now() + instant(d.cfg.Times.Check) }

// kickPoller makes the poller look again at what there is to do.
func (d *device) kickPoller() { d.poll.kick.ring() }

// run is the poller's goroutine. It ends with the link, or if there is a
// watchdog with NetDisconnect.
func (d *device) run() {
	for {
		attend := d.sample()
		now := d.now()
		d.mu.Lock()
		if d.stop || !d.up && d.params.WatchdogTimeout <= 0 {
			d.running = false
			d.mu.Unlock()
			return
		}
		up := d.up
		until := d.expire(now)
		signals := up && d.signals()
		s, want, at := d.due()
		link, watch, signal := d.poll.link, d.poll.watch, d.poll.signal
		d.mu.Unlock()

		switch {
		case !up && now >= watch:
			d.restore()
		case !up:
			d.rest(earlier(until, watch) - now)
		case now >= link:
			d.checkLink()
		case attend:
			d.attend()
		case s != nil && now >= at:
			d.look(s, want)
		default:
			until = earlier(until, link)
			if s != nil {
				until = earlier(until, at)
			}
			if signals {
				until = earlier(until, signal)
			}
			d.rest(until - now)
		}
	}
}

// expire wakes the calls that have to end and returns the earliest deadline
// of the others, 0 if none has any. The caller holds mu.
func (d *device) expire(now instant) (next instant) {
	for w := d.waiters; w != nil; w = w.next {
		t := w.expiry()
		switch {
		case t == 0:
		case t <= now:
			w.wake.ring()
		default:
			next = earlier(next, t)
		}
	}
	return next
}

// signals reports whether the signal is to be looked at. The caller holds mu.
func (d *device) signals() bool {
	if d.sig == nil || d.cfg.Push {
		return d.sig != nil
	}
	for i := range d.sockets {
		if s := &d.sockets[i]; s.onChip && s.Signalled {
			return true
		}
	}
	return false
}

// sample looks at the signal if it is time to, and returns whether it rose or,
// where the chip tells things unasked, is high.
func (d *device) sample() (attend bool) {
	p := &d.poll
	now := d.now()
	d.mu.Lock()
	due := d.up && now >= p.signal && d.signals()
	active := d.active
	d.mu.Unlock()
	if !due {
		return false
	}
	high := d.sig.Signal()
	d.mu.Lock()
	rose := high && !p.high
	p.high = high
	if rose {
		p.edge = now
		for i := range d.sockets {
			if s := &d.sockets[i]; s.onChip && s.Signalled {
				s.next = 0
			}
		}
	}
	share := pollShare
	if d.cfg.Push {
		share = pushShare
	}
	p.signal = now + bounded(min(pollMin, p.most), since(active, now)>>share, p.most).instant()
	d.mu.Unlock()
	return rose || high && d.cfg.Push
}

// due returns the socket to be polled next, for what, and when. The caller
// holds mu.
func (d *device) due() (next *Socket, want Ready, at instant) {
	for i := range d.sockets {
		d.sockets[i].polled = false
	}
	for w := d.waiters; w != nil; w = w.next {
		r := w.want.ready()
		if s := w.s; r != 0 && w.gen == s.gen && s.onChip && s.err == nil {
			s.polled = true
			switch {
			case s == next:
				want |= r
			case next == nil || s.next < at:
				next, want, at = s, r, s.next
			}
		}
	}
	return next, want, at
}

// rest waits for t or a kick.
func (d *device) rest(t instant) {
	d.poll.sleep(time.Duration(max(t, 1)), &d.poll.kick)
}

// giveBack hands the bus back after the chip answered err, and returns whether
// the chip is broken.
func (d *device) giveBack(err error) (broken bool) {
	broken = err != nil && d.chip.Broken()
	d.give()
	return broken
}

// attend lets the chip tell what it has to tell.
func (d *device) attend() {
	d.take(&d.bus)
	if d.giveBack(d.sig.Attend()) {
		d.lost(errLostChip)
	}
}

// look asks the chip what a socket is ready for and wakes who waits for it.
func (d *device) look(s *Socket, want Ready) {
	d.mu.Lock()
	gen := s.gen
	d.mu.Unlock()
	d.take(&d.bus)
	d.mu.Lock()
	gone := !s.onChip || s.gen != gen
	d.mu.Unlock()
	if gone {
		d.give()
		return
	}
	r, err := d.chip.Poll(s, want)
	if d.giveBack(err) {
		d.lost(errLostChip)
		return
	}
	if Is(err, netdev.ErrLinkDown) || Is(err, netdev.ErrConnReset) {
		r = Failed // who waits finds out
	} else if err != nil {
		r = 0
	}
	if r&Failed != 0 {
		r |= Readable | Writable
	}
	now := d.now()
	d.mu.Lock()
	if s.gen == gen {
		s.next = now + d.interval(s, want, now).instant()
		for w := d.waiters; w != nil; w = w.next {
			if w.s == s && r&w.want.ready() != 0 {
				w.inform()
			}
		}
	}
	d.mu.Unlock()
}

// interval returns how long not to poll a socket for what want says. The caller
// holds mu.
func (d *device) interval(s *Socket, want Ready, now instant) pause {
	last := s.active
	if s.state == stateListening {
		last = d.active // a client that got its answer may have the next request
	}
	told := s.Signalled && want&Writable == 0 // no signal tells of room
	if told && d.poll.high {
		last = max(last, d.poll.edge)
	}
	idle := since(last, now)
	if told && !d.poll.high && idle > signalLate {
		return pollQuiet
	}
	if warm := bounded(pollMin, idle>>pollShare, pollWarm); warm < pollWarm {
		return warm
	}
	// Those at which new peers knock share the looks half and half with the
	// others.
	doors, others := 0, 0
	for i := range d.sockets {
		switch o := &d.sockets[i]; {
		case !o.polled || o.Signalled && !d.poll.high:
		case o.door():
			doors++
		default:
			others++
		}
	}
	if doors+others <= 1 && !s.Signalled {
		return pollWarm // a server that waits for its next client, most often
	}
	most := pause(others)
	if s.door() {
		most = pause(doors)
	}
	if doors > 0 && others > 0 {
		most *= 2
	}
	return bounded(pollWarm, idle>>coldShare, most*pollCold)
}

// bounded returns t, or the bound that it is beyond.
//
//go:noinline
func bounded(low, t, high pause) pause { return max(low, min(t, high)) }

// pause is a time in units of 1024 ns: in one word, which 73 minutes fit into.
type pause uint32

func (p pause) instant() instant { return instant(p) << 10 }

// since returns the time from t to now, none if t is later, at most what a pause can be.
//
//go:noinline
func since(t, now instant) pause { return pause(max(0, min((now-t)>>10, 1<<32-1))) }

// door reports whether peers that are not known yet reach the socket.
func (s *Socket) door() bool { return s.state == stateListening || s.IsDatagram() }

// checkLink asks the chip whether it is still connected.
func (d *device) checkLink() {
	d.take(&d.bus)
	up, err := d.chip.Check()
	broken := d.giveBack(err)
	d.mu.Lock()
	d.poll.begin(d)
	d.mu.Unlock()
	switch {
	case broken:
		d.lost(errLostChip)
	case err == nil && !up:
		d.lost(errLost)
	}
}

// lost takes note that the link is gone, or the chip.
func (d *device) lost(cause error) {
	if !d.tryTake(&d.link) {
		return // NetDisconnect is at it
	}
	if Same(cause, errLostChip) {
		d.started = false
	}
	d.linkDown(cause)
	d.poll.watch = d.now()
	d.leave(&d.link)
	d.tell()
}

// restore tries to bring the link up again.
func (d *device) restore() {
	if !d.tryTake(&d.link) {
		// NetConnect or NetDisconnect is at it.
		d.rest(instant(d.cfg.Times.Check))
		return
	}
	d.mu.Lock()
	wanted := !d.stop && !d.up && !d.cancel
	d.mu.Unlock()
	if wanted {
		if ip, err := d.attempt(); err == nil {
			d.linkUp(ip)
		}
		d.poll.watch = d.now() + instant(d.params.WatchdogTimeout)
	}
	d.leave(&d.link)
	d.tell()
}
