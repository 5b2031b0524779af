package espat

import "time"

// A command is built in the chip's buffer, sent, and then outstanding until the module
// has given its result: the module runs one at a time. Most are waited for; those that
// wait for the network (CIPSTART, the end of CIPSEND, CWJAP) are left outstanding, so that
// the bus is free meanwhile. Whatever comes from the module goes through dispatch,
// which knows the outstanding command's step and takes everything else for what it
// is at any time.

// step is what the module owes to the outstanding command.
type step uint8

const (
	stepIdle   step = iota // no command is outstanding
	stepFinal              // OK or ERROR
	stepPrompt             // the prompt for data, or ERROR
	stepData               // nothing: the data
	stepRecv               // "Recv n bytes"
	stepSent               // SEND OK or SEND FAIL
)

// job is what is to be done with the result of a command that nobody waits for.
type job uint8

const (
	jobPlain job = iota // nothing
	jobStart            // a link
	jobSend             // data
	jobJoin             // a network
)

// result is how a command ended.
type result uint8

const (
	resultOK     result = iota
	resultError         // ERROR, FAIL
	resultFailed        // SEND FAIL
	resultLost          // no answer, or the module restarted
)

// want is what the outstanding command's reply is, beside its result.
type want uint8

const (
	wantNothing want = iota
	wantData         // of CIPRECVDATA
	wantLine         // that begins with prefix
	wantLinks        // of CIPSTATE or CIPSTATUS
	wantAPs          // of CWLAP
)

// commandMax is the longest command that the module takes.
const commandMax = 256

// at begins a command.
func (c *chip) at(s string) *chip {
	c.outn, c.long, c.mine = 0, false, false
	return c.raw("AT").raw(s)
}

// cur begins a command that sets something, which on NonOS 1.7 has a name of its own
// for what is not to be kept in flash.
func (c *chip) cur(s string) *chip {
	c.at(s)
	if c.fw.nonos() {
		c.raw("_CUR")
	}
	return c.raw("=")
}

// raw adds s as it is.
func (c *chip) raw(s string) *chip {
	n := copy(c.out[c.outn:commandMax-2], s)
	c.outn += n
	c.long = c.long || n < len(s)
	return c
}

func (c *chip) char(b byte) *chip {
	if c.outn < commandMax-2 {
		c.out[c.outn] = b
		c.outn++
	} else {
		c.long = true
	}
	return c
}

// num adds a number that is not negative.
func (c *chip) num(n int) *chip {
	if n > 9 {
		c.num(n / 10)
	}
	return c.char(byte('0' + n%10))
}

// text adds s in quotes; what a string cannot hold as it is is escaped.
func (c *chip) text(s string) *chip {
	c.char('"')
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"', ',', '\\':
			c.char('\\')
		}
		c.char(s[i])
	}
	return c.char('"')
}

// run makes the exchange whose command was built.
func (c *chip) run() fault { return c.runFor(c.lim().answer) }

// runFor is run for a command that waits for something.
func (c *chip) runFor(limit span) fault { return c.exchange(wantNothing, "", limit) }

// ask is run for a command whose reply is a line that begins with prefix. The rest of
// it is in answer afterwards, nil if there was none, until the next command is built.
func (c *chip) ask(prefix string) fault { return c.askFor(prefix, c.lim().answer) }

// askFor is ask for a command that waits for something.
func (c *chip) askFor(prefix string, limit span) fault {
	return c.exchange(wantLine, prefix, limit)
}

func (c *chip) exchange(w want, prefix string, limit span) fault {
	if err := c.issue(jobPlain, stepFinal, w, prefix, limit); err != 0 {
		return err
	}
	return c.finish(limit)
}

// finish waits for the result of the command that was issued. One that takes long by
// its nature is left outstanding if the call has to end; of another the result is then
// waited for only a while longer, since it cannot come again.
func (c *chip) finish(limit span) fault {
	grace := c.lim().grace
	if limit >= c.lim().scan {
		grace = atOnce
	}
	if c.await(stepFinal, 0, grace) != 0 {
		if grace == atOnce {
			return c.over()
		}
		c.late()
	}
	return c.outcome()
}

// over returns the fault of a call that has to end.
func (c *chip) over() fault {
	if err := c.eng.Interrupted(); err != nil {
		return c.because(err)
	}
	return errLate
}

// outcome turns the last result into an error.
func (c *chip) outcome() fault {
	switch c.result {
	case resultOK:
		return 0
	case resultLost:
		return errNoAnswer
	}
	return errRefused
}

// issue sends the command that was built, once the one before is done.
func (c *chip) issue(j job, s step, w want, prefix string, limit span) fault {
	if c.long {
		return errLong
	}
	if err := c.ready(); err != 0 {
		return err
	}
	c.answer = ""
	c.begun(j, s, limit)
	c.want, c.prefix = w, prefix
	c.mine = true
	c.resend()
	return 0
}

// byteTime is how long n bytes take on the wire.
func (c *chip) byteTime(n int) span {
	return span(uint64(n) * uint64(10*time.Second>>10) / uint64(c.baud))
}

// begun notes that a command is outstanding.
func (c *chip) begun(j job, s step, limit span) {
	c.job, c.step, c.want, c.busy = j, s, wantNothing, false
	c.jobConn, c.nudged, c.freed = noConn, false, false
	c.within(limit)
	c.nudges, c.asked = limit > c.lim().answer, c.began
}

// within says how long the module may take from now on.
func (c *chip) within(limit span) { c.began, c.limit = c.now(), limit }

// overdue reports whether it has taken longer.
func (c *chip) overdue() bool { return c.since(c.began) >= c.limit }

// watch looks after a command that is outstanding for long. A result that was lost on
// the wire would never come, so the module is asked something harmless: it
// answers that only if it is done.
func (c *chip) watch() {
	if c.step == stepIdle {
		return
	}
	if c.nudges && c.since(c.asked) >= c.lim().nudge && (c.step == stepFinal || c.step == stepSent) {
		if !c.nudged {
			c.silent = 0
		}
		if c.silent++; c.silent > 3 {
			c.late() // it hangs, or has another speed
			return
		}
		c.nudged, c.owes, c.asked = true, true, c.now()
		c.writeText("AT+CIPMUX?\r\n")
	}
	if c.overdue() && c.job != jobPlain {
		c.late()
	}
}

// resend sends the command in the buffer.
func (c *chip) resend() {
	c.out[c.outn], c.out[c.outn+1] = '\r', '\n'
	c.write(c.out[:c.outn+2])
}

func (c *chip) write(p []byte) {
	for len(p) > 0 {
		n := c.wire.write(p)
		if n <= 0 {
			return // no answer will come
		}
		p = p[min(n, len(p)):]
	}
}

// ended takes the result of the outstanding command.
func (c *chip) ended(r result) {
	j, k := c.job, c.jobConn
	c.step, c.result, c.wire.reply = stepIdle, r, false
	c.job, c.jobConn, c.want = jobPlain, noConn, wantNothing
	if c.owes {
		c.owes, c.unsure = false, true // the answer would be taken for the next command's
	}
	switch j {
	case jobStart:
		c.started(k, r)
	case jobSend:
		c.sentAt = c.now()
		switch {
		case k == noConn:
		case r != resultOK:
			c.spoil(int(k))
		case c.nudged || c.since(c.asked) > spanOf(3*time.Millisecond)+c.byteTime(16):
			c.conns[k].opts |= optFar // SEND OK comes long after Recv
		}
	}
	c.unblock()
}

// late ends a command that had no answer in time: the module may hang, or a byte is
// lost, or it waits for data.
func (c *chip) late() {
	c.waits = c.waits || c.step >= stepPrompt && c.step <= stepRecv
	// If the line has stalled, as few data would be made of what sync writes.
	short := (c.step == stepPrompt || c.step == stepData) && c.sending <= syncTries*len("++++++AT\r\n")
	if (c.step == stepRecv || short) && needReset && c.cfg.Reset != nil {
		c.die() // or the peer would get something else
	}
	c.unsure = true
	c.ended(resultLost)
}

// await waits until the outstanding command is beyond step s, and sends it again if the
// module was too busy to take it. If the call has to end, for as long as grace, the error
// is errLate, and the command stays outstanding; so it does after limit, if that is
// not 0.
func (c *chip) await(s step, limit, grace span) fault {
	start := c.now()
	var over span // when it was found that the call has to end
	ends, again := false, false
	var dropped, pause span // when it was, and how long to wait before it is sent again
	var n nap
	for {
		c.pump()
		if c.step != s {
			return 0
		}
		if err := c.state(); err != 0 {
			return err
		}
		now := c.now()
		switch {
		case c.busy && !again && c.mine:
			again, c.busy = true, false
			pause = min(max(2*pause, c.lim().busy), 16*c.lim().busy)
			dropped = now
		case again && now-dropped >= pause:
			// It has given no result of its own meanwhile, so it was dropped.
			again, c.busy = false, false
			c.resend()
			start = now
		}
		switch {
		case c.overdue():
			c.late()
			return 0
		case limit != 0 && !again && now-start >= limit:
			return errLate
		case grace != never && n.long && c.eng.Interrupted() != nil:
			if !ends {
				ends, over = true, now
			}
			// At a low speed what comes before the answer may take as long.
			if late := now - over; late >= 2*grace || late >= grace && now-c.wire.heard >= c.lim().guard {
				return errLate
			}
		}
		c.sleep(&n)
	}
}

// What await may be told of the call's end beside a time.
const (
	atOnce = 0
	never  = ^span(0)
)

// ringHalf is how many bytes may come between two looks at the UART: half of what
// TinyGo's UARTs keep.
const ringHalf = 64

const millisecond = span(time.Millisecond >> 10)

// nap is how long to wait for the next byte.
type nap struct {
	count uint8
	long  bool // a millisecond has passed
	ticks span
}

// sleep waits for bytes, shortly: a UART of a board keeps few. In the middle of data it
// is known how many come, and there is no sense in taking them one by one.
func (c *chip) sleep(n *nap) {
	t := spanOf(50 * time.Microsecond)
	if n.count >= 20 {
		t = spanOf(200 * time.Microsecond)
	} else {
		n.count++
	}
	if need := c.wire.need; need > 0 {
		t = min(max(t, c.byteTime(min(need, ringHalf))), millisecond)
	}
	t.sleep()
	if n.ticks += t; n.ticks >= millisecond {
		n.ticks, n.long = 0, true
		c.eng.Waiting()
	}
}

// ready waits until a command can be sent.
func (c *chip) ready() fault {
	for {
		if !c.wire.wired() {
			return c.because(errNoUART)
		}
		c.pump()
		if err := c.state(); err != 0 {
			return err
		}
		switch {
		case c.step != stepIdle:
			if c.await(c.step, 0, atOnce) != 0 {
				return c.over()
			}
		case c.unsure:
			if err := c.sync(); err != 0 {
				return err
			}
		case c.orphans != 0:
			c.sweep()
		default:
			return 0
		}
	}
}

// free is ready for a call that can come again: it waits for the outstanding command
// for a short time only.
func (c *chip) free() bool {
	c.pump()
	if c.step != stepIdle {
		if c.await(c.step, c.lim().prompt, never) != 0 {
			return false
		}
	}
	return c.step == stepIdle && c.ready() == 0
}

// state returns why nothing can be done with the module, if so.
func (c *chip) state() fault { return c.ill }

// die gives the module up.
func (c *chip) die() {
	if c.ill == 0 {
		c.ill = errNoAnswer
	}
}

const syncTries = 4

// sync gets in step with the module again after a command had no answer: whatever it
// still has to say is let by, and if it waits for data that is ended.
func (c *chip) sync() fault {
	start := c.now()
	for try := 0; try < syncTries; {
		if c.eng.Interrupted() != nil {
			return c.over() // the next call goes on
		}
		c.hush()
		if c.waits || try == 2 {
			// Before anything else is written: it would be data.
			c.waits = false
			c.cancel()
			c.left = c.now()
		}
		var n nap
		for c.since(c.left) < 40*c.lim().guard { // a second is asked for
			if c.sleep(&n); n.long && c.eng.Interrupted() != nil {
				return c.over()
			}
		}
		if c.hello(2 * c.lim().probe) {
			c.hush() // the answer may have been that of an earlier command
			if c.step == stepIdle {
				c.unsure = false
				return 0
			}
		}
		if err := c.state(); err != 0 {
			return err
		}
		if !c.busy || c.since(start) > c.lim().answer {
			try++
		}
	}
	c.die()
	return errNoAnswer
}

// cancel makes the module wait for data no more, if it does.
func (c *chip) cancel() {
	c.waits = true
	for try := 0; try < 2 && c.waits; try++ { // a byte may be lost
		c.lim().guard.sleep()
		c.writeText("+++")
		c.hush()
	}
	c.waits = false
}

// hello asks the module for a sign of life.
func (c *chip) hello(limit span) bool {
	c.begun(jobPlain, stepFinal, limit)
	c.mine = false
	c.writeText("AT\r\n")
	c.settle()
	ok := c.step == stepIdle && c.result == resultOK
	c.step = stepIdle
	return ok
}

// hush waits until nothing comes any more.
func (c *chip) hush() {
	var n nap
	start := c.now()
	c.wire.heard = start
	// What comes meanwhile has to be taken, or the UART loses some of it.
	for c.since(start) < 20*c.lim().guard && c.since(c.wire.heard) < c.lim().guard {
		c.sleep(&n)
		c.pump()
	}
}

func (c *chip) writeText(s string) {
	var b [16]byte
	c.write(b[:copy(b[:], s)])
}

// sweep closes a link that nobody has any more, or the server.
func (c *chip) sweep() {
	for link := range maxLinks {
		if c.orphans&bit(link) != 0 {
			c.orphans &^= bit(link)
			c.closing = int8(link)
			c.short("AT+CIPCLOSE=", link)
			c.closing = noLink
			return
		}
	}
	if needServer {
		c.short("AT+CIPSERVER=", 0)
		if c.stops++; c.stops < 4 && c.result != resultOK {
			return // a byte of it may have been lost
		}
	}
	c.orphans, c.stops = 0, 0
}

// short makes the exchange of a command that is not in the buffer, where another
// waits to be sent.
func (c *chip) short(s string, n int) {
	for try := 0; try < 5; try++ {
		c.begun(jobPlain, stepFinal, c.lim().answer)
		c.mine = false
		var b [16]byte
		i := copy(b[:], s)
		b[i], b[i+1], b[i+2] = byte('0'+n), '\r', '\n'
		c.write(b[:i+3])
		c.settle()
		if !c.busy {
			break
		}
		c.step = stepIdle
		c.lim().busy.sleep()
	}
}

// settle waits for the result of a command that is not to be sent again.
func (c *chip) settle() {
	var n nap
	over := false
	for c.step == stepFinal && c.state() == 0 && !c.busy {
		if c.pump(); c.step != stepFinal || c.busy {
			return
		}
		if !over && n.long && c.eng.Interrupted() != nil {
			over = true
			c.limit = min(c.limit, c.since(c.began)+c.lim().grace)
		}
		if c.overdue() {
			c.late()
			return
		}
		c.sleep(&n)
	}
}

// dispatch takes a line. It returns whether it is one that the driver knows.
func (c *chip) dispatch(p string) bool {
	if len(p) == 0 {
		return false
	}
	if p[0] == '+' && c.reply(p) {
		return true
	}
	link := 0
	news := len(p) > 2 && p[1] == ',' && '0' <= p[0] && p[0] < '0'+maxLinks // of a link
	if news {
		link, p = int(p[0]-'0'), p[2:]
	}
	w := word(p)
	if news != (w >= linkConnect) {
		return false
	}
	rest := p[len(words[w]):]
	switch w {
	case lineOther:
		return isNews(p) || c.reply(p)
	case lineOK:
		if c.step == stepFinal && !c.freed {
			c.ended(resultOK)
		} else if c.freed && c.step != stepIdle {
			c.late()
		}
	case lineError, lineFail:
		if c.step == stepFinal || c.step == stepPrompt {
			c.ended(resultError)
		}
	case lineReady:
		c.restarted()
	case lineSendOK:
		if c.step == stepSent {
			c.ended(resultOK)
		}
	case lineSendFail:
		if c.step == stepSent {
			c.ended(resultFailed)
		}
	case lineCanceled, lineCancelled:
		c.waits = false
		if c.step == stepPrompt || c.step == stepRecv {
			c.ended(resultFailed)
		}
	case lineGotIP:
		c.joined = true
	case lineGotLL, lineGotGL:
		if c.new6 = c.v6; c.new6 {
			c.eng.CheckSoon()
		}
	case lineDisconnect:
		c.cutOff()
	case lineBusy:
		c.silent = 0
		// Within a send, or close behind it, what was sent had a byte more than was
		// written.
		switch {
		case c.nudged:
			c.owes = false
		case c.step >= stepRecv:
			c.spoilSent()
		case c.step == stepIdle && c.since(c.sentAt) < c.byteTime(20)+spanOf(6*time.Millisecond):
			c.spoilSent()
		}
		// In the middle of data it was something else that came too early.
		c.busy = c.busy || !c.nudged && (c.step == stepFinal || c.step == stepPrompt)
	case lineRecv:
		if n, rest := number(rest); c.step == stepRecv && n == c.sending && starts(rest, " bytes") {
			c.step = stepSent
			c.nudges, c.asked = true, c.now()
		}
	case lineMux:
		if c.nudged {
			c.freed = true // what comes next is the OK of the question
		}
	case lineIPD:
		var h header
		if !h.push(p) {
			return false
		}
		c.noticed(&h)
	case lineConn:
		c.linked(rest)
	case lineEcho:
		if !c.quiet {
			return false
		}
		c.restarted() // the echo was switched off
	case linkConnect:
		c.connected(link)
	case linkClosed, linkFail:
		c.closed(link)
	}
	return true
}

// isNews reports whether a line that is not known looks like one that newer firmware may
// have: a name of capitals, and perhaps more behind a colon.
func isNews(p string) bool {
	n := 1
	for n < len(p) && (p[n] >= 'A' && p[n] <= 'Z' || p[n] >= '0' && p[n] <= '9' || p[n] == '_') {
		n++
	}
	return p[0] == '+' && n > 4 && (n == len(p) || p[n] == ':')
}

// What the module tells in a line.
const (
	lineOK = iota
	lineError
	lineFail // of NonOS 1.7, for CWJAP
	lineReady
	lineSendOK
	lineSendFail
	lineCanceled
	lineCancelled
	lineGotIP
	lineGotLL
	lineGotGL
	lineDisconnect
	// The line begins with it:
	lineBusy
	lineRecv
	lineMux
	lineIPD
	lineConn
	lineEcho
	lineCode
	lineForce
	lineWifi // other than the above
	lineOther
	// After a link's number:
	linkConnect
	linkClosed
	linkFail
)

var words = [...]string{
	lineOK: "OK", lineError: "ERROR", lineFail: "FAIL", lineReady: "ready",
	lineSendOK: "SEND OK", lineSendFail: "SEND FAIL", lineCanceled: "SEND Canceled", lineCancelled: "SEND CANCELLED",
	lineGotIP: "WIFI GOT IP", lineGotLL: "WIFI GOT IPv6 LL", lineGotGL: "WIFI GOT IPv6 GL", lineDisconnect: "WIFI DISCONNECT",
	lineBusy: "busy ", lineRecv: "Recv ", lineMux: "+CIPMUX:", lineIPD: "+IPD,", lineConn: "+LINK_CONN:", lineEcho: "AT+",
	lineCode: "ERR CODE:", lineForce: "Will force", lineWifi: "WIFI ",
	linkConnect: "CONNECT", linkClosed: "CLOSED", linkFail: "CONNECT FAIL",
}

// word returns which of words a line is, or begins with; lineOther if it is none.
func word(p string) int {
	for w := range words {
		if w != lineOther && starts(p, words[w]) && (len(p) == len(words[w]) || lineBusy <= w && w < lineOther) {
			return w
		}
	}
	return lineOther
}

// prompted takes the prompt for data.
func (c *chip) prompted() {
	if c.step == stepPrompt {
		c.step = stepData
		return
	}
	// One of a command that was given up: the module waits for data.
	if c.step == stepIdle {
		c.unsure, c.waits = true, true
	}
}

// reply takes a line if it is the one that the outstanding command has asked for.
func (c *chip) reply(p string) bool {
	switch c.want {
	case wantLine:
		if starts(p, c.prefix) {
			c.keep(p[len(c.prefix):])
			return true
		}
	case wantLinks:
		if starts(p, "STATUS:") {
			c.keep(p[len("STATUS:"):])
			return true
		}
		if starts(p, "+CIPSTATE:") {
			c.listed(p[len("+CIPSTATE:"):])
			return true
		}
		if starts(p, "+CIPSTATUS:") {
			c.listed(p[len("+CIPSTATUS:"):])
			return true
		}
	case wantAPs:
		if needScan && starts(p, "+CWLAP:(") {
			c.found = appendAP(c.found, p[len("+CWLAP:("):])
			return true
		}
	}
	return false
}

// keep keeps part of a reply until the next command is built, and in the place of
// the last.
func (c *chip) keep(p string) {
	c.mine = false
	c.answer = view(c.out[:copy(c.out[:], p)])
}

// restarted takes the news that the module has restarted.
func (c *chip) restarted() {
	if c.booting {
		c.booted = true
		c.step = stepIdle // a command that was cut off by it has no result
		return
	}
	if c.ill == errRebooted {
		return
	}
	c.ill = errRebooted
	c.pool.undo() // what it sent last may have been cut off, and made up for by noise
	if c.step != stepIdle {
		c.ended(resultLost)
	}
	for i := range c.conns {
		c.lose(i)
	}
	c.eng.CheckSoon()
}
