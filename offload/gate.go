package offload

// gate is what one goroutine at a time may hold, for long: the bus, and the link. It is
// no mutex, since testing/synctest takes a goroutine that waits for one for running. A
// device's mu guards it.
type gate struct {
	held  bool
	first *waiter // of those that queue
}

// enter takes the gate if that is free, which it reports; otherwise w is in the queue,
// and will be told by through and its bell.
func (g *gate) enter(w *waiter) bool {
	w.through = false
	if !g.held {
		g.held = true
		return true
	}
	p := &g.first
	for *p != nil {
		p = &(*p).behind
	}
	*p = w
	return false
}

// leave hands the gate to the first in the queue.
func (g *gate) leave() {
	w := g.first
	if w == nil {
		g.held = false
		return
	}
	g.first, w.behind = w.behind, nil
	w.through = true
	w.wake.ring()
}

// abandon takes w out of the queue.
func (g *gate) abandon(w *waiter) {
	for p := &g.first; *p != nil; p = &(*p).behind {
		if *p == w {
			*p, w.behind = w.behind, nil
			return
		}
	}
}

// take waits for the gate and takes it.
func (d *device) take(g *gate) {
	d.mu.Lock()
	w := d.newWaiter()
	in := g.enter(w)
	for !in {
		d.mu.Unlock()
		w.wake.wait()
		d.mu.Lock()
		in = w.through
	}
	d.oldWaiter(w)
	d.mu.Unlock()
}

// tryTake takes the gate if it is free.
func (d *device) tryTake(g *gate) bool {
	d.mu.Lock()
	free := !g.held
	g.held = true
	d.mu.Unlock()
	return free
}

// leave hands the gate back.
func (d *device) leave(g *gate) {
	d.mu.Lock()
	g.leave()
	d.mu.Unlock()
}
