package netdevtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/espat"
	modem "tinynet/sim/espat"
	"tinynet/sim/network"
)

// # What a module allows at best
//
// The bounds are worked out from the timing profile of a module alone, for a host that
// takes no time at all: what it has to say is on the wire at once, and it knows a byte in
// the moment in which that has arrived. They count
//
//   - wire time: ten bit times for each byte of commands, replies and data, each way;
//   - the module's: a millisecond from a command line to its first reply byte; half a one
//     from the last byte of a CIPSEND's data to its Recv, with which the data go to the
//     network; and half a one from where the last of them is in the send buffer to
//     SEND OK; on firmware before 2.4 (2.3 on the ESP8266) half a one from a CIPSEND's
//     OK to its prompt;
//   - the network's: half a round trip each way, one to have room again in a send buffer
//     or a receive window.
//
// A host has to wait for the result of a command before the next, so these follow one
// another; but what is not waited for is not counted: notices, the OK behind the last
// data, SEND OK behind the last send.
//
// Data come by CIPRECVDATA and go by CIPSEND, with as many bytes at a time as are best. What
// could be faster is no way to have sockets: data that are pushed (Config.Active) need
// flow control, or who cannot keep up loses a connection's data; they have a bound of their
// own. CIPSENDL needs it as well, and no other link could send meanwhile.

// atProfile is a module, and the speed of its UART.
type atProfile struct {
	version    string
	baud       int
	window     int  // receive window of a connection
	sendBuffer int  // of a connection
	sendMost   int  // bytes of a CIPSEND
	apart      bool // OK and > are
}

const (
	atCommand = time.Millisecond       // a command line to its first reply byte
	atPrompt  = 500 * time.Microsecond // OK to >, where they are apart
	atRecv    = 500 * time.Microsecond // data to Recv
	atSent    = 500 * time.Microsecond // room for them to SEND OK
	atPushed  = 2920                   // most bytes of a +IPD
)

// atModule returns the profile of a version that the simulator has: the sizes are those of
// the TCP/IP stack that the firmware is built with.
func atModule(version string, baud int) atProfile {
	chip, number, _ := strings.Cut(version, "-")
	var major, minor int
	fmt.Sscanf(number, "%d.%d", &major, &minor)
	since := func(a, b int) bool { return major > a || major == a && minor >= b }
	m := atProfile{version: version, baud: baud, window: 5760, sendBuffer: 5760, sendMost: 8192}
	if chip == "esp8266" {
		m.sendBuffer, m.sendMost = 2880, 2048
		m.apart = !since(2, 3)
		return m
	}
	if !since(2, 4) {
		m.sendMost, m.apart = 2048, true
		if since(2, 1) {
			m.window = 5744
		}
	}
	return m
}

// wire is the time of n bytes.
func (m atProfile) wire(n int) time.Duration {
	return time.Duration(n) * 10 * time.Second / time.Duration(m.baud)
}

// text is the time of a line.
func (m atProfile) text(format string, arg ...any) time.Duration {
	return m.wire(len(fmt.Sprintf(format, arg...)))
}

// readCost is what a CIPRECVDATA of n bytes takes, to the last of them.
func (m atProfile) readCost(n int) time.Duration {
	return m.text("AT+CIPRECVDATA=0,%d\r\n", n) + atCommand + m.text("+CIPRECVDATA:%d,", n) + m.wire(n)
}

// okCost is the rest of it.
func (m atProfile) okCost() time.Duration { return m.text("\r\nOK\r\n") }

// sendCost is what a CIPSEND of n bytes takes until these are the network's.
func (m atProfile) sendCost(n int) time.Duration {
	prompt := m.text("\r\nOK\r\n\r\n>")
	if m.apart {
		prompt = max(m.text("\r\nOK\r\n"), atPrompt) + m.text("\r\n>")
	}
	return m.text("AT+CIPSEND=0,%d\r\n", n) + atCommand + prompt + m.wire(n) + atRecv
}

// sentCost is what it takes from there to the end of SEND OK, if there was room at once.
func (m atProfile) sentCost(n int) time.Duration {
	return max(m.text("\r\nRecv %d bytes\r\n", n), atSent) + m.text("\r\nSEND OK\r\n")
}

// in returns the time of n bytes by exchanges of at most most.
func in(n, most int, cost func(n int) time.Duration) (d time.Duration) {
	d = time.Duration(n/most) * cost(most)
	if n%most > 0 {
		d += cost(n % most)
	}
	return d
}

// downloadBound is the least time in which n bytes come from a peer that sends them at
// once, over so many connections: half a round trip, and the reads; or a window for each
// round trip. A read is of a window at most, which is all that can be there. While what was
// read is on the wire the window fills again.
func (m atProfile) downloadBound(n, conns int, rtt time.Duration) time.Duration {
	reads := in(n, m.window, func(n int) time.Duration { return m.readCost(n) + m.okCost() }) - m.okCost()
	windows := time.Duration(float64(n) / float64(m.window*conns) * float64(rtt))
	return max(rtt/2+reads, windows)
}

// pushedBound is the same for data that are pushed.
func (m atProfile) pushedBound(n int, rtt time.Duration) time.Duration {
	pushes := in(n, atPushed, func(n int) time.Duration { return m.text("\r\n+IPD,0,%d:", n) + m.wire(n) })
	windows := time.Duration(float64(n) / float64(m.window) * float64(rtt))
	return max(rtt/2+pushes, windows)
}

// uploadBound is the least time in which a peer has n bytes: the sends, and half a round
// trip for the last. A send is store and forward, so that its time on the wire and that on
// the network do not overlap: one that is larger than the send buffer waits a round
// trip for its acknowledgements. Or it is a send buffer for each round trip but the first.
//
// The best size is found by trying all: sends of different sizes are no better, since the
// time of one has a fixed part and one that grows with its size.
func (m atProfile) uploadBound(n, conns int, rtt time.Duration) time.Duration {
	best := time.Duration(math.MaxInt64)
	for most := 1; most <= m.sendMost; most++ {
		d := in(n, most, func(n int) time.Duration {
			if n > m.sendBuffer {
				return m.sendCost(n) + rtt + m.sentCost(n)
			}
			return m.sendCost(n) + m.sentCost(n)
		})
		last := n % most
		if last == 0 {
			last = most
		}
		best = min(best, d-m.sentCost(last))
	}
	// The first send's time on the wire comes before the first round trip.
	buffers := time.Duration(float64(max(0, n-conns*m.sendBuffer)) / float64(conns*m.sendBuffer) * float64(rtt))
	return max(best, buffers) + rtt/2
}

// line is what the module says: a line that follows another waits until that is out.
type line struct {
	m   atProfile
	end time.Duration
}

func (l *line) say(at time.Duration, format string, arg ...any) {
	l.end = max(l.end, at) + l.m.text(format, arg...)
}

// echoBound is the least time in which the device gets back n bytes that it sends.
func (m atProfile) echoBound(n int, rtt time.Duration) time.Duration {
	sent := m.sendCost(n)
	l := line{m: m}
	l.say(sent, "\r\nRecv %d bytes\r\n", n)
	if rtt < atSent { // the echo is there before SEND OK is
		l.say(sent+rtt, "\r\n+IPD,0,%d\r\n", n)
		l.say(sent+atSent, "\r\nSEND OK\r\n")
	} else {
		l.say(sent+atSent, "\r\nSEND OK\r\n")
		l.say(sent+rtt, "\r\n+IPD,0,%d\r\n", n)
	}
	return l.end + m.readCost(n)
}

// answerBound is the least time in which a peer gets back n bytes that it sends.
func (m atProfile) answerBound(n int, rtt time.Duration) time.Duration {
	return rtt/2 + m.text("\r\n+IPD,0,%d\r\n", n) + m.readCost(n) + m.okCost() + m.sendCost(n) + rtt/2
}

// The times of the bounds are those that the simulator has, and those of the sheet.
func TestESPATBoundsHaveTheProfilesTimes(t *testing.T) {
	d := modem.DefaultTiming()
	if d.Command != atCommand || d.Prompt != atPrompt || d.Recv != atRecv || d.Sent != atSent {
		t.Errorf("the simulator's times are %+v", d)
	}
}

// # Measuring

// onModule runs f with a connected board in a bubble. The wire is at m's speed, without
// flow control, and the board's UART keeps as much as TinyGo's do.
func onModule(t *testing.T, m atProfile, rtt time.Duration, f func(t *testing.T, b *espatBoard, s *Setup), change ...func(*espat.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		change = append(change, func(c *espat.Config) { c.MaxBaud = uint32(m.baud) })
		b := startESPAT(t, network.VirtualConfig{RTT: rtt}, modem.Config{Version: m.version}, change...)
		s := b.setup()
		defer s.end()
		f(t, b, s)
	})
}

// links is how many the module has.
const links = 5

// together moves n bytes over each of five connections at once, in the direction of move,
// and returns how long it took, and how far the slowest was, as a part of n, when the
// first was done.
func together(t *testing.T, s *Setup, n int, up bool) (took time.Duration, fair float64) {
	var done [links]atomic.Int64
	var finished atomic.Bool
	errs := make(chan error)
	type end struct {
		from io.Writer
		to   io.Reader
	}
	var ends [links]end
	for i := range ends {
		device, peer := pair(t, s, uint16(7000+i))
		defer device.Close()
		if ends[i] = (end{peer, chunks{device}}); up {
			ends[i] = end{device, chunks{peer}}
		}
	}
	start := time.Now()
	for i, e := range ends {
		want := payload(uint64(20+i), n)
		go e.from.Write(want)
		go func() {
			got := make([]byte, n)
			for at := 0; at < n; {
				k, err := e.to.Read(got[at:])
				if at += k; err != nil {
					errs <- err
					return
				}
				done[i].Store(int64(at))
			}
			if !finished.Swap(true) {
				least := int64(n)
				for i := range done {
					least = min(least, done[i].Load())
				}
				fair = float64(least) / float64(n)
			}
			if !bytes.Equal(got, want) {
				errs <- errors.New("what arrived differs from what was sent")
				return
			}
			errs <- nil
		}()
	}
	for range ends {
		check(t, <-errs)
	}
	return time.Since(start), fair
}

// trips has one end send 64 bytes and get them back from the other, with pauses before
// that meet the driver's rhythm in all phases.
func trips(t *testing.T, s *Setup, deviceFirst bool, pause time.Duration) (worst time.Duration) {
	first, second := pair(t, s, 7000)
	defer first.Close()
	if !deviceFirst {
		first, second = second, first
	}
	go io.Copy(second, second)
	want := payload(5, 64)
	got := make([]byte, 64)
	for i := range 20 {
		if pause == 0 {
			_, err := first.Write(want)
			check(t, err)
			_, err = io.ReadFull(first, got)
			check(t, err)
		}
		time.Sleep(pause + time.Duration(i)*343*time.Microsecond)
		start := time.Now()
		_, err := first.Write(want)
		check(t, err)
		_, err = io.ReadFull(first, got)
		check(t, err)
		worst = max(worst, time.Since(start))
		if !bytes.Equal(got, want) {
			t.Fatal("the echo differs")
		}
	}
	return worst
}

// # The table

// TestSpeedOfESPAT measures the driver with the simulated module on the virtual clock, with
// the profile as it is, and compares with the bounds and with the committed table.
func TestSpeedOfESPAT(t *testing.T) {
	if raceEnabled {
		t.Skip("the figures depend on which of two goroutines goes first at one instant, and the race detector changes that on purpose")
	}
	var figures []figure
	add := func(f figure) figure { figures = append(figures, f); return f }
	const size = 256 << 10
	transfer := func(what string, took, bound time.Duration) {
		f := share(what, took, bound)
		f.note = fmt.Sprintf("%5.1f %%  %5.1f kB/s", 100*float64(bound)/float64(took), size/1e3/took.Seconds())
		if add(f); float64(bound) < 0.95*float64(took) {
			t.Errorf("%v\nis below 95 %% of the bound", f)
		}
	}
	delay := func(what string, took, bound time.Duration) {
		f := beyond(what, took, bound)
		f.note = fmt.Sprintf("%.2f ms beyond", ms(took-bound))
		if add(f); took > bound+2*time.Millisecond {
			t.Errorf("%v\nis more than 2 ms beyond wire, module and network", f)
		}
	}

	rtts := []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond}
	bauds := []int{115200, 921600, 2000000}
	for _, version := range []string{"esp32-2.4", "esp8266-2.3"} {
		for _, baud := range bauds {
			m := atModule(version, baud)
			for _, rtt := range rtts {
				name := fmt.Sprintf("%s, %d baud, RTT %v: ", version, baud, rtt)
				var took time.Duration
				onModule(t, m, rtt, func(t *testing.T, _ *espatBoard, s *Setup) { took = fetch(t, s, size) })
				transfer(name+"download of 256 KB", took, m.downloadBound(size, 1, rtt))
				onModule(t, m, rtt, func(t *testing.T, _ *espatBoard, s *Setup) { took = deliver(t, s, size) })
				transfer(name+"upload of 256 KB", took, m.uploadBound(size, 1, rtt))
				for _, up := range []bool{false, true} {
					what, bound := "download by 5 links", m.downloadBound(size/links*links, links, rtt)
					if up {
						what, bound = "upload by 5 links", m.uploadBound(size/links*links, links, rtt)
					}
					var fair float64
					onModule(t, m, rtt, func(t *testing.T, _ *espatBoard, s *Setup) { took, fair = together(t, s, size/links, up) })
					transfer(name+what, took, bound)
					f := &figures[len(figures)-1]
					f.note += fmt.Sprintf("; slowest %.0f %% of fastest", 100*fair)
					if fair < 0.9 {
						t.Errorf("%v\nis not fair", *f)
					}
				}
			}
		}
	}
	for _, version := range modem.Versions() {
		for _, baud := range bauds {
			m := atModule(version, baud)
			for _, rtt := range rtts {
				name := fmt.Sprintf("%s, %d baud, RTT %v: ", version, baud, rtt)
				onModule(t, m, rtt, func(t *testing.T, _ *espatBoard, s *Setup) {
					delay(name+"echo of 64 B", trips(t, s, true, 0), m.echoBound(64, rtt))
					delay(name+"echo of 64 B after 1 s", trips(t, s, true, time.Second), m.echoBound(64, rtt))
					delay(name+"answer of 64 B", trips(t, s, false, 0), m.answerBound(64, rtt))
					delay(name+"answer of 64 B after 1 s", trips(t, s, false, time.Second), m.answerBound(64, rtt))
				})
			}
		}
	}
	slices.SortStableFunc(figures, func(a, b figure) int { return 0 })
	compare(t, "espat-speed.txt", "ESP-AT modules, profile of sim/espat.DefaultTiming, no flow control, a UART with a ring of 128 bytes; simulated time\n", figures)
}
