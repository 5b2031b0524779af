//go:build !tinygo

package offload

import "time"

// clock tells how long ago it was started.
type clock struct{ start time.Time }

func startClock() clock { return clock{time.Now()} }

func (c *clock) elapsed() time.Duration { return time.Since(c.start) }
