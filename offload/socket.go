package offload

import (
	"net/netip"

	"tinynet/netdev"
)

// The ports that the engine gives out, those of RFC 6335.
const (
	firstPort = 49152
	portCount = 1 << 14
	portTries = 16
)

// state is the state of a socket.
type state uint8

const (
	stateFree       state = iota
	stateNew              // about to be
	stateOpen             // datagram sockets stay here
	stateConnecting       // the chip is at it
	stateConnected
	stateListening
	stateClosing
)

// Socket is an entry of the table whose index is the user's file descriptor.
// The exported fields are for the chip to read and, where it says so, to set.
// They change only while the bus is held.
type Socket struct {
	Peer      netip.AddrPort // of a connection; set by Accept
	Port      uint16         // local port, 0 if none yet
	Handle    Handle         // the chip's number of it; set by Open and Accept
	Kind      Kind
	V6        bool   // of the family IPv6: see Engine.SetIPv6
	Signalled bool   // Signaller tells of it; set by the chip in Open and Accept, and later by SetSignalled
	Mark      uint32 // whatever the chip wants to remember, 0 at first

	// A device's mu guards what is below; onChip and role change only while
	// the bus is held as well.
	state   state
	role    state // what state was before Close
	gen     uint8 // changes when the entry is used anew
	onChip  bool  // Handle is ours
	peered  bool  // Peer is set
	eof     bool
	ended   bool // by Push: no more will come
	shutR   bool
	shutW   bool
	writing bool  // a Send is at work on the stream
	polled  bool  // scratch of the poller
	told    Ready // by Notify, and not used up yet
	ring    ring
	err     error   // what all calls but Close return from now on
	rdl     instant // deadlines
	wdl     instant
	active  instant // last traffic
	next    instant // not to be polled before
}

// Listening reports whether the socket is a listener.
func (s *Socket) Listening() bool { return s.role == stateListening }

// Connected reports whether the socket is a connection.
func (s *Socket) Connected() bool { return s.role == stateConnected }

// lookup returns the socket of a file descriptor, nil if there is none. The
// caller holds mu.
func (d *Device) lookup(fd int) *Socket {
	if fd < 0 || fd >= len(d.sockets) {
		return nil
	}
	switch s := &d.sockets[fd]; s.state {
	case stateFree, stateNew, stateClosing:
		return nil
	default:
		return s
	}
}

// free makes an entry available; the caller holds mu.
func (d *Device) free(s *Socket) {
	*s = Socket{gen: s.gen + 1, ring: ring{buf: s.ring.buf}}
	for w := d.waiters; w != nil; w = w.next {
		if w.want == wantEntry {
			w.inform()
		}
	}
}

// alloc finds a free entry and returns its index, or -1. The caller holds mu.
func (d *Device) alloc(kind Kind, v6 bool) int {
	used := 0
	for i := range d.sockets {
		if d.sockets[i].state != stateFree {
			used++
		}
	}
	if used >= int(d.limit) {
		return -1
	}
	for i := range d.sockets {
		if s := &d.sockets[i]; s.state == stateFree {
			*s = Socket{gen: s.gen + 1, state: stateNew, Kind: kind, V6: v6, ring: ring{buf: s.ring.buf}}
			return i
		}
	}
	return -1
}

// adopt notes that the chip's socket of s is there. Should an older entry have
// the same number, the chip has closed that one behind our back.
func (d *Device) adopt(s *Socket) {
	d.mu.Lock()
	for i := range d.sockets {
		if o := &d.sockets[i]; o != s && o.onChip && o.Handle == s.Handle {
			o.onChip = false
			if o.err == nil {
				o.err = netdev.ErrConnReset
			}
			d.wakeAll()
		}
	}
	s.onChip = true
	d.mu.Unlock()
}

// closeOnChip closes the chip's socket of an entry; the caller holds the bus.
func (d *Device) closeOnChip(s *Socket) error {
	d.mu.Lock()
	onChip := s.onChip
	d.mu.Unlock()
	if !onChip {
		return nil
	}
	err := d.chip.Close(s)
	d.mu.Lock()
	s.onChip = false
	d.mu.Unlock()
	return err
}

// touch notes traffic on a socket, after which the poller looks often.
func (d *Device) touch(s *Socket) {
	now := d.now()
	d.mu.Lock()
	s.active, d.active = now, now
	s.next = now + pollMin
	d.mu.Unlock()
}

// setState changes the state of a socket unless it is being closed. The caller
// holds the bus.
func (d *Device) setState(s *Socket, st state) {
	d.mu.Lock()
	s.role = st
	if s.state != stateClosing {
		s.state = st
	}
	d.mu.Unlock()
}

func (d *Device) setPort(s *Socket, port uint16) {
	d.mu.Lock()
	s.Port = port
	d.mu.Unlock()
}

// portTaken reports whether another socket of the kind is bound to the port.
// Connections have their listener's port and do not count.
func (d *Device) portTaken(s *Socket, port uint16) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.sockets {
		o := &d.sockets[i]
		if o != s && o.onChip && (o.Kind == Datagram) == (s.Kind == Datagram) && o.Port == port && (o.Kind == Datagram || o.role != stateConnected) {
			return true
		}
	}
	return false
}
