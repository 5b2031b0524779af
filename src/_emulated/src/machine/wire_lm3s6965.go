//go:build emulated && lm3s6965

package machine

import (
	"runtime/volatile"
	"unsafe"
)

// The board is at the other end of UART1, a PL011.
var (
	uartData  = (*volatile.Register32)(unsafe.Pointer(uintptr(0x4000d000)))
	uartFlags = (*volatile.Register32)(unsafe.Pointer(uintptr(0x4000d018)))
)

const (
	uartReceiveEmpty = 1 << 4
	uartTransmitFull = 1 << 5
)

func send(b []byte) {
	for _, c := range b {
		for uartFlags.HasBits(uartTransmitFull) {
		}
		uartData.Set(uint32(c))
	}
}

func receive(b []byte) {
	for i := range b {
		for uartFlags.HasBits(uartReceiveEmpty) {
		}
		b[i] = byte(uartData.Get())
	}
}
