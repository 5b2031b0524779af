package wire

import "io"

// Conn sends and receives frames on a byte stream. Each frame is one Write,
// and one Read where the stream has all of it. Its methods are not for
// several goroutines at once, but one may write while another reads.
type Conn struct {
	rw  io.ReadWriter
	out []byte
	in  []byte // what was read
	off int    // start in in of what has not been returned yet
	end int    // its end
}

const maxFrame = HeaderSize + MaxPayload

// NewConn returns a Conn on rw.
func NewConn(rw io.ReadWriter) *Conn {
	return &Conn{rw: rw, out: make([]byte, 0, maxFrame), in: make([]byte, maxFrame)}
}

// Write sends a frame with the given payload; h.Size need not be set. A
// payload above MaxPayload gives ErrTooLong, and nothing is sent.
func (c *Conn) Write(h Header, payload []byte) error {
	if len(payload) > MaxPayload {
		return ErrTooLong
	}
	h.Size = uint32(len(payload))
	c.out = append(h.Append(c.out[:0]), payload...)
	_, err := c.rw.Write(c.out)
	return err
}

// Read receives a frame. The payload is valid until the next Read. The error is
// io.EOF if the stream ended between frames, io.ErrUnexpectedEOF if it ended
// within one, that of ParseHeader for a bad header, or the stream's own.
func (c *Conn) Read() (Header, []byte, error) {
	if err := c.fill(HeaderSize); err != nil {
		return Header{}, nil, err
	}
	h, err := ParseHeader(c.in[c.off:c.end])
	if err != nil {
		return Header{}, nil, err
	}
	n := HeaderSize + int(h.Size)
	if err := c.fill(n); err != nil {
		return Header{}, nil, err
	}
	payload := c.in[c.off+HeaderSize : c.off+n]
	c.off += n
	return h, payload, nil
}

// fill reads until n bytes are there. Bytes move only when a frame is cut.
func (c *Conn) fill(n int) error {
	if c.end-c.off >= n {
		return nil
	}
	c.end = copy(c.in, c.in[c.off:c.end])
	c.off = 0
	for idle := 0; c.end < n; {
		m, err := c.rw.Read(c.in[c.end:])
		c.end += m
		if c.end >= n {
			return nil
		}
		if err == io.EOF && c.end > 0 {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if m > 0 {
			idle = 0
		} else if idle++; idle == 100 {
			return io.ErrNoProgress
		}
	}
	return nil
}
