//go:build scheduler.tasks || scheduler.asyncify || scheduler.none

package offload

// mutex guards a device's state for moments, never across anything that waits. Under
// these schedulers of TinyGo a goroutine runs until it waits, so that there is nothing
// to do: 1 KB of flash.
type mutex struct{}

func (*mutex) Lock()   {}
func (*mutex) Unlock() {}
