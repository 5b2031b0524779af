package net

import "io"

// Buffers are byte slices to be written one after the other.
type Buffers [][]byte

// buffersWriter is implemented by connections that write Buffers in a better
// way than one slice at a time. writeBuffers consumes all of them unless it
// returns an error.
type buffersWriter interface {
	writeBuffers(v *Buffers) (int64, error)
}

func (c *conn) writeBuffers(v *Buffers) (n int64, err error) {
	if !c.ok() {
		return 0, errInvalid
	}
	n, handled, err := c.writev(v)
	if handled {
		return n, c.fail("writev", err)
	}
	for len(*v) > 0 {
		written, err := c.Write((*v)[0])
		n += int64(written)
		v.consume(int64(written))
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// WriteTo writes the buffers to w and takes what was written off v. The slices
// of v change, but not the bytes in them.
func (v *Buffers) WriteTo(w io.Writer) (n int64, err error) {
	if bw, ok := w.(buffersWriter); ok {
		return bw.writeBuffers(v)
	}
	for _, b := range *v {
		var written int
		written, err = w.Write(b)
		n += int64(written)
		if err != nil {
			break
		}
	}
	v.consume(n)
	return n, err
}

// Read fills p from the buffers and takes what was read off v. It returns
// io.EOF together with the last bytes.
func (v *Buffers) Read(p []byte) (n int, err error) {
	for n < len(p) && len(*v) > 0 {
		c := copy(p[n:], (*v)[0])
		n += c
		v.consume(int64(c))
	}
	if len(*v) == 0 {
		err = io.EOF
	}
	return n, err
}

// consume takes the first n bytes off v, and the empty slices before the rest.
func (v *Buffers) consume(n int64) {
	for len(*v) > 0 {
		first := &(*v)[0]
		if n < int64(len(*first)) {
			*first = (*first)[n:]
			return
		}
		n -= int64(len(*first))
		*first = nil // the bytes may be freed although the array stays
		*v = (*v)[1:]
	}
}
