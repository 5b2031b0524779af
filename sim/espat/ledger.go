package espat

// Ledger counts what went over the line.
type Ledger struct {
	Commands int // that were carried out
	Errors   int // answered with ERROR or FAIL
	Busy     int // times that input was answered with busy
	Resets   int // power-on included
	BytesOut int // host to module
	BytesIn  int // module to host, as read by it
	LostOut  int // host to module, that found the module's ring full
	LostIn   int // module to host, that found the host's ring full
}

// Ledger returns the counters since New.
func (c *Chip) Ledger() Ledger {
	c.lock()
	defer c.unlock()
	now := c.clk.Now()
	c.tx.settle(now)
	c.rx.settle(now)
	l := c.ledger
	l.LostOut, l.LostIn = c.rx.lost, c.tx.lost
	return l
}

// Open returns how many links are in use, and whether the server runs.
func (c *Chip) Open() (links int, server bool) {
	c.lock()
	defer c.unlock()
	if c.fw == nil {
		return 0, false
	}
	for i := range c.fw.tcp.links {
		if c.fw.tcp.links[i].kind != linkFree {
			links++
		}
	}
	return links, c.fw.tcp.server.on
}
