// Package fault disturbs the wire between a driver and a simulated chip. It
// sits between the two: a Bus on SPI and its pins, a UART on a byte stream. It
// knows how frames are laid out, and neither drivers nor chips.
//
// Faults are data. A Plan says which befall which exchange, either by a list or by a
// seed; it prints itself, and Parse reads that again, so that the line of a
// failed test is what replays it.
//
// Faults are of two classes. Detectable ones a careful driver can notice, by the
// frame, by the READY pin or by the clock. Undetectable ones change payload or
// arguments where the protocol has no checksum.
package fault

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind uint8

// Kinds of faults. Half, Pick, Mask and For of a Fault refine them. Where a byte is
// picked and the frame has too few, the fault waits for the next exchange that
// has enough.
const (
	none Kind = iota

	// Damage inverts the bits of Mask in a byte. On a Bus it is one of the frame
	// around the parameters: of a command its start or its number, of a reply also
	// its count of parameters or its end mark. A command's number gets its top bit
	// too, which makes it one that no chip has, unless the plan is a list.
	Damage
	// Length inverts bits of Mask in a length. In a reply the end mark is then
	// made sure not to be where the new length puts it. In a command, where
	// firmware believes any length that stays within its buffer, a plan by
	// seed takes only the top bit, which leads out of it.
	Length
	// Lose drops a byte: of a command its start or its number, of a reply any up
	// to the end mark. Of a UART's stream, any.
	Lose
	// Double sends a byte twice, the same ones but the end mark.
	Double
	// Stuck makes the data line stay at Mask: for a whole command, or in a reply
	// from the picked byte on.
	Stuck
	// Stall keeps READY high for For longer, after the command or after the
	// reply. On a UART no byte moves for as long.
	Stall
	// Low keeps READY low for For: from the end of the command, or of the reply,
	// on. The chip is not ready, but says so.
	Low
	// Refuse makes a transfer of the host's own bus end with ErrTransfer before it
	// moves a byte.
	Refuse
	// Hang stops the chip until the host resets it, at the picked byte: READY
	// stays high, the data line silent. A command that did not come to its end
	// has no effect.
	Hang
	// Reset makes the chip restart by itself at the picked byte.
	Reset

	// FlipPayload inverts the bits of Mask in a byte of payload.
	FlipPayload
	// FlipArgument does it in a byte of another parameter.
	FlipArgument

	// Cut makes the next Pick+1 reads of a UART return a byte each. It happens
	// to no Bus.
	Cut

	kinds
)

var kindNames = [kinds]string{
	Damage: "damage", Length: "length", Lose: "lose", Double: "double", Stuck: "stuck",
	Stall: "stall", Low: "low", Refuse: "refuse", Hang: "hang", Reset: "reset",
	FlipPayload: "flip-payload", FlipArgument: "flip-argument", Cut: "cut",
}

// String returns the name that Parse knows.
func (k Kind) String() string {
	if k == none || k >= kinds {
		return "kind(" + strconv.Itoa(int(k)) + ")"
	}
	return kindNames[k]
}

// Kinds is a set of kinds.
type Kinds uint32

// Of returns the set of the given kinds.
func Of(all ...Kind) Kinds {
	var s Kinds
	for _, k := range all {
		s |= 1 << k
	}
	return s
}

// The two classes of faults of a Bus, and all that a UART can have. There the
// protocol decides what can be detected: what has a checksum, all of it.
var (
	Detectable   = Of(Damage, Length, Lose, Double, Stuck, Stall, Low, Refuse, Hang, Reset)
	Undetectable = Of(FlipPayload, FlipArgument)
	Serial       = Of(Damage, Lose, Double, Stall, Hang, Reset, Cut)
)

// Has reports whether k is in the set.
func (s Kinds) Has(k Kind) bool { return s&(1<<k) != 0 }

// String returns the names, with commas, or that of a class.
func (s Kinds) String() string {
	switch s {
	case Detectable:
		return "detectable"
	case Undetectable:
		return "undetectable"
	case Serial:
		return "serial"
	}
	var names []string
	for k := none + 1; k < kinds; k++ {
		if s.Has(k) {
			names = append(names, k.String())
		}
	}
	return strings.Join(names, ",")
}

// Half is one of the two transfers of an exchange; on a UART it is the direction.
type Half uint8

// Halves.
const (
	Command Half = iota // what the host sends
	Reply               // what the chip sends
)

// String returns "command" or "reply".
func (h Half) String() string {
	if h == Command {
		return "command"
	}
	return "reply"
}

// Fault is one event on the wire.
type Fault struct {
	At   int // exchange, from 0; on a UART the byte of its direction
	Kind Kind
	Half Half
	Pick int           // which of the bytes that qualify, from 0
	Mask byte          // bits to invert, or the level of Stuck
	For  time.Duration // of Stall and Low
}

// String returns it as Parse reads it: "@812 flip-payload reply 40 ^08".
func (f Fault) String() string {
	s := fmt.Sprintf("@%d %v %v %d ^%02x", f.At, f.Kind, f.Half, f.Pick, f.Mask)
	if f.For != 0 {
		s += " " + f.For.String()
	}
	return s
}

// Plan says which faults happen: those of List, or if that is empty those that
// Seed decides. The zero Plan has none.
type Plan struct {
	List []Fault // in the order of At

	Seed  uint64
	Every int   // one exchange in so many has a fault; 0: none
	Kinds Kinds // of those
	Until int   // exchanges from this on have none; 0: no end
}

// String returns the plan as Parse reads it:
// "seed=17 every=40 kinds=detectable until=900", or the list with semicolons.
func (p Plan) String() string {
	switch {
	case len(p.List) > 0:
		all := make([]string, len(p.List))
		for i, f := range p.List {
			all[i] = f.String()
		}
		return strings.Join(all, "; ")
	case p.Every == 0:
		return "none"
	}
	s := fmt.Sprintf("seed=%d every=%d kinds=%v", p.Seed, p.Every, p.Kinds)
	if p.Until != 0 {
		s += fmt.Sprintf(" until=%d", p.Until)
	}
	return s
}

// errSyntax: the text is no plan.
var errSyntax = errors.New("not a plan of faults")

// Parse reads what Plan.String returned.
func Parse(text string) (Plan, error) {
	text = strings.TrimSpace(text)
	var p Plan
	switch {
	case text == "" || text == "none":
		return p, nil
	case text[0] == '@':
		for part := range strings.SplitSeq(text, ";") {
			f, err := parseFault(part)
			if err != nil {
				return Plan{}, err
			}
			if n := len(p.List); n > 0 && f.At < p.List[n-1].At {
				return Plan{}, fmt.Errorf("fault: %w: @%d comes after @%d: put them in order", errSyntax, f.At, p.List[n-1].At)
			}
			p.List = append(p.List, f)
		}
		return p, nil
	}
	for word := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "seed":
			p.Seed, err = strconv.ParseUint(value, 10, 64)
		case "every":
			p.Every, err = strconv.Atoi(value)
		case "until":
			p.Until, err = strconv.Atoi(value)
		case "kinds":
			p.Kinds, err = parseKinds(value)
		default:
			err = errSyntax
		}
		if err != nil || p.Every < 0 || p.Until < 0 {
			return Plan{}, fmt.Errorf("fault: %w: %q in %q", errSyntax, word, text)
		}
	}
	if p.Every == 0 || p.Kinds == 0 {
		return Plan{}, fmt.Errorf("fault: %w: %q needs every and kinds", errSyntax, text)
	}
	return p, nil
}

func parseKinds(text string) (Kinds, error) {
	switch text {
	case "detectable":
		return Detectable, nil
	case "undetectable":
		return Undetectable, nil
	case "serial":
		return Serial, nil
	}
	var s Kinds
	for name := range strings.SplitSeq(text, ",") {
		k, ok := parseKind(name)
		if !ok {
			return 0, errSyntax
		}
		s |= Of(k)
	}
	return s, nil
}

func parseKind(name string) (Kind, bool) {
	for k := none + 1; k < kinds; k++ {
		if kindNames[k] == name {
			return k, true
		}
	}
	return none, false
}

func parseFault(text string) (Fault, error) {
	bad := func() (Fault, error) {
		return Fault{}, fmt.Errorf("fault: %w: %q: want, for example, \"@812 flip-payload reply 40 ^08\"", errSyntax, strings.TrimSpace(text))
	}
	words := strings.Fields(text)
	if len(words) < 5 || len(words) > 6 {
		return bad()
	}
	var f Fault
	var err error
	at, ok1 := strings.CutPrefix(words[0], "@")
	mask, ok2 := strings.CutPrefix(words[4], "^")
	kind, ok3 := parseKind(words[1])
	if !ok1 || !ok2 || !ok3 {
		return bad()
	}
	f.Kind = kind
	if f.At, err = strconv.Atoi(at); err != nil || f.At < 0 {
		return bad()
	}
	switch words[2] {
	case "command":
	case "reply":
		f.Half = Reply
	default:
		return bad()
	}
	if f.Pick, err = strconv.Atoi(words[3]); err != nil || f.Pick < 0 {
		return bad()
	}
	m, err := strconv.ParseUint(mask, 16, 8)
	if err != nil {
		return bad()
	}
	f.Mask = byte(m)
	if len(words) == 6 {
		if f.For, err = time.ParseDuration(words[5]); err != nil || f.For < 0 {
			return bad()
		}
	}
	return f, nil
}

// at returns the fault of exchange n that the seed decides. It depends on nothing
// else.
func (p *Plan) at(n int) (Fault, bool) {
	if p.Every <= 0 || p.Kinds == 0 || p.Until > 0 && n >= p.Until {
		return Fault{}, false
	}
	r := rand.New(rand.NewPCG(p.Seed, uint64(n)))
	if r.IntN(p.Every) != 0 {
		return Fault{}, false
	}
	return p.draw(r, n), true
}

// rare are the kinds after which much has to begin anew: of a mixture only one
// in four that could be is.
var rare = Of(Hang, Reset)

// draw makes a fault of one of the plan's kinds.
func (p *Plan) draw(r *rand.Rand, n int) Fault {
	from := p.Kinds
	if from&^rare != 0 && r.IntN(4) != 0 {
		from &^= rare
	}
	nth := r.IntN(bits.OnesCount32(uint32(from)))
	f := Fault{At: n, Half: Half(r.IntN(2)), Mask: byte(1 << r.IntN(8))}
	for k := none + 1; k < kinds; k++ {
		if !from.Has(k) {
			continue
		}
		if nth--; nth < 0 {
			f.Kind = k
			break
		}
	}
	// Small frames are many and long ones few.
	few, many := r.IntN(4), r.IntN(1<<r.IntN(11))
	switch f.Kind {
	case Damage:
		f.Pick = few
		if f.Half == Command {
			f.Pick = few & 1
			if f.Pick == 1 {
				f.Mask |= 0x80
			}
		}
	case Length:
		f.Pick = few & 1
		if f.Half == Command {
			f.Pick, f.Mask = 0, 0x80
		}
	case Lose, Double:
		f.Pick = many
		if f.Half == Command {
			f.Pick = few & 1
		}
	case Stuck:
		f.Pick = few
		f.Mask = byte(-(r.IntN(2))) // 00 or FF
	case Stall:
		f.Mask = 0
		f.For = []time.Duration{time.Millisecond, 20 * time.Millisecond, 500 * time.Millisecond, 4 * time.Second}[few]
	case Low:
		f.Mask = 0
		f.For = []time.Duration{50 * time.Microsecond, time.Millisecond, 50 * time.Millisecond, time.Second}[few]
	case Refuse:
		f.Mask = 0
	case Hang, Reset:
		f.Mask = 0
		f.Pick = min(few*few, 8) // in the middle of the shortest frames too
	case FlipPayload:
		f.Pick = many
	case FlipArgument:
		f.Pick = few * few
	case Cut:
		f.Pick, f.Mask = many, 0
	}
	return f
}
