package nina

// Pin is a line between the host and the chip, seen from the host. Its methods
// may be called by several goroutines at once.
type Pin struct {
	c      *Chip
	line   line
	out    bool // the host drives the line
	latch  bool // what it drives
	notify func(level bool)
}

type line byte

const (
	lineCS line = iota
	lineReady
	lineGPIO0
	lineReset
)

// CS returns the chip select line, active low. The host drives it; until it
// does, a pull-up keeps it high.
func (c *Chip) CS() *Pin { return c.cs }

// Ready returns the READY line, also called ACK and BUSY: low when the chip
// waits for a command or has a reply.
func (c *Chip) Ready() *Pin { return c.ready }

// GPIO0 returns the line that selects the boot mode when reset is released
// (high: run; low: downloader) and tells of received data afterwards.
func (c *Chip) GPIO0() *Pin { return c.gpio0 }

// Reset returns the host's reset pin: low resets, or high with
// Config.ResetInverted.
func (c *Chip) Reset() *Pin { return c.reset }

// High drives the pin high; an input only remembers it for when it becomes an
// output.
func (p *Pin) High() { p.Set(true) }

// Low drives the pin low; an input only remembers it for when it becomes an
// output.
func (p *Pin) Low() { p.Set(false) }

// Set drives the pin to a level; an input only remembers it for when it
// becomes an output.
func (p *Pin) Set(level bool) {
	p.c.lock()
	p.latch = level
	p.c.lineChanged(p)
	p.c.unlock()
}

// Output makes the host drive the pin, to the level last set. CS and Reset are
// outputs from the start.
func (p *Pin) Output() { p.direct(true) }

// Input makes the host stop driving the pin.
func (p *Pin) Input() { p.direct(false) }

func (p *Pin) direct(out bool) {
	p.c.lock()
	p.out = out
	p.c.lineChanged(p)
	p.c.unlock()
}

// Get returns the level of the line. It charges Timing.PinRead first, so that
// a host that polls lets time pass.
func (p *Pin) Get() bool {
	c := p.c
	c.clk.Charge(c.cfg.Timing.PinRead)
	c.lock()
	defer c.unlock()
	c.ledger.PinReads++
	c.ledger.Pins += c.cfg.Timing.PinRead
	return c.level(p)
}

// Notify names a function that is called when the chip changes the level of
// READY or GPIO0, like a pin interrupt; nil ends that. It gets the new level
// and may call the chip, but must not block.
func (p *Pin) Notify(f func(level bool)) {
	p.c.lock()
	p.notify = f
	p.c.unlock()
}

// driven is the level that host and pull-up give the line.
func (p *Pin) driven() bool { return !p.out || p.latch }

// level is what the host reads.
func (c *Chip) level(p *Pin) bool {
	switch p.line {
	case lineReady:
		return c.readyLevel()
	case lineGPIO0:
		if p.out {
			return p.latch
		}
		return c.gpio0Level()
	}
	if p.out {
		return p.latch
	}
	if p.line == lineReset {
		return !c.cfg.ResetInverted
	}
	return true
}

// lineChanged acts on what the host did to a line.
func (c *Chip) lineChanged(p *Pin) {
	switch p.line {
	case lineCS:
		low := !p.driven()
		if low != c.csLow {
			c.csLow = low
			if low {
				c.selected()
			} else {
				c.deselected()
			}
		}
	case lineReset:
		held := p.out && p.latch == c.cfg.ResetInverted
		if held != c.held {
			c.held = held
			if held {
				c.powerDown()
			} else {
				c.released()
			}
		}
	}
}
