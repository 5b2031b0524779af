package client

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"machine/wire"
)

// serve starts a board that answers each request with what answer returns, and
// ends when the client does. ok false: the board goes away instead.
func serve(t testing.TB, answer func(wire.Header, []byte) (h wire.Header, p []byte, ok bool)) io.ReadWriteCloser {
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer ours.Close()
		conn := wire.NewConn(ours)
		for {
			h, p, err := conn.Read()
			if err != nil {
				return
			}
			r, rp, ok := wire.Header{Op: h.Op}, []byte("pyportal"), true
			if h.Op != wire.OpHello {
				r, rp, ok = answer(h, p)
			}
			if !ok || h.Answered() && conn.Write(r, rp) != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		theirs.Close()
		<-done
	})
	return theirs
}

// echo is a board whose pins read what was set, whose SPI bus returns what
// it is sent, inverted, and whose UARTs return what they are sent, once.
func echo() func(wire.Header, []byte) (wire.Header, []byte, bool) {
	var pins [256]uint8
	var rx []byte
	return func(h wire.Header, p []byte) (wire.Header, []byte, bool) {
		r := wire.Header{Op: h.Op}
		switch h.Op {
		case wire.OpPinSet:
			pins[h.Unit] = h.Value
		case wire.OpPinGet:
			r.Value = pins[h.Unit]
		case wire.OpSPITransfer:
			in := make([]byte, h.N)
			copy(in, p)
			for i := range in {
				in[i] ^= 0xff
			}
			return r, in, true
		case wire.OpUARTWrite:
			rx = append(rx, p...)
		case wire.OpUARTRead:
			n := min(int(h.N), len(rx))
			in := rx[:n:n]
			rx = rx[n:]
			return r, in, true
		}
		return r, nil, true
	}
}

func connect(t testing.TB, answer func(wire.Header, []byte) (wire.Header, []byte, bool)) *Client {
	c, err := New(serve(t, answer), "pyportal")
	if err != nil {
		t.Fatal(err)
	}
	if c.Board() != "pyportal" {
		t.Errorf("Board() = %q", c.Board())
	}
	return c
}

func TestPins(t *testing.T) {
	c := connect(t, echo())
	for _, high := range []bool{true, false} {
		if err := c.PinSet(13, high); err != nil {
			t.Fatal(err)
		}
		if got, err := c.PinGet(13); got != high || err != nil {
			t.Errorf("pin set to %v reads %v, %v", high, got, err)
		}
	}
	if err := c.PinConfigure(13, wire.ModeOutput); err != nil {
		t.Error(err)
	}
}

// Transfers above the limit of a frame arrive whole and in order.
func TestSPITransferOfAnyLength(t *testing.T) {
	c := connect(t, echo())
	for _, n := range []int{0, 1, 4092, wire.MaxPayload, wire.MaxPayload + 1, 3*wire.MaxPayload + 7} {
		w, r := make([]byte, n), make([]byte, n)
		for i := range w {
			w[i] = byte(i ^ i>>8)
		}
		if err := c.SPITransfer(1, w, r); err != nil {
			t.Fatal(err)
		}
		for i := range r {
			if r[i] != ^w[i] {
				t.Fatalf("%d bytes: byte %d is %#x, want %#x", n, i, r[i], ^w[i])
			}
		}
		if err := c.SPITransfer(1, w, nil); err != nil {
			t.Error(err)
		}
		if err := c.SPITransfer(1, nil, r); err != nil {
			t.Error(err)
		}
		for i := range r {
			if r[i] != 0xff {
				t.Fatalf("%d bytes: sent %#x for a nil slice", n, ^r[i])
			}
		}
	}
}

func TestUARTReadsWhatWasWrittenInAnyPieces(t *testing.T) {
	c := connect(t, echo())
	want := bytes.Repeat([]byte("AT+GMR\r\n"), 4096) // above the limit of a frame
	if n, err := c.UARTWrite(3, want); n != len(want) || err != nil {
		t.Fatal(n, err)
	}
	var got []byte
	for piece := make([]byte, 0, 1000); ; {
		buffered, err := c.UARTBuffered(3)
		if err != nil {
			t.Fatal(err)
		}
		n, err := c.UARTRead(3, piece[:1+len(got)%1000])
		if err != nil {
			t.Fatal(err)
		}
		if n > buffered || (n == 0) != (buffered == 0) {
			t.Fatalf("%d bytes were buffered, and %d read", buffered, n)
		}
		if n == 0 {
			break
		}
		got = append(got, piece[:n]...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes read, or others, want %d", len(got), len(want))
	}
	if _, err := c.UARTRead(uarts, make([]byte, 1)); !errors.Is(err, ErrRefused) {
		t.Errorf("UART %d: %v, want ErrRefused", uarts, err)
	}
}

func TestRefusalIsOfOneRequestOnly(t *testing.T) {
	c := connect(t, func(h wire.Header, _ []byte) (wire.Header, []byte, bool) {
		if h.Unit == 9 {
			return wire.Header{Op: h.Op, Status: wire.StatusRefused}, []byte("no bus 9 here"), true
		}
		return wire.Header{Op: h.Op}, nil, true
	})
	err := c.SPIConfigure(9, 8e6, 0, false)
	if !errors.Is(err, ErrRefused) || errors.Is(err, ErrGone) || err.Error() != "no bus 9 here" {
		t.Errorf("bus 9: %v", err)
	}
	if err := c.SPIConfigure(1, 8e6, 3, true); err != nil {
		t.Errorf("bus 1 after that: %v", err)
	}
}

// A board that goes away, or talks nonsense, is gone for every goroutine and
// for good.
func TestGoneForGood(t *testing.T) {
	tests := map[string]func(wire.Header, []byte) (wire.Header, []byte, bool){
		"closed":          func(h wire.Header, _ []byte) (wire.Header, []byte, bool) { return h, nil, false },
		"other operation": func(wire.Header, []byte) (wire.Header, []byte, bool) { return wire.Header{Op: wire.OpHello}, nil, true },
		"bad header":      func(wire.Header, []byte) (wire.Header, []byte, bool) { return wire.Header{Op: 99}, nil, true },
		"short answer":    func(h wire.Header, _ []byte) (wire.Header, []byte, bool) { return wire.Header{Op: h.Op}, nil, true },
	}
	for name, answer := range tests {
		c := connect(t, answer)
		if err := c.SPITransfer(0, nil, make([]byte, 10)); !errors.Is(err, ErrGone) {
			t.Errorf("%s: %v, want ErrGone", name, err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if _, err := c.PinGet(1); !errors.Is(err, ErrGone) {
					t.Errorf("%s, afterwards: %v, want ErrGone", name, err)
				}
			}()
		}
		wg.Wait()
	}
}

func TestNewReportsTheBoardsWords(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() {
		conn := wire.NewConn(ours)
		if h, p, err := conn.Read(); err == nil && h.Value == wire.Version && string(p) == "nano-rp2040" {
			conn.Write(wire.Header{Op: h.Op, Status: wire.StatusRefused}, []byte("this is a pyportal"))
		}
		ours.Close()
	}()
	_, err := New(theirs, "nano-rp2040")
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "this is a pyportal") {
		t.Errorf("%v", err)
	}
}

func TestCloseWakesABlockedCall(t *testing.T) {
	asked := make(chan struct{})
	closed := make(chan struct{})
	c := connect(t, func(h wire.Header, _ []byte) (wire.Header, []byte, bool) {
		close(asked)
		<-closed
		return h, nil, false
	})
	go func() {
		<-asked
		c.Close()
	}()
	if _, err := c.PinGet(1); !errors.Is(err, ErrGone) {
		t.Errorf("%v, want ErrGone", err)
	}
	close(closed)
}

func TestManyGoroutinesEachGetTheirOwnAnswer(t *testing.T) {
	c := connect(t, echo())
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			pin := uint8(g)
			w, r := bytes.Repeat([]byte{byte(g)}, 100+g), make([]byte, 100+g)
			for i := range 200 {
				high := (i+g)%3 == 0
				c.PinSet(pin, high)
				if got, err := c.PinGet(pin); got != high || err != nil {
					t.Errorf("pin %d: %v, %v, want %v", pin, got, err, high)
					return
				}
				if err := c.SPITransfer(0, w, r); err != nil || r[0] != ^w[0] || r[len(r)-1] != ^w[0] {
					t.Errorf("goroutine %d: SPI transfer: %v, % x", g, err, r)
					return
				}
			}
		}()
	}
	wg.Wait()
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	rw := &instant{}
	c, err := New(rw, "pyportal")
	if err != nil {
		t.Fatal(err)
	}
	w, r := make([]byte, 1000), make([]byte, 1000)
	n := testing.AllocsPerRun(100, func() {
		c.PinSet(1, true)
		c.PinGet(1)
		c.SPITransfer(0, w, r)
		c.SPITransfer(0, w, nil)
		c.UARTWrite(1, w)
		c.UARTRead(1, r)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// instant is a board that answers in place, with zeros.
type instant struct {
	in, out [wire.HeaderSize + wire.MaxPayload]byte
	n       int
}

func (b *instant) Write(p []byte) (int, error) {
	copy(b.in[:], p)
	h, _ := wire.ParseHeader(b.in[:])
	r := wire.Header{Op: h.Op}
	if h.Op == wire.OpSPITransfer {
		r.Size = h.N
	}
	if !h.Answered() {
		return len(p), nil
	}
	r.Append(b.out[:0])
	b.n = wire.HeaderSize + int(r.Size)
	return len(p), nil
}

func (b *instant) Read(p []byte) (int, error) { return copy(p, b.out[:b.n]), nil }
func (b *instant) Close() error               { return nil }
