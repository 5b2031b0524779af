//go:build !tinygo

package offload

import "errors"

// Same reports whether two errors are one and the same: a == b. On a board the operator
// costs 8 KB of flash, for values of all types; drivers do without it.
func Same(a, b error) bool { return a == b }

// Is is errors.Is, which costs as much.
func Is(err, target error) bool { return errors.Is(err, target) }
