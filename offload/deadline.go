package offload

import (
	"time"
	"unsafe"

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
			w.wake.ring()
		}
	}
	d.mu.Unlock()
	if waiting {
		d.kickPoller()
	}
	return nil
}

// instantOf converts a deadline.
func (d *device) instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	now, left := d.now(), instant(left(t))
	switch {
	case left > 0 && now+left < now:
		return 0 // beyond all times
	case now+left < 1:
		return 1
	}
	return now + left
}

// left returns how long it is until t. Time.Sub does the same in 1.3 KB.
func left(t time.Time) time.Duration {
	now := time.Now()
	if x, y := reading(&t), reading(&now); x != 0 && y != 0 {
		return time.Duration(x - y)
	}
	const most = 1 << 32 // seconds: 136 years
	s := max(-most, min(t.Unix()-now.Unix(), most))
	return time.Duration(s)*time.Second + time.Duration(t.Nanosecond()-now.Nanosecond())
}

// reading returns t's reading of the monotonic clock, 0 if it has none. It keeps a
// deadline what it is should the wall clock be set meanwhile.
func reading(t *time.Time) int64 {
	type layout struct { // package time's own
		wall uint64
		ext  int64
		loc  unsafe.Pointer
	}
	if l := (*layout)(unsafe.Pointer(t)); l.wall>>63 != 0 {
		return l.ext
	}
	return 0
}
