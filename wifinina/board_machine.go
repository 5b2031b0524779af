//go:build ninafw || pyportal || arduino_nano33 || nano_rp2040 || metro_m4_airlift || arduino_mkrwifi1010 || matrixportal_m4

package wifinina

import "machine"

// boardConfig fills in the board's own bus and pins.
func boardConfig(c *Config) error {
	c.Spi = boardSPI{}
	c.Sdo, c.Sdi, c.Sck = machine.NINA_SDO, machine.NINA_SDI, machine.NINA_SCK
	c.Cs, c.Ack = machine.NINA_CS, machine.NINA_ACK
	c.Gpio0, c.Resetn = machine.NINA_GPIO0, machine.NINA_RESETN
	c.ResetIsHigh = boardResetIsHigh
	return nil
}

// boardSPI is the board's own bus. A *machine.SPI in an interface would have the
// program describe the registers behind it.
type boardSPI struct{}

func (boardSPI) Configure(c machine.SPIConfig) error { return machine.NINA_SPI.Configure(c) }
func (boardSPI) Tx(w, r []byte) error                { return machine.NINA_SPI.Tx(w, r) }
func (boardSPI) Transfer(b byte) (byte, error)       { return machine.NINA_SPI.Transfer(b) }

// configureSPI sets up a bus of the board: mode 0, most significant bit first.
// A bus with other methods, or given without its pins, is the user's to set
// up.
func configureSPI(c *Config) fault {
	spi, ok := c.Spi.(interface {
		Configure(machine.SPIConfig) error
	})
	sdo, ok1 := c.Sdo.(machine.Pin)
	sdi, ok2 := c.Sdi.(machine.Pin)
	sck, ok3 := c.Sck.(machine.Pin)
	if !ok || !ok1 || !ok2 || !ok3 {
		return 0
	}
	if spi.Configure(machine.SPIConfig{Frequency: c.Freq, SDO: sdo, SDI: sdi, SCK: sck}) != nil {
		return errSPI
	}
	return 0
}

// configurePin makes p an output or input if it is one of the board's pins.
func configurePin(p Pin, out bool) bool {
	pin, ok := p.(machine.Pin)
	if !ok {
		return false
	}
	mode := machine.PinInput
	if out {
		mode = machine.PinOutput
	}
	pin.Configure(machine.PinConfig{Mode: mode})
	return true
}
