//go:build !tinygo

package net

import "sync"

// condition is what goroutines wait for that hold mu.
type condition struct{ c sync.Cond }

func (c *condition) init(mu *sync.Mutex) { c.c.L = mu }
func (c *condition) wait()               { c.c.Wait() }
func (c *condition) broadcast()          { c.c.Broadcast() }

// turn is a condition that is seldom waited for.
type turn = condition
