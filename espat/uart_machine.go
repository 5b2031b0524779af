//go:build challenger_rp2040 || espat

package espat

import "machine"

// ownUART is the board's own. A *machine.UART in an interface would have the program
// describe the registers behind it.
type ownUART struct{}

func (ownUART) Configure(c machine.UARTConfig) error { return machine.UART1.Configure(c) }
func (ownUART) Read(p []byte) (int, error)           { return machine.UART1.Read(p) }
func (ownUART) Write(p []byte) (int, error)          { return machine.UART1.Write(p) }
func (ownUART) Buffered() int                        { return machine.UART1.Buffered() }

// boardConfig fills in the board's own UART and pins.
func boardConfig(c *Config) fault {
	c.Uart = ownUART{}
	c.Tx, c.Rx = machine.UART1_TX_PIN, machine.UART1_RX_PIN
	if _, ok := configureUART(c, c.Baud); !ok {
		return errRate
	}
	return 0
}

// configurer is a UART of the board.
type configurer interface {
	Configure(machine.UARTConfig) error
}

// boardUART reports whether the UART and its pins are the board's.
func boardUART(c *Config) bool {
	_, ok := c.Uart.(configurer)
	_, ok1 := c.Tx.(machine.Pin)
	_, ok2 := c.Rx.(machine.Pin)
	return ok && ok1 && ok2
}

// configureUART sets up the UART if it is the board's.
func configureUART(c *Config, baud uint32) (done, ok bool) {
	if !boardUART(c) {
		return false, false
	}
	err := c.Uart.(configurer).Configure(machine.UARTConfig{BaudRate: baud, TX: c.Tx.(machine.Pin), RX: c.Rx.(machine.Pin)})
	return true, err == nil
}

// configureOutput makes p an output if it is one of the board's pins.
func configureOutput(p Pin) bool {
	pin, ok := p.(machine.Pin)
	if ok {
		pin.Configure(machine.PinConfig{Mode: machine.PinOutput})
	}
	return ok
}
