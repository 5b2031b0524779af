// Package machine is a stand-in, on a developer's machine, for TinyGo's package
// of that name: a program that imports machine builds with stock Go and works
// on a simulated board.
//
// The board is named by a build tag, as TinyGo's -target names it: pyportal,
// arduino_nano33 and so on. It gives the pins and buses their names and numbers.
// Without a tag there are names enough to compile most programs, but no board
// to run them on.
//
// The board itself is in another process, that of the tool. It is looked for
// when it is first needed: the environment variable TINYNET_BOARD names it,
// "fd:3" for a socket that the program inherits or "unix:/path" for one in the
// file system; without the variable it is the one that 'tinynet attach' offers.
// A program that finds no board, or whose board goes away, prints one line on
// its standard error and exits with status 1.
//
// What is here: pins without interrupts, SPI, UART, Serial. All of it may be
// used by several goroutines at once.
package machine

// Multiples of a hertz.
const (
	KHz = 1000
	MHz = 1000_000
	GHz = 1000_000_000
)

// Device is the name of the board's microcontroller, such as "ATSAMD51J20A".
const Device = deviceName

// CPUFrequency returns the clock of the board's microcontroller in Hz. The
// program itself runs as fast as the developer's machine does.
func CPUFrequency() uint32 { return cpuFrequency }
