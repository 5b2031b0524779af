package wifinina

import "tinynet/offload"

// Slots are the firmware's older sockets. They serve TLS, which descriptors do
// not have, and everything on firmware without descriptors. What they cannot:
//   - connecting, and writing to an accepted connection whose peer does not
//     read, blocks the chip. Small writes make the latter rare;
//   - on firmware before 1.6 a connection is accepted when its first data
//     comes, so that a server cannot speak first;
//   - a listener cannot be closed. It is kept, connections to it are dropped,
//     and listening on its port again takes it up;
//   - a connection whose peer has closed its own direction is closed wholly;
//   - the end of a TLS stream that the peer did not announce goes unnoticed;
//   - Adafruit's 1.7 closes a connection that is written to while its buffer is
//     full, which nothing tells of beforehand;
//   - 50 datagrams a second.

// tlsSend is what TLS is given at once: two records, with what TLS adds, fit
// into the chip's send buffer.
const tlsSend = 2840

// freeSlot returns a slot that nothing uses.
func (c *chip) freeSlot() (byte, bool) {
	for slot := byte(0); slot < c.fw.slots; slot++ {
		if c.kept[slot] == 0 && c.eng.Socket(offload.Handle(slot)) == nil {
			return slot, true
		}
	}
	return 0, false
}

// openSlot reserves a slot. The chip makes a socket for it later.
func (c *chip) openSlot(s *offload.Socket) fault {
	slot, ok := c.freeSlot()
	if !ok {
		return errNoMoreSockets
	}
	s.Handle, s.Signalled = offload.Handle(slot), true
	c.from[slot] = addr{}
	return 0
}

func (c *chip) bindSlot(s *offload.Socket, port uint16) fault {
	switch {
	case s.IsDatagram():
		ok, err := c.bus.startServer(byte(s.Handle), port, modeUDP)
		if err == 0 && !ok {
			err = errAddrInUse
		}
		if err == 0 {
			// What came for the slot's last user after that had read its last.
			_, err = c.drainSlot(s)
		}
		return err
	case s.IsTLS():
		return errNotSupported // the chip chooses
	}
	return 0 // by Listen
}

// listenSlot makes a slot a listener, or takes up one that could not be closed.
func (c *chip) listenSlot(s *offload.Socket) fault {
	if s.Port == 0 {
		return errAddrInUse // the chip cannot listen on port 0
	}
	for slot := range c.kept {
		if c.kept[slot] == s.Port {
			listens, err := c.bus.serverState(byte(slot))
			if err != 0 {
				return err
			}
			c.kept[slot] = 0
			if !listens {
				break // the chip has reset itself
			}
			s.Handle = offload.Handle(slot)
			s.Mark |= markListener
			return 0
		}
	}
	slot := byte(s.Handle)
	ok, err := c.bus.startServer(slot, s.Port, modeTCP)
	if err == 0 && ok {
		// Such firmware says yes in any case.
		ok, err = c.bus.serverState(slot)
	}
	if err == 0 && !ok {
		err = errAddrInUse
	}
	if err == 0 {
		s.Mark |= markListener
	}
	return err
}

func (c *chip) acceptSlot(l, s *offload.Socket) (bool, fault) {
	slot, err := c.bus.available(byte(l.Handle))
	if err != 0 {
		return false, 0
	}
	if slot >= uint16(c.fw.slots) || c.eng.Socket(offload.Handle(slot)) != nil {
		// None, or a connection that was accepted before and has data.
		return false, 0
	}
	from, err := c.bus.remote(byte(slot))
	if err != 0 {
		c.bus.stopClient(byte(slot))
		return false, 0
	}
	s.Handle, s.Signalled = offload.Handle(slot), true
	s.Mark = markAccepted
	s.Peer = from.addrPort()
	return true, 0
}

func (c *chip) connectSlot(s *offload.Socket, host string, to addr) (bool, fault) {
	b, slot := &c.bus, byte(s.Handle)
	c.eng.SetPort(s, 0) // the chip chooses one, and does not say which
	// What the slot held before would stay open.
	if err := b.stopClient(slot); err != 0 {
		return false, err
	}
	mode := byte(modeTCP)
	if s.IsTLS() {
		mode = modeTLS
		if host == "" {
			// By address the firmware up to 2.0 connects to its reverse; as
			// text it takes it as it is.
			host = text4(to.ip)
		}
	} else {
		host = ""
	}
	ok, err := b.startClient(slot, host, to, mode)
	if err == errLate {
		err = c.late()
	}
	switch {
	case err != 0:
		return false, err
	case ok && s.IsTLS() && c.fw.fullCloses():
		// Adafruit's 1.7 says so of a failed handshake, too.
		ok, err = c.alive(s)
		if err == 0 && !ok {
			err = c.because(errTLS)
		}
		return ok, err
	case ok:
		return true, 0
	case s.IsTLS():
		return false, c.because(errTLS)
	}
	return false, errNoRoute
}

func (c *chip) sendSlot(s *offload.Socket, p []byte) (int, fault) {
	if s.Mark&markEnded != 0 {
		return 0, errConnReset
	}
	most := flowSend
	switch {
	case s.Mark&markAccepted != 0:
		most = segment
	case s.IsTLS():
		most = tlsSend
	}
	p = p[:min(len(p), most)]
	if c.full(s) {
		return 0, 0
	}
	if s.IsTLS() && s.Mark&markStuck != 0 {
		if s.Mark>>8 != sum(p) {
			return 0, c.because(errTLSRetry)
		}
	}
	n, err := c.bus.sendSlot(byte(s.Handle), p)
	if err == errLate && c.bus.phase == inStep {
		return 0, 0 // nothing went out
	}
	if err != 0 {
		return 0, err
	}
	s.Mark &= 0xFF &^ markStuck
	if n > 0 {
		if n < len(p) && c.fw.fullCloses() {
			s.Mark |= markFull | (c.milliseconds()+fullPause)<<8
		}
		return n, 0
	}
	if alive, err := c.alive(s); err != 0 {
		return 0, err
	} else if !alive {
		return 0, errConnReset
	}
	if s.IsTLS() {
		s.Mark |= markStuck | sum(p)<<8
	}
	return 0, 0
}

// fullPause is how many milliseconds a stream is not sent on after it was seen
// full, where to try would close it. Most peers have acknowledged by then; on one
// that reads more slowly such firmware loses the connection, and Send says so.
const fullPause = 50

// full reports whether the pause of a stream still lasts.
func (c *chip) full(s *offload.Socket) bool {
	if s.Mark&markFull == 0 {
		return false
	}
	if left := (s.Mark>>8 - c.milliseconds()) & 0xFFFFFF; left != 0 && left <= fullPause {
		return true
	}
	s.Mark &= 0xFF &^ markFull
	return false
}

// milliseconds is a clock of 24 bits, in units of about 1 ms.
func (c *chip) milliseconds() uint32 { return uint32(c.eng.Elapsed()>>20) & 0xFFFFFF }

// sum is a checksum of 24 bits, to recognise the bytes of a record.
func sum(p []byte) uint32 {
	h := uint32(2166136261)
	for _, b := range p {
		h = (h ^ uint32(b)) * 16777619
	}
	return h >> 8
}

// alive reports whether the connection of a slot lasts. If not, it frees the
// slot on the chip: Arduino's does that by itself as soon as it says so.
func (c *chip) alive(s *offload.Socket) (bool, fault) {
	if s.Mark&markEnded != 0 {
		return false, 0
	}
	if !s.IsDatagram() && !s.IsTLS() && !c.fw.descriptors {
		// Adafruit's 1.7 and Arduino's first 1.4 do not notice the end by
		// themselves.
		if err := c.bus.peek(byte(s.Handle)); err != 0 {
			return false, err
		}
	}
	ok, err := c.bus.clientState(byte(s.Handle))
	if err != 0 || ok {
		return ok, err
	}
	err = c.bus.stopClient(byte(s.Handle))
	s.Mark |= markEnded
	return false, err
}

func (c *chip) recvSlot(s *offload.Socket, p []byte, sure bool) (int, fault) {
	if s.Mark&markEnded != 0 {
		return 0, errEOF
	}
	p = p[:min(len(p), maxRecvSlot)]
	n, err := c.bus.recvSlot(byte(s.Handle), p, len(p))
	if err == errLate && c.bus.phase == inStep {
		return 0, 0 // it was not asked for
	}
	if err != 0 || n > 0 || !sure {
		return n, err
	}
	if alive, err := c.alive(s); err != 0 || alive {
		return 0, err
	}
	return 0, errEOF
}

func (c *chip) pollSlot(s *offload.Socket, want offload.Ready) (offload.Ready, fault) {
	r := want & offload.Writable // nothing tells: try
	if c.full(s) {
		r = 0
	}
	if want&offload.Readable == 0 {
		return r, 0
	}
	if s.Mark&markEnded != 0 {
		return offload.Readable | r, 0
	}
	n, err := c.bus.available(byte(s.Handle))
	if err != 0 {
		return 0, err
	}
	switch {
	case s.Listening():
		if n < uint16(c.fw.slots) && c.eng.Socket(offload.Handle(n)) == nil {
			r |= offload.Readable
		}
	case n > 0:
		r |= offload.Readable
	case !s.IsDatagram():
		alive, err := c.alive(s)
		if err != 0 {
			return 0, err
		}
		if !alive {
			r |= offload.Readable
		}
	}
	return r, 0
}

// drainSlot discards received data.
func (c *chip) drainSlot(s *offload.Socket) (bool, fault) {
	if s.Mark&markEnded != 0 {
		return false, 0
	}
	n, err := c.bus.recvSlot(byte(s.Handle), nil, maxRecvSlot)
	return n > 0, err
}

func (c *chip) closeSlot(s *offload.Socket) fault {
	slot := byte(s.Handle)
	switch {
	case s.Mark&markListener != 0:
		c.kept[slot] = s.Port
		c.tidy()
		return 0
	case s.Mark&markEnded != 0:
		return 0
	case s.IsDatagram():
		// Left there, the datagram would be the first of the next socket.
		if s.Port != 0 {
			if _, err := c.drainSlot(s); err != 0 {
				return err
			}
		}
	}
	return c.bus.stopClient(slot)
}

// tidy drops the connections to listeners that could not be closed.
func (c *chip) tidy() {
	for slot := range c.kept {
		for try := 0; c.kept[slot] != 0 && try < int(c.fw.slots); try++ {
			n, err := c.bus.available(byte(slot))
			if err != 0 || n >= uint16(c.fw.slots) || c.eng.Socket(offload.Handle(n)) != nil {
				break
			}
			c.bus.stopClient(byte(n))
		}
	}
}

func (c *chip) sendToSlot(s *offload.Socket, p []byte, to addr) (bool, fault) {
	b, slot := &c.bus, byte(s.Handle)
	if len(p) == 0 {
		return false, c.because(errNotSent) // the firmware cannot
	}
	if len(p) > 1460 && c.fw.arduino32() {
		return false, c.because(errSlotSize) // it would cut it
	}
	// To name the target overwrites the sender of a datagram that waits.
	if n, err := b.available(slot); err != 0 {
		return false, err
	} else if n > 0 && c.from[slot].port == 0 {
		if c.from[slot], err = b.remote(slot); err != 0 {
			return false, err
		}
	}
	if ok, err := b.startClient(slot, "", to, modeUDP); err != 0 {
		return false, err
	} else if !ok {
		return false, c.because(errNotSent)
	}
	if ok, err := b.insertUDP(slot, p); err != 0 {
		return false, err
	} else if !ok {
		return false, c.because(errNotSent)
	}
	ok, err := b.sendUDP(slot)
	if err == 0 && !ok {
		err = c.because(errNotSent)
	}
	return ok, err
}

func (c *chip) recvFromSlot(s *offload.Socket, p []byte) (int, addr, bool, fault) {
	b, slot := &c.bus, byte(s.Handle)
	size, err := b.available(slot)
	if err != 0 || size == 0 || size > maxRecvSlot {
		return 0, addr{}, false, err
	}
	// Before the datagram is read, after which the next may be there.
	from := c.from[slot]
	if from.port == 0 {
		if from, err = b.remote(slot); err != 0 {
			return 0, addr{}, false, err
		}
	}
	c.from[slot] = addr{}
	n, err := b.recvSlot(slot, p, int(size))
	return min(n, len(p)), from, err == 0 && n > 0, err
}

// joinGroupSlot is joinGroup for a slot.
func (c *chip) joinGroupSlot(s *offload.Socket, group [4]byte) fault {
	slot := byte(s.Handle)
	if err := c.closeSlot(s); err != 0 {
		return err
	}
	ok, err := c.bus.startGroup(slot, group, s.Port)
	if err == 0 && !ok {
		err = errAddrInUse
	}
	if err != 0 {
		c.eng.Fail(s, c.err(err))
		return err
	}
	s.Mark |= markGroup
	return 0
}
