package espat

import "time"

// span is a time in units of 1024 ns, which fits into one word. As a clock it comes round
// after 73 minutes, so moments are looked at by how long ago they were: one that is longer
// ago than that may be taken for a young one, for no longer than it is waited for.
type span uint32

// spanOf converts a time of at most an hour.
func spanOf(d time.Duration) span { return span(min(d, time.Hour) >> 10) }

func (s span) duration() time.Duration { return time.Duration(s) << 10 }

// sleep sleeps for s.
//
//go:noinline
func (s span) sleep() { time.Sleep(s.duration()) }

// now returns this moment.
//
//go:noinline
func (c *chip) now() span { return span(c.eng.Elapsed() >> 10) }

// since returns how long ago a moment was.
func (c *chip) since(t span) span { return c.now() - t }
