package espat

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// UART is the host's end of the serial line. One goroutine may read while
// another writes.
type UART struct {
	c      *Chip
	baud   int  // 0: the module's
	rts    bool // the host tells the module when its ring is full
	cts    bool // and heeds the module
	closed bool
}

// SetBaud sets the host's speed, which is 115200 at first. What goes over the
// line while the module has another is garbage. It panics if baud is not
// positive.
func (u *UART) SetBaud(baud int) {
	if baud <= 0 {
		panic(fmt.Sprintf("espat: %d baud", baud))
	}
	u.c.lock()
	defer u.c.unlock()
	u.c.settle()
	u.baud = baud
	u.c.rx.setSpeed(u.c.clk.Now(), u.c.perByte(baud))
	u.c.inputChanged.wake()
}

// Follow makes the host always have the module's speed.
func (u *UART) Follow() {
	u.c.lock()
	defer u.c.unlock()
	u.c.settle()
	u.baud = 0
	u.c.follow()
}

// SetFlowControl sets which of the flow control lines the host uses: rts tells
// the module to stop while the host's ring is full, which counts if the module
// heeds it (bit 1 of UART_CUR's last parameter); with cts the host stops while
// the module's ring is full, if the module says so (bit 0). Neither at first.
func (u *UART) SetFlowControl(rts, cts bool) {
	u.c.lock()
	defer u.c.unlock()
	u.rts, u.cts = rts, cts
	u.c.setFlow()
}

// Read takes what was received. Without any it waits, until there is some or
// the line is closed: then it returns io.EOF.
func (u *UART) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c := u.c
	c.lock()
	defer c.unlock()
	for {
		if n := u.received(p); n > 0 {
			return n, nil
		}
		if u.closed || c.closed {
			return 0, io.EOF
		}
		changed := c.outputChanged.wait()
		if len(c.tx.q) > 0 && !c.tx.stopped {
			c.until(c.tx.arrival(0), changed, nil)
		} else {
			c.block(func() { <-changed })
		}
	}
}

// received takes what has arrived, without waiting.
func (u *UART) received(p []byte) int {
	c := u.c
	now := c.clk.Now()
	c.tx.settle(now)
	if len(c.tx.ring) == 0 {
		return 0
	}
	n := copy(p, c.tx.take(now, len(p)))
	c.ledger.BytesIn += n
	c.drained.wake()
	return n
}

// Buffered returns how many bytes a Read would get at once. If that is none it
// takes Timing.Poll, so that who polls lets time pass.
func (u *UART) Buffered() int {
	c := u.c
	c.lock()
	defer c.unlock()
	c.tx.settle(c.clk.Now())
	if n := len(c.tx.ring); n > 0 {
		return n
	}
	c.block(func() { c.clk.Charge(c.cfg.Timing.Poll) })
	c.tx.settle(c.clk.Now())
	return len(c.tx.ring)
}

// Write sends p. It returns when the last byte is on the wire, which takes the
// bytes' time, and longer if flow control holds them up.
func (u *UART) Write(p []byte) (int, error) {
	c := u.c
	c.lock()
	defer c.unlock()
	if u.closed || c.closed {
		return 0, io.ErrClosedPipe
	}
	c.rx.send(c.clk.Now(), p)
	c.ledger.BytesOut += len(p)
	c.inputChanged.wake()
	for {
		if c.rx.settle(c.clk.Now()); len(c.rx.q) == 0 {
			return len(p), nil
		}
		if u.closed || c.closed {
			return len(p) - min(len(p), len(c.rx.q)), io.ErrClosedPipe
		}
		changed := c.taken.wait()
		if c.rx.stopped {
			c.block(func() { <-changed })
		} else {
			c.until(c.rx.arrival(len(c.rx.q)-1), changed, nil)
		}
	}
}

// Close closes the host's end: a Read that waits ends. The module goes on.
func (u *UART) Close() error {
	u.c.lock()
	defer u.c.unlock()
	u.closed = true
	u.c.outputChanged.wake()
	u.c.taken.wake()
	return nil
}

// settle makes both wires what they are now, before a speed changes.
func (c *Chip) settle() {
	now := c.clk.Now()
	c.tx.settle(now)
	c.rx.settle(now)
}

// perByte is the time of the ten bits of a byte. A free-running clock has none.
func (c *Chip) perByte(baud int) time.Duration {
	if c.free {
		return 0
	}
	return 10 * time.Second / time.Duration(baud)
}

// speedDiffers tells whether host and module fail to understand each other: a
// UART samples the last bit of ten, so half a bit in ten is too much.
func (c *Chip) speedDiffers() bool {
	if c.port.baud == 0 {
		return false
	}
	d := c.port.baud - c.baud
	return max(d, -d)*20 > c.baud
}

// follow gives a host that follows the module's speed.
func (c *Chip) follow() {
	if c.port.baud == 0 {
		c.rx.setSpeed(c.clk.Now(), c.perByte(c.baud))
		c.inputChanged.wake()
	}
}

// garble is what the receiver makes of bytes: noise if it is at the wrong speed.
func (c *Chip) garble(p []byte) []byte {
	if !c.speedDiffers() {
		return p
	}
	var out []byte
	for range p {
		if c.rng.IntN(4) > 0 { // framing errors lose some
			out = append(out, byte(c.rng.Uint32()))
		}
	}
	return out
}

// setFlow makes the wires heed what both ends have set.
func (c *Chip) setFlow() {
	c.tx.flow = c.free || c.port.rts && c.flow&flowCTS != 0
	c.rx.flow = c.free || c.port.cts && c.flow&flowRTS != 0
	for _, w := range []*wire{&c.tx, &c.rx} {
		if !w.flow && w.stopped {
			w.stopped = false
			w.settle(c.clk.Now())
		}
	}
	c.outputChanged.wake()
	c.inputChanged.wake()
	c.taken.wake()
	c.drained.wake()
}

// noise is what a receiver makes of nothing in particular.
func noise(r *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}
