package fault

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
)

// chip answers every command with the same reply. It notes what it got.
type chip struct {
	csLow, resetLow bool
	sent            []byte // in this pulse
	commands        []string
	reply           []byte
	at              int
	replying        bool
	resets          int
}

func (c *chip) Tx(w, r []byte) error {
	if c.replying {
		for i := range r {
			r[i] = 0x5a // behind the end
			if c.at < len(c.reply) {
				r[i] = c.reply[c.at]
			}
			c.at++
		}
		c.sent = append(c.sent, make([]byte, max(len(w), len(r)))...)
		return nil
	}
	c.sent = append(c.sent, w...)
	fill(r, 0xa5)
	return nil
}

func (c *chip) Transfer(b byte) (byte, error) {
	r := make([]byte, 1)
	err := c.Tx([]byte{b}, r)
	return r[0], err
}

type chipCS struct{ c *chip }

func (p chipCS) Get() bool { return !p.c.csLow }
func (p chipCS) Low()      { p.c.csLow = true; p.c.sent, p.c.at = nil, 0 }
func (p chipCS) High() {
	if !p.c.csLow {
		return
	}
	p.c.csLow = false
	if len(p.c.sent) == 0 {
		return
	}
	if !p.c.replying {
		p.c.commands = append(p.c.commands, fmt.Sprintf("% X", p.c.sent))
	}
	p.c.replying = !p.c.replying
}

type chipReady struct{ c *chip }

func (p chipReady) Get() bool { return p.c.csLow }
func (chipReady) High()       {}
func (chipReady) Low()        {}

type chipReset struct{ c *chip }

func (p chipReset) Get() bool { return !p.c.resetLow }
func (p chipReset) High()     { p.c.resetLow = false }
func (p chipReset) Low()      { p.c.resetLow = true; p.c.resets++; p.c.replying = false; p.c.sent = nil }

// host makes exchanges, whole ones whatever happens.
type host struct {
	spi       SPI
	cs, ready Pin
	reset     Pin
}

func rig(reply string) (*chip, *Bus, *host) {
	c := &chip{reply: unhex(reply)}
	b := NewBus(Wires{SPI: c, CS: chipCS{c}, Ready: chipReady{c}, Reset: chipReset{c}}, &NINA, clock.Virtual())
	return c, b, &host{b.SPI(), b.CS(), b.Ready(), b.Reset()}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// exchange sends a command, in two transfers, and reads n bytes of the reply, one by
// one if bytewise is set.
func (h *host) exchange(command string, n int, bytewise bool) (string, error) {
	w := unhex(command)
	h.cs.Low()
	_, err := h.spi.Transfer(w[0])
	if err == nil {
		err = h.spi.Tx(w[1:], nil)
	}
	h.cs.High()
	if err != nil {
		return "", err
	}
	h.cs.Low()
	defer h.cs.High()
	r := make([]byte, n)
	if bytewise {
		for i := range r {
			if r[i], err = h.spi.Transfer(0xff); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("% X", r), nil
	}
	if err := h.spi.Tx(nil, r[:5]); err != nil {
		return "", err
	}
	err = h.spi.Tx(nil, r[5:])
	return fmt.Sprintf("% X", r), err
}

const (
	sendCommand = "E0 77 02 00 01 36 00 03 41 42 43 EE" // "ABC" on descriptor 54
	recvReply   = "E0 F8 01 00 03 41 42 43 EE 00 00 00"
	poll        = "E0 7C 01 01 36 EE FF FF"
	pollReply   = "E0 FC 01 01 03 EE 00 00"
)

// What each fault does to the bytes, either way.
func TestFaultsOnBytes(t *testing.T) {
	for _, tt := range []struct {
		fault, command, reply string // the fault; what then arrives
	}{
		{"none", sendCommand, recvReply},
		{"@0 damage command 0 ^01", "E1 77 02 00 01 36 00 03 41 42 43 EE", recvReply},
		{"@0 damage command 1 ^81", "E0 F6 02 00 01 36 00 03 41 42 43 EE", recvReply},
		{"@0 length command 0 ^80", "E0 77 02 00 01 36 80 03 41 42 43 EE", recvReply},
		{"@0 lose command 0 ^00", "77 02 00 01 36 00 03 41 42 43 EE", recvReply},
		{"@0 double command 1 ^00", "E0 77 77 02 00 01 36 00 03 41 42 43 EE", recvReply},
		{"@0 stuck command 0 ^ff", "FF FF FF FF FF FF FF FF FF FF FF FF", recvReply},
		{"@0 flip-payload command 1 ^04", "E0 77 02 00 01 36 00 03 41 46 43 EE", recvReply},
		{"@0 flip-argument command 0 ^01", "E0 77 02 00 01 37 00 03 41 42 43 EE", recvReply},

		{"@0 damage reply 0 ^0f", sendCommand, "EF F8 01 00 03 41 42 43 EE 00 00 00"},
		{"@0 damage reply 2 ^02", sendCommand, "E0 F8 03 00 03 41 42 43 EE 00 00 00"},
		{"@0 damage reply 3 ^01", sendCommand, "E0 F8 01 00 03 41 42 43 EF 00 00 00"},
		// The end mark is not where the length says, even if it were by chance.
		{"@0 length reply 1 ^01", sendCommand, "E0 F8 01 00 02 41 42 43 EE 00 00 00"},
		{"@0 lose reply 1 ^00", sendCommand, "E0 01 00 03 41 42 43 EE 00 00 00 5A"},
		{"@0 lose reply 6 ^00", sendCommand, "E0 F8 01 00 03 41 43 EE 00 00 00 5A"},
		{"@0 double reply 5 ^00", sendCommand, "E0 F8 01 00 03 41 41 42 43 EE 00 00"},
		{"@0 stuck reply 6 ^00", sendCommand, "E0 F8 01 00 03 41 00 00 00 00 00 00"},
		{"@0 flip-payload reply 2 ^80", sendCommand, "E0 F8 01 00 03 41 42 C3 EE 00 00 00"},

		// More than one.
		{"@0 flip-payload command 0 ^01; @0 flip-payload reply 0 ^01",
			"E0 77 02 00 01 36 00 03 40 42 43 EE", "E0 F8 01 00 03 40 42 43 EE 00 00 00"},
	} {
		for _, bytewise := range []bool{false, true} {
			plan, err := Parse(tt.fault)
			if err != nil {
				t.Fatal(err)
			}
			c, b, h := rig(recvReply)
			b.Play(plan)
			got, err := h.exchange(sendCommand, 12, bytewise)
			if err != nil || got != tt.reply {
				t.Errorf("%s, bytewise %v: the host reads\n%s, %v; want\n%s", tt.fault, bytewise, got, err, tt.reply)
			}
			if len(c.commands) != 1 || c.commands[0] != tt.command {
				t.Errorf("%s: the chip gets\n%s, want\n%s", tt.fault, c.commands, tt.command)
			}
			if got := ListOf(b.Log()).String(); got != plan.String() {
				t.Errorf("the log of %q is %q", tt.fault, got)
			}
			// The next exchange is as it should be.
			c.reply = unhex(pollReply)
			if got, err := h.exchange(poll, 8, bytewise); err != nil || got != pollReply {
				t.Errorf("%s: then %s, %v", tt.fault, got, err)
			}
		}
	}
}

// A reply that a length was damaged in never looks whole.
func TestDamagedFramesAreDetectable(t *testing.T) {
	// Payload that is all end marks, and end marks behind the frame.
	const reply = "E0 F8 01 00 06 EE EE EE EE EE EE EE EE EE EE EE EE EE EE EE"
	for _, kind := range []Kind{Length, Lose, Double, Stuck} {
		for pick := range 11 {
			for _, mask := range []byte{0xff, 0x00, 0x01, 0x02, 0x04} {
				_, b, h := rig(reply)
				b.Play(Plan{List: []Fault{{Kind: kind, Half: Reply, Pick: pick, Mask: mask}}})
				got, err := h.exchange(sendCommand, 20, false)
				if err != nil {
					t.Fatal(err)
				}
				if len(b.Log()) == 0 || kind == Length && mask == 0 {
					continue
				}
				p := unhex(got)
				n := int(p[3])<<8 | int(p[4])
				if p[0] == 0xe0 && p[1] == 0xf8 && p[2] == 1 && 5+n < len(p) && p[5+n] == 0xee {
					t.Errorf("%v: %s is a whole frame", ListOf(b.Log()), got)
				}
			}
		}
	}
}

// A fault whose byte a frame does not have waits for one that has it.
func TestFaultWaits(t *testing.T) {
	c, b, h := rig(pollReply)
	b.Play(Plan{List: []Fault{{At: 0, Kind: FlipPayload, Half: Reply, Pick: 2, Mask: 1}}})
	for range 3 {
		if got, _ := h.exchange(poll, 8, false); got != pollReply {
			t.Errorf("a reply without payload became %s", got)
		}
	}
	c.reply = unhex(recvReply)
	h.exchange(sendCommand, 12, false)
	if got := ListOf(b.Log()).String(); got != "@3 flip-payload reply 2 ^01" {
		t.Errorf("log %q", got)
	}
}

func TestRefuse(t *testing.T) {
	for _, half := range []Half{Command, Reply} {
		_, b, h := rig(pollReply)
		b.Play(Plan{List: []Fault{{Kind: Refuse, Half: half}}})
		if _, err := h.exchange(poll, 8, false); !errors.Is(err, ErrTransfer) {
			t.Errorf("%v: %v, want ErrTransfer", half, err)
		}
	}
}

func TestReadyFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b, h := rig(pollReply)
		b.Play(Plan{List: []Fault{
			{At: 0, Kind: Stall, Half: Reply, For: time.Second},
			{At: 1, Kind: Low, Half: Reply, For: time.Second},
		}})
		h.exchange(poll, 8, false)
		if !h.ready.Get() {
			t.Error("READY is low in spite of the stall")
		}
		time.Sleep(time.Second)
		if h.ready.Get() {
			t.Error("READY is high after the stall")
		}
		h.exchange(poll, 8, false)
		h.cs.Low() // the chip drives READY high
		if h.ready.Get() {
			t.Error("READY is high while it is stuck low")
		}
		time.Sleep(time.Second)
		if !h.ready.Get() {
			t.Error("READY is still stuck low")
		}
	})
}

// A chip that hangs does nothing more, not even what it has half of, until the
// host resets it.
func TestHang(t *testing.T) {
	for _, f := range []Fault{
		{Kind: Hang, Half: Command, Pick: 3},
		{Kind: Hang, Half: Command, Pick: 0},
		{Kind: Hang, Half: Reply, Pick: 0},
		{Kind: Hang, Half: Reply, Pick: 6},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, b, h := rig(recvReply)
			b.Play(Plan{List: []Fault{f}})
			h.exchange(sendCommand, 12, false)
			if ran := len(c.commands) == 1; ran != (f.Half == Reply) {
				t.Errorf("%v: the chip carried out %q", f, c.commands)
			}
			if !h.ready.Get() || !b.Hung() {
				t.Errorf("%v: READY is low", f)
			}
			before := len(c.commands)
			if got, _ := h.exchange(poll, 8, false); got != "FF FF FF FF FF FF FF FF" || len(c.commands) != before {
				t.Errorf("%v: a chip that hangs answers %s to %q", f, got, c.commands)
			}
			h.reset.Low()
			h.reset.High()
			c.commands = nil
			if got, _ := h.exchange(poll, 12, false); got != recvReply || len(c.commands) != 1 || h.ready.Get() {
				t.Errorf("%v: after a reset the chip answers %s to %q", f, got, c.commands)
			}
		})
	}
}

func TestReset(t *testing.T) {
	for _, half := range []Half{Command, Reply} {
		c, b, h := rig(recvReply)
		b.Play(Plan{List: []Fault{{Kind: Reset, Half: half, Pick: 6}}})
		h.exchange(sendCommand, 12, false)
		if c.resets != 1 || c.resetLow || b.Hung() {
			t.Errorf("%v: %d resets", half, c.resets)
		}
	}
}

// The same plan on the same exchanges makes the same happen, and what it prints is
// the same plan.
func TestSeedReplays(t *testing.T) {
	run := func(p Plan) (string, []Event) {
		var all string
		c, b, h := rig("E0 F8 01 00 40" + strings.Repeat("41", 64) + "EE 00 00")
		b.Play(p)
		for i := range 400 {
			c.replying = false
			got, err := h.exchange(sendCommand, 72, i%2 == 0)
			all += fmt.Sprintln(got, err)
			if b.Hung() {
				h.reset.Low()
				h.reset.High()
			}
		}
		return all + fmt.Sprint(c.commands), b.Log()
	}
	for seed := range uint64(20) {
		for _, class := range []Kinds{Detectable, Undetectable} {
			p := Plan{Seed: seed, Every: 7, Kinds: class}
			synctest.Test(t, func(t *testing.T) {
				want, log := run(p)
				if len(log) < 10 {
					t.Fatalf("%v made %d faults happen", p, len(log))
				}
				for _, f := range log {
					if !class.Has(f.Kind) {
						t.Errorf("%v made %v happen", p, f.Fault)
					}
				}
				printed, err := Parse(p.String())
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := run(printed); got != want {
					t.Errorf("%v does not replay", p)
				}
				list, err := Parse(ListOf(log).String())
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := run(list); got != want {
					t.Errorf("the log of %v does not replay it", p)
				}
			})
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"seed=1", "every=0 kinds=detectable", "every=3 kinds=nonsense", "seed=x every=3 kinds=lose", "every=-3 kinds=lose",
		"@1", "@x lose reply 0 ^00", "@1 lose both 0 ^00", "@1 lose reply -1 ^00", "@1 lose reply 0 00", "@1 lose reply 0 ^100",
		"@1 stall reply 0 ^00 soon", "@5 lose reply 0 ^00; @4 lose reply 0 ^00", "what",
	} {
		if p, err := Parse(text); err == nil {
			t.Errorf("%q is %v", text, p)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("seed=17 every=40 kinds=lose,hang until=900")
	f.Add("@1 stall reply 0 ^00 1.5s; @4 flip-payload command 40 ^08")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(p.String())
		if err != nil || again.String() != p.String() {
			t.Errorf("%q is %q, which is %q, %v", text, p, again, err)
		}
	})
}
