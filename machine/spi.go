package machine

import "errors"

// SPI modes: bit 1 is the clock's polarity, bit 0 its phase.
const (
	Mode0 = 0
	Mode1 = 1
	Mode2 = 2
	Mode3 = 3
)

// ErrTxInvalidSliceSize is Tx's error for two slices of different lengths.
var ErrTxInvalidSliceSize = errors.New("machine: SPI write and read slices differ in length")

// SPI is an SPI bus of the board, which is its controller.
type SPI struct {
	bus uint8
}

// SPIConfig is the configuration of an SPI bus.
type SPIConfig struct {
	Frequency uint32 // of the clock, in Hz; 4 MHz if it is 0
	SCK       Pin    // the pins: a simulated board has its buses wired and ignores them
	SDO       Pin
	SDI       Pin
	LSBFirst  bool  // the least significant bit of a byte goes first
	Mode      uint8 // Mode0 to Mode3
}

// Configure sets the bus up. It returns an error if the board has no such bus,
// or the mode is none.
func (spi *SPI) Configure(config SPIConfig) error {
	if config.Mode > Mode3 {
		return errors.New("machine: SPI mode is not one of Mode0 to Mode3")
	}
	if config.Frequency == 0 {
		config.Frequency = 4 * MHz
	}
	return check(board().SPIConfigure(spi.bus, config.Frequency, config.Mode, config.LSBFirst))
}

// Tx sends w and receives r, in one transfer. If both are given they must be
// of one length. With a nil w zeros are sent, with a nil r what comes in is
// dropped.
func (spi *SPI) Tx(w, r []byte) error {
	if len(w) != len(r) && len(w) != 0 && len(r) != 0 {
		return ErrTxInvalidSliceSize
	}
	return check(board().SPITransfer(spi.bus, w, r))
}

// Transfer sends one byte and returns the one that came in meanwhile.
func (spi *SPI) Transfer(w byte) (byte, error) {
	b := [2]byte{w}
	err := spi.Tx(b[:1], b[1:])
	return b[1], err
}
