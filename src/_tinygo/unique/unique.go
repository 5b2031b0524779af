// Package unique has the API of Go's. It stands in a TINYGOROOT only, where
// net/netip keeps the zones of IPv6 addresses by it: a handful of values, for which
// a list will do. A map of interfaces, as TinyGo's own has, takes 2 KB of flash.
//
// Values stay for ever, and the time to find one grows with their number.
package unique

import "sync"

var (
	mu   sync.Mutex
	kept *node
)

// node is a value that is kept. TinyGo can make a list of these when it compiles,
// which it does for the values of netip's variables; it could not make a slice.
type node struct {
	next  *node
	value any // a pointer to it
}

// Handle stands for a value: two are equal if their values are.
type Handle[T comparable] struct {
	value *T
}

// Value returns the value.
func (h Handle[T]) Value() T { return *h.value }

// Make returns the Handle of a value.
func Make[T comparable](value T) Handle[T] {
	mu.Lock()
	p := find(value)
	if p == nil {
		p = new(T)
		*p = value
		kept = &node{next: kept, value: p}
	}
	mu.Unlock()
	return Handle[T]{p}
}

func find[T comparable](value T) *T {
	for n := kept; n != nil; n = n.next {
		if p, ok := n.value.(*T); ok && *p == value {
			return p
		}
	}
	return nil
}
