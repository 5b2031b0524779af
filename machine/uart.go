package machine

import "errors"

// errEmpty is ReadByte's error when nothing was received.
var errEmpty = errors.New("machine: nothing received")

// UART is a serial port of the board.
type UART struct {
	port uint8
}

// UARTConfig is the configuration of a UART.
type UARTConfig struct {
	BaudRate uint32 // bits a second; 115200 if it is 0
	TX       Pin    // the pins: a simulated board has its UARTs wired and ignores them
	RX       Pin
	RTS      Pin
	CTS      Pin
}

// Configure sets the port up. It returns an error if the board has no such
// port.
func (uart *UART) Configure(config UARTConfig) error {
	if config.BaudRate == 0 {
		config.BaudRate = 115200
	}
	return check(board().UARTConfigure(uart.port, config.BaudRate))
}

// Buffered returns how many bytes were received and can be read now.
func (uart *UART) Buffered() int {
	n, err := board().UARTBuffered(uart.port)
	if check(err) != nil {
		return 0
	}
	return n
}

// Read takes bytes that were received. It does not wait: without any it returns
// 0 and no error.
func (uart *UART) Read(data []byte) (int, error) {
	n, err := board().UARTRead(uart.port, data)
	return n, check(err)
}

// ReadByte takes one byte that was received. It does not wait: without one
// it returns an error.
func (uart *UART) ReadByte() (byte, error) {
	var b [1]byte
	n, err := uart.Read(b[:])
	if err == nil && n == 0 {
		err = errEmpty
	}
	return b[0], err
}

// Write sends data and returns how much of it was sent.
func (uart *UART) Write(data []byte) (int, error) {
	n, err := board().UARTWrite(uart.port, data)
	return n, check(err)
}

// WriteByte sends one byte.
func (uart *UART) WriteByte(c byte) error {
	_, err := uart.Write([]byte{c})
	return err
}
