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

// end returns the address of the stack's lowest word.
//
//go:noinline
func end() uintptr {
	p := pointer() &^ 3
	for *word(p) != canary {
		p -= 4
	}
	return p
}

// Free returns how much of the goroutine's stack has never been used, in bytes,
// since the first call in it. Words that were never written are zero at first.
func Free() int {
	low := end() + 4
	p := low
	for *word(p) == 0 || *word(p) == paint {
		*word(p) = paint
		p += 4
	}
	return int(p - low)
}
