package net

import (
	"math"
	"time"
)

// instant is a point in time in nanoseconds since the program began, on a clock
// that does not move when the time is set. 0 is none.
//
// Sockets hold instants, and no time.Time or time.Timer: TinyGo has all of the
// printing of times and time zones, 12 KB of it, in a program in which a value
// that somewhere holds a time.Time is put into an interface.
type instant int64

// began is the instant 0.
var began = time.Now()

// longAgo is the deadline that wakes a blocked call.
const longAgo instant = -1

func now() instant { return instant(time.Since(began)) }

// instantOf returns the instant of t, none for the zero time.
func instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	now := time.Now()
	since, left := now.Sub(began), t.Sub(now)
	switch {
	case left > 0 && since > math.MaxInt64-left:
		return math.MaxInt64
	case since+left == 0:
		return longAgo
	}
	return instant(since + left)
}

// time returns the time of i, the zero time for none.
func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Now().Add(i.left())
}

// left returns how much time there is until i, which must not be none.
func (i instant) left() time.Duration { return time.Duration(i - now()) }

// passed reports whether i is over. None never is.
func (i instant) passed() bool { return i != 0 && i <= now() }
