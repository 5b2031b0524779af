package offload

import (
	"testing"
	"time"
)

// Traffic that was noted a moment after the poller looked at the clock is not taken for
// none at all, nor is silence of hours for a moment's.
func TestPausesDoNotComeRound(t *testing.T) {
	for _, c := range []struct{ t, now, least, most time.Duration }{
		{5, 5, 0, 0},
		{time.Second, time.Millisecond, 0, 0},
		{time.Second, 2 * time.Second, time.Second - 1024, time.Second},
		{1, 100 * time.Hour, time.Hour, 2 * time.Hour},
	} {
		got := time.Duration(since(instant(c.t), instant(c.now)).instant())
		if got < c.least || got > c.most {
			t.Errorf("from %v to %v: %v, want %v to %v", c.t, c.now, got, c.least, c.most)
		}
	}
}
