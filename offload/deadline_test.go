//go:build go1.25

package offload

import (
	"testing"
	"testing/synctest"
	"time"
)

// A deadline is as far away as package time says, whether it was made from the clock's
// reading or from a date.
func TestHowLongUntilADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for _, d := range []time.Duration{0, 1, -1, time.Second, -time.Hour, 100 * 365 * 24 * time.Hour} {
			at := now.Add(d)
			for what, at := range map[string]time.Time{
				"with a reading": at,
				"without":        at.Round(0),
				"elsewhere":      at.Round(0).In(time.FixedZone("", 3600)),
				"as numbers":     time.Unix(0, at.UnixNano()),
			} {
				if got := left(at); got != time.Until(at) {
					t.Errorf("%v %s: %v is left, want %v", d, what, got, time.Until(at))
				}
			}
		}
		// Too far away to be counted in nanoseconds.
		for at, sign := range map[time.Time]time.Duration{
			time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC): 1,
			time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC):    -1,
		} {
			if got := left(at); got*sign < 100*365*24*time.Hour {
				t.Errorf("%v is left until %v", got, at)
			}
		}
	})
}
