package nina

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Types of a slot and modes of commands 28 and 2D (nina-fw 2.0.0
// CommandHandler.cpp).
const (
	slotFree = 255

	modeTCP       = 0
	modeUDP       = 1
	modeTLS       = 2
	modeMulticast = 3
	modeBearSSL   = 4
)

// slot is one of the socket slots. It has an object of each kind; the type says
// which of them most commands mean, and nothing keeps the others from holding
// sockets too.
type slot struct {
	kind   byte
	client tcpClient
	server tcpServer
	udp    datagrams
	tls    *tlsClient

	own    bool // 2D has connected it, for variant.stateFreesOwn
	locked bool // its mutex was never given back
}

func (s *slot) init(v *variant) {
	s.kind = slotFree
	s.client = v.newClient()
	s.server = v.newServer()
	s.udp = v.newUDP()
	s.tls = newTLS(false)
}

// stream returns the TCP or TLS client of the slot's type, nil for other types.
func (f *firmware) stream(s *slot) stream {
	switch s.kind {
	case modeTCP:
		return s.client
	case modeTLS:
		return s.tls
	case modeBearSSL:
		return f.bear
	}
	return nil
}

// serves is whether the firmware takes a slot for a server.
func (s *slot) serves() bool { return s.kind == modeTCP && s.server.alive() }

// slotAt returns the slot whose number is in the frame. Numbers past the last
// slot make the firmware read and write other variables: the chip hangs, and
// the slot is nil.
func (f *firmware) slotAt(in input, at int) *slot {
	n := in[at]
	if int(n) >= len(f.slots) {
		f.hang("slot %d out of range", n)
		return nil
	}
	return &f.slots[n]
}

// lockedSlotAt is slotAt of a command that takes the slot's mutex, where there
// is one. If nobody gives that back, the command waits for ever.
func (f *firmware) lockedSlotAt(in input, at int) *slot {
	s := f.slotAt(in, at)
	if s != nil && s.locked {
		f.hang("the mutex of slot %d was never given back", in[at])
		return nil
	}
	return s
}

func getSocket(f *firmware, _ input, r *reply) {
	i := f.freeSlot()
	if i != 255 {
		f.slots[i].own = false
	}
	r.param(byte(i))
}

// freeSlot returns the lowest slot of type 255, or 255.
func (f *firmware) freeSlot() int {
	for i := range f.slots {
		if f.slots[i].kind == slotFree {
			return i
		}
	}
	return 255
}

func startServer(f *firmware, in input, r *reply) {
	var ip [4]byte
	port, at := in.u16be(4), 7
	if in[2] != 3 {
		ip, port, at = in.ip(4), in.u16be(9), 12
	}
	s := f.slotAt(in, at)
	if s == nil {
		return
	}
	ok := false
	kind := byte(modeTCP)
	switch in[at+2] {
	case modeTCP:
		ok = s.server.begin(f.cmd, port)
	case modeUDP:
		kind = modeUDP
		ok = s.udp.begin(f.cmd, port)
	case modeMulticast:
		kind = modeUDP
		ok = s.udp.beginMulticast(f.cmd, netip.AddrFrom4(ip), port)
	}
	if ok {
		s.kind = kind
	}
	r.truth(ok)
}

// stopServer is of Arduino's 3.x; what it does to the slot is not known.
func stopServer(f *firmware, in input, r *reply) {
	s := f.slotAt(in, 4)
	if s == nil {
		return
	}
	if server, ok := s.server.(*server); ok && s.serves() {
		server.end(f.cmd)
		s.kind = slotFree
	}
	r.ack()
}

func serverState(f *firmware, in input, r *reply) {
	if s := f.lockedSlotAt(in, 4); s != nil {
		r.truth(s.server.alive())
	}
}

func dataSent(_ *firmware, _ input, r *reply) { r.ack() }

func available(f *firmware, in input, r *reply) {
	s := f.lockedSlotAt(in, 4)
	if s == nil {
		return
	}
	n := 0
	st := f.stream(s)
	switch {
	case s.serves() && in[6] != 0 && !f.v.noAcceptMode:
		n = f.acceptInto(s)
	case s.serves():
		n = f.clientOf(int(in[4]))
	case st != nil:
		n = st.available(f.cmd)
	case s.kind == modeUDP:
		if s.udp.available() == 0 && f.v.udpAskParses {
			s.udp.parse(f.cmd)
		}
		n = s.udp.available()
	}
	r.number(uint16(n))
}

// acceptInto puts a connection that waits into the lowest free slot.
func (f *firmware) acceptInto(s *slot) int {
	i := f.freeSlot()
	if i == 255 {
		return 255
	}
	fd := s.server.accept(f.cmd)
	if fd == -1 {
		return 255
	}
	f.slots[i].kind = modeTCP
	f.slots[i].client.adopt(f.cmd, fd)
	return i
}

// clientOf is what 2B without the accept byte does. Arduino's names a client
// only once that has data to read; a connection without a slot waits there, in
// arduino-esp32's it is closed.
func (f *firmware) clientOf(self int) int {
	fd := f.slots[self].server.asked(f.cmd)
	if fd == -1 {
		return 255
	}
	for i := range f.slots {
		if i != self && f.slots[i].kind == modeTCP && f.slots[i].client.descriptor() == fd && !f.v.networkServer {
			return i
		}
	}
	for i := range f.slots {
		if i != self && f.slots[i].kind == slotFree {
			f.slots[i].kind = modeTCP
			f.slots[i].client.adopt(f.cmd, fd)
			return i
		}
	}
	if f.v.networkServer {
		f.cmd.close(fd)
	}
	return 255
}

// getByte's peek flag is at a fixed place: a host that sends it as two bytes
// gets it wrong.
func getByte(f *firmware, in input, r *reply) {
	s := f.lockedSlotAt(in, 4)
	if s == nil {
		return
	}
	b := byte(0)
	peek := in[6] != 0
	if st := f.stream(s); st != nil {
		b = st.getByte(f.cmd, peek)
	} else if s.kind == modeUDP {
		b = s.udp.getByte(peek)
	}
	r.param(b)
}

// target is what command 2D says.
type target struct {
	tlsTarget
	slotAt  int
	mode    byte
	timeout time.Duration // of connecting, in six parameters
}

func (in input) target() target {
	var to target
	at := 4
	if in[2] != 4 {
		n := int(in[3])
		to.host = cstring(in.text(4, n))
		at = 5 + n
	}
	to.ip, to.port, to.slotAt, to.mode = in.ip(at), in.u16be(at+5), at+8, in[at+10]
	if in[2] >= 6 {
		to.timeout = time.Duration(in.u16be(at+12)) * time.Millisecond
	}
	return to
}

// startClientBlocks tells what of 2D takes time: connecting and resolving.
func startClientBlocks(f *firmware, in input) bool {
	to := in.target()
	return to.mode != modeUDP || to.host != ""
}

func startClient(f *firmware, in input, r *reply) {
	to := in.target()
	if f.v.mutexes || to.mode == modeTCP || to.mode == modeUDP || to.mode == modeTLS {
		if f.lockedSlotAt(in, to.slotAt) == nil {
			return
		}
	}
	ok := false
	switch {
	case to.mode == modeTCP, to.mode == modeUDP:
		s := &f.slots[in[to.slotAt]]
		if to.host != "" {
			if f.v.clientNamesFail {
				f.c.note("this firmware cannot connect by name: it takes the address for one")
				to.host = "\x00"
			}
			if to.ip, ok = f.lookup(to.host); !ok {
				return
			}
		}
		if to.mode == modeUDP {
			ok = s.udp.beginPacket(f.cmd, to.ip, to.port)
		} else {
			d := to.timeout
			if !f.v.connectTimeout {
				d = 0
			}
			ok = s.client.connect(f.cmd, netip.AddrPortFrom(netip.AddrFrom4(to.ip), to.port), d)
		}
	case to.mode == modeTLS:
		ok = f.slots[in[to.slotAt]].tls.connect(f.cmd, to.tlsTarget)
	case to.mode == modeBearSSL && !f.v.noBearSSL:
		ok = f.bear.connect(f.cmd, to.tlsTarget)
	case f.v.mutexes:
		f.slots[in[to.slotAt]].locked = true
		f.c.note("the mutex of the slot is not given back: the next command on it hangs")
	}
	if !ok {
		return
	}
	s := f.slotAt(in, to.slotAt)
	if s == nil {
		return
	}
	s.kind = to.mode
	s.own = s.own || to.mode != modeUDP
	r.ack()
}

// stopClient closes the object of the slot's type: for a server slot that is
// the client's, so its listener stays.
func stopClient(f *firmware, in input, r *reply) {
	s := f.lockedSlotAt(in, 4)
	if s == nil {
		return
	}
	if st := f.stream(s); st != nil {
		st.stop(f.cmd)
	} else if s.kind == modeUDP {
		s.udp.stop(f.cmd)
	}
	s.kind = slotFree
	s.own = false
	r.ack()
}

// clientState frees the slot when it answers 0; Adafruit's 3.3 only one that 2D
// has connected.
func clientState(f *firmware, in input, r *reply) {
	s := f.lockedSlotAt(in, 4)
	if s == nil {
		return
	}
	if st := f.stream(s); st != nil && st.connected(f.cmd) {
		r.param(4)
		return
	}
	if s.own || !f.v.stateFreesOwn {
		s.kind = slotFree
		s.own = false
	}
	r.param(0)
}

func sendDataBlocks(f *firmware, in input) bool {
	if int(in[5]) >= len(f.slots) {
		return false
	}
	s := &f.slots[in[5]]
	st := f.stream(s)
	return st != nil && (s.serves() || st.writeWaits(f))
}

func sendData(f *firmware, in input, r *reply) {
	s := f.lockedSlotAt(in, 5)
	if s == nil {
		return
	}
	p := f.data(in, 6)
	if f.hung {
		return
	}
	n, done := 0, false
	if s.serves() {
		n, done = s.server.write(f.cmd, p)
	}
	if st := f.stream(s); st != nil && !done {
		n = st.write(f.cmd, p)
	}
	r.number(uint16(n))
}

// data returns a parameter with a length of two bytes, which may reach past
// what was received, but not past the buffer.
func (f *firmware) data(in input, at int) []byte {
	n := int(in.u16be(at))
	if at+2+n > len(in) {
		f.hang("%d bytes of data reach past the frame", n)
		return nil
	}
	return in.text(at+2, n)
}

func getBuffer(f *firmware, in input, r *reply) {
	s := f.lockedSlotAt(in, 5)
	if s == nil {
		return
	}
	n := 0
	p := f.scratch[:min(int(in.u16le(8)), len(f.scratch))]
	if st := f.stream(s); st != nil {
		n = max(st.read(f.cmd, p), 0)
	} else if s.kind == modeUDP {
		n = s.udp.read(p)
	}
	f.returnData(r, p[:n], 6)
}

// returnData adds data to a reply, which frame bytes surround. The firmware
// does not check that it fits.
func (f *firmware) returnData(r *reply, p []byte, frame int) {
	if len(p)+frame > frameMax {
		f.hang("%d bytes overrun the reply", len(p))
		return
	}
	r.param16(p)
}

func insertUDP(f *firmware, in input, r *reply) {
	s := f.lockedSlotAt(in, 5)
	if s == nil {
		return
	}
	p := f.data(in, 6)
	if f.hung {
		return
	}
	if ok := s.udp.insert(f.cmd, p); !f.hung {
		r.truth(ok)
	}
}

func sendUDP(f *firmware, in input, r *reply) {
	if s := f.lockedSlotAt(in, 4); s != nil {
		r.truth(s.udp.send(f.cmd))
	}
}

// getRemote answers with whatever is on the stack where there is no peer.
func getRemote(f *firmware, in input, r *reply) {
	s := f.lockedSlotAt(in, 4)
	if s == nil {
		return
	}
	var ip [4]byte
	var port uint16
	if st := f.stream(s); st != nil {
		ip, port = f.peerOrNoise(st.descriptor())
	} else if s.kind == modeUDP {
		ip, port = s.udp.remote()
	}
	r.param(ip[:]...)
	r.numberBE(port)
}

func (f *firmware) peerOrNoise(fd int) (ip [4]byte, port uint16) {
	peer, err := f.cmd.peerName(fd)
	if err != 0 {
		binary.NativeEndian.PutUint32(ip[:], f.c.rng.Uint32())
		return ip, uint16(f.c.rng.Uint32())
	}
	return as4(peer.Addr()), peer.Port()
}
