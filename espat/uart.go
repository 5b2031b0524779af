package espat

// UART is the serial port that leads to the module, as TinyGo's *machine.UART is: 8
// data bits, no parity, one stop bit.
type UART interface {
	// Read takes bytes that were received. It is called only when Buffered
	// says that there are some.
	Read(p []byte) (int, error)
	// Write sends p.
	Write(p []byte) (int, error)
	// Buffered returns how many bytes were received and not read yet.
	Buffered() int
}

// uartAsGiven takes the UART of Config, or if there is none the board's own.
func (c *chip) uartAsGiven() fault {
	cfg := &c.cfg
	if cfg.Uart == nil {
		if err := boardConfig(cfg); err != 0 {
			return err
		}
	}
	if c.wire.uart == nil { // else it may be looked at this moment
		c.wire.uart = cfg.Uart
	}
	return 0
}

// rateSetter is a UART whose speed can be set, as that of most boards is.
type rateSetter interface{ SetBaudRate(baud uint32) }

// canSetGiven reports whether the speed of the UART that was given can be set.
func (c *chip) canSetGiven() bool {
	_, ok := c.cfg.Uart.(rateSetter)
	return ok || boardUART(&c.cfg)
}

// setGiven sets the speed of the UART that was given.
func (c *chip) setGiven(baud uint32) fault {
	if done, ok := configureUART(&c.cfg, baud); done {
		if !ok {
			return errRate
		}
		return 0
	}
	if u, ok := c.cfg.Uart.(rateSetter); ok {
		u.SetBaudRate(baud)
	}
	return 0
}

// output makes a pin an output.
func output(p Pin) {
	if configureOutput(p) {
		return
	}
	if p, ok := p.(interface{ Output() }); ok {
		p.Output()
	}
}
