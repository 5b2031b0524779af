package espat

import (
	"time"

	"tinynet/offload"
)

// limits are the times that the driver waits, gathered so that tests can
// shorten them.
type limits struct {
	reset  span // reset pin held
	boot   span // from a reset to "ready"
	probe  span // for the answer to AT at a speed that is only tried
	answer span // for the result of a command that waits for nothing
	scan   span // of a scan, or another thing that the radio does
	name   span // of a look-up
	dial   span // of CIPSTART: the TCP of the module, and then TLS
	send   span // for SEND OK, if it waits for the peer; see sendTimeout
	prompt span // that a call waits for another's command before it makes room
	busy   span // before a command that the module was too busy for is sent again
	guard  span // of silence around +++, and between two commands after one was lost
	stall  span // without a byte in the middle of data: no more will come
	grace  span // for an answer that is due at once, to a call that has to end
	nudge  span // before a command that waits for the network is asked after
	check  span // between two looks at the module's own state
}

var defaultLimits = limits{
	reset:  spanOf(10 * time.Millisecond),
	boot:   spanOf(5 * time.Second),
	probe:  spanOf(150 * time.Millisecond),
	answer: spanOf(3 * time.Second),
	scan:   spanOf(15 * time.Second),
	name:   spanOf(30 * time.Second),
	dial:   spanOf(120 * time.Second),
	send:   spanOf(sendTimeout*time.Millisecond + 5*time.Second),
	prompt: spanOf(2 * time.Millisecond),
	busy:   spanOf(10 * time.Millisecond),
	guard:  spanOf(25 * time.Millisecond), // 20 ms are asked for
	stall:  spanOf(250 * time.Millisecond),
	grace:  spanOf(400 * time.Millisecond),
	nudge:  spanOf(2 * time.Second),
	check:  spanOf(2 * time.Second),
}

const (
	lineMax = 96 // of a line; what is longer loses its end. The longest that is read is +CWJAP
	readMax = 64 // bytes that are taken from the UART at a time
	pumpMax = 1 << 14
)

// wire is the receiving side of the UART: bytes become lines and data.
//
// Data follow a head that says how many bytes they are, and are counted, never looked
// at. Everything else is lines.
type wire struct {
	r, w   uint8 // of in
	n      uint8 // of line
	quoted bool  // inside quotes of the line
	fresh  bool  // nothing came since the end of data
	sink   sink  // where data go
	due    flag  // for Signal: data have begun, and are awaited

	// What is coming in are data.
	need  int    // bytes still to come
	dst   []byte // for sinkCaller: the rest of the caller's buffer
	heard span   // when something came last
	uart  UART
	in    [readMax]byte // bytes taken from the UART; those from r to w are still to be looked at
	line  [lineMax]byte // the line that is coming in
	reply bool          // the data of a reply have come, and not yet its result
}

// sink is where data go.
type sink uint8

const (
	sinkNowhere sink = iota
	sinkCaller       // into dst
	sinkPool         // into the pool
	sinkFull         // into the pool, as soon as there is room
)

// pump handles what has come, and returns when there is no more for now. It stops
// early if data do not fit into the pool and nothing else is expected: then the
// module has to wait, which hardware flow control makes it do.
func (c *chip) pump() {
	w := &c.wire
	for total := 0; total < pumpMax; {
		if w.r == w.w {
			n := w.buffered()
			if n <= 0 {
				break
			}
			w.heard = c.now()
			if w.need > 0 && w.sink == sinkCaller && len(w.dst) > 0 {
				// Straight to where they go.
				n = w.read(w.dst[:min(n, w.need, len(w.dst))])
				if n <= 0 {
					break
				}
				w.dst = w.dst[n:]
				total += n
				c.took(n)
				continue
			}
			n = w.read(w.in[:min(n, readMax)])
			if n <= 0 {
				break
			}
			w.r, w.w = 0, uint8(n)
			total += n
		}
		if w.need > 0 {
			if !c.data() {
				return
			}
			continue
		}
		b := w.in[w.r]
		w.r++
		c.feed(b)
	}
	if (w.need > 0 || c.held()) && c.since(w.heard) > c.lim().stall {
		w.n, w.fresh = 0, false
		c.misframed() // lost, or never sent; or a byte too many
		c.garbled()
	}
	c.pool.hold = c.held()
	w.due.set(w.need > 0 || c.pool.hold)
	c.watch()
}

// held reports whether the last data are held back because something follows that is no
// whole line yet: if it is none in the end, a byte of them was doubled.
func (c *chip) held() bool { return c.wire.fresh && c.wire.n > 0 }

// data moves bytes of data from in to their sink. It returns false if they have to
// wait there.
func (c *chip) data() bool {
	w := &c.wire
	p := w.in[w.r:w.w]
	p = p[:min(len(p), w.need)]
	n := len(p)
	switch w.sink {
	case sinkCaller:
		k := copy(w.dst, p)
		w.dst = w.dst[k:]
	case sinkFull:
		if c.pool.begin(int(c.dataConn), 0, nil, false) {
			w.sink = sinkPool
			return true
		}
		if c.step == stepIdle {
			w.heard = c.now()
			return false
		}
		c.overrun()
	case sinkPool:
		k := c.pool.add(p)
		switch {
		case k == n:
		case c.step != stepIdle:
			c.overrun()
		case k == 0:
			w.heard = c.now()
			c.notify(int(c.dataConn), offload.Readable)
			return false
		default:
			n = k
		}
	}
	w.r += uint8(n)
	c.took(n)
	return true
}

// took counts n bytes of data that came.
func (c *chip) took(n int) {
	w := &c.wire
	if w.need -= n; w.need == 0 {
		w.fresh = true
		c.received()
	}
}

// feed takes a byte of a line.
func (c *chip) feed(b byte) {
	w := &c.wire
	switch {
	case b == '\n':
		c.lineEnded()
		return
	case b == '>' && w.n == 0 && (!w.fresh || c.step == stepPrompt && c.fw.nonos()):
		w.fresh = false
		c.prompted()
		return
	case b == '"':
		w.quoted = !w.quoted
	case (b == ':' || b == ',') && !w.quoted && w.n > 0 && w.line[0] == '+':
		var h header
		if c.heads(&h, b) {
			c.begin(&h)
			return
		}
	}
	if int(w.n) < lineMax {
		w.line[w.n] = b
		w.n++
	}
}

// heads reports whether the line is a head of data, which ends with b.
func (c *chip) heads(h *header, b byte) bool {
	p := view(c.wire.line[:c.wire.n])
	if b == ':' && h.push(p) {
		return true
	}
	if c.want != wantData || len(p) <= len(recvReply) || b == ':' && p[len(recvReply)] != ',' {
		return false
	}
	told := b == ',' && needDatagrams && c.told
	return h.reply(p, told) && h.from.known() == told
}

// lineEnded takes a line. Right behind data, and between the data of a reply and its OK, one
// that is not known means that the data had a byte more or less than their head said;
// where data are pushed it may have been the head of some.
func (c *chip) lineEnded() {
	w := &c.wire
	p := view(w.line[:w.n])
	for len(p) > 0 && p[len(p)-1] == '\r' {
		p = p[:len(p)-1]
	}
	ended := len(p) < int(w.n) // else a byte is lost
	fresh := w.fresh
	if fresh {
		ended = ended && len(p) == int(w.n)-1
	} else {
		for len(p) > 0 && p[0] == ' ' { // NonOS 1.7 has one after the prompt
			p = p[1:]
		}
	}
	w.n, w.quoted, w.fresh = 0, false, false
	known := len(p) == 0 && ended
	if len(p) > 0 {
		known = c.dispatch(p) && !(fresh && led(word(p))) || isLog(p)
		c.sense = c.sense || needRates && known
	}
	switch {
	case known:
		if fresh && c.dataConn != noConn {
			c.notify(int(c.dataConn), offload.Readable) // held back until now
		}
	case fresh:
		c.misframed()
		if !ended || len(p) != 1 { // else it is just the byte that is too many
			c.garbled()
		}
	case w.reply:
		c.dataConn = c.readConn
		c.misframed() // nothing is pushed then
	case !ended || !isText(p):
		c.garbled()
	}
}

// led reports whether a message has an empty line before it. Where that is missing its two
// bytes were taken for data.
func led(w int) bool { return w <= lineCancelled || w == lineBusy || w == lineRecv || w == lineIPD }

// isLog reports whether a line is of the firmware's log, as 1.7 has it among its answers. It
// has to be all of it: where data have just ended, one that is cut off means that they have
// taken its beginning.
func isLog(p string) bool {
	const logs = "ALREADY CONNECTED|DNS Fail|ID ERROR|IP ERROR|NO DATA|No AP|UNLINK|connect reach max|invalid link|link is builded|link is not|link is not valid|no change|no ip|"
	from := 0
	for i := 0; i < len(logs); i++ {
		if logs[i] == '|' {
			if p == logs[from:i] {
				return true
			}
			from = i + 1
		}
	}
	return false
}

// isText reports whether a line that is not known is a message of the firmware's log, which
// older firmware has between the lines, and no remainder of something else.
func isText(p string) bool {
	for i := 0; i < len(p); i++ {
		b := p[i]
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == ' ' || b == '.' || b == '=' || b == '_') {
			return false
		}
	}
	return true
}

// begin starts to take data.
func (c *chip) begin(h *header) {
	w := &c.wire
	if w.fresh && h.link >= 0 {
		c.misframed() // see led
	}
	w.n, w.quoted, w.fresh = 0, false, false
	w.need = h.size
	w.heard = c.now()
	if h.link < 0 {
		c.replied(h)
	} else {
		c.pushed(h)
	}
	if w.need == 0 {
		w.fresh = true
		c.received()
	}
}
