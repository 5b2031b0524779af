package nina

import (
	"encoding/binary"
	"net/netip"
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

// slot is one of the ten socket slots. It has an object of each kind; the type
// says which of them most commands mean, and nothing keeps the others from
// holding sockets too.
type slot struct {
	kind   byte
	client client
	server server
	udp    udp
}

func (s *slot) init() {
	s.kind = slotFree
	s.client.fd = -1
	s.server.init()
	s.udp.fd = -1
}

func getSocket(f *firmware, _ input, r *reply) {
	r.param(byte(f.freeSlot()))
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
		ok = s.udp.begin(f.cmd, port)
		if ok {
			f.cmd.joinGroup(s.udp.fd, netip.AddrFrom4(ip))
		}
	}
	if ok {
		s.kind = kind
	}
	r.truth(ok)
}

func serverState(f *firmware, in input, r *reply) {
	if s := f.slotAt(in, 4); s != nil {
		r.truth(s.server.alive())
	}
}

func dataSent(_ *firmware, _ input, r *reply) { r.ack() }

func available(f *firmware, in input, r *reply) {
	s := f.slotAt(in, 4)
	if s == nil {
		return
	}
	n := 0
	switch {
	case s.kind == modeTCP && s.server.alive() && in[6] != 0:
		n = f.acceptInto(s)
	case s.kind == modeTCP && s.server.alive():
		n = f.legacyClient(int(in[4]))
	case s.kind == modeTCP:
		n = s.client.available(f.cmd)
	case s.kind == modeUDP:
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
	f.slots[i].client = client{fd}
	return i
}

// legacyClient is what 2B without the accept byte does: it names a client only
// once that has data to read.
func (f *firmware) legacyClient(self int) int {
	fd := f.slots[self].server.available(f.cmd)
	if fd == -1 {
		return 255
	}
	for i := range f.slots {
		if i != self && f.slots[i].kind == modeTCP && f.slots[i].client.fd == fd {
			return i
		}
	}
	for i := range f.slots {
		if i != self && f.slots[i].kind == slotFree {
			f.slots[i].kind = modeTCP
			f.slots[i].client = client{fd}
			return i
		}
	}
	return 255
}

// getByte's peek flag is at a fixed place: a host that sends it as two bytes
// gets it wrong.
func getByte(f *firmware, in input, r *reply) {
	s := f.slotAt(in, 4)
	if s == nil {
		return
	}
	b := byte(0)
	peek := in[6] != 0
	switch {
	case s.kind == modeTCP && peek:
		b = s.client.peek(f.cmd)
	case s.kind == modeTCP:
		var p [1]byte
		b = 0xff
		switch s.client.read(f.cmd, p[:]) {
		case 1:
			b = p[0]
		case 0:
			b = byte(f.c.rng.Uint32()) // the socket was closed; the byte is never set
		}
	case s.kind == modeUDP:
		b = s.udp.getByte(peek)
	}
	r.param(b)
}

// startClientBlocks tells what of 2D takes time: connecting and resolving.
func startClientBlocks(f *firmware, in input) bool {
	if in[2] == 4 {
		return in[14] != modeUDP
	}
	n := int(in[3])
	return in[15+n] != modeUDP || n > 0
}

func startClient(f *firmware, in input, r *reply) {
	host, at := "", 4
	if in[2] != 4 {
		n := int(in[3])
		host = cstring(in.text(4, n))
		at = 5 + n
	}
	ip, port, mode := in.ip(at), in.u16be(at+5), in[at+10]
	switch mode {
	case modeTCP, modeUDP:
	case modeTLS, modeBearSSL:
		f.c.note("TLS in the chip is not simulated")
		return
	default:
		return
	}
	s := f.slotAt(in, at+8)
	if s == nil {
		return
	}
	if host != "" {
		var ok bool
		if ip, ok = f.lookup(host); !ok {
			return
		}
	}
	if mode == modeUDP {
		s.udp.beginPacket(ip, port)
	} else if !s.client.connect(f.cmd, netip.AddrPortFrom(netip.AddrFrom4(ip), port)) {
		return
	}
	s.kind = mode
	r.ack()
}

// stopClient closes the object of the slot's type: for a server slot that is
// the client's, so its listener stays.
func stopClient(f *firmware, in input, r *reply) {
	s := f.slotAt(in, 4)
	if s == nil {
		return
	}
	switch s.kind {
	case modeTCP:
		s.client.stop(f.cmd)
	case modeUDP:
		s.udp.stop(f.cmd)
	}
	s.kind = slotFree
	r.ack()
}

// clientState frees the slot whenever it answers 0.
func clientState(f *firmware, in input, r *reply) {
	s := f.slotAt(in, 4)
	if s == nil {
		return
	}
	if s.kind == modeTCP && s.client.connected(f.cmd) {
		r.param(4)
		return
	}
	s.kind = slotFree
	r.param(0)
}

// sendDataBlocks: accepted sockets are blocking.
func sendDataBlocks(f *firmware, in input) bool {
	if int(in[5]) >= f.profile.slots {
		return false
	}
	s := &f.slots[in[5]]
	if s.kind != modeTCP {
		return false
	}
	if s.server.alive() {
		return true
	}
	k := f.lwip.get(s.client.fd)
	return k != nil && !k.nonblock
}

func sendData(f *firmware, in input, r *reply) {
	s := f.slotAt(in, 5)
	if s == nil {
		return
	}
	p := f.data(in, 6)
	if f.hung {
		return
	}
	n := 0
	switch {
	case s.kind == modeTCP && s.server.alive():
		n = s.server.write(f.cmd, p)
	case s.kind == modeTCP:
		n = s.client.write(f.cmd, p)
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
	s := f.slotAt(in, 5)
	if s == nil {
		return
	}
	n := 0
	p := f.scratch[:min(int(in.u16le(8)), len(f.scratch))]
	switch s.kind {
	case modeTCP:
		n = max(s.client.read(f.cmd, p), 0)
	case modeUDP:
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
	s := f.slotAt(in, 5)
	if s == nil {
		return
	}
	p := f.data(in, 6)
	if f.hung {
		return
	}
	if len(s.udp.out)+len(p) > udpBuffer {
		f.hang("%d bytes overrun the UDP buffer of %d that holds %d", len(p), udpBuffer, len(s.udp.out))
		return
	}
	s.udp.out = append(s.udp.out, p...)
	r.truth(len(p) != 0)
}

func sendUDP(f *firmware, in input, r *reply) {
	if s := f.slotAt(in, 4); s != nil {
		r.truth(s.udp.send(f.cmd))
	}
}

// getRemote answers with whatever is on the stack where there is no peer.
func getRemote(f *firmware, in input, r *reply) {
	s := f.slotAt(in, 4)
	if s == nil {
		return
	}
	var ip [4]byte
	var port uint16
	switch s.kind {
	case modeTCP:
		ip, port = f.peerOrNoise(s.client.fd)
	case modeUDP:
		ip, port = s.udp.ip, s.udp.port
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
