//go:build tinygo

package offload

import "sync"

// bell wakes one goroutine. Rung before somebody waits, it is heard then. It is a
// mutex that is locked until the bell rings: channels are 2 KB of flash, in a program
// that has no others.
type bell struct{ silent sync.Mutex }

func newBell() (b bell) {
	b.silent.Lock()
	return b
}

func (b *bell) ring() {
	b.silent.TryLock()
	b.silent.Unlock()
}

// wait waits until the bell rings.
func (b *bell) wait() { b.silent.Lock() }

// rung reports whether the bell was rung, and forgets it.
func (b *bell) rung() bool { return b.silent.TryLock() }
