//go:build tinygo

package offload

import "time"

// sleeper is what one goroutine at a time sleeps with. A timer of package time costs
// 12 KB of flash and 1 KB of RAM, so there is none: it sleeps in slices.
type sleeper struct{}

// slice is how late a kick, or the bus, may be noticed.
const slice = 2 * time.Millisecond

// sleep waits until it can send to owner, which it reports, until it receives from
// kick, or for t. Either channel may be nil.
func (*sleeper) sleep(t time.Duration, owner chan<- struct{}, kick <-chan struct{}) (sent bool) {
	for ; ; t -= slice {
		select {
		case owner <- struct{}{}:
			return true
		case <-kick:
			return false
		default:
		}
		if t <= 0 {
			return false
		}
		time.Sleep(min(t, slice))
	}
}
