package fault

import (
	"io"
	"sync"
	"time"

	"tinynet/sim/clock"
)

// UART is the host's end of a serial line to a chip, on which bytes are lost,
// doubled and damaged, reads are cut short, and the chip stalls, hangs or restarts.
// It is quiet until Play.
//
// Faults are numbered by the bytes of their direction: Command is what the host
// writes, Reply what it reads. Pick means something to Cut only. While a direction
// stalls, neither Buffered nor Write waits: what is written is kept, and goes out
// behind the stall.
//
// One goroutine may read while another writes, and any may call Buffered.
type UART struct {
	rw     io.ReadWriteCloser
	reboot func()
	clk    clock.Clock
	puller chan struct{} // of capacity 1: full while somebody takes from the line

	mu      sync.Mutex
	plan    Plan
	playing bool
	n       [2]int // bytes of each direction since Play
	next    [2]int // in plan.List
	log     []Event
	hung    bool
	cut     int       // reads that get a byte
	out     []byte    // to be read
	err     error     // after that
	raw     []byte    // taken from the line, behind a stall
	until   time.Time // of that stall
	held    []byte    // written, behind a stall
	holding bool      // there is one, or what it held is going out
}

// NewUART returns a line to the chip at the other end of rw on which nothing
// goes wrong yet. reboot makes the chip restart; it is called by Read or Write, whichever
// comes to the byte. Durations are measured on clk; nil stands for clock.Free().
func NewUART(rw io.ReadWriteCloser, reboot func(), clk clock.Clock) *UART {
	if clk == nil {
		clk = clock.Free()
	}
	return &UART{rw: rw, reboot: reboot, clk: clk, puller: make(chan struct{}, 1)}
}

// Play starts a plan: the next byte of each direction is number 0.
func (u *UART) Play(p Plan) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.plan, u.playing = p, true
	u.n, u.next, u.log = [2]int{}, [2]int{}, nil
	u.cut = 0
}

// Stop ends the plan.
func (u *UART) Stop() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.playing, u.cut = false, 0
}

// Log returns what happened since Play. Number is 0 in all of it.
func (u *UART) Log() []Event {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Event(nil), u.log...)
}

// Hung reports whether a Hang has stopped the chip.
func (u *UART) Hung() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.hung
}

// WasReset tells that the host has reset the chip, which ends a Hang.
func (u *UART) WasReset() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.hung = false
}

// Close closes the line.
func (u *UART) Close() error { return u.rw.Close() }

// faults returns the faults at the next byte of a direction.
func (u *UART) faults(half Half) (all []Fault) {
	n := u.n[half]
	u.n[half]++
	if !u.playing {
		return nil
	}
	if len(u.plan.List) == 0 {
		if f, ok := u.plan.at(n); ok && f.Half == half {
			all = append(all, f)
		}
	}
	for i := u.next[half]; i < len(u.plan.List) && u.plan.List[i].At <= n; i++ {
		u.next[half] = i + 1
		if f := u.plan.List[i]; f.Half == half && f.At == n {
			all = append(all, f)
		}
	}
	for _, f := range all {
		u.log = append(u.log, Event{Fault: f, Time: u.clk.Now()})
	}
	return all
}

// pass puts p through and returns how many bytes of it were looked at, what becomes of
// them, and what has to be done before the rest.
func (u *UART) pass(p []byte, half Half) (n int, out []byte, stall time.Duration, reboot bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, c := range p {
		copies := 1
		for _, f := range u.faults(half) {
			switch f.Kind {
			case Damage:
				c ^= f.Mask
			case Lose:
				copies = 0
			case Double:
				copies = 2
			case Stall:
				stall += f.For
			case Hang:
				u.hung = true
			case Reset:
				reboot = true
			case Cut:
				u.cut = f.Pick + 1
			}
		}
		if u.hung {
			copies = 0
		}
		for range copies {
			out = append(out, c)
		}
		if stall > 0 || reboot {
			return i + 1, out, stall, reboot
		}
	}
	return len(p), out, 0, false
}

// pause waits on every clock.
func (u *UART) pause(d time.Duration) {
	if d > 0 {
		done := make(chan struct{})
		u.clk.AfterFunc(d, func() { close(done) })
		<-done
	}
}

// Write sends p. It reports all of p as sent, whatever became of it, unless the
// line itself fails.
func (u *UART) Write(p []byte) (int, error) {
	u.mu.Lock()
	if u.holding {
		u.held = append(u.held, p...)
		u.mu.Unlock()
		return len(p), nil
	}
	u.mu.Unlock()
	n, _, err := u.send(p)
	return n, err
}

// send puts p through. It reports whether a stall holds up the rest of it.
func (u *UART) send(p []byte) (n int, stalled bool, err error) {
	for done := 0; done < len(p); {
		n, out, stall, reboot := u.pass(p[done:], Command)
		if len(out) > 0 {
			if m, err := u.rw.Write(out); err != nil {
				return min(done+m, len(p)), false, err
			}
		}
		done += n
		if reboot {
			u.reboot()
		}
		if stall > 0 {
			u.mu.Lock()
			u.held = append(append([]byte(nil), p[done:]...), u.held...)
			u.holding = true
			u.mu.Unlock()
			u.clk.AfterFunc(stall, u.release)
			return len(p), true, nil
		}
	}
	return len(p), false, nil
}

// release sends what a stall has held up, and what was written meanwhile.
func (u *UART) release() {
	for {
		u.mu.Lock()
		p := u.held
		u.held = nil
		u.holding = len(p) > 0
		u.mu.Unlock()
		if len(p) == 0 {
			return
		}
		if _, stalled, _ := u.send(p); stalled {
			return
		}
	}
}

// Read receives what there is.
func (u *UART) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		u.mu.Lock()
		if len(u.out) > 0 {
			most := len(p)
			if u.cut > 0 {
				u.cut--
				most = 1
			}
			n := copy(p[:most], u.out)
			u.out = u.out[n:]
			u.mu.Unlock()
			return n, nil
		}
		stall := u.until.Sub(u.clk.Now())
		err := u.err
		if len(u.raw) > 0 {
			err = nil // that comes first
		}
		u.mu.Unlock()
		switch {
		case stall > 0:
			u.pause(stall)
		case err != nil:
			return 0, err
		default:
			u.puller <- struct{}{}
			if u.left() == 0 { // else another has pulled meanwhile
				u.pull(len(p))
			}
			<-u.puller
		}
	}
}

// left returns how much was taken from the line and is to be read.
func (u *UART) left() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.out)
}

// ready returns how many bytes can be put through without waiting, if none are
// left.
func (u *UART) ready() int {
	u.mu.Lock()
	n := len(u.raw)
	waits := len(u.out) > 0 || u.clk.Now().Before(u.until)
	u.mu.Unlock()
	if waits {
		return 0
	}
	if line, ok := u.rw.(interface{ Buffered() int }); ok && n == 0 {
		n = line.Buffered()
	}
	return n
}

// Buffered returns how many bytes can be read without waiting. It is of use only
// on a line that has such a method itself; on others it counts what a Read has
// left.
func (u *UART) Buffered() int {
	select {
	case u.puller <- struct{}{}:
		if n := u.ready(); n > 0 {
			u.pull(n)
		}
		<-u.puller
	default: // somebody is at it
	}
	return u.left()
}

// pull takes up to most bytes from the line, or what a stall has left of those taken
// before, and puts through what becomes of them.
func (u *UART) pull(most int) {
	u.mu.Lock()
	buf := u.raw
	u.raw = nil
	u.mu.Unlock()
	var err error
	if len(buf) == 0 {
		buf = make([]byte, most)
		most, err = u.rw.Read(buf)
		buf = buf[:most]
	}
	for len(buf) > 0 {
		m, out, stall, reboot := u.pass(buf, Reply)
		buf = buf[m:]
		if reboot {
			u.reboot()
			buf = nil // what the chip had sent before is lost
		}
		u.mu.Lock()
		u.out = append(u.out, out...)
		if stall > 0 {
			u.until, u.raw = u.clk.Now().Add(stall), buf
			u.mu.Unlock()
			break
		}
		u.mu.Unlock()
	}
	u.mu.Lock()
	if u.err == nil {
		u.err = err
	}
	u.mu.Unlock()
}
