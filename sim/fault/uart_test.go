package fault

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
)

// line returns a UART, and the chip's end of it.
func line(t *testing.T) (u *UART, chip net.Conn, reboots *int) {
	host, chip := net.Pipe()
	reboots = new(int)
	u = NewUART(host, func() { *reboots++ }, clock.Virtual())
	t.Cleanup(func() {
		u.Close()
		chip.Close()
	})
	return u, chip, reboots
}

// What each fault does to "abcdef", written by either side in one go.
func TestUARTFaults(t *testing.T) {
	for _, tt := range []struct {
		fault, want string
		reboots     int
	}{
		{"none", "abcdef", 0},
		{"@2 damage HALF 0 ^20", "abCdef", 0},
		{"@2 lose HALF 0 ^00", "abdef", 0},
		{"@5 double HALF 0 ^00", "abcdeff", 0},
		{"@0 lose HALF 0 ^00; @0 damage HALF 0 ^20; @3 double HALF 0 ^00", "bcddef", 0},
		{"@3 hang HALF 0 ^00", "abc", 0},
		{"@3 stall HALF 0 ^00 1s", "abcdef", 0},
	} {
		for _, half := range []Half{Command, Reply} {
			synctest.Test(t, func(t *testing.T) {
				plan, err := Parse(strings.ReplaceAll(tt.fault, "HALF", half.String()))
				if err != nil {
					t.Fatal(err)
				}
				u, chip, reboots := line(t)
				u.Play(plan)
				from, to := io.Writer(u), io.Reader(chip)
				if half == Reply {
					from, to = chip, u
				}
				go func() {
					from.Write([]byte("abcdef"))
					time.Sleep(10 * time.Second)
					chip.Close()
				}()
				start := time.Now()
				got := make([]byte, len(tt.want))
				if _, err := io.ReadFull(to, got); err != nil || string(got) != tt.want {
					t.Errorf("%v: %q, %v; want %q", plan, got, err, tt.want)
				}
				took := time.Since(start)
				if n, err := to.Read(make([]byte, 1)); n != 0 || err == nil {
					t.Errorf("%v: then %d bytes, %v", plan, n, err)
				}
				if stalls := strings.Contains(tt.fault, "stall"); (took == time.Second) != stalls {
					t.Errorf("%v: it took %v", plan, took)
				}
				if *reboots != tt.reboots || u.Hung() != strings.Contains(tt.fault, "hang") {
					t.Errorf("%v: %d reboots, hung %v", plan, *reboots, u.Hung())
				}
				if got := ListOf(u.Log()).String(); got != plan.String() {
					t.Errorf("the log of %q is %q", plan, got)
				}
			})
		}
	}
}

func TestUARTCutsReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, chip, _ := line(t)
		u.Play(Plan{List: []Fault{{At: 0, Kind: Cut, Half: Reply, Pick: 2}}})
		go chip.Write([]byte("abcdef"))
		buf := make([]byte, 100)
		for _, want := range []string{"a", "b", "c", "def"} {
			if n, err := u.Read(buf); err != nil || string(buf[:n]) != want {
				t.Errorf("Read gave %q, %v; want %q", buf[:n], err, want)
			}
		}
	})
}

// A chip that restarts in the middle of what it sends has sent the first part.
func TestUARTReboot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, chip, reboots := line(t)
		u.Play(Plan{List: []Fault{{At: 2, Kind: Reset, Half: Reply}, {At: 3, Kind: Reset, Half: Command}}})
		go chip.Write([]byte("abcdef"))
		buf := make([]byte, 100)
		if n, err := u.Read(buf); err != nil || string(buf[:n]) != "abc" || *reboots != 1 {
			t.Errorf("Read gave %q, %v; %d reboots", buf[:n], err, *reboots)
		}
		// What the host sends meanwhile is the rebooted chip's affair.
		go u.Write([]byte("uvwxyz"))
		if n, err := chip.Read(buf); err != nil || string(buf[:n]) != "uvwx" {
			t.Errorf("the chip read %q, %v", buf[:n], err)
		}
		if n, err := chip.Read(buf); err != nil || string(buf[:n]) != "yz" || *reboots != 2 {
			t.Errorf("then the chip read %q, %v; %d reboots", buf[:n], err, *reboots)
		}
	})
}

// A hang swallows both directions until the host resets the chip.
func TestUARTHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, chip, _ := line(t)
		u.Play(Plan{List: []Fault{{At: 1, Kind: Hang, Half: Command}}})
		go u.Write([]byte("abc"))
		buf := make([]byte, 100)
		if n, _ := chip.Read(buf); string(buf[:n]) != "a" {
			t.Errorf("the chip read %q", buf[:n])
		}
		go chip.Write([]byte("lost"))
		read := make(chan string)
		go func() {
			n, _ := u.Read(buf)
			read <- string(buf[:n])
		}()
		synctest.Wait()
		select {
		case s := <-read:
			t.Errorf("a chip that hangs said %q", s)
		default:
		}
		u.WasReset()
		chip.Write([]byte("ready"))
		if s := <-read; s != "ready" {
			t.Errorf("after the reset Read gave %q", s)
		}
	})
}

// The same seed does the same to the same bytes, however they are read.
func TestUARTSeedReplays(t *testing.T) {
	run := func(t *testing.T, p Plan, size int) (string, Plan) {
		u, chip, _ := line(t)
		u.Play(p)
		go func() {
			chip.Write(bytes.Repeat([]byte("0123456789abcdef"), 200))
			chip.Close()
		}()
		var got []byte
		buf := make([]byte, size)
		for {
			n, err := u.Read(buf)
			got = append(got, buf[:n]...)
			if err != nil {
				return string(got), ListOf(u.Log())
			}
		}
	}
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			p := Plan{Seed: seed, Every: 50, Kinds: Of(Damage, Lose, Double, Stall, Cut)}
			want, log := run(t, p, 64)
			if len(log.List) < 10 {
				t.Fatalf("%v made %d faults happen", p, len(log.List))
			}
			for _, size := range []int{64, 1, 1000} {
				if got, _ := run(t, p, size); got != want {
					t.Errorf("%v does not replay with reads of %d", p, size)
				}
			}
			list, err := Parse(log.String())
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := run(t, list, 64); got != want {
				t.Errorf("the log of %v does not replay it", p)
			}
		})
	}
}

// port is a serial port that says how much it has received. A Read of nothing waits.
type port chan byte

func (p port) Buffered() int { return len(p) }

func (p port) Read(b []byte) (int, error) {
	b[0] = <-p
	n := 1
	for ; n < len(b) && len(p) > 0; n++ {
		b[n] = <-p
	}
	return n, nil
}

func (p port) Write(b []byte) (int, error) { return len(b), nil }

func (p port) Close() error { return nil }

// Buffered is what a Read gets, faults done.
func TestUARTBuffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := make(port, 100)
		u := NewUART(p, nil, clock.Virtual())
		if n := u.Buffered(); n != 0 {
			t.Errorf("%d bytes before any came", n)
		}
		u.Play(Plan{List: []Fault{{At: 0, Kind: Lose, Half: Reply}, {At: 2, Kind: Double, Half: Reply}, {At: 4, Kind: Lose, Half: Reply}}})
		receive := func(s string) {
			for _, b := range []byte(s) {
				p <- b
			}
		}
		buf := make([]byte, 100)
		for _, tt := range []struct{ sent, want string }{{"abcd", "bccd"}, {"e", ""}, {"fg", "fg"}} {
			receive(tt.sent)
			n := u.Buffered()
			if n != len(tt.want) {
				t.Fatalf("of %q %d bytes are there, want %q", tt.sent, n, tt.want)
			}
			if n > 0 {
				if n, err := u.Read(buf[:n]); string(buf[:n]) != tt.want || err != nil {
					t.Errorf("read %q, %v; want %q", buf[:n], err, tt.want)
				}
			}
		}
		// It does not wait for a Read that does.
		read := make(chan int)
		go func() {
			n, _ := u.Read(buf)
			read <- n
		}()
		synctest.Wait()
		if n := u.Buffered(); n != 0 {
			t.Errorf("%d bytes, and a Read waits", n)
		}
		p <- 'x'
		if n := <-read; n != 1 {
			t.Errorf("the Read that waited got %d bytes", n)
		}
	})
}

// slowPort takes its time to look.
type slowPort struct{ port }

func (p slowPort) Buffered() int {
	n := len(p.port)
	time.Sleep(time.Millisecond)
	return n
}

// Of two that look at the same time none waits for what the other has taken.
func TestUARTBufferedByTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := slowPort{make(port, 100)}
		u := NewUART(p, nil, clock.Virtual())
		p.port <- 'x'
		looked := make(chan int, 2)
		for range 2 {
			go func() { looked <- u.Buffered() }()
		}
		for range 2 {
			select {
			case <-looked:
			case <-time.After(time.Minute):
				p.port <- 'y'
				t.Fatal("Buffered waits")
			}
		}
		if n, _ := u.Read(make([]byte, 10)); n != 1 {
			t.Errorf("read %d bytes", n)
		}
	})
}
