//go:build scheduler.tasks || scheduler.asyncify || scheduler.none

package unique

// Here a goroutine runs until it waits. A mutex would keep TinyGo from running netip's
// start ahead of time.

func lock()   {}
func unlock() {}
