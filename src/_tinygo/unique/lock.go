//go:build !scheduler.tasks && !scheduler.asyncify && !scheduler.none

package unique

import "sync"

var mu sync.Mutex

func lock()   { mu.Lock() }
func unlock() { mu.Unlock() }
