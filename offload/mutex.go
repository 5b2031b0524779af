//go:build !scheduler.tasks && !scheduler.asyncify && !scheduler.none

package offload

import "sync"

// mutex guards a device's state for moments, never across anything that waits.
type mutex = sync.Mutex
