package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestHeaderSurvivesItsEncoding(t *testing.T) {
	for op := OpHello; op < opEnd; op++ {
		h := Header{Op: op, Unit: 0xfe, Value: 7, Status: StatusRefused, N: MaxPayload, Size: MaxPayload}
		b := h.Append(nil)
		if len(b) != HeaderSize {
			t.Fatalf("%v: encoded in %d bytes, want %d", op, len(b), HeaderSize)
		}
		got, err := ParseHeader(b)
		if err != nil || got != h {
			t.Errorf("%v: got %+v, %v, want %+v", op, got, err, h)
		}
		if strings.HasPrefix(op.String(), "operation") || op.String() == "" {
			t.Errorf("operation %d has no name", op)
		}
	}
}

// Each case is bytes that would make an end allocate, index or wait for what
// cannot be.
func TestParseHeaderRefuses(t *testing.T) {
	tests := []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, ErrShort},
		{"eleven bytes", make([]byte, HeaderSize-1), ErrShort},
		{"operation 0", Header{}.Append(nil), ErrOp},
		{"operation past the last", Header{Op: opEnd}.Append(nil), ErrOp},
		{"payload above the limit", Header{Op: OpHello, Size: MaxPayload + 1}.Append(nil), ErrTooLong},
		{"SPI count above the limit", Header{Op: OpSPITransfer, N: MaxPayload + 1}.Append(nil), ErrTooLong},
		{"UART count above the limit", Header{Op: OpUARTRead, N: 1 << 31}.Append(nil), ErrTooLong},
	}
	for _, tt := range tests {
		if _, err := ParseHeader(tt.b); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	// A frequency is no count.
	if _, err := ParseHeader(Header{Op: OpSPIConfigure, N: 24_000_000}.Append(nil)); err != nil {
		t.Errorf("SPI clock of 24 MHz: %v", err)
	}
}

type stream struct {
	io.Reader
	io.Writer
}

// Frames arrive whole, however the stream cuts or joins them.
func TestConnReadsFramesInAnyPieces(t *testing.T) {
	var sent bytes.Buffer
	w := NewConn(stream{nil, &sent})
	var want [][]byte
	for i, n := range []int{0, 1, 100, MaxPayload, 0, MaxPayload, 3} {
		p := bytes.Repeat([]byte{byte(i + 1)}, n)
		want = append(want, p)
		if err := w.Write(Header{Op: OpUARTWrite, Unit: uint8(i)}, p); err != nil {
			t.Fatal(err)
		}
	}
	for name, cut := range map[string]func(io.Reader) io.Reader{
		"joined":       func(r io.Reader) io.Reader { return r },
		"single bytes": iotest.OneByteReader,
		"halves":       iotest.HalfReader,
		"data and EOF": iotest.DataErrReader,
	} {
		r := NewConn(stream{cut(bytes.NewReader(sent.Bytes())), nil})
		for i, p := range want {
			h, got, err := r.Read()
			if err != nil || h.Unit != uint8(i) || !bytes.Equal(got, p) {
				t.Fatalf("%s: frame %d: %+v, %d bytes, %v; want %d bytes", name, i, h, len(got), err, len(p))
			}
		}
		if _, _, err := r.Read(); err != io.EOF {
			t.Errorf("%s: at the end %v, want io.EOF", name, err)
		}
	}
}

func TestConnTellsACutFrameFromAnEnd(t *testing.T) {
	frame := Header{Op: OpUARTWrite, Size: 5}.Append(nil)
	frame = append(frame, "hello"...)
	for n := 1; n < len(frame); n++ {
		r := NewConn(stream{bytes.NewReader(frame[:n]), nil})
		if _, _, err := r.Read(); err != io.ErrUnexpectedEOF {
			t.Errorf("cut after %d bytes: %v, want io.ErrUnexpectedEOF", n, err)
		}
	}
}

func TestConnDoesNotSpinOnAReaderThatGivesNothing(t *testing.T) {
	r := NewConn(stream{nothing{}, nil})
	if _, _, err := r.Read(); err != io.ErrNoProgress {
		t.Errorf("%v, want io.ErrNoProgress", err)
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

func TestConnSendsNoFrameAboveTheLimit(t *testing.T) {
	var sent bytes.Buffer
	err := NewConn(stream{nil, &sent}).Write(Header{Op: OpUARTWrite}, make([]byte, MaxPayload+1))
	if err != ErrTooLong || sent.Len() != 0 {
		t.Errorf("%v and %d bytes sent, want ErrTooLong and none", err, sent.Len())
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(Header{Op: OpHello, Value: Version, Size: 8}.Append(nil))
	f.Add(Header{Op: OpSPITransfer, N: MaxPayload, Size: MaxPayload}.Append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		if h.Size > MaxPayload {
			t.Errorf("payload of %d bytes accepted", h.Size)
		}
		if again := h.Append(nil); !bytes.Equal(again, b[:HeaderSize]) {
			t.Errorf("% x encodes again as % x", b[:HeaderSize], again)
		}
	})
}

// Whatever comes in, Read returns the same frames for the stream in one piece as
// for single bytes, and ends.
func FuzzConnRead(f *testing.F) {
	hello := append(Header{Op: OpHello, Value: Version, Size: 8}.Append(nil), "pyportal"...)
	f.Add(append(hello, Header{Op: OpPinGet, Unit: 5}.Append(nil)...))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := NewConn(stream{bytes.NewReader(b), nil})
		cut := NewConn(stream{iotest.OneByteReader(bytes.NewReader(b)), nil})
		for {
			h1, p1, err1 := whole.Read()
			h2, p2, err2 := cut.Read()
			if h1 != h2 || !bytes.Equal(p1, p2) || err1 != err2 {
				t.Fatalf("whole: %+v % x %v; cut: %+v % x %v", h1, p1, err1, h2, p2, err2)
			}
			if err1 != nil {
				return
			}
		}
	})
}
