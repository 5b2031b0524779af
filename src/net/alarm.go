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
	at    instant
	armed bool // the timer is set for at

	// The methods of the timer, which is made when it is needed.
	reset func(time.Duration) bool
	cease func() bool
}

// set moves the deadline. The caller wakes those who wait for c.
func (a *alarm) set(t time.Time) {
	a.at = instantOf(t)
	a.armed = false
	useAlarms()
}

// expired reports whether the deadline has passed.
func (a *alarm) expired() bool { return armAlarm != nil && a.at.passed() }

// wait waits for c, whose lock is mu, but not much longer than to the deadline: the caller looks
// again what is the case.
func (a *alarm) wait(c *condition, mu *sync.Mutex) {
	if a.at != 0 && !a.armed && armAlarm != nil {
		armAlarm(a, c, mu)
	}
	c.wait()
}

// armAlarm is alarm.arm. With TinyGo it is nil in a program without deadlines.
var armAlarm func(a *alarm, c *condition, mu *sync.Mutex)

func (a *alarm) arm(c *condition, mu *sync.Mutex) {
	a.armed = true
	left := a.at.left()
	if a.reset != nil {
		a.reset(left)
		return
	}
	timer := time.AfterFunc(left, func() {
		mu.Lock()
		a.armed = false // a coarse clock may ring early
		c.broadcast()
		mu.Unlock()
	})
	a.reset, a.cease = timer.Reset, timer.Stop
}

// stop is called when nobody will wait any more. A running timer would keep
// what it belongs to in memory.
func (a *alarm) stop() {
	if a.cease != nil {
		a.cease()
	}
}
