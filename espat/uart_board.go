//go:build tinygo && (challenger_rp2040 || espat)

package espat

import "machine"

// The UART. In a program that gives none in a Config, it is a constant.

// given is whether a Config had one; see need_tinygo.go.
var given bool

func needUART(inConfig bool) {
	if inConfig {
		given = true
	}
}

func (c *chip) openUART() fault {
	if given {
		return c.uartAsGiven()
	}
	return c.setUART(c.cfg.Baud)
}

func (c *chip) canSetUART() bool { return !given || c.canSetGiven() }

//go:noinline
func (c *chip) setUART(baud uint32) fault {
	if given {
		return c.setGiven(baud)
	}
	if machine.UART1.Configure(machine.UARTConfig{BaudRate: baud, TX: machine.UART1_TX_PIN, RX: machine.UART1_RX_PIN}) != nil {
		return errRate
	}
	return 0
}

// wired reports whether there is a UART.
func (w *wire) wired() bool { return !given || w.uart != nil }

func (w *wire) buffered() int {
	if given {
		return w.uart.Buffered()
	}
	return machine.UART1.Buffered()
}

// read takes bytes that are there.
func (w *wire) read(p []byte) (n int) {
	if given {
		n, _ = w.uart.Read(p)
	} else {
		n, _ = machine.UART1.Read(p)
	}
	return n
}

// write sends bytes, and returns how many; 0 if it cannot.
func (w *wire) write(p []byte) (n int) {
	var err error
	if given {
		n, err = w.uart.Write(p)
	} else {
		n, err = machine.UART1.Write(p)
	}
	if err != nil {
		return 0
	}
	return n
}
