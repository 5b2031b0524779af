//go:build !tinygo || !(challenger_rp2040 || espat)

package espat

// The UART, as Config has it.

func needUART(bool) {}

func (c *chip) openUART() fault           { return c.uartAsGiven() }
func (c *chip) canSetUART() bool          { return c.canSetGiven() }
func (c *chip) setUART(baud uint32) fault { return c.setGiven(baud) }

// wired reports whether there is a UART.
func (w *wire) wired() bool { return w.uart != nil }

func (w *wire) buffered() int { return w.uart.Buffered() }

// read takes bytes that are there.
func (w *wire) read(p []byte) int {
	n, _ := w.uart.Read(p)
	return n
}

// write sends bytes, and returns how many; 0 if it cannot.
func (w *wire) write(p []byte) int {
	n, err := w.uart.Write(p)
	if err != nil {
		return 0
	}
	return n
}
