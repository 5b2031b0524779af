//go:build tinygo

package offload

import (
	"time"
	_ "unsafe" // for go:linkname
)

// clock tells how long ago the board was started, without package time's arithmetic.
type clock struct{}

func startClock() clock { return clock{} }

func (*clock) elapsed() time.Duration { return time.Duration(nanotime()) }

//go:linkname nanotime runtime.nanotime
func nanotime() int64
