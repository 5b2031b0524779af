package wifinina

// wireAsGiven takes the bus and the pins of Config, or if there are none the board's own.
func (c *chip) wireAsGiven() error {
	cfg := &c.cfg
	if cfg.Spi == nil && cfg.Cs == nil && cfg.Ack == nil && cfg.Gpio0 == nil && cfg.Resetn == nil {
		if err := boardConfig(cfg); err != nil {
			return err
		}
	}
	if cfg.Spi == nil || cfg.Cs == nil || cfg.Ack == nil || cfg.Gpio0 == nil || cfg.Resetn == nil {
		return errSomePins
	}
	if cfg.Freq == 0 {
		cfg.Freq = maxFreq
	}
	b := &c.bus
	b.spi, b.cs, b.ack = cfg.Spi, cfg.Cs, cfg.Ack
	b.gpio0, b.resetn, b.resetIsHigh = cfg.Gpio0, cfg.Resetn, cfg.ResetIsHigh
	return c.err(configureSPI(cfg))
}

// maxFreq is the frequency in hertz that the chip takes at most.
const maxFreq = 8e6

func setPin(p Pin, high bool) {
	if high {
		p.High()
	} else {
		p.Low()
	}
}

func output(p Pin) {
	if configurePin(p, true) {
		return
	}
	if p, ok := p.(interface{ Output() }); ok {
		p.Output()
	}
}

func input(p Pin) {
	if configurePin(p, false) {
		return
	}
	if p, ok := p.(interface{ Input() }); ok {
		p.Input()
	}
}
