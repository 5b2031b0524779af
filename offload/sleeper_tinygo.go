//go:build tinygo

package offload

import "time"

// sleeper is what one goroutine at a time sleeps with. A timer of package time costs
// 12 KB of flash and 1 KB of RAM, so there is none: it sleeps in slices.
type sleeper struct{}

// slice is how late a bell may be heard.
const slice = 2 * time.Millisecond

// sleep waits until the bell rings, or for t.
func (*sleeper) sleep(t time.Duration, b *bell) {
	for ; !b.rung() && t > 0; t -= slice {
		time.Sleep(min(t, slice))
	}
}
