// Package unique has the API of Go's. It stands in a TINYGOROOT only, where
// net/netip keeps the zones of IPv6 addresses by it: a handful of values, for which
// a list will do. A map of interfaces, as TinyGo's own has, takes 2 KB of flash.
//
// Values stay for ever, and the time to find one grows with their number.
package unique

var last *node

// node is an entry of the list. Lists need no runtime.sliceAppend, which TinyGo cannot run
// ahead of time: netip's first values would cost the program code.
type node struct {
	before *node
	value  any // a pointer to it
}

// Handle stands for a value: two are equal if their values are.
type Handle[T comparable] struct {
	value *T
}

// Value returns the value.
func (h Handle[T]) Value() T { return *h.value }

// Make returns the Handle of a value.
func Make[T comparable](value T) Handle[T] {
	lock()
	var found *T
	for n := last; n != nil && found == nil; n = n.before {
		if p, ok := n.value.(*T); ok && *p == value {
			found = p
		}
	}
	if found == nil {
		found = new(T)
		*found = value
		last = &node{last, found}
	}
	unlock()
	return Handle[T]{found}
}
