//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"sync"
	"time"

	"tinynet/netdev"
)

// A deadline is when the calls of one direction of a socket have to return. The
// poller knows one moment per direction, and there may be several: the one
// that was set, and one for each call that has its own. It is given the
// earliest, and a call that it wakes for another's sake waits again.
type deadline struct {
	mu    sync.Mutex
	arm   func(time.Time) error // tells the poller
	set   time.Time             // by SetReadDeadline or SetWriteDeadline
	calls []time.Time           // of the calls under way that have their own
}

// change sets the deadline that is common to all calls.
func (d *deadline) change(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.set = t
	return d.update()
}

// enter is called before a call that has a deadline of its own, and leave
// after it.
func (d *deadline) enter(t time.Time) {
	d.mu.Lock()
	d.calls = append(d.calls, t)
	d.update()
	d.mu.Unlock()
}

func (d *deadline) leave(t time.Time) {
	d.mu.Lock()
	for i := range d.calls {
		if d.calls[i] == t {
			last := len(d.calls) - 1
			d.calls[i] = d.calls[last]
			d.calls = d.calls[:last]
			break
		}
	}
	d.update()
	d.mu.Unlock()
}

// update tells the poller the earliest deadline. The caller holds mu.
func (d *deadline) update() error {
	first := d.set
	for _, t := range d.calls {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return d.arm(first)
}

// concerns reports whether a timeout that the poller has told is one for a call
// whose own deadline is t, which may be zero. If not the call is to be made
// again. A deadline that has been taken back meanwhile does not count: the
// poller itself treats it so.
func (d *deadline) concerns(t time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if passed(d.set) || passed(t) {
		return true
	}
	d.update()
	return false
}

func passed(t time.Time) bool { return !t.IsZero() && time.Until(t) <= 0 }

// SetReadDeadline bounds Accept, Recv and RecvFrom, those that are blocked
// already too. The zero time is no limit.
func (d *Device) SetReadDeadline(sockfd int, t time.Time) error {
	s, err := d.table.get(sockfd)
	if err != nil {
		return err
	}
	if s.read.change(t) != nil {
		return netdev.ErrInvalidSocketFd // closed meanwhile
	}
	return nil
}

// SetWriteDeadline bounds Connect, Send and SendTo, those that are blocked
// already too. The zero time is no limit.
func (d *Device) SetWriteDeadline(sockfd int, t time.Time) error {
	s, err := d.table.get(sockfd)
	if err != nil {
		return err
	}
	if s.write.change(t) != nil {
		return netdev.ErrInvalidSocketFd
	}
	return nil
}
