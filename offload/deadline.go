package offload

import (
	"time"

	"tinynet/netdev"
)

// SetReadDeadline bounds Accept, Recv and RecvFrom, also those in progress.
func (u *Device) SetReadDeadline(sockfd int, t time.Time) error {
	d := u.dev()
	return d.setDeadline(sockfd, t, false)
}

// SetWriteDeadline bounds Connect, Send and SendTo, also those in progress.
func (u *Device) SetWriteDeadline(sockfd int, t time.Time) error {
	d := u.dev()
	return d.setDeadline(sockfd, t, true)
}

func (d *device) setDeadline(sockfd int, t time.Time, write bool) error {
	limit := d.instantOf(t)
	d.mu.Lock()
	s := d.lookup(sockfd)
	if s == nil {
		d.mu.Unlock()
		return netdev.ErrInvalidSocketFd
	}
	if write {
		s.wdl = limit
	} else {
		s.rdl = limit
	}
	waiting := false
	for w := d.waiters; w != nil; w = w.next {
		if w.s == s && w.write == write {
			waiting = true
			w.signal()
		}
	}
	d.mu.Unlock()
	if waiting {
		d.kickPoller()
	}
	return nil
}
