//go:build emulated && !lm3s6965

package machine

import "unsafe"

// boardDescriptor is the file at whose other end the board is.
const boardDescriptor = 3

// syscall makes a system call: see targets/emulated.S.
//
//export emulated_syscall
func syscall(number, a, b, c uintptr) uintptr

const (
	sysRead  = 3
	sysWrite = 4
)

func send(b []byte)    { transfer(sysWrite, b) }
func receive(b []byte) { transfer(sysRead, b) }

// transfer reads or writes all of b.
func transfer(call uintptr, b []byte) {
	for len(b) > 0 {
		n := int(syscall(call, boardDescriptor, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))))
		if n <= 0 {
			panic("machine: the board has gone away")
		}
		b = b[n:]
	}
}
