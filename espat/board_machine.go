//go:build challenger_rp2040 || espat

package espat

import "machine"

// boardConfig fills in the board's own UART and pins.
func boardConfig(c *Config) error {
	c.Uart = machine.UART1
	c.Tx, c.Rx = machine.UART1_TX_PIN, machine.UART1_RX_PIN
	if c.Baud == 0 {
		c.Baud = 115200
	}
	_, err := configureUART(c, c.Baud)
	return err
}

// boardUART reports whether the UART and its pins are the board's.
func boardUART(c *Config) bool {
	_, ok := c.Uart.(*machine.UART)
	_, ok1 := c.Tx.(machine.Pin)
	_, ok2 := c.Rx.(machine.Pin)
	return ok && ok1 && ok2
}

// configureUART sets up the UART if it is the board's.
func configureUART(c *Config, baud uint32) (done bool, err error) {
	if !boardUART(c) {
		return false, nil
	}
	if c.Uart.(*machine.UART).Configure(machine.UARTConfig{BaudRate: baud, TX: c.Tx.(machine.Pin), RX: c.Rx.(machine.Pin)}) != nil {
		return true, errRate
	}
	return true, nil
}

// output makes a pin an output.
func output(p Pin) {
	if pin, ok := p.(machine.Pin); ok {
		pin.Configure(machine.PinConfig{Mode: machine.PinOutput})
		return
	}
	if p, ok := p.(interface{ Output() }); ok {
		p.Output()
	}
}
