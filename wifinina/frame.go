package wifinina

// The frames on the wire, as pure functions of bytes: nothing here knows of
// pins, sockets or time. Layouts are those of nina-fw 2.0.0
// (CommandHandler.cpp, sketch.ino.cpp).
//
//	command  E0 | cmd        | n | { len | bytes } * n | EE | FF up to a multiple of 4
//	reply    E0 | cmd | 0x80 | n | { len | bytes } * n | EE | 00 up to a multiple of 4
//	refusal  EF 00 EE 00

const (
	frameStart   = 0xE0
	frameRefusal = 0xEF
	frameEnd     = 0xEE
	replyBit     = 0x80

	// maxFrame is the longest frame, either way: the chip's DMA length.
	maxFrame = 4092
	// maxRecvSlot is the most that cmdRecvSlot may be asked for.
	maxRecvSlot = maxFrame - 6
	// maxRecv is the most that cmdRecv and cmdRecvFrom may be asked for:
	// the firmware clamps the former and overruns its buffer on the latter.
	maxRecv = maxFrame - 16
	// minReply is the length of a refusal, and of a reply without parameters.
	minReply = 4
)

// frame is a command under construction in a buffer of fixed capacity. What
// does not fit, or does not fit into a length byte, marks it bad.
type frame struct {
	buf []byte
	bad bool
}

// start makes f an empty frame of cmd with n parameters.
func (f *frame) start(cmd byte, n int) {
	f.bad = false
	f.buf = f.buf[:0]
	f.put(frameStart)
	f.put(cmd &^ replyBit)
	f.put(byte(n))
}

// put adds a byte.
//
//go:noinline
func (f *frame) put(b byte) {
	n := len(f.buf)
	if f.bad || n == cap(f.buf) {
		f.bad = true
		return
	}
	f.buf = f.buf[:n+1]
	f.buf[n] = b
}

// size adds a parameter's length, the parameter's n bytes being added next.
func (f *frame) size(n int) {
	switch {
	case f.bad || n < 0 || n > maxFrame:
		f.bad = true
	case wideRequest(f.buf[1]):
		f.put(byte(n >> 8))
		f.put(byte(n))
	case n > 255:
		f.bad = true
	default:
		f.put(byte(n))
	}
}

// octet adds a parameter of a byte.
//
//go:noinline
func (f *frame) octet(b byte) {
	f.size(1)
	f.put(b)
}

// short adds a parameter of two bytes.
//
//go:noinline
func (f *frame) short(v uint16) {
	f.size(2)
	f.put(byte(v >> 8))
	f.put(byte(v))
}

// quad adds a parameter of four bytes.
//
//go:noinline
func (f *frame) quad(p *[4]byte) {
	f.size(4)
	for _, b := range p {
		f.put(b)
	}
}

// text adds a parameter of a string's bytes.
func (f *frame) text(s string) {
	f.size(len(s))
	f.bytes(s)
}

// ctext adds a parameter of a string's bytes and a zero.
func (f *frame) ctext(s string) {
	f.size(len(s) + 1)
	f.bytes(s)
	f.put(0)
}

func (f *frame) bytes(s string) {
	for i := 0; i < len(s); i++ {
		f.put(s[i])
	}
}

// frameTail holds the end mark and as many pads as a frame may need.
var frameTail = [4]byte{frameEnd, 0xFF, 0xFF, 0xFF}

// tail returns what follows n bytes of a frame: the end mark, and pads up to
// a multiple of 4, short of which the chip's DMA may lose bytes.
func tail(n int) []byte {
	return frameTail[:1+(-(n+1)&3)]
}

// wideRequest reports whether the parameters of a command have lengths of two
// bytes. It goes by the command, not by a bit of it.
func wideRequest(cmd byte) bool {
	switch cmd {
	case cmdEnterprise, cmdSendSlot, cmdRecvSlot, cmdInsertUDP, cmdSend, cmdSendTo:
		return true
	}
	return false
}

// wideReply is wideRequest for replies.
func wideReply(cmd byte) bool {
	switch cmd {
	case cmdRecvSlot, cmdRecv, cmdRecvFrom:
		return true
	}
	return false
}

// replyLen returns the length of the reply to cmd with n parameters, without
// its padding, as far as its first bytes b tell: a result greater than len(b)
// means that so many bytes are needed to tell more. Once b holds all of the
// reply, the result is at most len(b) and replyParam may be used.
//
// b may be anything. The error is errRefused for the firmware's refusal and
// errGarbled for what is no reply to cmd with n parameters.
func replyLen(b []byte, cmd byte, n int) (int, fault) {
	if len(b) < minReply {
		return minReply, 0
	}
	if b[0] == frameRefusal {
		return 0, errRefused
	}
	if b[0] != frameStart || b[1] != cmd|replyBit || int(b[2]) != n {
		return 0, errGarbled
	}
	at := 3
	for ; n > 0; n-- {
		size, next, ok := lengthAt(b, at, cmd)
		if !ok {
			return next, 0
		}
		at = next + size
		if at >= maxFrame {
			return 0, errGarbled
		}
	}
	if at < len(b) && b[at] != frameEnd {
		return 0, errGarbled
	}
	return at + 1, 0
}

// replyParam returns parameter i of a reply to cmd that replyLen found
// complete, or nil if it has none such.
func replyParam(b []byte, cmd byte, i int) []byte {
	at := 3
	for {
		size, next, ok := lengthAt(b, at, cmd)
		if !ok || next+size > len(b) {
			return nil
		}
		if i == 0 {
			return b[next : next+size]
		}
		at = next + size
		i--
	}
}

// lengthAt reads the length of the parameter at b[at:]. next is where its
// bytes begin; ok is false if the length is not in b.
func lengthAt(b []byte, at int, cmd byte) (size, next int, ok bool) {
	if wideReply(cmd) {
		if next = at + 2; next > len(b) {
			return 0, next, false
		}
		return int(b[at])<<8 | int(b[at+1]), next, true
	}
	if next = at + 1; next > len(b) {
		return 0, next, false
	}
	return int(b[at]), next, true
}
