//go:build !tinygo

package offload

import "time"

// sleeper is what one goroutine at a time sleeps with.
type sleeper struct{ timer *time.Timer }

// sleep waits until it can send to owner, which it reports, until it receives from
// kick, or for t. Either channel may be nil.
func (s *sleeper) sleep(t time.Duration, owner chan<- struct{}, kick <-chan struct{}) (sent bool) {
	if s.timer == nil {
		s.timer = time.NewTimer(t)
	} else {
		// A tick that is left from before only makes the poller look once in vain.
		s.timer.Stop()
		s.timer.Reset(t)
	}
	select {
	case owner <- struct{}{}:
		return true
	case <-s.timer.C:
	case <-kick:
	}
	return false
}
