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
	Handle    Handle // the chip's number of it; set by Open and Accept
	Kind      Kind
	V6        bool   // of the family IPv6: see Engine.SetIPv6
	Signalled bool   // Signaller tells of it; set by the chip in Open and Accept, and later by SetSignalled
	Port      uint16 // local port, 0 if none yet
	Mark      uint32 // whatever the chip wants to remember, 0 at first

	// A device's mu guards what is below, but for Peer; onChip and role change only while
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
	writing bool    // a Send is at work on the stream
	polled  bool    // scratch of the poller
	told    Ready   // by Notify, and not used up yet
	err     error   // what all calls but Close return from now on
	rdl     instant // deadlines
	wdl     instant
	active  instant // last traffic
	next    instant // not to be polled before
	ring    ring

	Peer netip.AddrPort // of a connection; set by Accept
}

// IsDatagram reports whether the socket's Kind is Datagram. Better than to compare: a
// board's program that never makes such a socket is without what only that needs.
func (s *Socket) IsDatagram() bool { return s.Kind.IsDatagram() }

// IsTLS reports whether the socket's Kind is TLS; see IsDatagram.
func (s *Socket) IsTLS() bool { return s.Kind.IsTLS() }

// IsIPv6 reports whether the socket is of the family IPv6; see IsDatagram.
func (s *Socket) IsIPv6() bool { return needIPv6 && s.V6 }

// Listening reports whether the socket is a listener.
func (s *Socket) Listening() bool { return s.role == stateListening }

// Connected reports whether the socket is a connection.
func (s *Socket) Connected() bool { return s.role == stateConnected }

// lookup returns the socket of a file descriptor, nil if there is none. The
// caller holds mu.
func (d *device) lookup(fd int) *Socket {
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

// free makes an entry available; the caller holds mu. What is in it stays until it is
// used anew.
func (d *device) free(s *Socket) {
	s.gen++
	s.state, s.onChip = stateFree, false
	for w := d.waiters; w != nil; w = w.next {
		if w.want == wantEntry {
			w.inform()
		}
	}
}

// alloc finds a free entry and returns its index, or -1. The caller holds mu.
func (d *device) alloc(kind Kind, v6 bool) int {
	fd := d.vacant()
	if fd >= 0 {
		s := &d.sockets[fd]
		gen, buf := s.gen+1, s.ring.buf
		*s = Socket{}
		s.gen, s.ring.buf = gen, buf
		s.state, s.Kind, s.V6 = stateNew, kind, v6
	}
	return fd
}

// vacant returns the index of a free entry that may be used, or -1. The caller holds mu.
//
//go:noinline
func (d *device) vacant() int {
	fd, used := -1, 0
	for i := range d.sockets {
		if d.sockets[i].state != stateFree {
			used++
		} else if fd < 0 {
			fd = i
		}
	}
	if used >= int(d.limit) {
		return -1
	}
	return fd
}

// adopt notes that the chip's socket of s is there. Should an older entry have
// the same number, the chip has closed that one behind our back.
//
//go:noinline
func (d *device) adopt(s *Socket) {
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
func (d *device) closeOnChip(s *Socket) error {
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
func (d *device) touch(s *Socket) {
	now := d.now()
	d.mu.Lock()
	s.active, d.active = now, now
	s.next = now + pollMin.instant()
	d.mu.Unlock()
}

// setState changes the state of a socket unless it is being closed. The caller
// holds the bus.
func (d *device) setState(s *Socket, st state) {
	d.mu.Lock()
	s.role = st
	if s.state != stateClosing {
		s.state = st
	}
	d.mu.Unlock()
}

func (d *device) setPort(s *Socket, port uint16) {
	d.mu.Lock()
	s.Port = port
	d.mu.Unlock()
}

// portTaken reports whether another socket of the kind is bound to the port.
// Connections have their listener's port and do not count.
func (d *device) portTaken(s *Socket, port uint16) bool {
	taken := false
	d.mu.Lock()
	for i := range d.sockets {
		o := &d.sockets[i]
		if o != s && o.onChip && (o.IsDatagram()) == (s.IsDatagram()) && o.Port == port && (o.IsDatagram() || o.role != stateConnected) {
			taken = true
			break
		}
	}
	d.mu.Unlock()
	return taken
}
