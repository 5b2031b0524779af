//go:build scheduler.tasks || scheduler.asyncify || scheduler.none

package espat

// flag is a bool that several goroutines look at: under these schedulers one runs until it
// waits.
type flag struct{ b bool }

func (f *flag) set(on bool) { f.b = on }
func (f *flag) get() bool   { return f.b }
