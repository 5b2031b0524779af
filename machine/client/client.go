// Package client is a program's end of the wire to a simulated board. Package
// machine is written on it.
package client

import (
	"errors"
	"fmt"
	"io"

	"machine/wire"
)

// Errors of a Client. Test with errors.Is.
var (
	// ErrGone: the connection to the board has failed or was closed.
	ErrGone = errors.New("the simulated board has gone away")
	// ErrRefused: the board did not do what it was asked for. The error's text
	// is the board's own.
	ErrRefused = errors.New("refused by the simulated board")
)

// refusal is the board's own words; it is ErrRefused.
type refusal string

func (r refusal) Error() string        { return string(r) }
func (r refusal) Is(target error) bool { return target == ErrRefused }

// uarts is how many UARTs a board can have.
const uarts = 8

// Client is a connection to a simulated board. Its methods may be called by
// several goroutines at once. One that asks for something takes a round trip,
// or one for each wire.MaxPayload bytes; the others return when the request is
// on its way.
//
// After an error that is ErrGone every method returns ErrGone.
type Client struct {
	board string
	rw    io.ReadWriteCloser

	// turn holds a token while somebody uses what follows. It is a channel
	// because it is held across a round trip.
	turn chan struct{}
	conn *wire.Conn
	gone error
	rx   [uarts]readAhead
}

// readAhead is what was received on a UART and not read by the program yet.
type readAhead struct {
	buf []byte // made at the UART's first use
	off int
}

// New says hello to the board behind rw, in the name of a program that was
// built for the board of the given name. It returns ErrRefused if that is not
// the board there, with the board's own words.
func New(rw io.ReadWriteCloser, board string) (*Client, error) {
	c := &Client{rw: rw, turn: make(chan struct{}, 1), conn: wire.NewConn(rw)}
	_, reply, err := c.do(wire.Header{Op: wire.OpHello, Value: wire.Version}, []byte(board))
	if err != nil {
		return nil, err
	}
	c.board = string(reply)
	c.release()
	return c, nil
}

// Board returns the name of the board that is there.
func (c *Client) Board() string { return c.board }

// Close ends the connection. A method that is blocked returns ErrGone if rw's
// Close wakes it.
func (c *Client) Close() error { return c.rw.Close() }

// do makes one request and waits for its reply, if it has one. Unless there is
// an error the turn is the caller's afterwards: payload is valid until release.
func (c *Client) do(h wire.Header, out []byte) (wire.Header, []byte, error) {
	c.turn <- struct{}{}
	r, payload, err := c.roundTrip(h, out)
	if err != nil {
		c.release()
	}
	return r, payload, err
}

func (c *Client) release() { <-c.turn }

// roundTrip is do for a caller that has the turn already, and keeps it.
func (c *Client) roundTrip(h wire.Header, out []byte) (wire.Header, []byte, error) {
	if c.gone != nil {
		return wire.Header{}, nil, c.gone
	}
	if err := c.conn.Write(h, out); err != nil {
		return wire.Header{}, nil, c.fail(err)
	}
	if !h.Answered() {
		return wire.Header{}, nil, nil
	}
	r, payload, err := c.conn.Read()
	switch {
	case err != nil:
		return wire.Header{}, nil, c.fail(err)
	case r.Op != h.Op:
		return wire.Header{}, nil, c.fail(fmt.Errorf("its answer to %q is one to %q", h.Op, r.Op))
	case r.Status != wire.StatusOK:
		return wire.Header{}, nil, refusal(payload)
	}
	return r, payload, nil
}

// fail notes that the connection is of no more use.
func (c *Client) fail(err error) error {
	if err == io.EOF {
		c.gone = ErrGone
	} else {
		c.gone = fmt.Errorf("%w: %w", ErrGone, err)
	}
	return c.gone
}

// PinConfigure sets the mode of a pin.
func (c *Client) PinConfigure(pin uint8, mode wire.Mode) error {
	return c.order(wire.Header{Op: wire.OpPinConfigure, Unit: pin, Value: uint8(mode)}, nil)
}

// PinSet sets the output level of a pin.
func (c *Client) PinSet(pin uint8, high bool) error {
	h := wire.Header{Op: wire.OpPinSet, Unit: pin}
	if high {
		h.Value = 1
	}
	return c.order(h, nil)
}

// PinGet returns the level of a pin.
func (c *Client) PinGet(pin uint8) (bool, error) {
	r, _, err := c.do(wire.Header{Op: wire.OpPinGet, Unit: pin}, nil)
	if err != nil {
		return false, err
	}
	c.release()
	return r.Value != 0, nil
}

// SPIConfigure sets the clock of a bus in Hz, its mode (0 to 3) and its bit
// order.
func (c *Client) SPIConfigure(bus uint8, frequency uint32, mode uint8, lsbFirst bool) error {
	h := wire.Header{Op: wire.OpSPIConfigure, Unit: bus, Value: mode & 3, N: frequency}
	if lsbFirst {
		h.Value |= wire.SPILSBFirst
	}
	return c.order(h, nil)
}

// SPITransfer clocks max(len(w), len(r)) bytes: w goes out, followed by zeros,
// and r is filled with the first bytes that come in. Another goroutine's
// requests may come between pieces of wire.MaxPayload bytes.
func (c *Client) SPITransfer(bus uint8, w, r []byte) error {
	for len(w) > 0 || len(r) > 0 {
		nw, nr := min(len(w), wire.MaxPayload), min(len(r), wire.MaxPayload)
		h, in, err := c.do(wire.Header{Op: wire.OpSPITransfer, Unit: bus, N: uint32(nr)}, w[:nw])
		if err != nil {
			return err
		}
		n := copy(r[:nr], in)
		if n < nr {
			err = c.fail(fmt.Errorf("its answer to %q is too short", h.Op))
		}
		c.release()
		if err != nil {
			return err
		}
		w, r = w[nw:], r[nr:]
	}
	return nil
}

// UARTConfigure sets the speed of a UART in baud.
func (c *Client) UARTConfigure(uart uint8, baud uint32) error {
	return c.order(wire.Header{Op: wire.OpUARTConfigure, Unit: uart, N: baud}, nil)
}

// UARTWrite sends p, and returns how much of it is on its way.
func (c *Client) UARTWrite(uart uint8, p []byte) (int, error) {
	for n := 0; n < len(p); {
		m := min(len(p)-n, wire.MaxPayload)
		if err := c.order(wire.Header{Op: wire.OpUARTWrite, Unit: uart}, p[n:n+m]); err != nil {
			return n, err
		}
		n += m
	}
	return len(p), nil
}

// UARTRead takes bytes that were received, if there are any.
func (c *Client) UARTRead(uart uint8, p []byte) (int, error) {
	c.turn <- struct{}{}
	defer c.release()
	rx, err := c.received(uart)
	if err != nil {
		return 0, err
	}
	n := copy(p, rx.buf[rx.off:])
	rx.off += n
	return n, nil
}

// UARTBuffered returns how many received bytes can be read at once. It asks the
// board only if that would be none.
func (c *Client) UARTBuffered(uart uint8) (int, error) {
	c.turn <- struct{}{}
	defer c.release()
	rx, err := c.received(uart)
	if err != nil {
		return 0, err
	}
	return len(rx.buf) - rx.off, nil
}

// received returns what a UART has received; if that is nothing, the board is
// asked. The caller has the turn.
func (c *Client) received(uart uint8) (*readAhead, error) {
	if uart >= uarts {
		return nil, refusal("a board has no UART of that number")
	}
	rx := &c.rx[uart]
	if rx.off < len(rx.buf) {
		return rx, nil
	}
	if rx.buf == nil {
		rx.buf = make([]byte, 0, wire.MaxPayload)
	}
	_, in, err := c.roundTrip(wire.Header{Op: wire.OpUARTRead, Unit: uart, N: wire.MaxPayload}, nil)
	if err != nil {
		return nil, err
	}
	rx.buf, rx.off = append(rx.buf[:0], in...), 0
	return rx, nil
}

// order makes a request whose reply, if any, is only whether it was done.
func (c *Client) order(h wire.Header, out []byte) error {
	if _, _, err := c.do(h, out); err != nil {
		return err
	}
	c.release()
	return nil
}
