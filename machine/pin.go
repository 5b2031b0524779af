package machine

import "machine/wire"

// Pin is the number of a pin of the microcontroller. Boards give their pins
// names: D13, LED, NINA_CS.
type Pin uint8

// NoPin stands for a pin that is not there. Its methods do nothing.
const NoPin = Pin(0xff)

// PinMode is how a pin is used.
type PinMode uint8

// Modes of a pin. An input that nothing drives reads low, or high with
// PinInputPullup.
const (
	PinInput         = PinMode(wire.ModeInput)
	PinInputPullup   = PinMode(wire.ModeInputPullup)
	PinInputPulldown = PinMode(wire.ModeInputPulldown)
	PinOutput        = PinMode(wire.ModeOutput)
)

// PinConfig is the configuration of a pin.
type PinConfig struct {
	Mode PinMode
}

// Configure sets how the pin is used. An output starts with the level that was
// last set, low at first.
func (p Pin) Configure(config PinConfig) {
	if p != NoPin {
		check(board().PinConfigure(uint8(p), wire.Mode(config.Mode)))
	}
}

// Set makes the pin, which is an output, high or low.
func (p Pin) Set(high bool) {
	if p != NoPin {
		check(board().PinSet(uint8(p), high))
	}
}

// High makes the pin, which is an output, high.
func (p Pin) High() { p.Set(true) }

// Low makes the pin, which is an output, low.
func (p Pin) Low() { p.Set(false) }

// Get reports whether the pin is high. Of an output that is the level set.
func (p Pin) Get() bool {
	if p == NoPin {
		return false
	}
	high, err := board().PinGet(uint8(p))
	check(err)
	return high
}
