package nina

import "time"

// Ledger counts what the host did and what it cost. Costs are counted on
// every clock, also on one where they take no time.
type Ledger struct {
	Exchanges    int      // commands whose reply was fetched
	Commands     [128]int // commands carried out, by number
	ErrorReplies int      // commands answered with EF 00 EE 00
	BytesOut     int      // bytes clocked in command halves, host to chip
	BytesIn      int      // bytes clocked in reply halves, chip to host
	BytesLost    int      // bytes clocked while the chip was not listening
	PinReads     int      // looks at a pin
	Scans        int      // runs of the GPIO0 task
	Resets       int      // releases of the reset line, power-on included
	Hangs        int      // times the chip hung

	Wire      time.Duration // bytes on the bus
	Handshake time.Duration // the 280 µs of each exchange
	Pins      time.Duration // pin reads
	Chip      time.Duration // the chip's own delays: boot, DNS, scan
}

// Ledger returns the counters since New.
func (c *Chip) Ledger() Ledger {
	c.lock()
	defer c.unlock()
	return c.ledger
}
