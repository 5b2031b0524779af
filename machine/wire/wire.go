// Package wire is the language between a program on a simulated board and the
// board: what package machine sends, and package board of the simulators
// answers.
//
// The program sends requests; the board carries them out one after the other,
// and replies to those that ask for something. Nothing else is ever sent. A
// request that only tells the board to do something has no reply, so that the
// program need not wait for it. Requests and replies are frames of one shape: a
// header of 12 bytes and a payload. The first request is a Hello.
package wire

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// Version is the version of this language. A Hello carries it; both ends
// must have the same.
const Version = 1

// Limits.
const (
	HeaderSize = 12      // bytes of an encoded Header
	MaxPayload = 1 << 14 // bytes; longer SPI transfers and UART writes are sent in pieces
)

// Op says what a request asks for. The reply repeats it.
type Op uint8

// Requests. Fields that the comment does not mention are zero.
const (
	// OpHello starts the conversation. Request: Value is Version, the payload
	// the name of the board that the program was built for, as in TinyGo's
	// -target. Reply: the name of the board that is there.
	OpHello Op = 1 + iota
	// OpPinConfigure sets the mode of pin Unit to Value, a Mode. No reply.
	OpPinConfigure
	// OpPinSet sets the output level of pin Unit to Value, 0 or 1. No reply.
	OpPinSet
	// OpPinGet reads pin Unit. Reply: Value is the level, 0 or 1.
	OpPinGet
	// OpSPIConfigure sets SPI bus Unit to N Hz and the mode and bit order in
	// Value: bits 0 and 1 are the SPI mode, bit 2 means least significant bit
	// first. Reply: nothing, or a refusal.
	OpSPIConfigure
	// OpSPITransfer clocks max(len(payload), N) bytes on SPI bus Unit. The
	// payload goes out, then zeros; the first N bytes that come in are the
	// reply's payload; if N is 0 there is no reply. N is at most MaxPayload.
	OpSPITransfer
	// OpUARTConfigure sets UART Unit to N baud. Reply: nothing, or a refusal.
	OpUARTConfigure
	// OpUARTWrite sends the payload on UART Unit. No reply.
	OpUARTWrite
	// OpUARTRead takes what UART Unit has received, at most N bytes of it, and
	// does not wait for more. Reply: the bytes.
	OpUARTRead
	opEnd
)

var opNames = [...]string{
	OpHello:         "hello",
	OpPinConfigure:  "pin configure",
	OpPinSet:        "pin set",
	OpPinGet:        "pin get",
	OpSPIConfigure:  "SPI configure",
	OpSPITransfer:   "SPI transfer",
	OpUARTConfigure: "UART configure",
	OpUARTWrite:     "UART write",
	OpUARTRead:      "UART read",
}

// String returns the operation's name in words.
func (op Op) String() string {
	if op == 0 || op >= opEnd {
		return "operation " + strconv.Itoa(int(op))
	}
	return opNames[op]
}

// Mode is how a pin is used.
type Mode uint8

// Modes of a pin.
const (
	ModeInput Mode = iota
	ModeInputPullup
	ModeInputPulldown
	ModeOutput
)

// Values of Status in a reply.
const (
	StatusOK = 0
	// StatusRefused: the request was not carried out. The payload is the
	// reason, in words for the person at the keyboard.
	StatusRefused = 1
)

// SPILSBFirst is the bit of Value in OpSPIConfigure that asks for the least
// significant bit first.
const SPILSBFirst = 1 << 2

// Header is the fixed part of a request or a reply.
type Header struct {
	Op     Op
	Unit   uint8  // number of the pin, SPI bus or UART
	Value  uint8  // see the operation
	Status uint8  // of a reply: StatusOK or StatusRefused
	N      uint32 // see the operation
	Size   uint32 // length of the payload, at most MaxPayload
}

// Errors of ParseHeader. Test with errors.Is.
var (
	ErrShort   = errors.New("header is shorter than 12 bytes")
	ErrOp      = errors.New("unknown operation")
	ErrTooLong = errors.New("payload or count above the limit")
)

// Answered reports whether the request h has a reply.
func (h Header) Answered() bool {
	switch h.Op {
	case OpPinConfigure, OpPinSet, OpUARTWrite:
		return false
	case OpSPITransfer:
		return h.N != 0
	}
	return true
}

// Append appends the header's encoding to b.
func (h Header) Append(b []byte) []byte {
	b = append(b, uint8(h.Op), h.Unit, h.Value, h.Status)
	b = binary.LittleEndian.AppendUint32(b, h.N)
	return binary.LittleEndian.AppendUint32(b, h.Size)
}

// ParseHeader decodes the header at the start of b. It returns ErrShort, ErrOp
// or ErrTooLong for what is none: the stream it came from is of no use then.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, ErrShort
	}
	h := Header{
		Op:     Op(b[0]),
		Unit:   b[1],
		Value:  b[2],
		Status: b[3],
		N:      binary.LittleEndian.Uint32(b[4:]),
		Size:   binary.LittleEndian.Uint32(b[8:]),
	}
	if h.Op == 0 || h.Op >= opEnd {
		return Header{}, ErrOp
	}
	if h.Size > MaxPayload {
		return Header{}, ErrTooLong
	}
	if (h.Op == OpSPITransfer || h.Op == OpUARTRead) && h.N > MaxPayload {
		return Header{}, ErrTooLong
	}
	return h, nil
}
