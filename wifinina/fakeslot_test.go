package wifinina

import (
	"bytes"
	"encoding/binary"
)

// fakeSlot is a slot of the fake's firmware.
type fakeSlot struct {
	typ     byte // 255 free, 0 TCP, 1 UDP, 2 TLS
	open    bool // has an lwIP socket
	server  bool
	port    uint16
	host    string // of a TLS connection
	peer    addr
	in, out []byte
	window  int
	ended   bool
	noticed bool
	pending []addr // of a server, with data
	group   [4]byte
	current []byte // datagram that can be read
	queue   []fakeDatagram
	target  addr
	send    []byte
}

func newSlots() (s [10]fakeSlot) {
	for i := range s {
		s[i].typ = 255
	}
	return s
}

func littleEndian(v uint16) []byte { return []byte{byte(v), byte(v >> 8)} }

// wrong reports what no driver may do, unless it was lied to.
func (c *fakeChip) wrong(format string, args ...any) {
	if !c.hostile {
		c.t.Errorf(format, args...)
	}
}

// slot runs a command of slots. It reports what no driver may do.
func (c *fakeChip) slot(cmd byte, ps [][]byte) []byte {
	port := func(p []byte) uint16 { return binary.BigEndian.Uint16(p) }
	i := ps[0][0]
	switch cmd {
	case 0x28:
		i = ps[len(ps)-2][0]
	case 0x2D:
		i = ps[len(ps)-2][0]
	}
	if int(i) >= len(c.slots) {
		c.wrong("command %02X for slot %d", cmd, i)
		return refusal
	}
	s := &c.slots[i]
	switch cmd {
	case 0x28:
		p := port(ps[len(ps)-3])
		switch ps[len(ps)-1][0] {
		case 0:
			if s.server {
				c.wrong("slot %d listens already", i)
			}
			*s = fakeSlot{typ: 0, server: true, open: true, port: p}
		case 1:
			*s = fakeSlot{typ: 1, open: true, port: p, current: s.current}
		case 3:
			*s = fakeSlot{typ: 1, open: true, port: p, group: [4]byte(ps[0])}
			c.grouped = s.group
		}
		return answer(cmd, []byte{1})
	case 0x29:
		return answer(cmd, yesNo(s.server))
	case 0x2B:
		if s.server {
			v := uint16(255)
			for j := range c.slots { // a known client with data hides the others
				if o := &c.slots[j]; o.typ == 0 && !o.server && o.port == s.port && len(o.in) > 0 {
					return answer(cmd, littleEndian(uint16(j)))
				}
			}
			if len(s.pending) > 0 {
				for j := range c.slots {
					if o := &c.slots[j]; o.typ == 255 && !o.server {
						*o = fakeSlot{typ: 0, open: true, port: s.port, peer: s.pending[0], in: []byte("hello"), window: 5744}
						s.pending = s.pending[1:]
						v = uint16(j)
						break
					}
				}
			}
			return answer(cmd, littleEndian(v))
		}
		if s.typ == 1 {
			c.parse(s)
			return answer(cmd, littleEndian(uint16(len(s.current))))
		}
		return answer(cmd, littleEndian(uint16(len(s.in))))
	case 0x2C:
		if s.typ != 0 || ps[1][0] != 1 {
			c.wrong("byte of slot %d, of type %d, is taken", i, s.typ)
		}
		s.noticed = s.noticed || s.ended && len(s.in) == 0
		return answer(cmd, []byte{0xFF})
	case 0x2D:
		to := addr{[4]byte(ps[len(ps)-4]), port(ps[len(ps)-3])}
		if ps[len(ps)-1][0] == 1 {
			s.typ, s.target, s.peer, s.send = 1, to, to, nil
			return answer(cmd, []byte{1})
		}
		if s.open {
			c.wrong("slot %d is connected anew: what it held leaks", i)
		}
		if c.refuse != nil && c.refuse(to) {
			return answer(cmd)
		}
		*s = fakeSlot{typ: ps[len(ps)-1][0], open: true, peer: to, window: 5744}
		if len(ps) == 5 {
			s.host = string(ps[0])
		}
		return answer(cmd, []byte{1})
	case 0x2E:
		if s.server {
			c.wrong("server in slot %d is stopped: it leaks", i)
		}
		if s.typ == 1 && len(s.current) > 0 {
			c.wrong("slot %d is stopped with a datagram unread: the next use gets it", i)
		}
		s.typ, s.open = 255, false
		return answer(cmd, []byte{1})
	case 0x2F:
		if s.typ == 1 && s.group == [4]byte{} || s.server {
			c.wrong("state of slot %d asked, which has no connection: it leaks", i)
		}
		// The end of TCP is noticed by peeking only, as on Adafruit's 1.7.
		if (s.typ == 0 || s.typ == 2) && !(s.noticed || s.typ == 2 && s.ended && len(s.in) == 0) {
			return answer(cmd, []byte{4})
		}
		if s.typ == 1 { // the descriptor is left
			c.newSock(&fakeSock{typ: 2, port: s.port, nonblocking: true})
			s.open = false
		}
		s.typ, s.open = 255, false
		return answer(cmd, []byte{0})
	case 0x39:
		if len(s.send) == 0 {
			c.wrong("an empty datagram is sent")
		}
		c.datagrams = append(c.datagrams, fakeDatagram{s.port, s.target, bytes.Clone(s.send)})
		return answer(cmd, []byte{1})
	case 0x3A:
		return answer(cmd, s.peer.ip[:], []byte{byte(s.peer.port >> 8), byte(s.peer.port)})
	case 0x44:
		n := max(0, min(len(ps[1]), s.window-len(s.out)))
		if s.typ == 2 && n < len(ps[1]) {
			n = 0 // a record goes whole
		}
		if s.ended {
			n = 0
		}
		s.out = append(s.out, ps[1][:n]...)
		return answer(cmd, littleEndian(uint16(n)))
	case 0x45:
		size := int(binary.LittleEndian.Uint16(ps[1]))
		from := &s.in
		if s.typ == 1 {
			from = &s.current
		}
		n := min(size, len(*from))
		data := (*from)[:n]
		*from = (*from)[n:]
		if s.typ == 1 && n > 0 && len(s.current) == 0 {
			c.parse(s) // the next is there already, and its sender
		}
		return answer(cmd, data)
	case 0x46:
		if len(s.send)+len(ps[1]) > 1500 {
			c.wrong("the chip's send buffer overflows")
		}
		s.send = append(s.send, ps[1]...)
		return answer(cmd, []byte{1})
	}
	return refusal
}

// parse makes the next datagram readable.
func (c *fakeChip) parse(s *fakeSlot) {
	if len(s.current) == 0 && len(s.queue) > 0 {
		s.current, s.peer = s.queue[0].data, s.queue[0].peer
		s.queue = s.queue[1:]
	}
}

// radio runs the commands beyond joining.
func (c *fakeChip) radio(cmd byte, ps [][]byte) []byte {
	switch cmd {
	case 0x14:
		return answer(cmd, []byte{0})
	case 0x15, 0x4F:
		return answer(cmd, []byte{1})
	case 0x18, 0x19:
		if c.refuseAP {
			c.status = 9
			return answer(cmd, []byte{0})
		}
		c.status = statusAPListening
		if c.adafruit {
			c.status = statusIdle
		}
		return answer(cmd, []byte{1})
	case 0x1E:
		return answer(cmd, []byte{9, 9, 9, 9}, []byte{0, 0, 0, 0})
	case 0x25:
		return answer(cmd, []byte{0xC9, 0xFF, 0xFF, 0xFF}) // -55
	case 0x27:
		return answer(cmd, []byte("home"), []byte("a name of thirty-two characters!"))
	case 0x32:
		return answer(cmd, []byte{0xB0 + ps[0][0], 0xFF, 0xFF, 0xFF}) // -80, -79
	case 0x33:
		return answer(cmd, []byte{[]byte{4, 7}[ps[0][0]]})
	case 0x3C:
		return answer(cmd, []byte{6, 5, 4, 3, 2, 1})
	case 0x3D:
		return answer(cmd, []byte{11})
	case 0x3B:
		t := []byte{0x80, 0x43, 0x6D, 0x38} // 946684800, 2000-01-01
		if c.adafruit {
			t = append(t, 0, 0, 0, 0)
		}
		return answer(cmd, t)
	case 0x3E:
		if ps[0][3] == 99 {
			return answer(cmd, []byte{0xFF, 0xFF})
		}
		return answer(cmd, []byte{0x2C, 0x01}) // 300
	case 0x40:
		if c.adafruit {
			return refusal
		}
		c.status = statusConnecting
		c.outcome = [2]byte{statusConnected, 0}
		return answer(cmd, []byte{1})
	case 0x4A, 0x4B, 0x4C:
		if !c.adafruit {
			return refusal
		}
		return answer(cmd, []byte{1})
	case 0x5E:
		if c.version[0] == '3' && !c.adafruit {
			return answer(cmd, []byte{1, 0, 3, 0})
		}
	}
	return refusal
}
