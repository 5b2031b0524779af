//go:build tinygo

package net

import (
	"io"
	"os"
	"unsafe"
)

// identical reports whether two errors are the same value: of those that are not
// pointers, the same copy of it. To compare interfaces as such brings most of
// reflect and of strconv, 10 KB.
func identical(a, b error) bool {
	type words struct{ typ, value unsafe.Pointer }
	return *(*words)(unsafe.Pointer(&a)) == *(*words)(unsafe.Pointer(&b))
}

// is is errors.Is for a target of which there is one copy.
func is(err, target error) bool {
	for err != nil {
		if identical(err, target) {
			return true
		}
		if x, ok := err.(interface{ Is(error) bool }); ok && x.Is(target) {
			return true
		}
		x, ok := err.(interface{ Unwrap() error })
		if !ok {
			break
		}
		err = x.Unwrap()
	}
	return false
}

func isEOF(err error) bool { return identical(err, io.EOF) }

// isTimeout reports whether a device says by err that it ran out of time.
// Devices differ in which error they use.
func isTimeout(err error) bool {
	for {
		if t, ok := err.(interface{ Timeout() bool }); ok && t.Timeout() {
			return true
		}
		x, ok := err.(interface{ Unwrap() error })
		if !ok {
			return false
		}
		err = x.Unwrap()
	}
}

// classify says of a device's error whether it was a timeout. To ask it by methods
// has those of all errors linked, 1 KB.
func (e *DNSError) classify(err error) {
	e.IsTimeout = wraps(err, os.ErrDeadlineExceeded)
}

// wraps reports whether err is, or wraps, the one copy of target.
func wraps(err, target error) bool {
	for !identical(err, target) {
		x, ok := err.(interface{ Unwrap() error })
		if !ok {
			return false
		}
		err = x.Unwrap()
	}
	return true
}
