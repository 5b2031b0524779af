package net

import (
	"fmt"
	"math/rand"
	stdnet "net"
	"strings"
	"testing"
)

// The tests of what needs no device compare this package with Go's own net,
// which an ordinary test can import. Types have the same names in both, so
// that equal results are equal when printed with %#v.

// show returns results in a form that tells their types, and nil from empty.
func show(results ...any) string {
	s := make([]string, len(results))
	for i, r := range results {
		switch r := r.(type) {
		case *IPNet, *stdnet.IPNet:
			s[i] = strings.ReplaceAll(fmt.Sprintf("%T %+v", r, r), "\n", " ")
		default:
			s[i] = fmt.Sprintf("%T %#v", r, r)
		}
	}
	return strings.Join(s, "; ")
}

// same fails the test unless ours and Go's results are equal. what says what
// was called.
func same(t *testing.T, what, ours, gos string) {
	t.Helper()
	if ours != gos {
		t.Errorf("%s\n  ours %s\n  Go's %s", what, ours, gos)
	}
}

// panics returns what f returns, or "panic" if it panics.
func panics(f func() string) (s string) {
	defer func() {
		if recover() != nil {
			s = "panic"
		}
	}()
	return f()
}

// mutate returns one of seeds with a few characters of alphabet put in, taken
// away or changed.
func mutate(r *rand.Rand, seeds []string, alphabet string) string {
	s := seeds[r.Intn(len(seeds))]
	for n := r.Intn(4); n > 0; n-- {
		i, c := r.Intn(len(s)+1), string(alphabet[r.Intn(len(alphabet))])
		switch {
		case r.Intn(3) == 0 || i == len(s):
			s = s[:i] + c + s[i:]
		case r.Intn(2) == 0:
			s = s[:i] + s[i+1:]
		default:
			s = s[:i] + c + s[i+1:]
		}
	}
	return s
}

// randomBytes returns bytes of a length that IPs and masks have, or nearly
// so, with patterns that matter to them.
func randomBytes(r *rand.Rand) []byte {
	lengths := []int{0, 1, 3, 4, 4, 4, 5, 15, 16, 16, 16, 16, 17}
	b := make([]byte, lengths[r.Intn(len(lengths))])
	values := []byte{0, 1, 2, 8, 10, 127, 128, 0xa8, 0xa9, 0xac, 0xc0, 0xe0, 0xf0, 0xfe, 0xff}
	switch r.Intn(3) {
	case 0: // a mask, perhaps with a hole
		ones := r.Intn(8*len(b) + 1)
		for i := 0; i < ones; i++ {
			b[i/8] |= 0x80 >> (i % 8)
		}
		if len(b) > 0 && r.Intn(3) == 0 {
			b[r.Intn(len(b))] = byte(r.Intn(256))
		}
	case 1:
		for i := range b {
			if r.Intn(3) == 0 {
				b[i] = values[r.Intn(len(values))]
			}
		}
	default:
		for i := range b {
			b[i] = values[r.Intn(len(values))]
		}
	}
	if len(b) == 16 && r.Intn(2) == 0 {
		copy(b, v4Prefix[:10+2*r.Intn(2)])
	}
	if len(b) == 0 && r.Intn(2) == 0 {
		return nil
	}
	return b
}
