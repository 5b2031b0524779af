//go:build emulated

package runtime

import "unsafe"

// The emulated target is a board whose chip is the Linux kernel's: the code is a
// Cortex-M's and the memory a board's, and what a board has in registers (a
// clock, a console) is a few system calls. Like on a board, the heap is what
// RAM is left, and no larger; the environment variable TINYNET_HEAP says how
// much that is, in bytes.

const GOARCH = "arm"

// TargetBits is the size of a word.
const TargetBits = 32

const (
	deferExtraRegs = 0
	callInstSize   = 4
)

// Numbers of system calls, as in Linux's arch/arm/tools/syscall.tbl.
const (
	sysExit         = 1
	sysWrite        = 4
	sysNanosleep    = 162
	sysClockGettime = 263
)

const clockMonotonic = 1

// syscall makes a system call: see targets/emulated.S.
//
//export emulated_syscall
func syscall(number, a, b, c uintptr) uintptr

// timeUnit is a nanosecond.
type timeUnit int64

// timespec is the kernel's: seconds and nanoseconds.
type timespec struct{ sec, nsec int32 }

// start begins the program. p is what the kernel left: the count of arguments,
// the arguments, a nil, the environment's variables, a nil.
//
//export emulated_start
func start(p *uintptr) {
	env := unsafe.Add(unsafe.Pointer(p), (*p+2)*unsafe.Sizeof(*p))
	for ; *(*uintptr)(env) != 0; env = unsafe.Add(env, unsafe.Sizeof(*p)) {
		if size := variable(*(*unsafe.Pointer)(env), "TINYNET_HEAP="); size != 0 && size < heapEnd-heapStart {
			heapEnd = heapStart + size&^7
		}
	}
	run()
	exit(0)
}

// variable returns the number in a variable, a string that ends with 0, if
// it begins with name, and 0 otherwise.
func variable(v unsafe.Pointer, name string) uintptr {
	for i := 0; i < len(name); i++ {
		if *(*byte)(v) != name[i] {
			return 0
		}
		v = unsafe.Add(v, 1)
	}
	n := uintptr(0)
	for c := *(*byte)(v); c >= '0' && c <= '9' && n < 1<<28; c = *(*byte)(v) {
		n = n*10 + uintptr(c-'0')
		v = unsafe.Add(v, 1)
	}
	return n
}

func align(p uintptr) uintptr { return (p + 7) &^ 7 }

func getCurrentStackPointer() uintptr { return uintptr(stacksave()) }

func ticksToNanoseconds(t timeUnit) int64  { return int64(t) }
func nanosecondsToTicks(ns int64) timeUnit { return timeUnit(ns) }

func ticks() timeUnit {
	var t timespec
	syscall(sysClockGettime, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return timeUnit(t.sec)*1e9 + timeUnit(t.nsec)
}

func sleepTicks(d timeUnit) {
	t := timespec{int32(d / 1e9), int32(d % 1e9)}
	syscall(sysNanosleep, uintptr(unsafe.Pointer(&t)), 0, 0)
}

// putchar writes to the standard output, where a board has its console.
func putchar(c byte) {
	syscall(sysWrite, 1, uintptr(unsafe.Pointer(&c)), 1)
}

func getchar() byte { return 0 }
func buffered() int { return 0 }

func exit(code int) {
	syscall(sysExit, uintptr(code), 0, 0)
}

// abort ends the program after a panic, with Go's exit code for one.
func abort() {
	exit(2)
	for {
	}
}

//go:linkname procPin sync/atomic.runtime_procPin
func procPin() {}

//go:linkname procUnpin sync/atomic.runtime_procUnpin
func procUnpin() {}
