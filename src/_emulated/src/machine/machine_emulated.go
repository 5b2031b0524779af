//go:build emulated

package machine

import (
	"errors"
	"machine/wire"
)

// The emulated board is a simulated PyPortal, or with the tag espat a Challenger RP2040, in
// another process: in either case with the pins of both, of which those of the other lead
// nowhere. Nothing here takes memory of the heap.

const deviceName = "emulated"

// Modes of a pin.
const (
	PinInput         = PinMode(wire.ModeInput)
	PinInputPullup   = PinMode(wire.ModeInputPullup)
	PinInputPulldown = PinMode(wire.ModeInputPulldown)
	PinOutput        = PinMode(wire.ModeOutput)
)

// Pins of the PyPortal.
const (
	portB = 32

	D5  Pin = portB + 16
	D6  Pin = portB + 15
	D7  Pin = portB + 17
	D8  Pin = portB + 14
	D13 Pin = portB + 23

	NINA_CS     = D8
	NINA_ACK    = D5
	NINA_GPIO0  = D6
	NINA_RESETN = D7
	NINA_SDO    = Pin(12)
	NINA_SDI    = Pin(14)
	NINA_SCK    = Pin(13)
)

// NINA_SPI is the bus to the Wi-Fi chip.
var NINA_SPI = &SPI{0}

// CPUFrequency returns the processor's clock in Hz.
func CPUFrequency() uint32 { return 120 * MHz }

func (p Pin) Configure(config PinConfig) {
	order(wire.Header{Op: wire.OpPinConfigure, Unit: uint8(p), Value: uint8(config.Mode)}, nil)
}

func (p Pin) Set(high bool) {
	h := wire.Header{Op: wire.OpPinSet, Unit: uint8(p)}
	if high {
		h.Value = 1
	}
	order(h, nil)
}

func (p Pin) Get() bool {
	return order(wire.Header{Op: wire.OpPinGet, Unit: uint8(p)}, nil).Value != 0
}

// SPI is a bus of the board.
type SPI struct{ bus uint8 }

// SPIConfig is the configuration of a bus. The pins are wired already.
type SPIConfig struct {
	Frequency uint32
	SCK       Pin
	SDO       Pin
	SDI       Pin
	LSBFirst  bool
	Mode      uint8
}

func (spi *SPI) Configure(config SPIConfig) error {
	order(wire.Header{Op: wire.OpSPIConfigure, Unit: spi.bus, Value: config.Mode, N: config.Frequency}, nil)
	return nil
}

// ErrTxInvalidSliceSize is Tx's error for two slices of different lengths.
var ErrTxInvalidSliceSize = errors.New("SPI write and read slices must be same size")

func (spi *SPI) Tx(w, r []byte) error {
	if len(w) != len(r) && len(w) != 0 && len(r) != 0 {
		return ErrTxInvalidSliceSize
	}
	for len(w) > 0 || len(r) > 0 {
		nw, nr := min(len(w), len(payload)), min(len(r), len(payload))
		reply := order(wire.Header{Op: wire.OpSPITransfer, Unit: spi.bus, N: uint32(nr)}, w[:nw])
		if int(reply.Size) != nr {
			panic("machine: a reply of the board is too short")
		}
		copy(r, payload[:nr])
		w, r = w[nw:], r[nr:]
	}
	return nil
}

func (spi *SPI) Transfer(w byte) (byte, error) {
	single[0] = w
	spi.Tx(single[:1], single[1:])
	return single[1], nil
}

var (
	attached bool
	header   [wire.HeaderSize]byte
	payload  [256]byte
	single   [2]byte // of Transfer
)

// order makes one request of the board, and waits for the reply if it has one.
// The reply's payload is in payload then. A board that is gone, or refuses,
// ends the program.
func order(h wire.Header, out []byte) wire.Header {
	if !attached {
		attached = true
		order(wire.Header{Op: wire.OpHello, Value: wire.Version}, []byte(boardName))
	}
	h.Size = uint32(len(out))
	send(h.Append(header[:0]))
	send(out)
	if !h.Answered() {
		return wire.Header{}
	}
	receive(header[:])
	r, err := wire.ParseHeader(header[:])
	if err != nil || r.Op != h.Op || int(r.Size) > len(payload) {
		panic("machine: the board's reply makes no sense")
	}
	receive(payload[:r.Size])
	if r.Status != wire.StatusOK {
		print("machine: ", string(payload[:r.Size]), "\n")
		panic("machine: refused by the board")
	}
	return r
}
