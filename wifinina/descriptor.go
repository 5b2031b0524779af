package wifinina

import "tinynet/offload"

// Sockets are, where the firmware has them, its BSD-like descriptors (commands
// 70 to 7F), not its older slots, because with slots
//   - a connection that was accepted blocks the whole chip when its peer does
//     not read, and nothing tells beforehand that it will;
//   - connecting blocks the whole chip, 18.5 s if the peer is silent;
//   - a reply to a peer that has closed its own direction is lost;
//   - a listener cannot be closed, and asking for the state of one, or of a
//     UDP slot, leaks its socket;
//   - UDP carries 50 datagrams a second, and one that arrives redirects one
//     that is being sent;
//   - and much of this differs between the two makers of firmware.
//
// The price is that the chip's GPIO0 tells of slots only, so that waiting
// means asking. (A slot can be made to watch a descriptor. But the task behind
// GPIO0 closes whatever it watches as soon as the peer has closed its own
// direction, and with it goes the reply that was still to be sent.)
// Non-blocking mode makes every command return at once.

// The descriptors that lwIP gives out end at FD_SETSIZE, 64 in ESP-IDF; there
// are at most 16.
const (
	firstDesc = 48
	lastDesc  = 64
)

// openDescriptor makes a descriptor.
func (c *chip) openDescriptor(s *offload.Socket) fault {
	if err := c.sweep(); err != 0 {
		return err
	}
	kind := byte(typeStream)
	if s.IsDatagram() {
		kind = typeDatagram
	}
	desc, err := c.bus.socket(kind)
	if err == 0 && desc == noFD {
		// One may be lost without anybody's knowing: a byte flipped in a close.
		c.orphans = true
		if err := c.sweep(); err != 0 {
			return err
		}
		desc, err = c.bus.socket(kind)
	}
	if err != 0 {
		c.orphans = true
		return err
	}
	if desc == noFD {
		return errNoMoreSockets
	}
	c.doubt(desc)
	s.Handle = offload.Handle(desc)
	if err := c.bus.nonBlocking(desc); err != 0 {
		c.closeDescriptor(s)
		return err
	}
	return 0
}

// doubt notes that a new descriptor is one that another socket has: the chip has
// closed that one, or the number was damaged and the true one is nobody's.
func (c *chip) doubt(desc byte) {
	if c.eng.Socket(offload.Handle(desc)) != nil {
		c.orphans = true
	}
}

// sweep closes all descriptors that the engine does not know, of which there
// may be some after the chip's answer to cmdSocket or cmdAccept was lost. It
// waits while there is a slot with a descriptor of its own.
func (c *chip) sweep() fault {
	if !c.orphans {
		return 0
	}
	for slot := offload.Handle(0); slot < maxSockets; slot++ {
		if c.eng.Socket(slot) != nil {
			return 0
		}
	}
	for desc := byte(firstDesc); desc < lastDesc; desc++ {
		if c.eng.Socket(offload.Handle(desc)) != nil {
			continue
		}
		if _, err := c.bus.close(desc); err != 0 {
			return err
		}
	}
	c.orphans = false
	return 0
}

// closeDescriptor closes a descriptor. One that the chip does not know is
// closed, so it does no harm to say it twice.
func (c *chip) closeDescriptor(s *offload.Socket) fault {
	if c.bus.broken() {
		c.orphans = true // if no reset comes first
		return errNoAnswer
	}
	known, err := c.bus.close(byte(s.Handle))
	if err == errGarbled || err == errRefused {
		known, err = c.bus.close(byte(s.Handle))
	}
	if err != 0 || !known {
		// Either it was closed already, or something else was.
		c.orphans = true
	}
	return err
}

// why returns the error after a command on a descriptor failed: that it is
// gone from the chip, or otherwise.
func (c *chip) why(otherwise fault) fault {
	if errno, err := c.bus.errno(); err != 0 {
		return err
	} else if errno == errnoBadFD {
		return errLost
	}
	return otherwise
}

// failure asks for the error number of the last command on a descriptor. The
// error is not nil if it can be used no more.
func (c *chip) failure(s *offload.Socket) (errno byte, err fault) {
	errno, err = c.bus.errno()
	switch {
	case err != 0:
	case errno == errnoBadFD:
		// The chip has closed it: the link was lost, if only for a moment.
		c.eng.Gone(s)
		err = errLost
	case errno == errnoConnReset || errno == errnoConnAborted:
		err = errConnReset
	}
	return errno, err
}

// busy reports whether an error number only says that the chip cannot just
// now.
func busy(errno byte) bool {
	return errno == errnoAgain || errno == errnoNoMemory || errno == errnoNoBuffers
}

func (c *chip) bindDescriptor(s *offload.Socket, port uint16) fault {
	desc := byte(s.Handle)
	if !s.IsDatagram() && !s.IsTLS() {
		// Without it old connections of a listener would keep it from being
		// opened again for two minutes.
		if ok, err := c.bus.setOption(desc, optReuse, longOne); err != 0 {
			return err
		} else if !ok {
			return c.why(errNotSupported)
		}
	}
	ok, err := c.bus.bind(desc, port)
	if err != 0 {
		return err
	}
	if !ok {
		return c.why(errAddrInUse)
	}
	return 0
}

func (c *chip) listenDescriptor(s *offload.Socket, backlog int) fault {
	ok, err := c.bus.listen(byte(s.Handle), byte(backlog))
	if err == 0 && !ok {
		err = c.why(errAddrInUse)
	}
	return err
}

func (c *chip) acceptDescriptor(l, s *offload.Socket) (bool, fault) {
	if c.sweep() != 0 {
		return false, 0
	}
	desc, from, err := c.bus.accept(byte(l.Handle))
	if err != 0 {
		// If there was a connection it is lost, which is no reason to end a
		// server. Should the chip be broken, the engine finds out.
		c.orphans = true
		return false, 0
	}
	if desc == noFD {
		return false, 0
	}
	c.doubt(desc)
	s.Handle, s.Peer = offload.Handle(desc), from.addrPort()
	// The mode is not inherited.
	if err := c.bus.nonBlocking(desc); err != 0 {
		c.closeDescriptor(s)
		if err == errNonBlock {
			return false, err
		}
		return false, 0
	}
	return true, 0
}

func (c *chip) connectDescriptor(s *offload.Socket, to addr) (done bool, err fault) {
	done, err = c.bus.connect(byte(s.Handle), to)
	if err != 0 || done {
		return done, err
	}
	errno, err := c.bus.errno()
	switch {
	case err != 0:
		return false, err
	case errno == errnoBadFD:
		return false, errLost
	case errno != errnoInProgress && errno != errnoAgain && errno != errnoAlready:
		return false, errConnRefused
	}
	return false, 0
}

// What a stream is given at once. The chip's send buffer holds four segments of
// 1436 bytes. Half of it can cross the wire while the other half is on its way to
// the peer. When the network is the slower one, room for a segment at a time gets
// free, and what the chip does not take has crossed the wire in vain; so it is
// tried with half a segment.
const (
	segment   = 1436
	flowSend  = 2 * segment
	tightSend = segment / 2

	tightFull = 32 // sends taken whole until the network is not the slower one any more
	tightZero = 16 // sends not taken at all until the chip is asked whether there is room
)

// A tight stream counts its sends in the upper bits of its mark: those taken
// whole, or not at all, in a row.

func (c *chip) sendDescriptor(s *offload.Socket, p []byte) (int, fault) {
	most := flowSend
	if s.Mark&markTight != 0 {
		most = tightSend
	}
	p = p[:min(len(p), most)]
	n, err := c.bus.send(byte(s.Handle), p)
	if err == errLate && c.bus.phase == inStep {
		return 0, 0 // nothing went out
	}
	if err != 0 {
		return 0, err
	}
	count := s.Mark >> 8
	switch {
	case n < len(p) && n > 0:
		s.Mark = markTight
		return n, 0
	case n == len(p) && s.Mark&markTight == 0:
		return n, 0
	case n == len(p):
		if s.Mark&markZero != 0 {
			count = 0
		}
		if count++; count >= tightFull {
			s.Mark = 0
		} else {
			s.Mark = markTight | count<<8
		}
		return n, 0
	}
	if s.Mark&markZero == 0 {
		count = 0
	}
	s.Mark = markTight | markZero | min(count+1, tightZero)<<8
	if count%8 != 7 && count < tightZero {
		return 0, 0
	}
	// A full buffer and a dead connection look the same but for errno.
	errno, err := c.failure(s)
	if err == 0 && errno != 0 && !busy(errno) {
		err = errConnReset
	}
	return 0, err
}

func (c *chip) sendToDescriptor(s *offload.Socket, p []byte, to addr) (bool, fault) {
	n, err := c.bus.sendTo(byte(s.Handle), to, p)
	if err != 0 || n > 0 {
		return err == 0, err
	}
	errno, err := c.failure(s)
	switch {
	case err != 0:
		return false, err
	case busy(errno):
		return false, 0
	case errno != 0 || len(p) > 0:
		return false, c.because(errNotSent)
	}
	return true, 0
}

func (c *chip) recvDescriptor(s *offload.Socket, p []byte, sure bool) (int, fault) {
	n, err := c.bus.recv(byte(s.Handle), p)
	if err == errLate && c.bus.phase == inStep {
		return 0, 0 // it was not asked for
	}
	// To no data where there should be some the chip has a reason, which
	// costs an exchange to ask for.
	if err != 0 || n > 0 || !sure {
		return n, err
	}
	errno, err := c.failure(s)
	if err == 0 && !busy(errno) {
		err = errEOF // lwIP says ENOTCONN or nothing
	}
	return 0, err
}

func (c *chip) recvFromDescriptor(s *offload.Socket, p []byte) (int, addr, bool, fault) {
	n, from, err := c.bus.recvFrom(byte(s.Handle), p)
	if err != 0 || n > 0 {
		return n, from, err == 0, err
	}
	// An empty datagram looks like none at all, but for errno.
	errno, err := c.failure(s)
	return 0, from, err == 0 && errno == 0 && from.port != 0, err
}

func (c *chip) pollDescriptor(s *offload.Socket, want offload.Ready) (offload.Ready, fault) {
	if want == offload.Writable && s.Mark&markTight != 0 && s.Mark>>8 < tightZero && s.Connected() {
		// The chip says that there is room when more than half of its buffer
		// is free. To try tells earlier.
		return offload.Writable, 0
	}
	flags, err := c.bus.poll(byte(s.Handle))
	if err != 0 {
		return 0, err
	}
	var r offload.Ready
	if flags == 0 && want&offload.Writable != 0 && s.Connected() {
		// So it looks when the chip's buffer is full, and when the chip has
		// closed the connection.
		if err := c.bus.nonBlocking(byte(s.Handle)); err == errNonBlock {
			return offload.Failed, 0 // who sends finds out
		} else if err != 0 {
			return 0, err
		}
	}
	if flags&pollReadable != 0 || flags == 0 && !s.IsDatagram() && !s.IsTLS() && s.Connected() {
		// A connection that the chip has closed looks like one with nothing to
		// read and no room to write: a reader finds out which.
		r |= offload.Readable
	}
	if flags&pollWritable != 0 {
		r |= offload.Writable
	}
	if flags&(pollError|pollFail) != 0 {
		r |= offload.Failed
	}
	return r, 0
}

// joinGroup makes a datagram socket a member of a multicast group. Only slots
// can join one, so a slot makes the socket and leaves its descriptor to us:
// asking for the state of a slot with datagrams frees the slot and not its
// descriptor.
func (c *chip) joinGroup(s *offload.Socket, group [4]byte) fault {
	b := &c.bus
	if c.slotted(s) {
		return c.joinGroupSlot(s, group)
	}
	slot, ok := c.freeSlot()
	if !ok {
		return errNoMoreSockets
	}
	// The port is the old descriptor's until that is closed.
	if err := c.closeDescriptor(s); err != 0 {
		return err
	}
	ok, err := b.startGroup(slot, group, s.Port)
	if err == 0 && !ok {
		err = errAddrInUse
	}
	if err == 0 && c.fw.arduino32() {
		// There the slot is not freed, and its datagrams are the slot's.
		s.Handle = offload.Handle(slot)
		s.Mark |= markGroup
		c.from[slot] = addr{}
		c.eng.SetSignalled(s, true)
		return 0
	}
	var desc byte
	if err == 0 {
		_, err = b.clientState(slot)
	}
	if err == 0 {
		desc, err = c.newDatagram(byte(s.Handle))
	}
	if err != 0 {
		c.orphans = true
		c.eng.Gone(s)
		c.eng.Fail(s, c.err(err))
		return err
	}
	s.Handle = offload.Handle(desc)
	s.Mark |= markGroup
	return 0
}

// newDatagram finds the datagram descriptor that the engine does not know. old
// is one that it knows and that is closed.
func (c *chip) newDatagram(old byte) (byte, fault) {
	for desc := byte(firstDesc); desc < lastDesc; desc++ {
		if desc != old && c.eng.Socket(offload.Handle(desc)) != nil {
			continue
		}
		typ, err := c.bus.socketType(desc)
		if err != 0 {
			return 0, err
		}
		if typ == typeDatagram {
			return desc, 0
		}
	}
	return 0, errNotSupported
}
