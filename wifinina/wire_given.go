//go:build !tinygo || !(ninafw || pyportal || arduino_nano33 || nano_rp2040 || metro_m4_airlift || arduino_mkrwifi1010 || matrixportal_m4)

package wifinina

// The bus and the pins, as Config has them.

func needWires(bool) {}

func (c *chip) wire() error { return c.wireAsGiven() }

// tx is SPI.Tx, and reports whether that went well.
func (b *bus) tx(w, r []byte) bool { return b.spi.Tx(w, r) == nil }

func (b *bus) setCS(high bool) { setPin(b.cs, high) }

// setReset holds the chip's reset, or lets go of it.
func (b *bus) setReset(held bool) { setPin(b.resetn, held == b.resetIsHigh) }

func (b *bus) ackLevel() bool   { return b.ack.Get() }
func (b *bus) gpio0Level() bool { return b.gpio0.Get() }

// drivePins makes the pins outputs, CS and GPIO0 high, and READY an input.
func (b *bus) drivePins() {
	output(b.cs)
	output(b.gpio0)
	output(b.resetn)
	input(b.ack)
	b.cs.High()
	b.gpio0.High()
}

// freeGPIO0 makes GPIO0 an input.
func (b *bus) freeGPIO0() {
	b.gpio0.Low()
	input(b.gpio0)
}
