//go:build tinygo

package offload

import "unsafe"

// Same reports whether two errors are one and the same: a == b. On a board the operator
// costs 8 KB of flash, for values of all types; drivers do without it. It goes by
// identity: errors to be told apart by value are not for it.
func Same(a, b error) bool {
	type words struct{ kind, value unsafe.Pointer }
	x, y := (*words)(unsafe.Pointer(&a)), (*words)(unsafe.Pointer(&b))
	return x.kind == y.kind && x.value == y.value
}

// Is is errors.Is, which costs as much, for errors that wrap one other by a method
// Unwrap.
func Is(err, target error) bool {
	for err != nil {
		if Same(err, target) {
			return true
		}
		w, ok := err.(interface{ Unwrap() error })
		if !ok {
			break
		}
		err = w.Unwrap()
	}
	return false
}
