//go:build cortexm && qemu

package runtime

import (
	"device/arm"
	"runtime/volatile"
	"unsafe"
)

// This stands in for TinyGo's file of that name. The machine is QEMU's
// lm3s6965evb, a Cortex-M3 with 64 KB of RAM; TinyGo's sleeps take no time there,
// and its clock stands still between them.

// timeUnit is a nanosecond.
type timeUnit int64

//export Reset_Handler
func main() {
	preinit()
	arm.SYST.SYST_RVR.Set(cyclesPerTick - 1)
	arm.SYST.SYST_CVR.Set(0)
	arm.SYST.SYST_CSR.Set(arm.SYST_CSR_ENABLE | arm.SYST_CSR_TICKINT | arm.SYST_CSR_CLKSOURCE)
	run()
	exit(0)
}

// SysTick counts the processor's cycles. QEMU runs this machine at 12.5 MHz after
// a reset (16 times what the crystal has, in units of 80 ns).
const (
	cycle         = 80 // ns
	cyclesPerTick = 12500
	tick          = cycle * cyclesPerTick // a millisecond
)

var elapsed volatile.Register32 // ticks; they last for 49 days

//export SysTick_Handler
func countTick() { elapsed.Set(elapsed.Get() + 1) }

func ticks() timeUnit {
	for {
		n := elapsed.Get()
		left := arm.SYST.SYST_CVR.Get()
		if elapsed.Get() == n {
			return timeUnit(n)*tick + timeUnit(cyclesPerTick-1-left)*cycle
		}
	}
}

func sleepTicks(d timeUnit) {
	for end := ticks() + d; ticks() < end; {
		arm.Asm("wfi")
	}
}

func ticksToNanoseconds(t timeUnit) int64  { return int64(t) }
func nanosecondsToTicks(ns int64) timeUnit { return timeUnit(ns) }

func waitForEvents() { arm.Asm("wfi") }

// console is the data register of UART0.
var console = (*volatile.Register8)(unsafe.Pointer(uintptr(0x4000c000)))

func putchar(c byte) { console.Set(c) }
func getchar() byte  { return 0 }
func buffered() int  { return 0 }

// exit ends QEMU.
func exit(code int) {
	reason := arm.SemihostingApplicationExit
	if code != 0 {
		reason = arm.SemihostingRunTimeErrorUnknown
	}
	arm.SemihostingCall(arm.SemihostingReportException, uintptr(reason))
	for {
	}
}

func abort() { exit(1) }
