//go:build !(ninafw || pyportal || arduino_nano33 || nano_rp2040 || metro_m4_airlift || arduino_mkrwifi1010 || matrixportal_m4)

package wifinina

// boardConfig fills in the board's own bus and pins: without a board there
// are none.
func boardConfig(*Config) error { return errNoBus }

// configureSPI sets up a bus given by the user if it is the board's.
func configureSPI(*Config) fault { return 0 }

// configurePin makes p an output or input if it is one of the board's pins.
func configurePin(p Pin, out bool) bool { return false }
