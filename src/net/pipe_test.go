package net

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	stdnet "net"
	"os"
	"sync"
	"testing"
	"time"
)

// pipeConn is what the ends of our Pipe and of Go's have in common.
type pipeConn interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// testPipe runs a test of the Pipe and, to see that the test is right, of Go's.
func testPipe(t *testing.T, test func(t *testing.T, a, b pipeConn)) {
	t.Run("ours", func(t *testing.T) {
		a, b := Pipe()
		defer a.Close()
		defer b.Close()
		test(t, a, b)
	})
	t.Run("Go's", func(t *testing.T) {
		a, b := stdnet.Pipe()
		defer a.Close()
		defer b.Close()
		test(t, a, b)
	})
}

// result is what Read or Write returned.
type result struct {
	n   int
	err error
}

func (r result) String() string { return fmt.Sprintf("%d, %v", r.n, r.err) }

// start runs a Read or Write and returns where its result will come.
func start(f func([]byte) (int, error), b []byte) <-chan result {
	c := make(chan result, 1)
	go func() {
		n, err := f(b)
		c <- result{n, err}
	}()
	return c
}

// expect fails the test unless a result is n, err. A deadline that was
// exceeded must come as Go's net has it.
func expect(t *testing.T, what string, got result, n int, err error) {
	t.Helper()
	if got.n != n || !errors.Is(got.err, err) {
		t.Errorf("%s returned %v; want %d, %v", what, got, n, err)
	}
	if err == os.ErrDeadlineExceeded {
		if e, ok := got.err.(stdnet.Error); !ok || !e.Timeout() {
			t.Errorf("%s returned %#v, which is no timeout of net", what, got.err)
		}
	} else if got.err != err {
		t.Errorf("%s returned %#v, which should be %v itself", what, got.err, err)
	}
}

func call(f func([]byte) (int, error), b []byte) result {
	n, err := f(b)
	return result{n, err}
}

var past, never = time.Unix(1, 0), time.Time{}

func soon() time.Time  { return time.Now().Add(5 * time.Millisecond) }
func later() time.Time { return time.Now().Add(time.Hour) }

func TestPipeWriteWaitsUntilAllIsRead(t *testing.T) {
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		written := start(a.Write, []byte("hello, world"))
		buf := make([]byte, 5)
		expect(t, "first Read", call(b.Read, buf), 5, nil)
		expect(t, "Read into nothing", call(b.Read, nil), 0, nil)
		// Neither deadlines to come nor another Write end it.
		a.SetWriteDeadline(later())
		b.SetReadDeadline(later())
		other := start(a.Write, []byte("!"))
		blockedOrNot()
		select {
		case r := <-written:
			t.Fatalf("Write returned %v with data left", r)
		default:
		}
		rest := make([]byte, 100)
		expect(t, "second Read", call(b.Read, rest), 7, nil)
		expect(t, "Write", <-written, 12, nil)
		expect(t, "third Read", call(b.Read, rest[7:]), 1, nil)
		expect(t, "other Write", <-other, 1, nil)
		if got := string(buf) + string(rest[:8]); got != "hello, world!" {
			t.Errorf("read %q", got)
		}
	})
}

func TestPipeWriteOfNothingWaitsForARead(t *testing.T) {
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		written := start(a.Write, nil)
		expect(t, "Read", call(b.Read, make([]byte, 8)), 0, nil)
		expect(t, "Write", <-written, 0, nil)
	})
}

func TestPipeBothDirectionsAtOnce(t *testing.T) {
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		one, two := start(a.Write, []byte("to b")), start(b.Write, []byte("to a"))
		p, q := make([]byte, 8), make([]byte, 8)
		expect(t, "Read of a", call(a.Read, p), 4, nil)
		expect(t, "Read of b", call(b.Read, q), 4, nil)
		expect(t, "Write of a", <-one, 4, nil)
		expect(t, "Write of b", <-two, 4, nil)
		if string(p[:4]) != "to a" || string(q[:4]) != "to b" {
			t.Errorf("a read %q, b read %q", p[:4], q[:4])
		}
	})
}

func TestPipeClosed(t *testing.T) {
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error("second Close:", err)
		}
		for range 2 {
			expect(t, "Read", call(a.Read, make([]byte, 1)), 0, io.ErrClosedPipe)
			expect(t, "Write", call(a.Write, make([]byte, 1)), 0, io.ErrClosedPipe)
			expect(t, "Read of the peer", call(b.Read, make([]byte, 1)), 0, io.EOF)
			expect(t, "Write of the peer", call(b.Write, make([]byte, 1)), 0, io.ErrClosedPipe)
			for _, c := range []pipeConn{a, b} {
				for _, err := range []error{c.SetDeadline(past), c.SetReadDeadline(never), c.SetWriteDeadline(later())} {
					if err != io.ErrClosedPipe {
						t.Errorf("setting a deadline returned %v", err)
					}
				}
			}
		}
	})
}

func TestPipeCloseEndsBlockedCalls(t *testing.T) {
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		aReads, bReads := start(a.Read, make([]byte, 1)), start(b.Read, make([]byte, 1))
		blockedOrNot()
		a.Close()
		expect(t, "Read", <-aReads, 0, io.ErrClosedPipe)
		expect(t, "Read of the peer", <-bReads, 0, io.EOF)
	})
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		aWrites, bWrites := start(a.Write, make([]byte, 4)), start(b.Write, make([]byte, 4))
		bWaits := start(b.Write, make([]byte, 4)) // for the turn of the other Write
		expect(t, "Read", call(b.Read, make([]byte, 3)), 3, nil)
		blockedOrNot()
		a.Close()
		expect(t, "Write", <-aWrites, 3, io.ErrClosedPipe)
		expect(t, "Write of the peer", <-bWrites, 0, io.ErrClosedPipe)
		expect(t, "waiting Write of the peer", <-bWaits, 0, io.ErrClosedPipe)
	})
}

// blockedOrNot gives other goroutines time to block. Tests pass too if they
// have not yet: that only makes them test less.
func blockedOrNot() { time.Sleep(time.Millisecond) }

func TestPipeDeadlineInThePast(t *testing.T) {
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		a.SetDeadline(past)
		for range 2 {
			expect(t, "Read", call(a.Read, make([]byte, 1)), 0, os.ErrDeadlineExceeded)
			expect(t, "Write", call(a.Write, make([]byte, 1)), 0, os.ErrDeadlineExceeded)
			expect(t, "Write of nothing", call(a.Write, nil), 0, os.ErrDeadlineExceeded)
		}
		// It goes before data that is there.
		written := start(b.Write, []byte("x"))
		blockedOrNot()
		expect(t, "Read", call(a.Read, make([]byte, 1)), 0, os.ErrDeadlineExceeded)
		// Without it all is well again.
		a.SetDeadline(never)
		expect(t, "Read", call(a.Read, make([]byte, 1)), 1, nil)
		expect(t, "Write of the peer", <-written, 1, nil)
	})
}

func TestPipeDeadlineIsOfOneDirection(t *testing.T) {
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		a.SetReadDeadline(past)
		written := start(a.Write, []byte("x"))
		expect(t, "Read of the peer", call(b.Read, make([]byte, 1)), 1, nil)
		expect(t, "Write", <-written, 1, nil)
		a.SetReadDeadline(never)
		a.SetWriteDeadline(past)
		written = start(b.Write, []byte("x"))
		expect(t, "Read", call(a.Read, make([]byte, 1)), 1, nil)
		expect(t, "Write of the peer", <-written, 1, nil)
		expect(t, "Write", call(a.Write, []byte("x")), 0, os.ErrDeadlineExceeded)
	})
}

func TestPipeDeadlinePassesWhileBlocked(t *testing.T) {
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		a.SetReadDeadline(soon())
		expect(t, "Read", call(a.Read, make([]byte, 1)), 0, os.ErrDeadlineExceeded)
		a.SetWriteDeadline(soon())
		expect(t, "Write", call(a.Write, make([]byte, 1)), 0, os.ErrDeadlineExceeded)
		a.SetWriteDeadline(soon().Round(0)) // a time of day
		expect(t, "Write", call(a.Write, make([]byte, 1)), 0, os.ErrDeadlineExceeded)
	})
}

func TestPipeWriteThatTimesOutSaysHowMuch(t *testing.T) {
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		written := start(a.Write, []byte("hello"))
		expect(t, "Read", call(b.Read, make([]byte, 2)), 2, nil)
		a.SetWriteDeadline(past)
		expect(t, "Write", <-written, 2, os.ErrDeadlineExceeded)
		// What it had left is not there any more.
		a.SetWriteDeadline(never)
		written = start(a.Write, []byte("x"))
		buf := make([]byte, 8)
		expect(t, "Read", call(b.Read, buf), 1, nil)
		expect(t, "Write", <-written, 1, nil)
		if buf[0] != 'x' {
			t.Errorf("read %q of a Write that had timed out", buf[:1])
		}
	})
}

func TestPipeDeadlineChangesWhileBlocked(t *testing.T) {
	for _, first := range []time.Time{never, later()} {
		for _, second := range []func() time.Time{func() time.Time { return past }, soon} {
			testPipe(t, func(t *testing.T, a, b pipeConn) {
				a.SetDeadline(first)
				read := start(a.Read, make([]byte, 1))
				blockedOrNot()
				a.SetDeadline(second())
				expect(t, "Read", <-read, 0, os.ErrDeadlineExceeded)
				expect(t, "Write", call(a.Write, make([]byte, 1)), 0, os.ErrDeadlineExceeded)
			})
		}
	}
}

func TestPipeDeadlinePutOffWhileBlocked(t *testing.T) {
	for _, second := range []time.Time{never, later()} {
		testPipe(t, func(t *testing.T, a, b pipeConn) {
			for {
				first := time.Now().Add(20 * time.Millisecond)
				a.SetReadDeadline(first)
				read := start(a.Read, make([]byte, 1))
				blockedOrNot()
				a.SetReadDeadline(second)
				if !time.Now().Before(first) { // too late to put it off
					b.SetWriteDeadline(soon())
					b.Write([]byte("x"))
					b.SetWriteDeadline(never)
					<-read
					continue
				}
				time.Sleep(time.Until(first))
				blockedOrNot()
				expect(t, "Write of the peer", call(b.Write, make([]byte, 1)), 1, nil)
				expect(t, "Read", <-read, 1, nil)
				return
			}
		})
	}
}

// The chunks of one Write stay together, and nothing is lost or read twice.
func TestPipeManyWritersAndReaders(t *testing.T) {
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		const writers, writes, size = 4, 100, 16
		var wg sync.WaitGroup
		for w := range writers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range writes {
					if n, err := a.Write(bytes.Repeat([]byte{byte(w)}, size)); n != size || err != nil {
						t.Errorf("Write returned %d, %v", n, err)
					}
				}
			}()
		}
		go func() {
			wg.Wait()
			a.Close()
		}()
		r := rand.New(rand.NewSource(1))
		var all []byte
		for {
			buf := make([]byte, r.Intn(2*size))
			n, err := b.Read(buf)
			all = append(all, buf[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if len(all) != writers*writes*size {
			t.Fatalf("%d bytes of %d came", len(all), writers*writes*size)
		}
		for i := 0; i < len(all); i += size {
			if !bytes.Equal(all[i:i+size], bytes.Repeat(all[i:i+1], size)) {
				t.Fatalf("bytes %d to %d are of several Writes: %v", i, i+size, all[i:i+size])
			}
		}
	})
	testPipe(t, func(t *testing.T, a, b pipeConn) {
		const readers, size = 4, 4096
		counts := make(chan int)
		for range readers {
			go func() {
				n, _ := io.Copy(io.Discard, b)
				counts <- int(n)
			}()
		}
		expect(t, "Write", call(a.Write, make([]byte, size)), size, nil)
		a.Close()
		total := 0
		for range readers {
			total += <-counts
		}
		if total != size {
			t.Errorf("%d readers read %d bytes of %d", readers, total, size)
		}
	})
}

func TestPipeAddrs(t *testing.T) {
	ours, _ := Pipe()
	gos, _ := stdnet.Pipe()
	same(t, "addresses",
		show(ours.LocalAddr().String(), ours.LocalAddr().Network(), ours.RemoteAddr().String(), ours.RemoteAddr().Network()),
		show(gos.LocalAddr().String(), gos.LocalAddr().Network(), gos.RemoteAddr().String(), gos.RemoteAddr().Network()))
}

func TestPipeTimeoutTextsLikeGo(t *testing.T) {
	ours, _ := Pipe()
	gos, _ := stdnet.Pipe()
	ours.SetDeadline(past)
	gos.SetDeadline(past)
	for _, buf := range [][]byte{nil, make([]byte, 1)} {
		same(t, "Read", call(ours.Read, buf).String(), call(gos.Read, buf).String())
		same(t, "Write", call(ours.Write, buf).String(), call(gos.Write, buf).String())
	}
}

func TestPipeDoesNotAllocate(t *testing.T) {
	a, b := Pipe()
	go io.Copy(a, a)
	buf := make([]byte, 8)
	deadline := later()
	allocs := testing.AllocsPerRun(100, func() {
		b.SetDeadline(deadline)
		b.Write(buf)
		b.Read(buf)
	})
	b.Close()
	if allocs != 0 {
		t.Errorf("a Write and a Read with a deadline allocate %v times", allocs)
	}
}
