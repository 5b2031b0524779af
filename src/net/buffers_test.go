package net

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	stdnet "net"
	"testing"
)

// stingyWriter takes so many bytes and then fails.
type stingyWriter struct {
	bytes.Buffer
	left int
}

var errStingy = errors.New("enough")

func (w *stingyWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	w.left -= n
	w.Buffer.Write(b[:n])
	if n < len(b) {
		return n, errStingy
	}
	return n, nil
}

func TestBuffersLikeGo(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 2000 {
		var ours Buffers
		var gos stdnet.Buffers
		total := 0
		for n := r.Intn(6); n > 0; n-- {
			b := bytes.Repeat([]byte{byte('a' + n)}, r.Intn(5))
			total += len(b)
			ours, gos = append(ours, b), append(gos, b)
		}
		what := fmt.Sprintf("%q", ours)
		allOurs, allGos := ours[:], gos[:] // to see that what was read can be freed
		for n := r.Intn(4); n > 0; n-- {
			p := make([]byte, r.Intn(8))
			q := make([]byte, len(p))
			got, err := ours.Read(p)
			stdGot, stdErr := gos.Read(q)
			same(t, fmt.Sprintf("%s Read of %d", what, len(p)), show(got, err, p, [][]byte(ours)), show(stdGot, stdErr, q, [][]byte(gos)))
		}
		w := stingyWriter{left: r.Intn(2 * (total + 1))}
		stdW := stingyWriter{left: w.left}
		got, err := ours.WriteTo(&w)
		stdGot, stdErr := gos.WriteTo(&stdW)
		same(t, fmt.Sprintf("%s WriteTo with room for %d", what, w.left),
			show(got, err, w.String(), [][]byte(ours)), show(stdGot, stdErr, stdW.String(), [][]byte(gos)))
		same(t, what+" afterwards", show([][]byte(allOurs)), show([][]byte(allGos)))
	}
}

type batchWriter struct{ io.Writer }

func (batchWriter) writeBuffers(v *Buffers) (int64, error) {
	v.consume(3)
	return 3, errStingy
}

func TestBuffersAskTheConnection(t *testing.T) {
	v := Buffers{[]byte("ab"), []byte("cd")}
	n, err := v.WriteTo(batchWriter{})
	if n != 3 || err != errStingy || len(v) != 1 || string(v[0]) != "d" {
		t.Errorf("WriteTo a connection with writeBuffers gives %d, %v, and %q is left", n, err, v)
	}
}
