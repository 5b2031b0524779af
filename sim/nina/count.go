package nina

// OpenSockets returns how many of lwIP's sockets are open: those of slots, BSD-like ones,
// and those that nobody can close any more.
func (c *Chip) OpenSockets() int {
	c.lock()
	defer c.unlock()
	n := 0
	if c.fw != nil {
		for _, s := range c.fw.lwip.table {
			if s != nil {
				n++
			}
		}
	}
	return n
}

// TakenSlots returns how many slots are not free, whether or not they hold a
// socket.
func (c *Chip) TakenSlots() int {
	c.lock()
	defer c.unlock()
	n := 0
	if c.fw != nil {
		for i := range c.fw.slots {
			if c.fw.slots[i].kind != slotFree {
				n++
			}
		}
	}
	return n
}
