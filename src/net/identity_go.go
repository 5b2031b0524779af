//go:build !tinygo

package net

import (
	"errors"
	"io"
	"os"
)

// identical reports whether two errors are the same value.
func identical(a, b error) bool { return a == b }

// is is errors.Is.
func is(err, target error) bool { return errors.Is(err, target) }

func isEOF(err error) bool { return err == io.EOF }

// isTimeout reports whether a device says by err that it ran out of time.
// Devices differ in which error they use.
func isTimeout(err error) bool {
	if is(err, os.ErrDeadlineExceeded) {
		return true
	}
	t, ok := err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}

// classify says of a device's error whether it was a timeout or temporary.
func (e *DNSError) classify(err error) {
	e.IsTimeout, e.IsTemporary = isTimeout(err), isTemporary(err)
}
