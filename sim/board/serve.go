package board

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"machine/wire"
)

// Serve serves the program at the other end of rw until it is gone, and closes
// rw. It returns nil after that, or ErrBusy, ErrWrongBoard, ErrProtocol, ErrPort or
// ErrClosed. However it ends, the board and its chip are reset, so that the
// program's sockets are closed.
//
// Close of the board or of rw makes it return, if rw's Close wakes a blocked
// Read, as that of Pair and of package net does.
func (b *Board) Serve(rw io.ReadWriteCloser) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		rw.Close()
		return ErrClosed
	}
	b.ended.Add(1)
	first := !b.busy
	b.busy = true
	b.conns[rw] = struct{}{}
	b.mu.Unlock()

	p := &program{b: b, conn: wire.NewConn(rw)}
	err := p.greet(first)
	for err == nil {
		err = p.serve()
	}
	if first {
		b.reset()
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, rw)
	rw.Close()
	if first {
		b.busy = false
	}
	b.ended.Done()
	switch {
	case b.closed:
		return ErrClosed
	case errors.Is(err, wire.ErrOp), errors.Is(err, wire.ErrTooLong):
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	case isFatal(err):
		return err
	}
	return nil // the program is gone, in mid-request perhaps
}

// isFatal reports whether the board ends the conversation for that reason.
func isFatal(err error) bool {
	return errors.Is(err, ErrBusy) || errors.Is(err, ErrWrongBoard) || errors.Is(err, ErrProtocol) || errors.Is(err, ErrPort)
}

// maxName is how long the name of a board can be, bytes.
const maxName = 64

// program is a program that is being served.
type program struct {
	b    *Board
	conn *wire.Conn
	in   [wire.MaxPayload]byte // what came in on the SPI bus
}

// greet answers the program's hello. free says whether nobody else has the
// board.
func (p *program) greet(free bool) error {
	h, payload, err := p.conn.Read()
	if err != nil {
		return err
	}
	name, built := p.b.spec.Name, string(payload)
	switch {
	case h.Op != wire.OpHello:
		return p.refuse(h, fmt.Errorf("%w: it starts with %q", ErrProtocol, h.Op))
	case h.Value != wire.Version:
		return p.refuse(h, fmt.Errorf("%w of this version: it speaks version %d, the board %d: build it with this tinynet", ErrProtocol, h.Value, wire.Version))
	case len(built) > maxName:
		return p.refuse(h, fmt.Errorf("%w: its board's name has %d bytes", ErrProtocol, len(built)))
	case built == "":
		return p.refuse(h, fmt.Errorf("%w: it was built for no board: build it with 'tinynet build -board %s', or with -tags %s", ErrWrongBoard, name, strings.Join(p.b.spec.Tags, ",")))
	case built != name:
		return p.refuse(h, fmt.Errorf("%w: it was built for %q, and the board is %q: build it with 'tinynet build -board %s'", ErrWrongBoard, built, name, name))
	case !free:
		return p.refuse(h, ErrBusy)
	}
	return p.conn.Write(wire.Header{Op: h.Op}, []byte(name))
}

// serve carries out one request.
func (p *program) serve() error {
	h, payload, err := p.conn.Read()
	if err != nil {
		return err
	}
	b := p.b
	reply, answer := wire.Header{Op: h.Op}, []byte(nil)
	switch h.Op {
	case wire.OpPinConfigure:
		if wire.Mode(h.Value) > wire.ModeOutput {
			return fmt.Errorf("%w: pin mode %d is none", ErrProtocol, h.Value)
		}
		b.configure(h.Unit, wire.Mode(h.Value))
	case wire.OpPinSet:
		b.set(h.Unit, h.Value != 0)
	case wire.OpPinGet:
		if b.get(h.Unit) {
			reply.Value = 1
		}
	case wire.OpSPIConfigure:
		if b.chip != nil && h.Unit == b.spec.Wiring.SPI && h.Value != 0 {
			return p.refuse(h, fmt.Errorf("the %s chip takes SPI mode 0, most significant bit first", b.spec.Chip))
		}
	case wire.OpSPITransfer:
		answer = p.in[:h.N]
		b.transfer(h.Unit, payload, answer)
	case wire.OpUARTConfigure, wire.OpUARTWrite, wire.OpUARTRead:
		answer, err = b.serial(h, payload, p.in[:])
		if err != nil {
			return p.refuse(h, err)
		}
	default:
		return p.refuse(h, fmt.Errorf("%w: %q in mid-conversation", ErrProtocol, h.Op))
	}
	if !h.Answered() {
		return nil
	}
	return p.conn.Write(reply, answer)
}

// refuse answers a request with the reason for which it was not carried out. It
// returns the reason if that ends the conversation.
func (p *program) refuse(h wire.Header, reason error) error {
	err := p.conn.Write(wire.Header{Op: h.Op, Status: wire.StatusRefused}, []byte(reason.Error()))
	if err == nil && isFatal(reason) {
		err = reason
	}
	return err
}

// transfer clocks bytes on an SPI bus.
func (b *Board) transfer(bus uint8, w, r []byte) {
	if b.chip == nil || bus != b.spec.Wiring.SPI {
		clear(r) // nothing is connected there
		return
	}
	spi := b.chip.SPI()
	n := min(len(w), len(r))
	if n > 0 {
		spi.Tx(w[:n], r[:n])
	}
	if len(w) > n {
		spi.Tx(w[n:], nil)
	}
	if len(r) > n {
		spi.Tx(nil, r[n:])
	}
}
