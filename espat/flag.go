//go:build !scheduler.tasks && !scheduler.asyncify && !scheduler.none

package espat

import "sync/atomic"

// flag is a bool that several goroutines look at.
type flag struct{ b atomic.Bool }

func (f *flag) set(on bool) { f.b.Store(on) }
func (f *flag) get() bool   { return f.b.Load() }
