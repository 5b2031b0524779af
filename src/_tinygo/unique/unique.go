// Package unique has the API of Go's. It stands in a TINYGOROOT only, where
// net/netip keeps the zones of IPv6 addresses by it: a handful of values, for which
// a list will do. A map of interfaces, as TinyGo's own has, takes 2 KB of flash.
//
// Values stay for ever, and the time to find one grows with their number.
package unique

import "sync"

var (
	mu   sync.Mutex
	kept []any // pointers to values
)

// Handle stands for a value: two are equal if their values are.
type Handle[T comparable] struct {
	value *T
}

// Value returns the value.
func (h Handle[T]) Value() T { return *h.value }

// Make returns the Handle of a value.
func Make[T comparable](value T) Handle[T] {
	mu.Lock()
	var found *T
	for _, k := range kept {
		if p, ok := k.(*T); ok && *p == value {
			found = p
			break
		}
	}
	if found == nil {
		found = new(T)
		*found = value
		kept = append(kept, found)
	}
	mu.Unlock() // not deferred, which TinyGo cannot do when it runs package netip's start ahead of time
	return Handle[T]{found}
}
