package nina

// gpio0Task keeps GPIO0: it scans when a command was handled or a frame came,
// then sleeps to the next tick.
func (f *firmware) gpio0Task() {
	defer f.c.tasks.Done()
	for {
		select {
		case <-f.update:
		case <-f.ctx.Done():
			return
		}
		f.c.lock()
		if f.ctx.Err() == nil {
			f.c.ledger.Scans++
			level := f.scan()
			if f.ctx.Err() == nil {
				f.c.setGPIO0(level)
			}
		}
		d := f.untilTick()
		if f.v.scansAtOnce {
			d = 0
		}
		f.c.unlock()
		if !f.sleep(d) {
			return
		}
	}
}

// updateGPIO0 asks for a scan. At most two requests are kept.
func (f *firmware) updateGPIO0() {
	select {
	case f.update <- struct{}{}:
	default:
	}
}

// frameIn is called by the station, which may hold locks of its own: it takes
// none.
func (f *firmware) frameIn() {
	select {
	case f.frame <- struct{}{}:
	default:
	}
	if f.c.cfg.Readings.GPIO0Misses && f.frames.Add(1)%4 == 0 {
		return
	}
	f.updateGPIO0()
}

// scan looks for data and stops at the first slot that has some. On the way it
// closes clients at their end, accepts one connection per server and takes a
// datagram.
func (f *firmware) scan() bool {
	t := f.gpio
	for i := range f.slots {
		s := &f.slots[i]
		if s.locked {
			continue
		}
		switch s.kind {
		case modeTCP:
			if s.server.alive() && s.server.pending(t) {
				return true
			}
			if s.client.open(t) && s.client.connected(t) && s.client.available(t) > 0 {
				return true
			}
		case modeUDP:
			if s.udp.open() && (s.udp.available() > 0 || s.udp.parse(t)) {
				return true
			}
		case modeTLS:
			if s.tls.alive && s.tls.connected(t) && s.tls.available(t) > 0 {
				return true
			}
		case modeBearSSL:
			if f.bear.connected(t) && f.bear.available(t) > 0 {
				return true
			}
		}
	}
	return false
}
