package fault

import (
	"errors"
	"sync"
	"time"

	"tinynet/sim/clock"
)

// ErrTransfer is what a refused transfer of the host's bus returns.
var ErrTransfer = errors.New("fault: SPI transfer failed")

// SPI is a bus, as drivers take it and as simulated chips offer it.
type SPI interface {
	Tx(w, r []byte) error
	Transfer(b byte) (byte, error)
}

// Pin is a pin, as drivers take it and as simulated chips offer it. Methods
// Output and Input of one are passed on.
type Pin interface {
	High()
	Low()
	Get() bool
}

// Wires are what goes to a chip with a READY handshake on SPI.
type Wires struct {
	SPI       SPI
	CS, Ready Pin
	Reset     Pin
	// ResetHigh is set if a high level resets.
	ResetHigh bool
}

// Bus is the wire to a chip that takes a command in one pulse of CS and gives
// the reply in the next. It is quiet until Play.
//
// An exchange begins with a pulse in which the host sends a frame's first byte;
// a pulse that begins with another is one for the reply.
type Bus struct {
	in      Wires
	framing *Framing
	clk     clock.Clock

	mu      sync.Mutex
	plan    Plan
	playing bool
	n       int     // exchanges begun since Play
	next    int     // in plan.List
	pending []Fault // wait for their byte
	log     []Event // have happened

	csLow    bool
	begun    bool // the pulse has had a byte
	replying bool // of a reply
	count    [kinds]int
	number   byte   // of the last command
	seen     parser // of the frame as it was sent
	heard    parser // as it arrives
	broken   bool   // something was done to the frame
	stuck    bool   // the data line is at level
	level    byte
	left     []byte // of a reply, clocked out of the chip and not looked at
	spare    []byte // of a reply, ready and not delivered

	hung      bool
	busyUntil time.Time // READY reads high
	lowUntil  time.Time // READY reads low
}

// NewBus returns a wire to w on which nothing goes wrong yet. Durations of faults are
// measured on clk; nil stands for clock.Free().
func NewBus(w Wires, framing *Framing, clk clock.Clock) *Bus {
	if clk == nil {
		clk = clock.Free()
	}
	return &Bus{in: w, framing: framing, clk: clk}
}

// Play starts a plan: the next exchange is number 0. Faults that waited are
// forgotten, but a chip that hangs stays so until the host resets it.
func (b *Bus) Play(p Plan) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plan, b.playing = p, true
	b.n, b.next = 0, 0
	b.pending, b.log = nil, nil
}

// Stop ends the plan.
func (b *Bus) Stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.playing = false
	b.pending = nil
}

// Event is a fault that happened.
type Event struct {
	Fault       // At is the exchange in which it did
	Number byte // of the command that the host sent in it, 0 if it did not get so far
	Time   time.Time
}

// Log returns what happened since Play.
func (b *Bus) Log() []Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Event(nil), b.log...)
}

// ListOf returns the plan that makes the same happen again, as long as the exchanges
// are the same.
func ListOf(log []Event) Plan {
	var p Plan
	for _, e := range log {
		p.List = append(p.List, e.Fault)
	}
	return p
}

// Exchanges returns how many exchanges began since Play.
func (b *Bus) Exchanges() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

// Hung reports whether a Hang has stopped the chip and the host has not reset
// it since.
func (b *Bus) Hung() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hung
}

// SPI returns the host's end of the bus.
func (b *Bus) SPI() SPI { return (*busSPI)(b) }

// CS returns the host's end of chip select.
func (b *Bus) CS() Pin { return &csPin{pin{b.in.CS}, b} }

// Ready returns the host's end of READY.
func (b *Bus) Ready() Pin { return &readyPin{pin{b.in.Ready}, b} }

// Reset returns the host's end of reset.
func (b *Bus) Reset() Pin { return &resetPin{pin{b.in.Reset}, b} }

// pin passes everything on.
type pin struct{ Pin }

func (p pin) Output() {
	if o, ok := p.Pin.(interface{ Output() }); ok {
		o.Output()
	}
}

func (p pin) Input() {
	if i, ok := p.Pin.(interface{ Input() }); ok {
		i.Input()
	}
}

type csPin struct {
	pin
	b *Bus
}

func (p *csPin) Low() {
	p.b.mu.Lock()
	if !p.b.csLow {
		p.b.csLow = true
		p.b.begun, p.b.replying, p.b.broken, p.b.stuck = false, false, false, false
		p.b.left, p.b.spare = nil, nil
	}
	hung := p.b.hung
	p.b.mu.Unlock()
	if !hung {
		p.pin.Low()
	}
}

func (p *csPin) High() {
	p.b.mu.Lock()
	ended := p.b.csLow && p.b.begun
	p.b.csLow = false
	hung := p.b.hung
	p.b.mu.Unlock()
	if hung {
		return // a frame that was cut short stays so
	}
	p.pin.High()
	if ended {
		p.b.ended()
	}
}

type readyPin struct {
	pin
	b *Bus
}

func (p *readyPin) Get() bool {
	level := p.pin.Get()
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	now := p.b.clk.Now()
	switch {
	case p.b.hung, now.Before(p.b.busyUntil):
		return true
	case now.Before(p.b.lowUntil):
		return false
	}
	return level
}

// Notify passes a pin interrupt on, if the chip has one.
func (p *readyPin) Notify(f func(level bool)) {
	if n, ok := p.Pin.(interface{ Notify(func(bool)) }); ok {
		n.Notify(f)
	}
}

type resetPin struct {
	pin
	b *Bus
}

func (p *resetPin) High() {
	p.b.resetting(p.b.in.ResetHigh)
	p.pin.High()
}

func (p *resetPin) Low() {
	p.b.resetting(!p.b.in.ResetHigh)
	p.pin.Low()
}

// resetting ends what a reset ends.
func (b *Bus) resetting(active bool) {
	if !active {
		return
	}
	b.mu.Lock()
	hung, low := b.hung, b.csLow
	b.hung = false
	b.busyUntil, b.lowUntil = time.Time{}, time.Time{}
	b.mu.Unlock()
	if hung {
		// The chip is in reset when CS gets to where the host has it.
		setPin(b.in.Reset, b.in.ResetHigh)
		setPin(b.in.CS, !low)
	}
}

func setPin(p Pin, high bool) {
	if high {
		p.High()
	} else {
		p.Low()
	}
}

// exchange notes that a command begins and finds out which faults befall it.
func (b *Bus) exchange() {
	n := b.n
	b.n++
	if !b.playing {
		return
	}
	if len(b.plan.List) == 0 {
		if f, ok := b.plan.at(n); ok {
			b.pending = append(b.pending, f)
		}
		return
	}
	for b.next < len(b.plan.List) && b.plan.List[b.next].At <= n {
		b.pending = append(b.pending, b.plan.List[b.next])
		b.next++
	}
}

// happened moves a fault from those that wait to those that were.
func (b *Bus) happened(i int) Fault {
	f := b.pending[i]
	b.pending = append(b.pending[:i:i], b.pending[i+1:]...)
	done := f
	done.At = b.n - 1
	b.log = append(b.log, Event{done, b.number, b.clk.Now()})
	return f
}

// find returns the first fault that waits and of which ok is true, or -1.
func (b *Bus) find(ok func(f *Fault) bool) int {
	for i := range b.pending {
		if ok(&b.pending[i]) {
			return i
		}
	}
	return -1
}

func (b *Bus) half() Half {
	if b.replying {
		return Reply
	}
	return Command
}

// ended is called after a pulse with bytes in it, for what begins then.
func (b *Bus) ended() {
	b.mu.Lock()
	half := b.half()
	reset := false
	for {
		i := b.find(func(f *Fault) bool {
			switch f.Kind {
			case Stall, Low:
				return f.Half == half
			case Hang, Reset:
				// Before the first byte of the reply.
				return half == Command && f.Half == Reply && f.Pick == 0
			}
			return false
		})
		if i < 0 {
			break
		}
		f := b.happened(i)
		switch f.Kind {
		case Stall:
			b.busyUntil = b.clk.Now().Add(f.For)
		case Low:
			b.lowUntil = b.clk.Now().Add(f.For)
		case Hang:
			b.hung = true
		case Reset:
			reset = true
		}
	}
	b.mu.Unlock()
	if reset {
		b.restart()
	}
}

// restart is the chip's own reset.
func (b *Bus) restart() {
	setPin(b.in.Reset, b.in.ResetHigh)
	setPin(b.in.Reset, !b.in.ResetHigh)
}

type busSPI Bus

// Transfer is Tx of a byte.
func (s *busSPI) Transfer(w byte) (byte, error) {
	var p [2]byte
	p[0] = w
	err := s.Tx(p[:1], p[1:])
	return p[1], err
}

// Tx passes a transfer on, with what goes wrong in it.
func (s *busSPI) Tx(w, r []byte) error {
	b := (*Bus)(s)
	n := max(len(w), len(r))
	if n == 0 {
		return b.in.SPI.Tx(w, r)
	}
	b.mu.Lock()
	if !b.begun && b.csLow {
		b.begun = true
		b.replying = len(w) == 0 || w[0] != b.framing.start
		if !b.replying {
			b.number = 0
			b.exchange()
		}
		b.seen.begin(b.framing, b.half())
		b.heard.begin(b.framing, b.half())
		b.count = [kinds]int{}
	}
	if b.hung {
		b.mu.Unlock()
		fill(r, 0xff)
		b.clk.Charge(time.Duration(n) * time.Microsecond)
		return nil
	}
	half := b.half()
	if i := b.find(func(f *Fault) bool { return f.Kind == Refuse && f.Half == half }); i >= 0 {
		b.happened(i)
		b.mu.Unlock()
		return ErrTransfer
	}
	quiet := len(b.pending) == 0 && !b.broken || !b.csLow
	b.mu.Unlock()
	switch {
	case quiet:
		b.pass(w)
		return b.in.SPI.Tx(w, r)
	case half == Command:
		return b.send(w, r)
	}
	return b.receive(w, r)
}

// pass keeps the parsers in step with a transfer in which nothing goes wrong. What
// the chip sends is looked at only where something may go wrong.
func (b *Bus) pass(w []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.replying {
		return
	}
	for _, c := range w {
		if b.seen.next(c) == partNumber {
			b.number = c
		}
	}
}

// send is the transfer of a command's bytes.
func (b *Bus) send(w, r []byte) error {
	out := make([]byte, 0, len(w)+1)
	reset := false
	b.mu.Lock()
	for _, c := range w {
		p := b.seen.next(c)
		if p == partNumber {
			b.number = c
		}
		sent := [2]byte{c, c}
		count := 1
		for {
			i := b.find(func(f *Fault) bool { return f.Half == Command && b.hits(f, p) })
			if i < 0 {
				break
			}
			f := b.happened(i)
			b.broken = true
			switch f.Kind {
			case Damage, Length, FlipPayload, FlipArgument:
				sent[0] ^= f.Mask
				sent[1] = sent[0]
			case Lose:
				count = 0
			case Double:
				count = 2
			case Stuck:
				b.stuck, b.level = true, f.Mask
			case Hang:
				b.hung = true
			case Reset:
				reset = true
			}
		}
		if b.hung || reset {
			break
		}
		if b.stuck {
			sent = [2]byte{b.level, b.level}
		}
		out = append(out, sent[:count]...)
		b.counted(p)
	}
	b.mu.Unlock()
	var err error
	if len(out) > 0 {
		err = b.in.SPI.Tx(out, nil)
	}
	if reset {
		b.restart()
	}
	if len(r) > 0 {
		fill(r, 0xff) // undefined in a command
	}
	return err
}

// receive is the transfer of a reply's bytes.
func (b *Bus) receive(w, r []byte) error {
	n := max(len(w), len(r))
	got := make([]byte, 0, n+1)
	reset := false
	b.mu.Lock()
	got = append(got, b.spare...)
	b.spare = nil
	b.mu.Unlock()
	for len(got) < n && !reset {
		b.mu.Lock()
		raw := b.left
		b.left = nil
		hung := b.hung
		b.mu.Unlock()
		if hung {
			for len(got) < n {
				got = append(got, 0xff)
			}
			break
		}
		if len(raw) == 0 {
			raw = make([]byte, n-len(got))
			var out []byte
			if len(w) == n {
				out = w[len(got):]
			}
			if err := b.in.SPI.Tx(out, raw); err != nil {
				return err
			}
		}
		b.mu.Lock()
		for k, c := range raw {
			if len(got) >= n {
				b.left = append([]byte(nil), raw[k:]...)
				break
			}
			p := b.seen.next(c)
			delivered := [2]byte{c, c}
			count := 1
			for {
				i := b.find(func(f *Fault) bool { return f.Half == Reply && b.hits(f, p) })
				if i < 0 {
					break
				}
				f := b.happened(i)
				switch f.Kind {
				case Damage, FlipPayload, FlipArgument:
					delivered[0] ^= f.Mask
					delivered[1] = delivered[0]
				case Length:
					delivered[0] ^= f.Mask
					b.broken = true
				case Lose:
					count = 0
					b.broken = true
				case Double:
					count = 2
					b.broken = true
				case Stuck:
					b.stuck, b.level = true, f.Mask
					b.broken = true
				case Hang:
					b.hung = true
				case Reset:
					reset = true
				}
			}
			b.counted(p)
			if b.hung || reset {
				break
			}
			for _, d := range delivered[:count] {
				if b.stuck {
					d = b.level
				}
				// The frame may not happen to look whole.
				if b.heard.next(d) == partEnd && b.broken && d == b.framing.end {
					d = ^d
				}
				got = append(got, d)
			}
		}
		b.mu.Unlock()
	}
	if reset {
		b.restart()
		for len(got) < n {
			got = append(got, 0xff)
		}
	}
	if len(got) > n { // a doubled byte at the end
		b.mu.Lock()
		b.spare = got[n:]
		b.mu.Unlock()
	}
	copy(r, got)
	return nil
}

// hits reports whether a fault happens at the byte that comes, which is a p.
func (b *Bus) hits(f *Fault, p part) bool {
	return b.eligible(f.Kind, p) && b.count[f.Kind] == f.Pick
}

// counted counts a byte for the kinds that might have picked it.
func (b *Bus) counted(p part) {
	for k := none + 1; k < kinds; k++ {
		if b.eligible(k, p) {
			b.count[k]++
		}
	}
}

// eligible reports whether a byte is one of those that a kind of fault picks
// from.
func (b *Bus) eligible(k Kind, p part) bool {
	command := !b.replying
	switch k {
	case Damage:
		return p == partStart || p == partNumber || !command && (p == partCount || p == partEnd)
	case Length:
		if command {
			// Firmware looks at few other lengths.
			return p == partLength && b.seen.state == partLengthLow && b.seen.param == b.framing.payload(Command, b.seen.command)
		}
		return p == partLength || p == partLengthLow
	case Lose:
		if command {
			return p == partStart || p == partNumber
		}
		return p != partPad
	case Double:
		if command {
			return p == partStart || p == partNumber
		}
		return p != partPad && p != partEnd
	case Stuck:
		return p == partStart || !command && p != partPad
	case Hang, Reset:
		return p != partPad
	case FlipPayload:
		return p == partPayload
	case FlipArgument:
		return p == partArgument
	}
	return false
}

func fill(p []byte, c byte) {
	for i := range p {
		p[i] = c
	}
}
