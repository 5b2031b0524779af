//go:build !challenger_rp2040 && !espat

package espat

// boardConfig fills in the board's own UART: without a board there is none.
func boardConfig(*Config) error { return errNoUART }

// boardUART reports whether the UART and its pins are the board's.
func boardUART(*Config) bool { return false }

// configureUART sets up the UART if it is the board's.
func configureUART(*Config, uint32) (done bool, err error) { return false, nil }

// output makes a pin an output.
func output(p Pin) {
	if p, ok := p.(interface{ Output() }); ok {
		p.Output()
	}
}
