//go:build emulated

package machine

import "machine/wire"

// UART1 leads to a Challenger's Wi-Fi module; its pins do not matter.
var UART1 = &UART{port: 1}

const (
	UART1_TX_PIN = NoPin
	UART1_RX_PIN = NoPin
)

// UART is a serial port of the board.
type UART struct {
	port uint8
	in   [128]byte // what was received; from r to w it is still to be read
	r, w uint8
}

// Configure sets the port up.
func (uart *UART) Configure(config UARTConfig) error {
	if config.BaudRate == 0 {
		config.BaudRate = 115200
	}
	order(wire.Header{Op: wire.OpUARTConfigure, Unit: uart.port, N: config.BaudRate}, nil)
	return nil
}

// Buffered returns how many bytes can be read.
func (uart *UART) Buffered() int {
	if uart.r == uart.w {
		h := order(wire.Header{Op: wire.OpUARTRead, Unit: uart.port, N: uint32(len(uart.in))}, nil)
		uart.r, uart.w = 0, uint8(copy(uart.in[:], payload[:h.Size]))
	}
	return int(uart.w - uart.r)
}

// Read takes bytes that were received.
func (uart *UART) Read(data []byte) (int, error) {
	uart.Buffered()
	n := copy(data, uart.in[uart.r:uart.w])
	uart.r += uint8(n)
	return n, nil
}

// Write sends data.
func (uart *UART) Write(data []byte) (int, error) {
	order(wire.Header{Op: wire.OpUARTWrite, Unit: uart.port}, data)
	return len(data), nil
}
