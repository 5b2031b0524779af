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
func (c *chip) run(limit time.Duration) fault { return c.exchange(wantNothing, "", limit) }

// ask is run for a command whose reply is a line that begins with prefix. The rest of
// it is in answer afterwards, nil if there was none, until the next command is built.
func (c *chip) ask(prefix string, limit time.Duration) fault {
	return c.exchange(wantLine, prefix, limit)
}

func (c *chip) exchange(w want, prefix string, limit time.Duration) fault {
	if err := c.issue(jobPlain, stepFinal, w, prefix, limit); err != 0 {
		return err
	}
	return c.finish(limit)
}

// finish waits for the result of the command that was issued. One that takes long by
// its nature is left outstanding if the call has to end; of another the result is then
// waited for only a while longer, since it cannot come again.
func (c *chip) finish(limit time.Duration) fault {
	grace := c.lim.grace
	if limit >= c.lim.scan {
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
func (c *chip) issue(j job, s step, w want, prefix string, limit time.Duration) fault {
	if c.long {
		return errLong
	}
	if err := c.ready(); err != 0 {
		return err
	}
	c.answer = nil
	c.begun(j, s, limit)
	c.want, c.prefix = w, prefix
	c.mine = true
	c.resend()
	return 0
}

// byteTime is how long n bytes take on the wire.
func (c *chip) byteTime(n int) time.Duration {
	return time.Duration(n) * (10 * time.Second / time.Duration(c.baud))
}

// begun notes that a command is outstanding.
func (c *chip) begun(j job, s step, limit time.Duration) {
	c.job, c.step, c.want, c.busy = j, s, wantNothing, false
	c.jobConn, c.nudged, c.freed = noConn, false, false
	now := c.eng.Elapsed()
	c.until, c.nudge = now+limit, 0
	if limit > c.lim.answer {
		c.nudge = now + c.lim.nudge
	}
}

// watch looks after a command that is outstanding for long. A result that was lost on
// the wire would never come, so the module is asked something harmless: it
// answers that only if it is done.
func (c *chip) watch() {
	if c.step == stepIdle {
		return
	}
	now := c.eng.Elapsed()
	if c.nudge != 0 && now >= c.nudge && (c.step == stepFinal || c.step == stepSent) {
		if !c.nudged {
			c.silent = 0
		}
		if c.silent++; c.silent > 3 {
			c.late() // it hangs, or has another speed
			return
		}
		c.nudge = now + c.lim.nudge
		c.nudged = true
		c.writeText("AT+CIPMUX?\r\n")
	}
	if now >= c.until && c.job != jobPlain {
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
	c.step, c.result = stepIdle, r
	c.job, c.jobConn, c.want = jobPlain, noConn, wantNothing
	switch j {
	case jobStart:
		c.started(k, r)
	case jobSend:
		switch {
		case k == noConn:
		case r != resultOK:
			c.spoil(int(k))
		case c.nudged || c.eng.Elapsed()+c.lim.nudge-c.nudge > 3*time.Millisecond+c.byteTime(16):
			c.conns[k].waits = true // SEND OK comes long after Recv
		}
	}
	c.unblock()
}

// late ends a command that had no answer in time: the module may hang, or a byte is
// lost, or it waits for data.
func (c *chip) late() {
	c.waits = c.waits || c.step == stepPrompt || c.step == stepRecv
	c.dead = c.dead || c.step == stepRecv && needReset && c.cfg.Reset != nil // or the peer would get something else
	c.unsure = true
	c.ended(resultLost)
}

// await waits until the outstanding command is beyond step s, and sends it again if the
// module was too busy to take it. If the call has to end, for as long as grace, the error
// is errLate, and the command stays outstanding; so it does after limit, if that is
// not 0.
func (c *chip) await(s step, limit, grace time.Duration) fault {
	start := c.eng.Elapsed()
	var end time.Duration
	var again, pause time.Duration // when to send it again, and the last wait for that
	var n nap
	for {
		c.pump()
		if c.step != s {
			return 0
		}
		if err := c.state(); err != 0 {
			return err
		}
		now := c.eng.Elapsed()
		switch {
		case c.busy && again == 0 && c.mine:
			c.busy = false
			pause = min(max(2*pause, c.lim.busy), 16*c.lim.busy)
			again = now + pause
		case again != 0 && now >= again:
			// It has given no result of its own meanwhile, so it was dropped.
			again, c.busy = 0, false
			c.resend()
			start = now
		}
		switch {
		case now >= c.until:
			c.late()
			return 0
		case limit != 0 && again == 0 && now-start >= limit:
			return errLate
		case grace >= 0 && n.long && c.eng.Interrupted() != nil:
			if end == 0 {
				end = now + grace
			}
			if now >= end {
				return errLate
			}
		}
		c.sleep(&n)
	}
}

// What await may be told of the call's end beside a time.
const (
	atOnce = 0
	never  = -1
)

// ringHalf is how many bytes may come between two looks at the UART: half of what
// TinyGo's UARTs keep.
const ringHalf = 64

// nap is how long to wait for the next byte.
type nap struct {
	count uint8
	long  bool // a millisecond has passed
	ticks time.Duration
}

// sleep waits for bytes, shortly: a UART of a board keeps few. In the middle of data it
// is known how many come, and there is no sense in taking them one by one.
func (c *chip) sleep(n *nap) {
	t := 50 * time.Microsecond
	if n.count >= 20 {
		t = 200 * time.Microsecond
	} else {
		n.count++
	}
	if need := c.wire.need; need > 0 {
		t = min(max(t, c.byteTime(min(need, ringHalf))), time.Millisecond)
	}
	time.Sleep(t)
	if n.ticks += t; n.ticks >= time.Millisecond {
		n.ticks, n.long = 0, true
		c.eng.Waiting()
	}
}

// ready waits until a command can be sent.
func (c *chip) ready() fault {
	for {
		if !c.wire.wired() {
			return errNoUART
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
		if c.await(c.step, c.lim.prompt, never) != 0 {
			return false
		}
	}
	return c.step == stepIdle && c.ready() == 0
}

// state returns why nothing can be done with the module, if so.
func (c *chip) state() fault {
	switch {
	case c.rebooted:
		return errRebooted
	case c.dead:
		return errNoAnswer
	}
	return 0
}

// sync gets in step with the module again after a command had no answer: whatever it
// still has to say is let by, and if it waits for data that is ended.
func (c *chip) sync() fault {
	patience := c.eng.Elapsed() + c.lim.answer
	for try := 0; try < 4; {
		if c.eng.Interrupted() != nil {
			return c.over() // the next call goes on
		}
		c.hush()
		if c.waits || try == 2 {
			// Before anything else is written: it would be data.
			c.waits = false
			c.cancel()
			c.calm = c.eng.Elapsed() + 40*c.lim.guard // a second is asked for
		}
		var n nap
		for c.eng.Elapsed() < c.calm {
			if c.sleep(&n); n.long && c.eng.Interrupted() != nil {
				return c.over()
			}
		}
		if c.hello(2 * c.lim.probe) {
			c.hush() // the answer may have been that of an earlier command
			if c.step == stepIdle {
				c.unsure = false
				return 0
			}
		}
		if err := c.state(); err != 0 {
			return err
		}
		if !c.busy || c.eng.Elapsed() > patience {
			try++
		}
	}
	c.dead = true
	return errNoAnswer
}

// cancel makes the module wait for data no more, if it does.
func (c *chip) cancel() {
	time.Sleep(c.lim.guard)
	c.writeText("+++")
	c.hush()
}

// hello asks the module for a sign of life.
func (c *chip) hello(limit time.Duration) bool {
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
	now := c.eng.Elapsed()
	c.wire.heard = now
	// What comes meanwhile has to be taken, or the UART loses some of it.
	for end := now + 20*c.lim.guard; now < end && now-c.wire.heard < c.lim.guard; now = c.eng.Elapsed() {
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
		if c.orphans&(1<<link) != 0 {
			c.orphans &^= 1 << link
			c.closing = int8(link)
			c.short("AT+CIPCLOSE=", link)
			c.closing = noLink
			return
		}
	}
	c.orphans = 0
	c.short("AT+CIPSERVER=", 0)
}

// short makes the exchange of a command that is not in the buffer, where another
// waits to be sent.
func (c *chip) short(s string, n int) {
	for try := 0; try < 5; try++ {
		c.begun(jobPlain, stepFinal, c.lim.answer)
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
		time.Sleep(c.lim.busy)
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
		now := c.eng.Elapsed()
		if !over && n.long && c.eng.Interrupted() != nil {
			over = true
			c.until = min(c.until, now+c.lim.grace)
		}
		if now >= c.until {
			c.late()
			return
		}
		c.sleep(&n)
	}
}

// dispatch takes a line. It returns whether it is one that the driver knows.
func (c *chip) dispatch(p []byte) bool {
	if len(p) == 0 {
		return false
	}
	switch p[0] {
	case 'O':
		if string(p) == "OK" {
			if c.step == stepFinal && !c.freed {
				c.ended(resultOK)
			} else if c.freed && c.step != stepIdle {
				c.late()
			}
			return true
		}
	case 'E':
		if string(p) == "ERROR" {
			c.refused()
			return true
		}
		return starts(p, "ERR CODE:")
	case 'F':
		if string(p) == "FAIL" { // NonOS 1.7, for CWJAP
			c.refused()
			return true
		}
	case 'b':
		if starts(p, "busy ") {
			c.silent = 0
			// In the middle of data it was something else that came too early.
			c.busy = c.busy || !c.nudged && (c.step == stepFinal || c.step == stepPrompt)
			return true
		}
	case 'S':
		return c.sent(p)
	case 'R':
		if starts(p, "Recv ") {
			if n, rest := number(p[len("Recv "):]); c.step == stepRecv && n == c.sending && starts(rest, " bytes") {
				c.step = stepSent
				c.nudge = c.eng.Elapsed() + c.lim.nudge
			}
			return true
		}
	case 'r':
		if string(p) == "ready" {
			c.restarted()
			return true
		}
	case 'W':
		if starts(p, "WIFI ") {
			c.wifi(p[len("WIFI "):])
			return true
		}
		return starts(p, "Will force")
	case '0', '1', '2', '3', '4':
		if len(p) > 2 && p[1] == ',' {
			link := int(p[0] - '0')
			switch string(p[2:]) {
			case "CONNECT":
				c.connected(link)
				return true
			case "CLOSED", "CONNECT FAIL":
				c.closed(link)
				return true
			}
		}
	case '+':
		if c.reply(p) {
			return true
		}
		if c.nudged && starts(p, "+CIPMUX:") {
			c.freed = true // what comes next is the OK of the question
			return true
		}
		if h, ok := pushHead(p); ok {
			c.noticed(h)
			return true
		}
		if starts(p, "+LINK_CONN:") {
			c.linked(p[len("+LINK_CONN:"):])
		}
		return true
	case 'A':
		if starts(p, "AT+") && c.quiet {
			c.restarted() // an echo: it was switched off
			return true
		}
	}
	return c.reply(p)
}

// refused takes ERROR.
func (c *chip) refused() {
	switch c.step {
	case stepFinal, stepPrompt:
		c.ended(resultError)
	}
}

// sent takes what comes of data that was sent.
func (c *chip) sent(p []byte) bool {
	switch string(p) {
	case "SEND OK":
		if c.step == stepSent {
			c.ended(resultOK)
		}
	case "SEND FAIL":
		if c.step == stepSent {
			c.ended(resultFailed)
		}
	case "SEND Canceled", "SEND CANCELLED":
		if c.step == stepPrompt || c.step == stepRecv {
			c.ended(resultFailed)
		}
	default:
		return c.reply(p)
	}
	return true
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
func (c *chip) reply(p []byte) bool {
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
		if starts(p, "+CWLAP:(") {
			c.found = appendAP(c.found, p[len("+CWLAP:("):])
			return true
		}
	}
	return false
}

// keep keeps part of a reply until the next command is built, and in the place of
// the last.
func (c *chip) keep(p []byte) {
	c.mine = false
	c.answer = c.out[:copy(c.out[:], p)]
}

// restarted takes the news that the module has restarted.
func (c *chip) restarted() {
	if c.booting {
		c.booted = true
		c.step = stepIdle // a command that was cut off by it has no result
		return
	}
	if c.rebooted {
		return
	}
	c.rebooted = true
	c.pool.undo() // what it sent last may have been cut off, and made up for by noise
	if c.step != stepIdle {
		c.ended(resultLost)
	}
	for i := range c.conns {
		c.lose(i)
	}
	c.eng.CheckSoon()
}

// wifi takes news of the station.
func (c *chip) wifi(p []byte) {
	switch string(p) {
	case "GOT IP":
		c.joined = true
	case "GOT IPv6 LL", "GOT IPv6 GL":
		if c.new6 = c.v6; c.new6 {
			c.eng.CheckSoon()
		}
	case "DISCONNECT":
		if c.joined = false; !c.ap {
			c.eng.CheckSoon()
		}
	}
}
