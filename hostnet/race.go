//go:build race && (linux || darwin) && !tinygo

package hostnet

import (
	"runtime"
	"unsafe"
)

// The race detector does not know that who has received a datagram comes after
// who has sent it. Package syscall tells it so for reads and writes alone.

var handedOver byte

func raceRelease() { runtime.RaceReleaseMerge(unsafe.Pointer(&handedOver)) }
func raceAcquire() { runtime.RaceAcquire(unsafe.Pointer(&handedOver)) }
