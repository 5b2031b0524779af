package espat

import "time"

// wire is one direction of the serial line, with the receiver's ring at its far
// end. Nothing moves by itself: settle makes it what it is at a time.
type wire struct {
	q       []byte              // sent, but not all of it has arrived
	at      time.Time           // when q[0] has arrived
	per     time.Duration       // of a byte
	ring    []byte              // arrived and not taken
	size    int                 // of ring; 0 for no limit
	flow    bool                // the sender stops while the ring is full
	stopped bool                // it has
	lost    int                 // bytes that found the ring full
	mangle  func([]byte) []byte // what the receiver makes of bytes
}

// send puts bytes on the wire behind those that are there.
func (w *wire) send(now time.Time, p []byte) {
	if len(p) == 0 {
		return
	}
	w.settle(now)
	if len(w.q) == 0 {
		w.at = now.Add(w.per)
	}
	w.q = append(w.q, p...)
	w.settle(now)
}

// settle moves what has arrived by now into the ring.
func (w *wire) settle(now time.Time) {
	for len(w.q) > 0 && !now.Before(w.at) {
		n := len(w.q)
		if w.per > 0 {
			n = min(n, 1+int(now.Sub(w.at)/w.per))
		}
		room := n
		if w.size > 0 {
			room = max(0, min(n, w.size-len(w.ring)))
		}
		if w.flow && n > room {
			n = room
			w.stopped = true
		}
		w.ring = append(w.ring, w.mangle(w.q[:room])...)
		w.lost += n - room
		w.q = w.q[n:]
		w.at = w.at.Add(time.Duration(n) * w.per)
		if w.stopped {
			break
		}
	}
	if len(w.q) == 0 {
		w.q = nil
	}
}

// take removes up to n bytes that have arrived.
func (w *wire) take(now time.Time, n int) []byte {
	n = min(n, len(w.ring))
	p := append([]byte(nil), w.ring[:n]...)
	if w.ring = w.ring[n:]; len(w.ring) == 0 {
		w.ring = nil
	}
	if w.stopped && n > 0 {
		w.stopped = false
		if next := now.Add(w.per); len(w.q) > 0 && w.at.Before(next) {
			w.at = next
		}
		w.settle(now)
	}
	return p
}

// arrival returns when byte i of q has arrived, unless the sender has stopped.
func (w *wire) arrival(i int) time.Time { return w.at.Add(time.Duration(i) * w.per) }

// setSpeed changes the time of a byte for what has not arrived yet.
func (w *wire) setSpeed(now time.Time, per time.Duration) {
	w.settle(now)
	w.per = per
	if len(w.q) > 0 {
		w.at = now.Add(per)
	}
}
