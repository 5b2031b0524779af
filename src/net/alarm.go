package net

import (
	"sync"
	"time"
)

// direction is one of the two directions of a socket, or both.
type direction uint8

const (
	reading direction = 1 << iota
	writing
)

// An alarm is the deadline of those who wait for a condition. Its fields are
// guarded by the condition's lock.
type alarm struct {
	at    time.Time // zero for none
	armed bool      // the timer is set for at
	timer *time.Timer
}

// set moves the deadline. The caller wakes those who wait for c.
func (a *alarm) set(t time.Time) {
	a.at = fixed(t)
	a.armed = false
}

// expired reports whether the deadline has passed.
func (a *alarm) expired() bool { return !a.at.IsZero() && time.Until(a.at) <= 0 }

// wait waits for c, but not much longer than to the deadline: the caller looks
// again what is the case.
func (a *alarm) wait(c *sync.Cond) {
	if !a.at.IsZero() && !a.armed {
		a.armed = true
		left := time.Until(a.at)
		if a.timer != nil {
			a.timer.Reset(left)
		} else {
			a.timer = time.AfterFunc(left, func() {
				c.L.Lock()
				a.armed = false // a coarse clock may ring early
				c.Broadcast()
				c.L.Unlock()
			})
		}
	}
	c.Wait()
}

// stop is called when nobody will wait any more. A running timer would keep
// what it belongs to in memory.
func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}

// fixed returns t as a time that does not move when the clock is set.
func fixed(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	now := time.Now()
	return now.Add(t.Sub(now))
}
