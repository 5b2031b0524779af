package espat

import (
	"bytes"
	"strings"
	"time"

	"tinynet/sim/clock"
)

// lineMost is the longest command line with its CR LF, bytes (esp-at docs).
const lineMost = 256

// cancelMark ends data mode if nothing comes with it for cancelGuard before, unless the
// data begin with it, and after (esp-at docs).
const (
	cancelMark  = "+++"
	cancelGuard = 20 * time.Millisecond
)

// burstGap is how many byte times without a byte end a burst: the UART driver's
// receive timeout.
const burstGap = 10

// inputTask takes what arrives on the UART.
func (f *firmware) inputTask() {
	c := f.c
	for !f.dead() {
		now := c.clk.Now()
		c.rx.settle(now)
		most := len(c.rx.ring)
		if f.data != nil {
			most = min(most, f.data.room())
		}
		if most > 0 {
			p := c.rx.take(now, most)
			c.taken.wake()
			f.input(p)
			continue
		}
		changed := c.inputChanged.wait()
		var next time.Time
		if len(c.rx.q) > 0 && !c.rx.stopped && len(c.rx.ring) == 0 {
			next = c.rx.arrival(f.nextInput())
		}
		if len(f.flood) > 0 {
			gap := f.floodAt.Add(burstGap * c.rx.per)
			if !gap.After(now) {
				f.busy()
				continue
			}
			if next.IsZero() || gap.Before(next) {
				next = gap
			}
		}
		if next.IsZero() {
			c.block(func() {
				select {
				case <-changed:
				case <-f.ctx.Done():
				}
			})
		} else {
			c.until(next, changed, f.ctx.Done())
		}
	}
}

// nextInput returns which of the bytes on their way is worth waking up for: the
// end of a line, of the data that a command waits for, or of all there is. What
// arrives before it waits in the ring.
func (f *firmware) nextInput() int {
	q := f.c.rx.q
	n := len(q)
	if f.data != nil {
		n = min(n, f.data.room())
	} else if i := bytes.IndexByte(q, '\n'); i >= 0 {
		n = i + 1
	}
	return max(0, min(n, f.c.rx.size/2)-1)
}

// input is what the interpreter does with bytes.
func (f *firmware) input(p []byte) {
	for len(p) > 0 && !f.dead() {
		switch {
		case f.data != nil:
			p = p[f.data.take(f, p):]
		case f.running:
			f.flooded(p)
			return
		default:
			part := p
			if i := bytes.IndexByte(p, '\n'); i >= 0 {
				part = p[:i+1]
			}
			p = p[len(part):]
			if f.echo {
				f.out(string(part))
			}
			f.line = append(f.line, part...)
			ended := bytes.HasSuffix(f.line, []byte("\r\n"))
			if len(f.line) > lineMost {
				f.long = true
				f.line = append(f.line[:0], f.line[len(f.line)-1])
			}
			if ended {
				line := string(bytes.TrimSuffix(f.line, []byte("\r\n")))
				long := f.long
				f.line, f.long = f.line[:0], false
				f.start(line, long)
			}
		}
	}
}

// forceRestart is what gets through to a firmware that is busy (esp-at core).
const forceRestart = "AT+RST\r\n"

// flooded takes input while a command runs: it is dropped, and answered once a
// burst or a line is over.
func (f *firmware) flooded(p []byte) {
	f.flood = append(f.flood, p...)
	f.floodAt = f.c.clk.Now()
	switch {
	case !f.v.nonOS() && bytes.Contains(f.flood, []byte(forceRestart)):
		f.flood = f.flood[:0]
		f.c.traceIn(forceRestart)
		f.task(func() {
			f.print("\r\nWill force to restart!!!\r\n")
			f.drainTo(0)
			f.restart()
		})
	case bytes.IndexByte(p, '\n') >= 0:
		f.busy()
	default:
		if n := len(f.flood) - lineMost; n > 0 {
			f.flood = append(f.flood[:0], f.flood[n:]...)
		}
	}
}

// busy answers what was dropped.
func (f *firmware) busy() {
	f.c.traceIn(string(f.flood))
	f.flood = f.flood[:0]
	f.sayBusy()
}

func (f *firmware) sayBusy() {
	f.c.ledger.Busy++
	if f.syslog {
		f.out(errorWord(code(subBusy, 0)))
	}
	if f.v.nonOS() && f.sending {
		f.out("\r\nbusy s...\r\n")
		return
	}
	f.out("\r\nbusy p...\r\n")
}

// restart is a reset that the firmware itself makes.
func (f *firmware) restart() {
	if !f.dead() {
		f.c.restart()
	}
}

// dataMode is what the UART is in after a > prompt.
type dataMode struct {
	need    int // bytes
	got     []byte
	escaped bool // CIPSENDEX: backslashes count
	escape  bool // the last byte was one
	limit   int  // bytes in got that are too many, 0 for none: CIPSENDL
	total   int  // bytes taken, of a stream

	done      chan struct{} // closed when all is in, or cancelled
	more      cond          // for a stream: something came
	over      bool
	cancelled bool
	burst     []byte // what has come since the last silence, if that may be cancelMark
	heard     time.Time
	timer     clock.Timer // for the silence behind it
}

func newDataMode(need int) *dataMode {
	return &dataMode{need: need, done: make(chan struct{})}
}

// room returns how many bytes it takes now.
func (d *dataMode) room() int {
	if d.limit > 0 {
		return max(0, min(d.limit-len(d.got), d.need-d.total))
	}
	if d.escaped {
		return 1
	}
	return d.need - len(d.got)
}

// take takes bytes of p and returns how many.
func (d *dataMode) take(f *firmware, p []byte) int {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	n := min(len(p), d.room())
	now := f.c.clk.Now()
	alone := d.total == 0 || now.Sub(d.heard) >= cancelGuard
	d.heard = now
	d.total += n
	if alone || len(d.burst) > 0 {
		if d.burst = append(d.burst, p[:n]...); !strings.HasPrefix(cancelMark, string(d.burst)) {
			d.burst = nil
		}
	}
	if d.escaped {
		d.unescape(p[0])
	} else {
		d.got = append(d.got, p[:n]...)
	}
	switch {
	case string(d.burst) == cancelMark:
		d.timer = f.later(cancelGuard, func() {
			if f.data == d {
				d.cancelled = true
				d.end(f)
			}
		})
	case d.over, d.limit == 0 && len(d.got) == d.need, d.limit > 0 && d.total == d.need:
		d.end(f)
	case len(d.burst) > 0:
		d.timer = f.later(cancelGuard, func() {
			d.timer, d.burst = nil, nil // it was data
			d.more.wake()
		})
	}
	d.more.wake()
	return n
}

// unescape takes a byte of CIPSENDEX.
func (d *dataMode) unescape(b byte) {
	switch {
	case !d.escape && b == '\\':
		d.escape = true
		return
	case d.escape && b == '0':
		d.over = true
	default:
		d.got = append(d.got, b)
	}
	d.escape = false
}

func (d *dataMode) end(f *firmware) {
	if d.timer != nil {
		d.timer.Stop()
	}
	f.data = nil
	d.over = true
	d.more.wake()
	close(d.done)
}
