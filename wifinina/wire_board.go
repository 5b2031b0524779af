//go:build tinygo && (ninafw || pyportal || arduino_nano33 || nano_rp2040 || metro_m4_airlift || arduino_mkrwifi1010 || matrixportal_m4)

package wifinina

import "machine"

// The bus and the pins. In a program that gives none in a Config, they are constants.

// given is whether a Config had some; see need_tinygo.go.
var given bool

func needWires(wired bool) {
	if wired {
		given = true
	}
}

func (c *chip) wire() error {
	if given {
		return c.wireAsGiven()
	}
	freq := c.cfg.Freq
	if freq == 0 {
		freq = maxFreq
	}
	err := machine.NINA_SPI.Configure(machine.SPIConfig{Frequency: freq, SDO: machine.NINA_SDO, SDI: machine.NINA_SDI, SCK: machine.NINA_SCK})
	if err != nil {
		return faults[errSPI]
	}
	return nil
}

// tx is SPI.Tx, and reports whether that went well.
func (b *bus) tx(w, r []byte) bool {
	if given {
		return b.spi.Tx(w, r) == nil
	}
	return machine.NINA_SPI.Tx(w, r) == nil
}

//go:noinline
func (b *bus) setCS(high bool) {
	if given {
		setPin(b.cs, high)
		return
	}
	machine.NINA_CS.Set(high)
}

// setReset holds the chip's reset, or lets go of it.
func (b *bus) setReset(held bool) {
	if given {
		setPin(b.resetn, held == b.resetIsHigh)
		return
	}
	machine.NINA_RESETN.Set(held == boardResetIsHigh)
}

func (b *bus) ackLevel() bool {
	if given {
		return b.ack.Get()
	}
	return machine.NINA_ACK.Get()
}

func (b *bus) gpio0Level() bool {
	if given {
		return b.gpio0.Get()
	}
	return machine.NINA_GPIO0.Get()
}

// drivePins makes the pins outputs, CS and GPIO0 high, and READY an input.
func (b *bus) drivePins() {
	if given {
		output(b.cs)
		output(b.gpio0)
		output(b.resetn)
		input(b.ack)
		b.cs.High()
		b.gpio0.High()
		return
	}
	for _, pin := range [...]machine.Pin{machine.NINA_CS, machine.NINA_GPIO0, machine.NINA_RESETN} {
		pin.Configure(machine.PinConfig{Mode: machine.PinOutput})
	}
	machine.NINA_ACK.Configure(machine.PinConfig{Mode: machine.PinInput})
	machine.NINA_CS.High()
	machine.NINA_GPIO0.High()
}

// freeGPIO0 makes GPIO0 an input.
func (b *bus) freeGPIO0() {
	if given {
		b.gpio0.Low()
		input(b.gpio0)
		return
	}
	machine.NINA_GPIO0.Low()
	machine.NINA_GPIO0.Configure(machine.PinConfig{Mode: machine.PinInput})
}
