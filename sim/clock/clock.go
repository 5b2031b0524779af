// Package clock is the time in which a simulated chip lives.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time to a simulated chip and makes its delays pass.
//
// Delays are of two kinds. What something costs (bytes on the wire, the chip's
// own work, a round trip) is passed by Charge and Later, and takes no time at
// all on a free-running clock. What a protocol waits for (a retransmission, a
// lease) is passed by AfterFunc and takes its time on every clock.
type Clock interface {
	// Now returns the simulated time.
	Now() time.Time
	// Charge makes the caller spend d.
	Charge(d time.Duration)
	// Later calls f in a goroutine of its own when d has been spent.
	Later(d time.Duration, f func()) Timer
	// AfterFunc calls f in a goroutine of its own after d.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a call that has yet to happen.
type Timer interface {
	// Stop prevents the call; it reports whether it did.
	Stop() bool
}

// Free returns a clock on which costs take no time.
func Free() Clock { return free{} }

type free struct{}

func (free) Now() time.Time       { return time.Now() }
func (free) Charge(time.Duration) {}

func (free) Later(_ time.Duration, f func()) Timer { return time.AfterFunc(0, f) }

func (free) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Virtual returns a clock on which every cost is slept, exactly. It is meant
// for a testing/synctest bubble, whose time is virtual.
func Virtual() Clock { return virtual{} }

type virtual struct{}

func (virtual) Now() time.Time                            { return time.Now() }
func (virtual) Charge(d time.Duration)                    { time.Sleep(d) }
func (virtual) Later(d time.Duration, f func()) Timer     { return time.AfterFunc(d, f) }
func (virtual) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Paced returns a clock that runs at true speed. Costs are saved up and slept
// a millisecond or more at a time, since a system's timer is no finer; Now
// includes what is saved up.
func Paced() Clock { return new(paced) }

type paced struct {
	mu   sync.Mutex
	debt time.Duration
}

const pacedStep = time.Millisecond

func (c *paced) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.debt)
}

func (c *paced) Charge(d time.Duration) {
	c.mu.Lock()
	c.debt += d
	if c.debt < pacedStep {
		c.mu.Unlock()
		return
	}
	owed := c.debt
	c.mu.Unlock()
	start := time.Now()
	time.Sleep(owed)
	c.mu.Lock()
	// A sleep that took too long is credited to what follows.
	c.debt -= time.Since(start)
	if c.debt < -pacedStep {
		c.debt = -pacedStep
	}
	c.mu.Unlock()
}

func (c *paced) Later(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

func (c *paced) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
