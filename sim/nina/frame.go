package nina

import "encoding/binary"

// Bytes of a frame (nina-fw 2.0.0 CommandHandler.cpp).
const (
	frameStart = 0xe0
	frameError = 0xef
	frameEnd   = 0xee
	replyFlag  = 0x80 // set in the command byte of a reply
)

// input is a command frame as the handlers see it: the whole buffer, zeros
// after what was received. The firmware does not walk the parameters but reads
// fixed places, so whatever the host put there counts.
type input []byte

func (in input) u16le(at int) uint16   { return binary.LittleEndian.Uint16(in[at:]) }
func (in input) u16be(at int) uint16   { return binary.BigEndian.Uint16(in[at:]) }
func (in input) u32le(at int) uint32   { return binary.LittleEndian.Uint32(in[at:]) }
func (in input) ip(at int) [4]byte     { return [4]byte(in[at : at+4]) }
func (in input) text(at, n int) []byte { return in[at : at+n] }

// cstring is text up to its NUL, as C sees it.
func cstring(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// reply is a reply frame in the making.
type reply struct {
	buf    [frameMax]byte
	n      int // without the end byte
	failed bool
}

// begin starts the reply to a command: no parameters.
func (r *reply) begin(command byte) {
	clear(r.buf[:])
	r.buf[0], r.buf[1], r.buf[2] = frameStart, replyFlag|command, 0
	r.n = 3
	r.failed = false
}

// param adds a parameter with a length of one byte.
func (r *reply) param(p ...byte) {
	r.buf[2]++
	r.buf[r.n] = byte(len(p))
	r.n += 1 + copy(r.buf[r.n+1:], p)
}

// param16 adds a parameter with a length of two bytes.
func (r *reply) param16(p []byte) {
	r.buf[2]++
	binary.BigEndian.PutUint16(r.buf[r.n:], uint16(len(p)))
	r.n += 2 + copy(r.buf[r.n+2:], p)
}

// truth adds a parameter of one byte, 1 or 0.
func (r *reply) truth(v bool) {
	if v {
		r.param(1)
	} else {
		r.param(0)
	}
}

// ack adds the parameter 1.
func (r *reply) ack() { r.param(1) }

// number adds a 16-bit little-endian parameter.
func (r *reply) number(v uint16) { r.param(byte(v), byte(v>>8)) }

// numberBE adds a 16-bit big-endian parameter.
func (r *reply) numberBE(v uint16) { r.param(byte(v>>8), byte(v)) }

// number32 adds a 32-bit little-endian parameter.
func (r *reply) number32(v uint32) {
	r.param(byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

// fail makes it the error reply, which names no command.
func (r *reply) fail() { r.failed = true }

// raw makes it a reply of n bytes, end byte included, whatever is in it.
func (r *reply) raw(n int) { r.n = n - 1 }

// end completes the frame and returns it, with padded to a multiple of 4 bytes
// with zeros.
func (r *reply) end(padded bool) []byte {
	if r.failed {
		clear(r.buf[:r.n])
		r.buf[0], r.buf[2] = frameError, frameEnd
		r.n = 2
	}
	r.buf[r.n] = frameEnd
	if !padded {
		return r.buf[:r.n+1]
	}
	return r.buf[:(r.n+1+3)&^3]
}
