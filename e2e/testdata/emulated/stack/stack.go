// Package stack measures the stack of the goroutine that calls it, in a program
// built by TinyGo: a block of the heap whose lowest word holds a constant.
package stack

import "unsafe"

// canary is what TinyGo puts at the end of a stack (internal/task).
const canary uintptr = 0xb83bf575

// paint is a word that nothing else writes.
const paint uintptr = 0xdeadc0de

//go:linkname pointer runtime.getCurrentStackPointer
func pointer() uintptr

func word(p uintptr) *uintptr { return (*uintptr)(unsafe.Pointer(p)) }

// End returns the address of the stack's lowest word, which says whose stack it
// is.
//
//go:noinline
func End() uintptr {
	p := pointer() &^ 3
	for *word(p) != canary {
		p -= 4
	}
	return p
}

// Free returns how much of the goroutine's stack has never been used, in bytes,
// since the first call in it. Words that were never written are zero at first.
func Free() int { return free(End()) }

//go:noinline
func free(end uintptr) int {
	low := end + 4
	p := low
	for *word(p) == 0 || *word(p) == paint {
		*word(p) = paint
		p += 4
	}
	return int(p - low)
}

// Forget makes what the caller does not use of the stack count as never used.
//
//go:noinline
func Forget() {
	for p := End() + 4; p < pointer()-64; p += 4 {
		*word(p) = paint
	}
}

// Watch watches a stack from within its goroutine.
type Watch struct {
	end  uintptr
	free int
}

// Begin begins, with the stack that has the given end.
func (w *Watch) Begin(end uintptr) {
	w.end = end
	w.Look()
}

// Is reports whether it is the stack with that end.
func (w *Watch) Is(end uintptr) bool { return w.end == end }

// Look looks at the stack.
func (w *Watch) Look() { w.free = free(w.end) }

// Free returns how much of the stack was never used when it was last looked at,
// in bytes.
func (w *Watch) Free() int { return w.free }
