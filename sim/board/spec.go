package board

import (
	"slices"
	"strings"
)

// Spec describes a board that can be simulated.
type Spec struct {
	Name   string   // as TinyGo's -target: "pyportal"
	Title  string   // as its maker calls it: "Adafruit PyPortal"
	MCU    string   // microcontroller: "ATSAMD51J20A"
	Flash  int      // of the microcontroller's program memory, bytes
	Boot   int      // of Flash, what the boot loader takes, bytes
	RAM    int      // bytes
	Stack  int      // of a goroutine in programs that TinyGo builds, bytes: see docs/memory.md
	Chip   string   // network chip: "WiFiNINA"
	Tags   []string // build tags of a program for the board, its own first
	Wiring Wiring
}

// Wiring says what is connected to which pin of the microcontroller, in the
// numbers that TinyGo's package machine uses.
type Wiring struct {
	LED     uint8
	LEDName string // its colour or label, for messages: "red LED"

	// The network chip.
	SPI           uint8 // number of the bus
	CS            uint8
	Ready         uint8 // from the chip; NINA_ACK
	GPIO0         uint8 // both ways
	Reset         uint8
	ResetInverted bool // high resets the chip
}

// Pins of the SAM microcontrollers by port, 32 each.
const (
	portA = 0
	portB = 32
)

// specs has the pins of TinyGo 0.33's src/machine/board_*.go and the memory of
// its targets/*.ld and *.json.
var specs = []Spec{
	{
		Name:  "pyportal",
		Title: "Adafruit PyPortal",
		MCU:   "ATSAMD51J20A",
		Flash: 1 << 20,
		Boot:  16 << 10,
		RAM:   256 << 10,
		Stack: 6656,
		Chip:  "WiFiNINA",
		Tags:  []string{"pyportal", "ninafw"},
		Wiring: Wiring{
			LED: portB + 23, LEDName: "red LED",
			SPI: 0, CS: portB + 14, Ready: portB + 16, GPIO0: portB + 15, Reset: portB + 17,
		},
	},
	{
		Name:  "arduino-nano33",
		Title: "Arduino Nano 33 IoT",
		MCU:   "ATSAMD21G18A",
		Flash: 256 << 10,
		Boot:  8 << 10,
		RAM:   32 << 10,
		Stack: 4608,
		Chip:  "WiFiNINA",
		Tags:  []string{"arduino_nano33", "ninafw"},
		Wiring: Wiring{
			LED: portA + 17, LEDName: "orange LED",
			SPI: 1, CS: portA + 14, Ready: portA + 28, GPIO0: portA + 27, Reset: portA + 8,
		},
	},
	{
		Name:  "nano-rp2040",
		Title: "Arduino Nano RP2040 Connect",
		MCU:   "RP2040",
		Flash: 16 << 20,
		Boot:  256,
		RAM:   256 << 10,
		Stack: 6656,
		Chip:  "WiFiNINA",
		Tags:  []string{"nano_rp2040", "ninafw"},
		Wiring: Wiring{
			LED: 6, LEDName: "orange LED",
			SPI: 1, CS: 9, Ready: 10, GPIO0: 2, Reset: 3,
		},
	},
	{
		Name:  "metro-m4-airlift",
		Title: "Adafruit Metro M4 AirLift Lite",
		MCU:   "ATSAMD51J19A",
		Flash: 512 << 10,
		Boot:  16 << 10,
		RAM:   192 << 10,
		Stack: 6656,
		Chip:  "WiFiNINA",
		Tags:  []string{"metro_m4_airlift", "ninafw"},
		Wiring: Wiring{
			LED: portA + 16, LEDName: "red LED",
			SPI: 0, CS: portA + 15, Ready: portB + 4, GPIO0: portB + 1, Reset: portB + 5,
		},
	},
	{
		Name:  "arduino-mkrwifi1010",
		Title: "Arduino MKR WiFi 1010",
		MCU:   "ATSAMD21G18A",
		Flash: 256 << 10,
		Boot:  8 << 10,
		RAM:   32 << 10,
		Stack: 4608,
		Chip:  "WiFiNINA",
		Tags:  []string{"arduino_mkrwifi1010", "ninafw"},
		Wiring: Wiring{
			LED: portA + 20, LEDName: "orange LED",
			SPI: 1, CS: portA + 14, Ready: portA + 28, GPIO0: portA + 27, Reset: portB + 8, ResetInverted: true,
		},
	},
	{
		Name:  "matrixportal-m4",
		Title: "Adafruit MatrixPortal M4",
		MCU:   "ATSAMD51J19A",
		Flash: 512 << 10,
		Boot:  16 << 10,
		RAM:   192 << 10,
		Stack: 6656,
		Chip:  "WiFiNINA",
		Tags:  []string{"matrixportal_m4", "ninafw"},
		Wiring: Wiring{
			LED: portA + 14, LEDName: "red LED",
			SPI: 0, CS: portB + 17, Ready: portA + 22, GPIO0: portA + 20, Reset: portA + 21,
		},
	},
}

// All returns every board that can be simulated, the default one first.
func All() []Spec { return slices.Clone(specs) }

// Lookup returns the board with the given name. Hyphens and underscores are
// the same, as are upper and lower case.
func Lookup(name string) (Spec, bool) {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	for _, s := range specs {
		if s.Name == name {
			return s, true
		}
	}
	return Spec{}, false
}
