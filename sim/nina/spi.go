package nina

import (
	"errors"
	"time"
)

// ErrLength: Tx was given two slices of different length.
var ErrLength = errors.New("nina: bytes to send and to receive differ in number")

// SPI is the host's end of the bus: mode 0, most significant bit first. Bytes
// reach the chip while CS is low.
type SPI struct{ c *Chip }

// SPI returns the bus.
func (c *Chip) SPI() *SPI { return &SPI{c} }

// Tx sends w and receives as many bytes into r. A nil w sends zeros, a nil r
// discards what is received; otherwise both have the same length, or the error
// is ErrLength. It charges Timing.Byte for each byte.
func (s *SPI) Tx(w, r []byte) error {
	if len(w) != 0 && len(r) != 0 && len(w) != len(r) {
		return ErrLength
	}
	n := max(len(w), len(r))
	c := s.c
	d := time.Duration(n) * c.cfg.Timing.Byte
	c.lock()
	c.shift(w, r, n)
	c.ledger.Wire += d
	c.unlock()
	c.clk.Charge(d)
	return nil
}

// Transfer sends one byte and returns the one received.
func (s *SPI) Transfer(b byte) (byte, error) {
	w, r := [1]byte{b}, [1]byte{}
	err := s.Tx(w[:], r[:])
	return r[0], err
}

// bus is the slave's side of the SPI bus (nina-fw 2.0.0 SPIS.cpp).
type bus struct {
	phase   busPhase
	readyAt time.Time // when the transfer of phase is armed
	chosen  bool      // CS fell on an armed transfer and is still low
	n       int       // bytes clocked in this pulse
	in      [frameMax]byte
	reply   []byte // length a multiple of 4
	armings int    // distinguishes this arming from earlier ones
	irq     bool   // level at which the chip drives GPIO0
}

type busPhase byte

const (
	phaseOff     busPhase = iota // in reset
	phaseBoot                    // pins undefined
	phaseDead                    // downloader or Bluetooth mode
	phaseCommand                 // a command is awaited
	phaseBusy                    // a command is carried out
	phaseReply                   // the reply waits to be fetched
	phaseHung                    // until reset
)

// after returns the time at which a cost that begins now will be spent.
func (c *Chip) after(d time.Duration) time.Time {
	now := c.clk.Now()
	if c.free {
		return now
	}
	return now.Add(d)
}

// arm lets the next transfer begin after d: READY falls then, and stays low
// until CS falls.
func (c *Chip) arm(phase busPhase, d time.Duration) {
	c.phase = phase
	c.readyAt = c.after(d)
	c.chosen = false
	c.armings++
	if c.ready.notify == nil {
		return
	}
	arming := c.armings
	c.clk.Later(d, func() {
		c.lock()
		defer c.unlock()
		if c.armings == arming && !c.chosen {
			c.edge(c.ready, false)
		}
	})
}

// edge calls the host's interrupt function.
func (c *Chip) edge(p *Pin, level bool) {
	if f := p.notify; f != nil {
		c.calls = append(c.calls, func() { f(level) })
	}
}

// armed reports whether a transfer waits for CS.
func (c *Chip) armed() bool {
	return (c.phase == phaseCommand || c.phase == phaseReply) && !c.clk.Now().Before(c.readyAt)
}

func (c *Chip) readyLevel() bool {
	if (c.phase == phaseBoot || c.phase == phaseOff) && !c.closed {
		return c.rng.Uint32()&1 != 0 // nobody drives it
	}
	return c.chosen || !c.armed()
}

func (c *Chip) gpio0Level() bool {
	switch c.phase {
	case phaseOff, phaseBoot, phaseDead:
		return true // pulled up
	}
	return c.irq
}

// setGPIO0 is the chip driving GPIO0.
func (c *Chip) setGPIO0(level bool) {
	if c.irq != level {
		c.irq = level
		c.edge(c.gpio0, level)
	}
}

// selected acts on CS falling. A transfer that is armed later, while CS is
// still low, is not begun by this edge.
func (c *Chip) selected() {
	if c.armed() {
		c.chosen = true
		c.n = 0
		c.edge(c.ready, true)
	}
}

// shift clocks n bytes in both directions.
func (c *Chip) shift(w, r []byte, n int) {
	if !c.csLow || !c.chosen {
		c.ledger.BytesLost += n
		c.noise(r)
		return
	}
	if c.phase == phaseCommand {
		c.ledger.BytesOut += n
		if c.n < frameMax {
			copy(c.in[c.n:], w)
		}
		c.noise(r)
	} else {
		c.ledger.BytesIn += n
		sent := 0
		if c.n < len(c.reply) {
			sent = copy(r, c.reply[c.n:])
		}
		c.noise(r[min(sent, len(r)):])
	}
	c.n += n
}

// noise fills p with what an undriven or idle MISO may read as.
func (c *Chip) noise(p []byte) {
	for i := range p {
		p[i] = byte(c.rng.Uint32())
	}
}

// deselected acts on CS rising, which ends a transfer.
func (c *Chip) deselected() {
	if !c.chosen {
		return
	}
	c.chosen = false
	switch {
	case c.phase == phaseCommand && c.n == 0:
		c.arm(phaseCommand, c.cfg.Timing.Rearm)
	case c.phase == phaseCommand:
		c.received()
	case c.n == 0 && c.cfg.Readings.EmptyPulseKeepsReply:
		c.arm(phaseReply, c.cfg.Timing.Rearm)
	default:
		c.ledger.Exchanges++
		c.ledger.Handshake += c.cfg.Timing.Rearm
		c.arm(phaseCommand, c.cfg.Timing.Rearm)
	}
}

// received hands the frame to the firmware. What was not sent reads as zeros.
func (c *Chip) received() {
	n := min(c.n, frameMax)
	keep := n
	if !c.cfg.Readings.TailKept {
		keep &^= 3 // DMA writes whole words
	}
	clear(c.in[keep:n])
	c.ledger.Handshake += c.cfg.Timing.Handle
	c.phase = phaseBusy
	c.fw.handle(&c.in)
}

// replied takes the firmware's answer. The command buffer is zeroed for the
// next command.
func (c *Chip) replied(reply []byte) {
	clear(c.in[:])
	c.reply = append(c.reply[:0], reply...)
	c.arm(phaseReply, c.cfg.Timing.Handle)
}
