// Package count prints what a program takes of the heap and of stacks for a
// hundred requests.
package count

import (
	"os"
	"runtime"

	"example.com/emulated/stack"
)

// A request's allocations are counted from the one numbered first on: what is
// made once is made then.
const (
	first = 20
	last  = 100
)

var (
	requests      int
	before, after runtime.MemStats

	// By whose stack it is, which is a constant. A map would take some of the heap
	// each time.
	names     [4]string
	leastFree [4]int
)

// Stack notes how much is left of the goroutine's stack. name says whose
// goroutine it is.
func Stack(name string) {
	free := stack.Free()
	for i := range names {
		if names[i] == "" {
			names[i], leastFree[i] = name, free
		}
		if names[i] == name {
			leastFree[i] = min(leastFree[i], free)
			return
		}
	}
}

// Request is called at the end of each request, always at the same place. After
// the last one it prints what was counted and ends the program.
func Request() {
	requests++
	switch requests {
	case first:
		runtime.ReadMemStats(&before)
	case last:
		runtime.ReadMemStats(&after)
		println("allocations", int(after.Mallocs-before.Mallocs), "in", last-first)
		println("bytes", int(after.TotalAlloc-before.TotalAlloc), "in", last-first)
		for i, name := range names {
			if name != "" {
				println("free", name, leastFree[i])
			}
		}
		println("served", last)
		os.Exit(0)
	}
}
