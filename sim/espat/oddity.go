package espat

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Oddity is something that real modules do rarely, and that a driver must bear.
type Oddity uint8

// Oddities.
const (
	// OddBusy answers a command with busy p... and drops it, though nothing runs.
	OddBusy Oddity = iota
	// OddHeldIPD holds what came in back until a command's result is about to be
	// said, at most 200 ms: +IPD and CLOSED come between a command and its OK.
	OddHeldIPD
	// OddNoSendOK leaves out SEND OK; the data was sent.
	OddNoSendOK
	// OddFailThenOK says SEND FAIL before SEND OK.
	OddFailThenOK
	// OddEarlyPrompt says > before the OK of CIPSEND.
	OddEarlyPrompt
	// OddSSLLength makes an active +IPD of SSL announce more than comes.
	OddSSLLength
	// OddReboot restarts the module within a command, before or after its effect.
	OddReboot
	// OddTornPayload restarts it within the payload of +IPD or +CIPRECVDATA.
	OddTornPayload
	// OddNoEnd lets a command never end: only AT+RST or a reset helps.
	OddNoEnd
	// OddLateClosed says CLOSED after the ERROR of a CIPSTART.
	OddLateClosed
	// OddStray says a line that nobody knows before a result.
	OddStray
	oddities
)

var oddityNames = [oddities]string{"busy", "held-ipd", "no-send-ok", "fail-then-ok", "early-prompt", "ssl-length",
	"reboot", "torn-payload", "no-end", "late-closed", "stray"}

// String returns the name that ParseOddities knows.
func (o Oddity) String() string {
	if o >= oddities {
		return "oddity(" + strconv.Itoa(int(o)) + ")"
	}
	return oddityNames[o]
}

// Oddities says how often which oddities happen. The zero value is never.
type Oddities struct {
	Every int      // one opportunity in so many is taken; 0: none
	Kinds []Oddity // of these
}

// errOddities: the text names no oddities.
var errOddities = errors.New("not a set of oddities")

// ParseOddities reads, for example, "every=20 kinds=busy,reboot"; kinds=all is
// all of them.
func ParseOddities(text string) (Oddities, error) {
	var o Oddities
	for word := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "every":
			o.Every, err = strconv.Atoi(value)
			if err == nil && o.Every <= 0 {
				err = errOddities
			}
		case "kinds":
			o.Kinds, err = parseKinds(value)
		default:
			err = errOddities
		}
		if err != nil {
			return Oddities{}, fmt.Errorf("%w: %q: write, for example, \"every=20 kinds=busy,reboot\"; kinds are all, %s", errOddities, word, strings.Join(oddityNames[:], ", "))
		}
	}
	if o.Every == 0 || len(o.Kinds) == 0 {
		return Oddities{}, fmt.Errorf("%w: %q: it needs every=N and kinds=LIST", errOddities, text)
	}
	return o, nil
}

func parseKinds(text string) ([]Oddity, error) {
	var list []Oddity
	if text == "all" {
		for o := range oddities {
			list = append(list, o)
		}
		return list, nil
	}
next:
	for name := range strings.SplitSeq(text, ",") {
		for o := range oddities {
			if oddityNames[o] == name {
				list = append(list, o)
				continue next
			}
		}
		return nil, errOddities
	}
	return list, nil
}

// String returns the text that ParseOddities reads, empty for none.
func (o Oddities) String() string {
	if o.Every == 0 || len(o.Kinds) == 0 {
		return ""
	}
	var names []string
	for _, k := range o.Kinds {
		names = append(names, k.String())
	}
	return fmt.Sprintf("every=%d kinds=%s", o.Every, strings.Join(names, ","))
}

// oddState draws the oddities.
type oddState struct {
	rng    *rand.Rand
	every  int
	kinds  [oddities]bool
	inject [oddities]int
	count  [oddities]int
}

func (s *oddState) init(o Oddities, seed uint64) {
	s.rng = rand.New(rand.NewPCG(seed, 0x6f646473))
	s.set(o)
}

func (s *oddState) set(o Oddities) {
	s.every, s.kinds = o.Every, [oddities]bool{}
	for _, k := range o.Kinds {
		if k < oddities {
			s.kinds[k] = true
		}
	}
}

// hit reports whether an oddity happens now, where it could.
func (s *oddState) hit(o Oddity) bool {
	switch {
	case s.inject[o] > 0:
		s.inject[o]--
	case s.every <= 0 || !s.kinds[o] || s.rng.IntN(s.every) != 0:
		return false
	}
	s.count[o]++
	return true
}

// Inject makes an oddity happen the next time it could. It panics on what is
// none.
func (c *Chip) Inject(o Oddity) {
	if o >= oddities {
		panic("espat: no such oddity: " + o.String())
	}
	c.lock()
	defer c.unlock()
	c.odd.inject[o]++
}

// SetOddities changes how often which oddities happen from now on.
func (c *Chip) SetOddities(o Oddities) {
	c.lock()
	defer c.unlock()
	c.odd.set(o)
}

// Happened returns how often an oddity has happened.
func (c *Chip) Happened(o Oddity) int {
	c.lock()
	defer c.unlock()
	return c.odd.count[o]
}

// oddStart is what may befall a command before it is carried out. It reports
// whether that ended it.
func (f *firmware) oddStart(line string) bool {
	odd := f.odd
	switch {
	case odd.hit(OddBusy):
		f.note("oddity: busy for %q", line)
		f.running = false
		f.sayBusy()
		f.drain()
		return true
	case odd.hit(OddNoEnd):
		f.note("oddity: %q hangs", line)
		f.c.block(func() { <-f.ctx.Done() })
		return true
	}
	if odd.hit(OddReboot) {
		if odd.rng.IntN(2) == 0 {
			f.note("oddity: restart instead of %q", line)
			f.restart()
			return true
		}
		f.rebootAfter = true
	}
	return false
}

// oddResult is what may befall it before its result is said.
func (f *firmware) oddResult() {
	if f.rebootAfter {
		f.note("oddity: restart before the result")
		f.restart()
		return
	}
	if f.odd.hit(OddStray) {
		f.out("\r\n+ODDITY:0\r\n")
	}
	if f.holding {
		f.resultDue.wake()
		f.scan()
	}
}

// heldMost is how long OddHeldIPD waits for a command.
const heldMost = 200 * time.Millisecond

// oddHold holds the network task up.
func (f *firmware) oddHold() {
	if f.odd.hit(OddHeldIPD) {
		f.holding = true
		f.pause(heldMost, f.resultDue.wait())
		f.holding = false
	}
}

// oddTorn may restart the module within a payload; it reports whether it did.
func (f *firmware) oddTorn(head string, p []byte) bool {
	odd := f.odd
	if len(p) == 0 || !odd.hit(OddTornPayload) {
		return false
	}
	n := odd.rng.IntN(len(p))
	f.note("oddity: restart after %d of %d bytes of payload", n, len(p))
	f.out(head + string(p[:n]))
	f.mute = true // commands that run say nothing behind it
	f.drainTo(0)
	f.restart()
	return true
}
