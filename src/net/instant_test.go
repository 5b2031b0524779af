package net

import (
	"math"
	"testing"
	"time"
)

func TestInstant(t *testing.T) {
	if i := instantOf(time.Time{}); i != 0 || !i.time().IsZero() || i.passed() {
		t.Errorf("no time is the instant %d, %v", i, i.time())
	}
	for _, d := range []time.Duration{-time.Hour, time.Hour, 1000 * time.Hour} {
		// As a time of the program's own, and as one that was read somewhere.
		for _, at := range []time.Time{time.Now().Add(d), time.Now().Add(d).Round(0).UTC()} {
			i := instantOf(at)
			if off := i.time().Sub(at).Abs(); off > time.Second {
				t.Errorf("%v became %v", at, i.time())
			}
			if i.passed() != (d < 0) || i.left() > d || i.left() < d-time.Minute {
				t.Errorf("%v: passed %t, left %v", d, i.passed(), i.left())
			}
		}
	}
	// Times that a Duration does not reach are as far away as can be.
	if i := instantOf(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)); i != math.MaxInt64 || i.passed() {
		t.Errorf("a far day is %d", i)
	}
	for _, at := range []time.Time{time.Unix(1, 0), time.Time{}.Add(1), began, longAgo.time()} {
		if i := instantOf(at); !i.passed() {
			t.Errorf("%v is %d, not over", at, i)
		}
	}
}
