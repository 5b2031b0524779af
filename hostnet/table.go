//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"sync"
	"sync/atomic"

	"tinynet/netdev"
)

// A socket's number is its slot in the table with the slot's generation above
// it. The generation counts the sockets that a slot has had, so that a number
// that is not in use any more does not name the slot's next socket. Both fit
// the int of a 32-bit system.
const (
	slotBits       = 20
	generationBits = 11
	slotMask       = 1<<slotBits - 1
	generationMask = 1<<generationBits - 1
)

// table finds sockets by their number. Looking up takes no lock: it is part
// of every call.
type table struct {
	slots atomic.Pointer[[]slot] // grows by a copy

	mu          sync.Mutex // held by who changes something
	generations []uint16   // of each slot's next socket
	free        []int      // slots without a socket
}

type slot = atomic.Pointer[socket]

// get returns the socket with that number, or netdev.ErrInvalidSocketFd.
func (t *table) get(number int) (*socket, error) {
	if slots := t.slots.Load(); slots != nil && number >= 0 {
		if i := number & slotMask; i < len(*slots) {
			if s := (*slots)[i].Load(); s != nil && s.number == number {
				return s, nil
			}
		}
	}
	return nil, netdev.ErrInvalidSocketFd
}

// put gives s its number.
func (t *table) put(s *socket) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.free) == 0 && !t.grow() {
		return netdev.ErrNoMoreSockets
	}
	last := len(t.free) - 1
	i := t.free[last]
	t.free = t.free[:last]
	s.number = int(t.generations[i])<<slotBits | i
	t.generations[i] = (t.generations[i] + 1) & generationMask
	(*t.slots.Load())[i].Store(s)
	return nil
}

// grow doubles the table. It reports false if that would be too many slots.
func (t *table) grow() bool {
	var old []slot
	if p := t.slots.Load(); p != nil {
		old = *p
	}
	n := max(16, 2*len(old))
	if n > 1<<slotBits {
		return false
	}
	slots := make([]slot, n)
	for i := range old {
		slots[i].Store(old[i].Load())
	}
	for i := n - 1; i >= len(old); i-- { // the lowest number is given first
		t.free = append(t.free, i)
	}
	t.generations = append(t.generations, make([]uint16, n-len(old))...)
	t.slots.Store(&slots)
	return true
}

// take removes the socket with that number and returns it. Of several callers
// one gets it.
func (t *table) take(number int) (*socket, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.get(number)
	if err != nil {
		return nil, err
	}
	i := number & slotMask
	(*t.slots.Load())[i].Store(nil)
	t.free = append(t.free, i)
	return s, nil
}
