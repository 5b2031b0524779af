//go:build !challenger_rp2040 && !espat

package espat

// boardConfig fills in the board's own UART: without a board there is none.
func boardConfig(*Config) fault { return errNoUART }

// boardUART reports whether the UART and its pins are the board's.
func boardUART(*Config) bool { return false }

// configureUART sets up the UART if it is the board's.
func configureUART(*Config, uint32) (done, ok bool) { return false, false }

// configureOutput makes p an output if it is one of the board's pins.
func configureOutput(p Pin) bool { return false }
