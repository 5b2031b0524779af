package network

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
)

// nina is a stack of nina-fw's size.
var nina = Params{
	MSS: 1436, Window: 5744, SendBuffer: 5744, SegmentQueue: 6,
	DatagramQueue: 6, MaxDatagram: 1472, Sockets: 10, SynTimeout: 18500,
	CloseDrains: true,
}

const rtt = 20 * time.Millisecond

// virtually runs a test on a virtual network with a board and its peer.
func virtually(t *testing.T, p Params, test func(t *testing.T, v *Virtual, s Station)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := NewVirtual(VirtualConfig{Clock: clock.Virtual(), RTT: rtt})
		s := v.Station(p)
		defer s.Close()
		test(t, v, s)
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// pair connects a board to its host: the chip's end and the peer's.
func pair(t *testing.T, v *Virtual, s Station) (Conn, *VirtualConn) {
	t.Helper()
	l, err := v.Host().Listen(0)
	check(t, err)
	defer l.Close()
	c, err := s.Connect(t.Context(), l.Addr().(*net.TCPAddr).AddrPort())
	check(t, err)
	p, err := l.Accept()
	check(t, err)
	return c, p.(*VirtualConn)
}

// readAll reads from a chip's connection until its end, as soon as there is
// something.
func readAll(s Station, c Conn) ([]byte, error) {
	frame := make(chan struct{}, 1)
	s.OnFrame(func() {
		select {
		case frame <- struct{}{}:
		default:
		}
	})
	defer s.OnFrame(nil)
	var all []byte
	buf := make([]byte, 4000)
	for {
		n, _, err := c.Read(buf)
		all = append(all, buf[:n]...)
		switch {
		case err == io.EOF:
			return all, nil
		case errors.Is(err, ErrWouldBlock):
			<-frame
		case err != nil:
			return all, err
		}
	}
}

// writeAll writes all to a chip's connection.
func writeAll(c Conn, p []byte) error {
	for len(p) > 0 {
		n, err := c.Write(p)
		if err != nil && !errors.Is(err, ErrWouldBlock) {
			return err
		}
		if p = p[n:]; len(p) > 0 {
			if err := c.WaitWritable(context.Background()); err != nil {
				return err
			}
		}
	}
	return nil
}

func random(n int) []byte {
	p := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

func TestConnectTakesOneRTT(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		l, err := v.Host().Listen(80)
		check(t, err)
		start := time.Now()
		c, err := s.Connect(t.Context(), netip.MustParseAddrPort("10.0.0.1:80"))
		check(t, err)
		if d := time.Since(start); d != rtt {
			t.Errorf("connected after %v, want %v", d, rtt)
		}
		p, err := l.Accept()
		check(t, err)
		if d := time.Since(start); d != rtt*3/2 {
			t.Errorf("accepted after %v, want %v", d, rtt*3/2)
		}
		if c.RemoteAddr().String() != "10.0.0.1:80" || p.LocalAddr().String() != "10.0.0.1:80" ||
			c.LocalAddr().Addr() != BoardAddr || p.RemoteAddr().String() != c.LocalAddr().String() {
			t.Errorf("addresses: chip %v to %v, peer %v to %v", c.LocalAddr(), c.RemoteAddr(), p.LocalAddr(), p.RemoteAddr())
		}
	})
}

func TestConnectRefusedAfterOneRTT(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		start := time.Now()
		_, err := s.Connect(t.Context(), netip.MustParseAddrPort("10.0.0.1:80"))
		wantErr(t, err, ErrRefused)
		if d := time.Since(start); d != rtt {
			t.Errorf("refused after %v, want %v", d, rtt)
		}
	})
}

func TestConnectToSilentPeerTakesSynTimeout(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		for _, to := range []string{"10.0.0.77:80", "192.0.2.1:80"} {
			start := time.Now()
			_, err := s.Connect(t.Context(), netip.MustParseAddrPort(to))
			wantErr(t, err, ErrUnreachable)
			if d := time.Since(start); d != 18500*time.Millisecond {
				t.Errorf("%s: failed after %v", to, d)
			}
		}
	})
}

func TestConnectToNobodyFailsAtOnce(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		for to, want := range map[string]error{
			"127.0.0.1:80":       ErrRefused,
			"127.1.2.3:80":       ErrRefused,
			"0.0.0.0:80":         ErrRefused,
			"10.0.0.1:0":         ErrRefused,
			"10.0.0.255:80":      ErrUnreachable,
			"255.255.255.255:80": ErrUnreachable,
			"224.0.0.1:80":       ErrUnreachable,
			"[2001:db8::1]:80":   ErrUnreachable,
		} {
			start := time.Now()
			_, err := s.Connect(t.Context(), netip.MustParseAddrPort(to))
			if !errors.Is(err, want) || time.Since(start) != 0 {
				t.Errorf("%s: %v after %v, want %v", to, err, time.Since(start), want)
			}
		}
	})
}

func TestConnectEndsWithItsContext(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		l, err := v.Host().Listen(80)
		check(t, err)
		defer l.Close()
		// The SYN-ACK is on its way when the chip gives up.
		ctx, cancel := context.WithTimeout(t.Context(), rtt*3/4)
		defer cancel()
		_, err = s.Connect(ctx, netip.MustParseAddrPort("10.0.0.1:80"))
		wantErr(t, err, context.DeadlineExceeded)
		time.Sleep(time.Second)
		l.(*virtualListener).SetDeadline(time.Now().Add(time.Second))
		if c, err := l.Accept(); err == nil {
			t.Errorf("the listener got %v", c.RemoteAddr())
		}
		// The half-open connection holds no place in the backlog.
		noHandshakes(t, l)
	})
}

// noHandshakes checks that nothing holds a place in a backlog.
func noHandshakes(t *testing.T, l net.Listener) {
	t.Helper()
	tl := l.(*virtualListener).l
	tl.f.lock()
	defer tl.f.unlock()
	if tl.promised != 0 || len(tl.pending) != 0 {
		t.Errorf("%d connections are under way, %d pending", tl.promised, len(tl.pending))
	}
}

// A connection whose opener vanished holds no place in the backlog.
func TestHalfOpenConnectionEnds(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		l, err := v.Host().Listen(80)
		check(t, err)
		defer l.Close()
		time.AfterFunc(rtt*3/4, func() { s.SetLink(false) }) // the SYN-ACK is on its way
		_, err = s.Connect(t.Context(), netip.MustParseAddrPort("10.0.0.1:80"))
		wantErr(t, err, ErrDown)
		time.Sleep(time.Second)
		noHandshakes(t, l)
	})
}

func TestConnectFailsWhenLinkGoesDown(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		time.AfterFunc(time.Second, func() { s.SetLink(false) })
		start := time.Now()
		_, err := s.Connect(t.Context(), netip.MustParseAddrPort("10.0.0.77:80"))
		wantErr(t, err, ErrDown)
		if d := time.Since(start); d != time.Second {
			t.Errorf("failed after %v", d)
		}
		_, err = s.Connect(t.Context(), netip.MustParseAddrPort("10.0.0.1:80"))
		wantErr(t, err, ErrDown)
	})
}

func TestSocketsAreLimited(t *testing.T) {
	p := nina
	p.Sockets = 3
	virtually(t, p, func(t *testing.T, v *Virtual, s Station) {
		c, peer := pair(t, v, s)
		defer peer.Close()
		l, err := s.Listen(80, 1)
		check(t, err)
		u, err := s.ListenPacket(0)
		check(t, err)
		_, err = s.ListenPacket(0)
		wantErr(t, err, ErrNoSockets)
		_, err = s.Listen(81, 1)
		wantErr(t, err, ErrNoSockets)
		_, err = s.Connect(t.Context(), netip.MustParseAddrPort("10.0.0.1:80"))
		wantErr(t, err, ErrNoSockets)

		// A connection for which there is none is closed.
		in, err := v.Host().Dial(t.Context(), netip.MustParseAddrPort("10.0.0.2:80"))
		check(t, err)
		time.Sleep(rtt)
		_, err = l.Accept()
		wantErr(t, err, ErrNoSockets)
		if _, err := in.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("its peer reads %v, want EOF", err)
		}
		in.Close()

		c.Close()
		c.Close() // counts once
		u.Close()
		for range 2 {
			_, err = s.ListenPacket(0)
			check(t, err)
		}
		_, err = s.ListenPacket(0)
		wantErr(t, err, ErrNoSockets)
	})
}

func TestPortInUse(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		l, err := s.Listen(80, 1)
		check(t, err)
		_, err = s.Listen(80, 1)
		wantErr(t, err, ErrInUse)
		l.Close()
		_, err = s.Listen(80, 1)
		check(t, err)
		_, err = s.ListenPacket(80)
		check(t, err)
		_, err = s.ListenPacket(80)
		wantErr(t, err, ErrInUse)
	})
}

func TestPeersWritesAreCutIntoSegmentsWithPSHOnTheLast(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		defer p.Close()
		p.Write(random(3000))
		p.Write(random(5))
		time.Sleep(rtt)
		if c.Buffered() != 3005 {
			t.Errorf("%d bytes buffered", c.Buffered())
		}
		type read struct {
			n    int
			push bool
		}
		var got []read
		buf := make([]byte, 1000)
		for {
			n, push, err := c.Read(buf)
			if err != nil {
				wantErr(t, err, ErrWouldBlock)
				break
			}
			got = append(got, read{n, push})
		}
		want := []read{{1000, false}, {436, false}, {1000, false}, {436, false}, {128, true}, {5, true}}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("reads %v, want %v", got, want)
		}
	})
}

// However often it has to wait for room in the send buffer.
func TestALongWriteHasOnePSH(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		defer p.Close()
		go p.Write(random(200*1436 + 7))
		buf := make([]byte, 2000)
		for i := 0; i <= 200; {
			n, push, err := c.Read(buf)
			if err != nil {
				wantErr(t, err, ErrWouldBlock)
				time.Sleep(rtt)
				continue
			}
			if want := 1436; i < 200 && (n != want || push) || i == 200 && (n != 7 || !push) {
				t.Fatalf("segment %d has %d bytes, push %v", i, n, push)
			}
			i++
		}
	})
}

func TestDataArrivesAfterHalfAnRTT(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		defer p.Close()
		frames := make(chan time.Time, 10)
		s.OnFrame(func() { frames <- time.Now() })
		start := time.Now()
		p.Write([]byte("x"))
		if at := <-frames; at.Sub(start) != rtt/2 {
			t.Errorf("frame after %v", at.Sub(start))
		}
		if n, _, err := c.Read(make([]byte, 9)); n != 1 || err != nil {
			t.Errorf("read %d, %v", n, err)
		}
		start = time.Now()
		c.Write([]byte("y"))
		p.Read(make([]byte, 9))
		if d := time.Since(start); d != rtt/2 {
			t.Errorf("peer read after %v", d)
		}
		start = time.Now()
		p.CloseWrite()
		if at := <-frames; at.Sub(start) != rtt/2 || !c.Ended() {
			t.Errorf("end after %v", at.Sub(start))
		}
	})
}

// Whoever holds a lock around calls to this package may take it in OnFrame.
func TestOnFrameIsCalledInAGoroutineOfItsOwn(t *testing.T) {
	v := NewVirtual(VirtualConfig{})
	s := v.Station(nina)
	defer s.Close()
	c, p := pair(t, v, s)
	var mu sync.Mutex
	called := make(chan bool, 100)
	s.OnFrame(func() {
		mu.Lock()
		defer mu.Unlock()
		called <- true
	})
	go p.Write(random(20000))
	<-called
	mu.Lock()
	for range 3 {
		c.Read(make([]byte, 1436)) // lets more in
	}
	mu.Unlock()
	<-called
	p.Reset()
}

func TestAtMostWindowIsInFlightAndUnread(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		go p.Write(random(20000))
		defer p.Reset()
		time.Sleep(time.Second)
		if c.Buffered() != 5744 {
			t.Fatalf("%d bytes came, window is 5744", c.Buffered())
		}
		// A segment read lets one in: the update takes half an RTT, and so
		// does the segment.
		c.Read(make([]byte, 1436))
		time.Sleep(rtt - time.Nanosecond)
		synctest.Wait()
		if c.Buffered() != 3*1436 {
			t.Errorf("%d bytes just before a RTT has passed", c.Buffered())
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if c.Buffered() != 4*1436 {
			t.Errorf("%d bytes once a RTT has passed", c.Buffered())
		}
	})
}

func TestAtMostSegmentQueueIsUnread(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		for i := range 9 {
			p.Write([]byte{byte(i)})
		}
		p.CloseWrite()
		time.Sleep(time.Second)
		if c.Buffered() != 6 || c.Ended() {
			t.Errorf("%d segments are readable, ended %v", c.Buffered(), c.Ended())
		}
		for i := range 9 {
			b := make([]byte, 10)
			if n, push, err := c.Read(b); n != 1 || b[0] != byte(i) || !push || err != nil {
				t.Fatalf("read %d: %d byte %d, %v, %v", i, n, b[0], push, err)
			}
			if want := min(6, 8-i); c.Buffered() != want {
				t.Errorf("%d segments after %d reads", c.Buffered(), i+1)
			}
		}
		_, _, err := c.Read(make([]byte, 1))
		wantErr(t, err, io.EOF)
		p.Close()
	})
}

// A receiver that reads byte by byte is not sent byte by byte.
func TestNoSillyWindow(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		go p.Write(random(4*1436 + 500))
		for range 1435 {
			time.Sleep(rtt)
			c.Read(make([]byte, 1))
		}
		time.Sleep(rtt)
		if c.Buffered() != 4*1436-1435 {
			t.Errorf("%d bytes buffered", c.Buffered())
		}
		c.Read(make([]byte, 1))
		time.Sleep(rtt)
		synctest.Wait()
		if c.Buffered() != 3*1436+500 {
			t.Errorf("%d bytes buffered after a whole segment was read", c.Buffered())
		}
		p.Reset()
	})
}

func within(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got/want-1) > 0.05 {
		t.Errorf("%s is %.0f, want %.0f within 5 %%", what, got, want)
	}
}

func TestThroughputToChipIsWindowPerRTT(t *testing.T) {
	for _, p := range []Params{nina, {MSS: 1440, Window: 5760, SendBuffer: 2880}, {MSS: 1460, Window: 7300, SegmentQueue: 6}} {
		virtually(t, p, func(t *testing.T, v *Virtual, s Station) {
			c, peer := pair(t, v, s)
			data := random(1 << 20)
			start := time.Now()
			go func() {
				peer.Write(data)
				peer.Close()
			}()
			got, err := readAll(s, c)
			check(t, err)
			if !bytes.Equal(got, data) {
				t.Error("other data came")
			}
			c.Close()
			within(t, "throughput", float64(len(data))/time.Since(start).Seconds(), float64(p.Window)/rtt.Seconds())
		})
	}
}

func TestThroughputFromChipIsSendBufferPerRTT(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, peer := pair(t, v, s)
		data := random(1 << 20)
		start := time.Now()
		go func() {
			writeAll(c, data)
			c.Close()
		}()
		got, err := io.ReadAll(peer)
		check(t, err)
		if !bytes.Equal(got, data) {
			t.Error("other data came")
		}
		peer.Close()
		within(t, "throughput", float64(len(data))/time.Since(start).Seconds(), 5744/rtt.Seconds())
	})
}

func TestSendBufferIsFreedByAcknowledgements(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		defer p.Reset()
		n, err := c.Write(random(9000))
		if n != 5744 || err != nil {
			t.Fatalf("wrote %d, %v", n, err)
		}
		_, err = c.Write([]byte("x"))
		wantErr(t, err, ErrWouldBlock)
		start := time.Now()
		check(t, c.WaitWritable(t.Context()))
		if d := time.Since(start); d != rtt {
			t.Errorf("writable after %v", d)
		}
		synctest.Wait()
		if n, err := c.Write(random(9000)); n != 5744 || err != nil {
			t.Fatalf("wrote %d, %v", n, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), rtt/4)
		defer cancel()
		wantErr(t, c.WaitWritable(ctx), context.DeadlineExceeded)
	})
}

func TestPeerThatDoesNotReadClosesItsWindow(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		total := 0
		for range 100 {
			n, _ := c.Write(random(5744))
			total += n
			time.Sleep(rtt)
		}
		// The whole segments that it has room for, and the send buffer.
		if total != 64<<10/1436*1436+5744 {
			t.Errorf("wrote %d bytes to a peer that does not read", total)
		}
		go io.Copy(io.Discard, p)
		check(t, c.WaitWritable(t.Context()))
		c.Close()
		time.Sleep(time.Second)
		p.Close()
	})
}

func TestHalfClose(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		p.Write([]byte("request"))
		p.CloseWrite()
		got, err := readAll(s, c)
		if string(got) != "request" || err != nil {
			t.Fatalf("read %q, %v", got, err)
		}
		// The other direction stays open.
		if _, err := c.Write([]byte("reply")); err != nil {
			t.Fatal(err)
		}
		c.Close()
		got, err = io.ReadAll(p)
		if string(got) != "reply" || err != nil {
			t.Fatalf("peer read %q, %v", got, err)
		}
		_, err = p.Write([]byte("x"))
		wantErr(t, err, net.ErrClosed)
		p.Close()
		synctest.Wait()
		v.f.lock()
		defer v.f.unlock()
		if n := len(c.(*conn).e.node.conns) + len(p.e.node.conns); n != 0 {
			t.Errorf("%d ends are remembered", n)
		}
	})
}

func TestCloseSendsWhatIsQueued(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		// More than the peer's window, so that some waits in the buffer.
		data := random(64<<10/1436*1436 + 5744)
		for sent := 0; sent < len(data); time.Sleep(rtt) {
			n, _ := c.Write(data[sent:])
			sent += n
		}
		c.Close()
		_, err := c.Write([]byte("x"))
		wantErr(t, err, net.ErrClosed)
		_, _, err = c.Read(data)
		wantErr(t, err, net.ErrClosed)
		got, err := io.ReadAll(p)
		if !bytes.Equal(got, data) || err != nil {
			t.Errorf("peer read %d bytes, %v", len(got), err)
		}
		p.Close()
	})
}

func TestDataForAClosedConnectionIsAnsweredByReset(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		c.Close()
		_, err := p.Read(make([]byte, 1))
		wantErr(t, err, io.EOF)
		_, err = p.Write([]byte("x"))
		check(t, err)
		time.Sleep(rtt)
		synctest.Wait()
		_, err = p.Write([]byte("x"))
		wantErr(t, err, ErrReset)
		wantErr(t, err, syscall.ECONNRESET)
		p.Close()
	})
}

func TestCloseWithUnreadData(t *testing.T) {
	for _, test := range []struct {
		name   string
		drains bool
		writes int // of 100 bytes each
		read   int
		reset  bool
	}{
		{"lwIP 2.1, whole segment", false, 1, 0, true},
		{"lwIP 2.1, all read", false, 1, 100, false},
		{"lwIP 2.0, whole segments", true, 6, 0, false},
		{"lwIP 2.0, half a segment", true, 2, 50, true},
		{"lwIP 2.0, more than it queues", true, 7, 0, true},
		{"lwIP 2.0, all read", true, 1, 100, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			params := nina
			params.CloseDrains = test.drains
			virtually(t, params, func(t *testing.T, v *Virtual, s Station) {
				c, p := pair(t, v, s)
				for range test.writes {
					p.Write(random(100))
				}
				time.Sleep(rtt)
				c.Read(make([]byte, test.read))
				c.Write([]byte("bye"))
				c.Close()
				got, err := io.ReadAll(p)
				if reset := errors.Is(err, ErrReset); reset != test.reset {
					t.Errorf("peer read %q, %v", got, err)
				}
				if !test.reset && string(got) != "bye" {
					t.Errorf("peer read %q", got)
				}
				p.Close()
			})
		})
	}
}

// The window that the discarded segments took is the peer's again.
func TestCloseThatDrainsLetsThePeerFindOut(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		data := random(100_000)
		time.AfterFunc(time.Second, c.Close)
		_, err := p.Write(data) // more than the window and the send buffer
		wantErr(t, err, ErrReset)
		p.Close()
	})
}

func TestPeerReset(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		p.Write(random(100))
		p.Write(random(100))
		time.Sleep(rtt)
		c.Read(make([]byte, 30))
		p.Reset()
		time.Sleep(rtt)
		synctest.Wait()
		if c.Buffered() != 170 || !c.Ended() {
			t.Errorf("%d bytes buffered, ended %v", c.Buffered(), c.Ended())
		}
		_, err := c.Write([]byte("x"))
		wantErr(t, err, ErrReset)
		check(t, c.WaitWritable(t.Context()))
		// The rest of the half-read segment can be had, the other one not.
		if n, push, err := c.Read(make([]byte, 100)); n != 70 || !push || err != nil {
			t.Errorf("read %d, %v, %v", n, push, err)
		}
		_, _, err = c.Read(make([]byte, 100))
		wantErr(t, err, ErrReset)
		if c.Buffered() != 0 {
			t.Errorf("%d bytes buffered at the end", c.Buffered())
		}
		c.Close()
	})
}

func TestHostReadsWhatCameBeforeAReset(t *testing.T) {
	params := nina
	params.CloseDrains = false
	virtually(t, params, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		p.Write([]byte("unread"))
		time.Sleep(rtt)
		c.Write([]byte("data"))
		time.Sleep(rtt)
		c.Close()
		time.Sleep(rtt)
		got, err := io.ReadAll(p)
		if string(got) != "data" || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read %q, %v", got, err)
		}
		p.Close()
	})
}

func TestLinkDownIsSilenceToPeers(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		c, p := pair(t, v, s)
		_, idle := pair(t, v, s)
		s.SetLink(false)
		_, _, err := c.Read(make([]byte, 1))
		wantErr(t, err, ErrReset)
		if !c.Ended() {
			t.Error("the chip's end has not ended")
		}
		p.SetReadDeadline(time.Now().Add(time.Minute))
		_, err = p.Read(make([]byte, 1))
		wantErr(t, err, os.ErrDeadlineExceeded)
		p.Write([]byte("anybody there?"))
		time.Sleep(time.Minute)
		p.SetReadDeadline(time.Now().Add(time.Minute))
		_, err = p.Read(make([]byte, 1))
		wantErr(t, err, os.ErrDeadlineExceeded)

		// Back up, what the peer retransmits is answered with a reset; a peer
		// that sent nothing finds out when it does.
		s.SetLink(true)
		p.SetReadDeadline(time.Now().Add(time.Minute))
		_, err = p.Read(make([]byte, 1))
		wantErr(t, err, ErrReset)
		idle.SetReadDeadline(time.Now().Add(time.Minute))
		_, err = idle.Read(make([]byte, 1))
		wantErr(t, err, os.ErrDeadlineExceeded)
		idle.Write([]byte("and now?"))
		idle.SetReadDeadline(time.Now().Add(time.Minute))
		_, err = idle.Read(make([]byte, 1))
		wantErr(t, err, ErrReset)
		p.Close()
		idle.Close()
	})
}

func TestListenersAndUDPSurviveTheLink(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		l, err := s.Listen(80, 1)
		check(t, err)
		u, err := s.ListenPacket(99)
		check(t, err)
		s.SetLink(false)
		wantErr(t, u.WriteTo([]byte("x"), netip.MustParseAddrPort("10.0.0.1:9")), ErrDown)
		_, err = s.Lookup(t.Context(), "host")
		wantErr(t, err, ErrDown)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = v.Host().Dial(ctx, netip.MustParseAddrPort("10.0.0.2:80"))
		wantErr(t, err, context.DeadlineExceeded)
		s.SetLink(true)
		p, err := v.Host().Dial(t.Context(), netip.MustParseAddrPort("10.0.0.2:80"))
		check(t, err)
		defer p.Close()
		time.Sleep(rtt)
		if !l.Pending() {
			t.Error("nothing to accept")
		}
		h, err := v.Host().ListenPacket(9)
		check(t, err)
		h.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.2:99")))
		time.Sleep(rtt)
		if u.Pending() != 1 {
			t.Error("no datagram")
		}
	})
}

func TestChipThatIsResetKeepsItsAddress(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		other := v.Station(nina)
		_, p := pair(t, v, s)
		l, err := s.Listen(80, 1)
		check(t, err)
		s.Close()
		s.Close()
		_, err = s.Listen(81, 1)
		wantErr(t, err, ErrDown)
		_, err = s.Connect(t.Context(), netip.MustParseAddrPort("10.0.0.1:80"))
		wantErr(t, err, ErrDown)
		_, err = l.Accept()
		wantErr(t, err, net.ErrClosed)
		p.Write([]byte("x"))
		time.Sleep(rtt)
		again := v.Station(nina)
		if again.Addr() != BoardAddr || other.Addr() != BoardAddr.Next() {
			t.Errorf("addresses %v, %v", again.Addr(), other.Addr())
		}
		_, err = p.Read(make([]byte, 1))
		wantErr(t, err, ErrReset)
		p.Close()
	})
}

func TestBacklog(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		l, err := s.Listen(80, 2)
		check(t, err)
		connected := make(chan net.Conn, 4)
		for range 3 {
			go func() {
				p, err := v.Host().Dial(t.Context(), netip.MustParseAddrPort("10.0.0.2:80"))
				if err != nil {
					t.Error(err)
				}
				connected <- p
			}()
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(connected) != 2 {
			t.Fatalf("%d are connected, backlog is 2", len(connected))
		}
		c, err := l.Accept()
		check(t, err)
		time.Sleep(rtt)
		synctest.Wait()
		if len(connected) != 3 {
			t.Fatalf("%d are connected after one was accepted", len(connected))
		}
		c.Close()
		// What waits when the listener closes is reset.
		l.Close()
		time.Sleep(rtt)
		resets := 0
		for range 3 {
			p := <-connected
			if _, err := p.Read(make([]byte, 1)); errors.Is(err, ErrReset) {
				resets++
			}
			p.Close()
		}
		if resets != 2 {
			t.Errorf("%d resets, want 2", resets)
		}
	})
}

func TestWaitingConnectIsRefusedWhenTheListenerCloses(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		l, err := s.Listen(80, 1)
		check(t, err)
		p, err := v.Host().Dial(t.Context(), netip.MustParseAddrPort("10.0.0.2:80"))
		check(t, err)
		time.AfterFunc(time.Second, l.Close)
		_, err = v.Host().Dial(t.Context(), netip.MustParseAddrPort("10.0.0.2:80"))
		wantErr(t, err, syscall.ECONNREFUSED)
		p.Close()
	})
}

func TestLossDelaysAndReplays(t *testing.T) {
	run := func(seed uint64) (d time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			v := NewVirtual(VirtualConfig{Clock: clock.Virtual(), RTT: rtt, Loss: 0.05, Seed: seed})
			s := v.Station(nina)
			defer s.Close()
			c, p := pair(t, v, s)
			data := random(200_000)
			start := time.Now()
			go func() {
				p.Write(data)
				p.Close()
			}()
			got, err := readAll(s, c)
			check(t, err)
			if !bytes.Equal(got, data) {
				t.Error("other data came")
			}
			d = time.Since(start)
		})
		return d
	}
	one, again, other := run(1), run(1), run(2)
	if one != again {
		t.Errorf("the same seed took %v, then %v", one, again)
	}
	if one == other {
		t.Errorf("another seed took %v as well", one)
	}
	if least := 200_000 / 5744 * rtt; one < least+rtt+lossDelay {
		t.Errorf("took %v with loss", one)
	}
}

func TestUDP(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		h, err := v.Host().ListenPacket(53)
		check(t, err)
		defer h.Close()
		u, err := s.ListenPacket(0)
		check(t, err)
		if u.Pending() != -1 {
			t.Errorf("pending %d", u.Pending())
		}
		_, _, err = u.ReadFrom(nil)
		wantErr(t, err, ErrWouldBlock)
		start := time.Now()
		check(t, u.WriteTo([]byte("ask"), netip.MustParseAddrPort("10.0.0.1:53")))
		b := make([]byte, 2000)
		n, from, err := h.ReadFrom(b)
		check(t, err)
		if d := time.Since(start); d != rtt/2 || string(b[:n]) != "ask" || from.(*net.UDPAddr).AddrPort() != netip.AddrPortFrom(BoardAddr, u.Port()) {
			t.Errorf("got %q from %v after %v", b[:n], from, d)
		}
		h.WriteTo([]byte{}, from)
		h.WriteTo(random(1473), from) // too long for the chip
		for range 10 {
			h.WriteTo([]byte("answer"), from)
		}
		time.Sleep(rtt)
		if u.Pending() != 0 {
			t.Errorf("pending %d, want an empty datagram", u.Pending())
		}
		var got []string
		for {
			n, from, err := u.ReadFrom(b[:3]) // cut
			if err != nil {
				break
			}
			if from.String() != "10.0.0.1:53" {
				t.Errorf("from %v", from)
			}
			got = append(got, string(b[:n]))
		}
		if fmt.Sprint(got) != "[ ans ans ans ans ans]" { // six, as DatagramQueue says
			t.Errorf("got %q", got)
		}
	})
}

func TestUDPErrors(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		u, err := s.ListenPacket(0)
		check(t, err)
		check(t, u.WriteTo(random(1472), netip.MustParseAddrPort("10.0.0.77:9")))
		wantErr(t, u.WriteTo(random(1473), netip.MustParseAddrPort("10.0.0.1:9")), ErrTooLong)
		wantErr(t, u.WriteTo(nil, netip.MustParseAddrPort("127.0.0.1:9")), ErrRefused)
		wantErr(t, u.WriteTo(nil, netip.MustParseAddrPort("10.0.0.1:0")), ErrUnreachable)
		wantErr(t, u.WriteTo(nil, netip.MustParseAddrPort("[2001:db8::1]:9")), ErrUnreachable)
		u.Close()
		wantErr(t, u.WriteTo(nil, netip.MustParseAddrPort("10.0.0.1:9")), net.ErrClosed)
	})
}

func TestUDPToGroups(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		other := v.Station(nina)
		a, err := s.ListenPacket(5353)
		check(t, err)
		b, err := other.ListenPacket(5353)
		check(t, err)
		group := netip.MustParseAddr("224.0.0.251")
		check(t, b.JoinGroup(group))
		check(t, a.WriteTo([]byte("one"), netip.AddrPortFrom(group, 5353)))
		check(t, b.WriteTo([]byte("to nobody"), netip.AddrPortFrom(group, 5353)))
		check(t, a.WriteTo([]byte("all"), netip.MustParseAddrPort("255.255.255.255:5353")))
		time.Sleep(rtt)
		for _, want := range []string{"one", "all"} {
			p := make([]byte, 10)
			if n, _, err := b.ReadFrom(p); string(p[:n]) != want || err != nil {
				t.Errorf("got %q, %v, want %q", p[:n], err, want)
			}
		}
		if a.Pending() != -1 {
			t.Error("the sender got a datagram")
		}
		if err := a.JoinGroup(HostAddr); err == nil {
			t.Error("10.0.0.1 is a group")
		}
	})
}

func TestUDPLossLosesDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVirtual(VirtualConfig{Clock: clock.Virtual(), RTT: rtt, Loss: 0.5, Seed: 3})
		s := v.Station(Params{})
		h, err := v.Host().ListenPacket(9)
		check(t, err)
		u, err := s.ListenPacket(9)
		check(t, err)
		for i := range 100 {
			h.WriteTo([]byte{byte(i)}, net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.2:9")))
		}
		time.Sleep(time.Minute)
		n, last := 0, -1
		for b := make([]byte, 1); ; n++ {
			if _, _, err := u.ReadFrom(b); err != nil {
				break
			}
			if int(b[0]) <= last {
				t.Errorf("%d came after %d", b[0], last)
			}
			last = int(b[0])
		}
		if n < 30 || n > 70 {
			t.Errorf("%d of 100 came through", n)
		}
	})
}

func TestLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVirtual(VirtualConfig{Clock: clock.Virtual(), RTT: rtt, Hosts: map[string]netip.Addr{
			"Example.com": netip.MustParseAddr("192.0.2.7"),
			"local.test":  netip.MustParseAddr("127.0.0.1"),
			"six.test":    netip.IPv6Loopback(),
		}})
		s := v.Station(nina)
		for name, want := range map[string]string{
			"host": "10.0.0.1", "HOST.": "10.0.0.1", "example.com": "192.0.2.7",
			"local.test": "10.0.0.1", "six.test": "10.0.0.1", "192.0.2.9": "192.0.2.9",
		} {
			start := time.Now()
			addr, err := s.Lookup(t.Context(), name)
			if err != nil || addr.String() != want || time.Since(start) != rtt {
				t.Errorf("%s: %v, %v after %v", name, addr, err, time.Since(start))
			}
		}
		for _, name := range []string{"", ".", "unknown.test", "2001:db8::1"} {
			_, err := s.Lookup(t.Context(), name)
			if !errors.Is(err, ErrUnknownHost) {
				t.Errorf("%q: %v", name, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), rtt/2)
		defer cancel()
		_, err := s.Lookup(ctx, "host")
		wantErr(t, err, context.DeadlineExceeded)
	})
}

func TestDHCP(t *testing.T) {
	s := NewVirtual(VirtualConfig{}).Station(nina)
	if got := fmt.Sprint(s.Addr(), s.Netmask(), s.Gateway(), s.DNS()); got != "10.0.0.2 255.255.255.0 10.0.0.1 10.0.0.1" {
		t.Error(got)
	}
}

func TestStationsReachOneAnother(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		other := v.Station(Params{MSS: 500})
		l, err := other.Listen(80, 1)
		check(t, err)
		c, err := s.Connect(t.Context(), netip.MustParseAddrPort("10.0.0.3:80"))
		check(t, err)
		time.Sleep(rtt)
		in, err := l.Accept()
		check(t, err)
		go func() {
			writeAll(in, random(9000))
			in.Close()
		}()
		var sizes []int
		for b := make([]byte, 2000); ; {
			n, _, err := c.Read(b)
			if err == io.EOF {
				break
			}
			if n > 0 {
				sizes = append(sizes, n)
			} else {
				time.Sleep(time.Millisecond)
			}
		}
		if sizes[0] != 500 { // the smaller MSS of the two
			t.Errorf("segments of %v", sizes)
		}
		c.Close()
	})
}

func TestMachinesBeyondTheSubnet(t *testing.T) {
	virtually(t, nina, func(t *testing.T, v *Virtual, s Station) {
		m := v.HostAt(netip.MustParseAddr("192.0.2.7"))
		l, err := m.Listen(443)
		check(t, err)
		c, err := s.Connect(t.Context(), netip.MustParseAddrPort("192.0.2.7:443"))
		check(t, err)
		p, err := l.Accept()
		check(t, err)
		c.Close()
		p.Close()
		for _, bad := range []netip.Addr{BoardAddr, {}, netip.IPv6Loopback(), netip.MustParseAddr("224.0.0.1")} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("a machine at %v", bad)
					}
				}()
				v.HostAt(bad)
			}()
		}
	})
}

func TestVirtualConfigIsChecked(t *testing.T) {
	for _, cfg := range []VirtualConfig{
		{Loss: 1}, {Loss: -0.1}, {Loss: math.NaN()}, {RTT: -1},
		{Hosts: map[string]netip.Addr{"x": netip.MustParseAddr("2001:db8::1")}},
		{Hosts: map[string]netip.Addr{"": HostAddr}},
	} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.HasPrefix(s, "network: ") {
					t.Errorf("%+v: %q", cfg, s)
				}
			}()
			NewVirtual(cfg)
		}()
	}
}

// What is sent behind a lost segment arrives with it, not before.
func TestLostSegmentHoldsUpTheOnesBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVirtual(VirtualConfig{Clock: clock.Virtual(), RTT: rtt})
		l := v.f.newLine("")
		start := time.Now()
		var got []time.Duration
		arrive := func() { got = append(got, time.Since(start)) }
		v.f.lock()
		l.sendAfter(lossDelay, arrive)
		l.send(arrive)
		v.f.unlock()
		time.Sleep(time.Second)
		v.f.lock()
		l.send(arrive)
		v.f.unlock()
		time.Sleep(time.Second)
		v.f.lock()
		defer v.f.unlock()
		if want := []time.Duration{lossDelay + rtt/2, lossDelay + rtt/2, time.Second + rtt/2}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("arrivals after %v, want %v", got, want)
		}
	})
}

// On the free-running clock everything is due at once, but still in order.
func TestOrderOnTheFreeClock(t *testing.T) {
	v := NewVirtual(VirtualConfig{RTT: rtt, Loss: 0.1, Seed: 1})
	s := v.Station(nina)
	defer s.Close()
	c, p := pair(t, v, s)
	data := random(1 << 20)
	go func() {
		p.Write(data)
		p.CloseWrite()
	}()
	got, err := readAll(s, c)
	check(t, err)
	if !bytes.Equal(got, data) {
		t.Error("other data came to the chip")
	}
	go func() {
		writeAll(c, data)
		c.Close()
	}()
	got, err = io.ReadAll(p)
	check(t, err)
	if !bytes.Equal(got, data) {
		t.Error("other data came to the peer")
	}
	p.Close()
}

func TestMachinesSocketsKeepDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVirtual(VirtualConfig{Clock: clock.Virtual(), RTT: rtt})
		u, err := v.Host().ListenPacket(9)
		check(t, err)
		_, err = v.Host().ListenPacket(9)
		wantErr(t, err, syscall.EADDRINUSE)
		l, err := v.Host().Listen(9)
		check(t, err)
		_, err = v.Host().Listen(9)
		wantErr(t, err, syscall.EADDRINUSE)
		start := time.Now()
		// Set while the calls are under way.
		time.AfterFunc(time.Second, func() {
			u.SetReadDeadline(start.Add(time.Minute))
			l.(*virtualListener).SetDeadline(start.Add(2 * time.Minute))
		})
		_, _, err = u.ReadFrom(nil)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("ReadFrom: %v after %v", err, time.Since(start))
		}
		_, err = l.Accept()
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 2*time.Minute {
			t.Errorf("Accept: %v after %v", err, time.Since(start))
		}
		u.SetDeadline(time.Now())
		_, err = u.WriteTo(nil, u.LocalAddr())
		wantErr(t, err, os.ErrDeadlineExceeded)
		// Close wakes whoever waits.
		u.SetDeadline(time.Time{})
		l.(*virtualListener).SetDeadline(time.Time{})
		time.AfterFunc(time.Second, func() {
			u.Close()
			l.Close()
		})
		_, _, err = u.ReadFrom(nil)
		wantErr(t, err, net.ErrClosed)
		_, err = l.Accept()
		wantErr(t, err, net.ErrClosed)

		_, err = v.Host().Dial(t.Context(), netip.MustParseAddrPort("10.0.0.77:9"))
		if e, ok := err.(net.Error); !ok || !e.Timeout() {
			t.Errorf("a dial to nobody: %v", err)
		}
	})
}

func TestHTTPBetweenMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVirtual(VirtualConfig{Clock: clock.Virtual(), RTT: rtt})
		web := v.HostAt(netip.MustParseAddr("192.0.2.1"))
		l, err := web.Listen(80)
		check(t, err)
		page := random(100_000)
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(page) })}
		go srv.Serve(l)
		defer srv.Close()
		tr := &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return v.Host().Dial(ctx, netip.MustParseAddrPort(addr))
		}}
		defer tr.CloseIdleConnections()
		start := time.Now()
		resp, err := (&http.Client{Transport: tr}).Get("http://192.0.2.1/")
		check(t, err)
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		check(t, err)
		if !bytes.Equal(got, page) {
			t.Error("another page came")
		}
		// Connect, request and first window, second window.
		if d := time.Since(start); d != 3*rtt {
			t.Errorf("took %v", d)
		}
	})
}
