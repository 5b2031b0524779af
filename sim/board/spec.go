package board

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tinynet/sim/espat"
	"tinynet/sim/nina"
)

// Names of network chips.
const (
	WiFiNINA = "WiFiNINA"
	ESPAT    = "ESP-AT"
)

// Spec describes a board that can be simulated.
type Spec struct {
	Name  string   // as TinyGo's -target, if Flash is not 0: "pyportal"
	Title string   // as its maker calls it: "Adafruit PyPortal"
	MCU   string   // microcontroller: "ATSAMD51J20A"
	Flash int      // of the microcontroller's program memory, bytes; 0 for what is no board that TinyGo knows
	Boot  int      // of Flash, what the boot loader takes, bytes
	RAM   int      // bytes
	Stack int      // of a goroutine in programs that TinyGo builds, bytes: see docs/memory.md
	Chip  string   // network chip: WiFiNINA or ESPAT
	Tags  []string // build tags of a program for the board, its own first

	// Firmware is that of the chip, one of Firmwares; empty for the first.
	Firmware string

	Wiring Wiring
}

// Wiring says what is connected to which pin of the microcontroller, in the
// numbers that TinyGo's package machine uses.
type Wiring struct {
	LED     uint8
	LEDName string // its colour or label, for messages: "red LED"

	// An ESP-AT module.
	UART uint8 // number of the port

	// A WiFiNINA chip.
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
		Stack: 4096,
		Chip:  WiFiNINA,
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
		Stack: 3840,
		Chip:  WiFiNINA,
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
		Stack: 4096,
		Chip:  WiFiNINA,
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
		Stack: 4096,
		Chip:  WiFiNINA,
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
		Stack: 3840,
		Chip:  WiFiNINA,
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
		Stack: 4096,
		Chip:  WiFiNINA,
		Tags:  []string{"matrixportal_m4", "ninafw"},
		Wiring: Wiring{
			LED: portA + 14, LEDName: "red LED",
			SPI: 0, CS: portB + 17, Ready: portA + 22, GPIO0: portA + 20, Reset: portA + 21,
		},
	},
	{
		Name:     "challenger-rp2040",
		Title:    "iLabs Challenger RP2040 WiFi",
		MCU:      "RP2040",
		Flash:    8 << 20,
		Boot:     256,
		RAM:      256 << 10,
		Stack:    4096,
		Chip:     ESPAT,
		Firmware: "esp8266-2.2",
		Tags:     []string{"challenger_rp2040"},
		Wiring:   Wiring{LED: 24, LEDName: "LED", UART: 1},
	},
	{
		Name:   "espat",
		Title:  "any board with an ESP-AT module",
		MCU:    "this machine",
		Chip:   ESPAT,
		Tags:   []string{"espat"},
		Wiring: Wiring{LED: 13, LEDName: "LED", UART: 1},
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

// Firmwares returns the versions of the board's network chip that can be
// simulated.
func (s Spec) Firmwares() []string {
	if s.Chip == ESPAT {
		return espat.Versions()
	}
	return nina.Firmwares()
}

// firmware returns a version that a board is to have, and what to call it.
func (s Spec) firmware(name string) (version, title string, err error) {
	version = cmp.Or(name, s.Firmware, s.Firmwares()[0])
	if !slices.Contains(s.Firmwares(), version) {
		return "", "", fmt.Errorf("board: no firmware %q is simulated: there are %s", version, strings.Join(s.Firmwares(), ", "))
	}
	if s.Chip == ESPAT {
		return version, espat.Describe(version), nil
	}
	title = nina.FirmwareVersion(version)
	if strings.HasPrefix(version, "adafruit") {
		title += " of Adafruit"
	}
	return version, title, nil
}
