package network

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// DNS is what the name server does.
type DNS byte

// What the name server may do.
const (
	DNSAnswers DNS = iota
	DNSFails       // it knows no name
	DNSSilent      // nothing comes back
)

// weather is what a fabric's conditions are at the moment. It is guarded by
// the fabric's mutex.
type weather struct {
	delay    time.Duration // one way
	loss     float64       // of segments and datagrams
	dns      DNS
	readRate int  // bytes a second that a machine's program reads; 0: no limit
	away     bool // the access point is gone
}

// Conditions are what may go wrong on a network, while it runs. A Virtual and
// a Host have these methods. They may be called by several goroutines at once.
type Conditions struct {
	mu      sync.Mutex
	fabrics []*fabric // the network itself, then those of boards that are access points
}

// add makes a fabric share the conditions of the first.
func (c *Conditions) add(f *fabric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.fabrics) > 0 {
		first := c.fabrics[0]
		first.lock()
		w := first.weather
		first.unlock()
		w.away = false
		f.weather, f.seed = w, first.seed
	}
	c.fabrics = append(c.fabrics, f)
}

// remove forgets a fabric.
func (c *Conditions) remove(f *fabric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.fabrics {
		if other == f {
			c.fabrics = append(c.fabrics[:i:i], c.fabrics[i+1:]...)
			return
		}
	}
}

func (c *Conditions) all() []*fabric {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*fabric(nil), c.fabrics...)
}

func (c *Conditions) each(do func(f *fabric)) {
	for _, f := range c.all() {
		f.lock()
		do(f)
		f.unlock()
	}
}

// SetRTT sets the round trip between any two; what is on its way keeps the old
// one. On a Host it is between a board and anybody else, on top of the host's
// own. It panics if d is negative.
func (c *Conditions) SetRTT(d time.Duration) {
	if d < 0 {
		panic(fmt.Sprintf("network: round trip of %v", d))
	}
	c.each(func(f *fabric) { f.delay = d / 2 })
}

// SetLoss sets the share of segments and datagrams that is lost. It panics if
// share is not in [0, 1).
func (c *Conditions) SetLoss(share float64) {
	if !(share >= 0 && share < 1) {
		panic(fmt.Sprintf("network: loss is %v, not in [0, 1)", share))
	}
	c.each(func(f *fabric) { f.loss = share })
}

// SetDNS sets what the name server does with names asked for from now on.
// Addresses are not asked for.
func (c *Conditions) SetDNS(dns DNS) {
	c.each(func(f *fabric) { f.dns = dns })
}

// SetReadRate makes the programs at the other end of the boards' connections
// slow readers: none takes more than so many bytes a second from any of them,
// so that receive windows and send buffers fill. 0 is no limit. It panics if
// the rate is negative.
func (c *Conditions) SetReadRate(bytesPerSecond int) {
	if bytesPerSecond < 0 {
		panic(fmt.Sprintf("network: reads of %d bytes a second", bytesPerSecond))
	}
	c.each(func(f *fabric) { f.readRate = bytesPerSecond })
}

// SetAccessPoint makes the access point that boards join go away or come back.
// Boards that had joined are cut off at once, and their chips are told (see
// Station.OnLink); they are joined again only when they ask for it. The
// networks of boards that are access points themselves go on.
func (c *Conditions) SetAccessPoint(there bool) {
	c.mu.Lock()
	f := c.fabrics[0]
	c.mu.Unlock()
	f.lock()
	defer f.unlock()
	if f.away == !there {
		return
	}
	f.away = !there
	for _, n := range f.nodes {
		if n.host {
			continue
		}
		if n.up && f.away {
			n.cut()
			n.frame()
		}
		n.onLink.notify(f)
	}
}

// ResetConnections makes the other ends of all connections of boards reset
// them. It returns how many there were.
func (c *Conditions) ResetConnections() int {
	count := 0
	c.each(func(f *fabric) {
		for _, n := range f.nodes {
			if n.host {
				continue
			}
			for e := range n.conns {
				if e.peer != nil && !e.reset && !e.peer.reset {
					e.peer.abort()
					count++
				}
			}
		}
	})
	return count
}

// roundTrip waits for a question to come back answered.
func (f *fabric) roundTrip(ctx context.Context) error {
	f.lock()
	d := 2 * f.delay
	f.unlock()
	if d == 0 {
		return ctx.Err()
	}
	answered := make(chan struct{})
	t := f.later(d, func() { close(answered) })
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		t.Stop()
		return ctx.Err()
	}
}
