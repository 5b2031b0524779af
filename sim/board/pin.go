package board

import (
	"machine/wire"

	"tinynet/sim/nina"
)

// pin is a pin of the microcontroller.
type pin struct {
	mode  wire.Mode
	level bool      // of the output register
	chip  *nina.Pin // what it is connected to, or nil
}

// wire connects the pins to the chip.
func (b *Board) wire() {
	if b.chip != nil {
		w := b.spec.Wiring
		b.pins[w.CS].chip = b.chip.CS()
		b.pins[w.Ready].chip = b.chip.Ready()
		b.pins[w.GPIO0].chip = b.chip.GPIO0()
		b.pins[w.Reset].chip = b.chip.Reset()
	}
	for i := range b.pins {
		b.configure(uint8(i), wire.ModeInput)
	}
}

// reset is what a reset of the microcontroller does to its pins, followed by
// one of the chip: its sockets are closed.
func (b *Board) reset() {
	for i := range b.pins {
		b.pins[i].level = false
		b.configure(uint8(i), wire.ModeInput)
	}
	if b.uart != nil {
		b.uart.Reset()
	}
	if b.chip == nil {
		return
	}
	r := b.chip.Reset()
	r.Set(b.spec.Wiring.ResetInverted)
	r.Output()
	r.Input()
}

// configure sets the mode of a pin.
func (b *Board) configure(n uint8, mode wire.Mode) {
	p := &b.pins[n]
	p.mode = mode
	if p.chip != nil {
		if mode == wire.ModeOutput {
			p.chip.Set(p.level)
			p.chip.Output()
		} else {
			p.chip.Input()
		}
	}
	b.showLED(n)
}

// set sets the output register of a pin.
func (b *Board) set(n uint8, high bool) {
	p := &b.pins[n]
	p.level = high
	if p.chip != nil && p.mode == wire.ModeOutput {
		p.chip.Set(high)
	}
	b.showLED(n)
}

// get returns the level of a pin.
func (b *Board) get(n uint8) bool {
	p := &b.pins[n]
	if p.chip != nil {
		return p.chip.Get()
	}
	b.clock.Charge(pinRead)
	if p.mode == wire.ModeOutput {
		return p.level
	}
	return p.mode == wire.ModeInputPullup
}

// showLED tells of the LED if n is its pin and it changed.
func (b *Board) showLED(n uint8) {
	w := &b.spec.Wiring
	if n != w.LED {
		return
	}
	p := &b.pins[n]
	if on := p.mode == wire.ModeOutput && p.level; on != b.led {
		b.led = on
		b.emit(LEDEvent{Name: w.LEDName, On: on})
	}
}
