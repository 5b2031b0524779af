package net

import (
	"io"
	"os"
	"sync"
	"time"
)

// Pipe returns the two ends of a connection in memory. It has no buffer: a
// Write returns when Reads at the other end have taken all of it.
//
// After Close of one end a Read at the other gives io.EOF and a Write there
// io.ErrClosedPipe, which is also what everything at the closed end gives.
func Pipe() (Conn, Conn) {
	ab, ba := newPipeHalf(), newPipeHalf()
	return &pipeEnd{in: ba, out: ab}, &pipeEnd{in: ab, out: ba}
}

// A pipeEnd is one end of a Pipe.
type pipeEnd struct {
	in, out *pipeHalf
}

func (p *pipeEnd) Read(b []byte) (int, error)  { return p.in.read(b) }
func (p *pipeEnd) Write(b []byte) (int, error) { return p.out.write(b) }

func (p *pipeEnd) Close() error {
	p.in.close(&p.in.readerClosed)
	p.out.close(&p.out.writerClosed)
	return nil
}

func (p *pipeEnd) SetDeadline(t time.Time) error {
	if err := p.SetReadDeadline(t); err != nil {
		return err
	}
	return p.SetWriteDeadline(t)
}

func (p *pipeEnd) SetReadDeadline(t time.Time) error {
	return p.in.setDeadline(&p.in.readDeadline, t)
}

func (p *pipeEnd) SetWriteDeadline(t time.Time) error {
	return p.out.setDeadline(&p.out.writeDeadline, t)
}

func (p *pipeEnd) LocalAddr() Addr  { return pipeAddr{} }
func (p *pipeEnd) RemoteAddr() Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// A pipeHalf is one direction of a Pipe. mu guards all of it and is not held
// while anyone waits.
type pipeHalf struct {
	mu      sync.Mutex
	changed condition

	writing bool   // a Write has its turn
	offered bool   // it has something to read, which may be no bytes
	data    []byte // what it has left

	readDeadline, writeDeadline alarm
	readerClosed, writerClosed  bool
}

func newPipeHalf() *pipeHalf {
	h := new(pipeHalf)
	h.changed.init(&h.mu)
	return h
}

func (h *pipeHalf) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.readerClosed:
			return 0, io.ErrClosedPipe
		case h.writerClosed:
			return 0, io.EOF
		case h.readDeadline.expired():
			return 0, &OpError{Op: "read", Net: "pipe", Err: os.ErrDeadlineExceeded}
		case h.offered:
			n := copy(b, h.data)
			h.data = h.data[n:]
			if len(h.data) == 0 {
				h.offered = false
				h.changed.broadcast()
			}
			return n, nil
		}
		h.readDeadline.wait(&h.changed, &h.mu)
	}
}

func (h *pipeHalf) write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		if err := h.cannotWrite(); err != nil {
			return 0, err
		}
		if !h.writing {
			break
		}
		h.writeDeadline.wait(&h.changed, &h.mu)
	}
	h.writing, h.offered, h.data = true, true, b
	h.changed.broadcast()
	var err error
	for h.offered && err == nil {
		h.writeDeadline.wait(&h.changed, &h.mu)
		if h.offered { // if all was read, what happened since does not matter
			err = h.cannotWrite()
		}
	}
	n := len(b) - len(h.data)
	h.writing, h.offered, h.data = false, false, nil
	h.changed.broadcast()
	return n, err
}

// cannotWrite returns what keeps a Write from going on.
func (h *pipeHalf) cannotWrite() error {
	switch {
	case h.readerClosed || h.writerClosed:
		return io.ErrClosedPipe
	case h.writeDeadline.expired():
		return &OpError{Op: "write", Net: "pipe", Err: os.ErrDeadlineExceeded}
	}
	return nil
}

func (h *pipeHalf) setDeadline(a *alarm, t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readerClosed || h.writerClosed {
		return io.ErrClosedPipe
	}
	a.set(t)
	h.changed.broadcast()
	return nil
}

func (h *pipeHalf) close(end *bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*end = true
	h.readDeadline.stop()
	h.writeDeadline.stop()
	h.changed.broadcast()
}
