//go:build emulated

package interrupt

// State is what Disable found. Here there are no interrupts.
type State uintptr

// Disable has nothing to disable.
func Disable() State { return 0 }

// Restore has nothing to restore.
func Restore(State) {}

// In reports whether an interrupt is being handled: never.
func In() bool { return false }
