//go:build tinygo

package net

import (
	"sync"
	"time"
)

// condition is what goroutines wait for that hold mu. TinyGo's sync.Cond has a
// defer, and with the first one of a program comes the printing of any panic's
// value, 3 KB.
type condition struct {
	mu      *sync.Mutex
	waiting int
	wake    chan struct{} // made by the first who waits
}

func (c *condition) init(mu *sync.Mutex) { c.mu = mu }

func (c *condition) wait() {
	if c.wake == nil {
		c.wake = make(chan struct{})
	}
	c.waiting++
	c.mu.Unlock()
	<-c.wake
	c.mu.Lock()
}

// broadcast wakes all who wait. The caller holds mu. Whoever waits is in the
// channel already or comes there without the lock.
func (c *condition) broadcast() {
	for ; c.waiting > 0; c.waiting-- {
		c.wake <- struct{}{}
	}
}

// turn is a condition that is seldom waited for. Whoever does looks every
// millisecond whether it holds, which is half a kilobyte less.
type turn struct{ mu *sync.Mutex }

func (t *turn) init(mu *sync.Mutex) { t.mu = mu }
func (t *turn) broadcast()          {}

func (t *turn) wait() {
	t.mu.Unlock()
	time.Sleep(time.Millisecond)
	t.mu.Lock()
}
