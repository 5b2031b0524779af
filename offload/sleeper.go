//go:build !tinygo

package offload

import "time"

// sleeper is what one goroutine at a time sleeps with.
type sleeper struct{ timer *time.Timer }

// sleep waits until the bell rings, or for t.
func (s *sleeper) sleep(t time.Duration, b *bell) {
	if s.timer == nil {
		s.timer = time.NewTimer(t)
	} else {
		// A tick that is left from before only makes the poller look once in vain.
		s.timer.Stop()
		s.timer.Reset(t)
	}
	select {
	case <-s.timer.C:
	case <-*b:
	}
}
