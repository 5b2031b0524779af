package netdevtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/espat"
	"tinynet/netdev"
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
	readMost   int  // bytes of a CIPRECVDATA
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
	m := atProfile{version: version, baud: baud, window: 5760, sendBuffer: 5760, sendMost: 8192, readMost: 5760}
	if !since(2, 1) {
		m.readMost = 2048
	}
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
	reads := in(n, min(m.window, m.readMost), func(n int) time.Duration { return m.readCost(n) + m.okCost() }) - m.okCost()
	windows := time.Duration(float64(n) / float64(m.window*conns) * float64(rtt))
	return max(rtt/2+reads, windows)
}

// pushedBound is the same for data that are pushed.
func (m atProfile) pushedBound(n int, rtt time.Duration) time.Duration {
	pushes := in(n, atPushed, func(n int) time.Duration { return m.text("\r\n+IPD,0,%d:", n) + m.wire(n) })
	windows := time.Duration(float64(n) / float64(m.window) * float64(rtt))
	return max(rtt/2+pushes, windows)
}

// TLS as it is with the peer of the test: records of 16 KB, each with 29 bytes around it
// (AES-GCM in TLS 1.2), of which a module has one decrypted at a time.
const (
	tlsRecord   = 16 << 10
	tlsOverhead = 5 + 8 + 16
)

// tlsBound is the least time in which n bytes, some whole records, come by TLS to a program that
// takes most at a time. Once a record is read the next has to be whole: what of it did not fit
// into the window comes in round trips, while the last read is on the wire.
//
// At longer round trips than 5 ms a download depends on how the records of the handshake, whose
// sizes are random, have the rest fall into segments: it is in no table.
func (m atProfile) tlsBound(n, most int, rtt time.Duration) time.Duration {
	const whole = tlsRecord + tlsOverhead
	trips := time.Duration((whole-1)/m.window) * rtt
	last := m.text("+CIPRECVDATA:%d,", most) + m.wire(most) + m.okCost()
	reads := in(tlsRecord, most, func(n int) time.Duration { return m.readCost(n) + m.okCost() })
	return rtt/2 + time.Duration(n/tlsRecord)*(reads+max(0, trips-last)) - m.okCost()
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

// acceptBound is the least time from where a client begins to connect to where it has the
// first byte: the module tells of the connection once the client's acknowledgement is there.
func (m atProfile) acceptBound(rtt time.Duration) time.Duration {
	return rtt + rtt/2 + m.text("+LINK_CONN:0,0,\"TCP\",1,\"10.0.0.1\",49152,80\r\n") + m.sendCost(1) + rtt/2
}

// lookCost is what it takes the driver to look at the module's state: its links, whether it
// is joined, and what it holds. It does so now and then, so that no line that the wire loses
// is lost for ever, and what comes then has to wait.
func (m atProfile) lookCost() time.Duration {
	const link = ":4,\"TCP\",\"10.0.0.1\",49152,49152,0\r\n\r\nOK\r\n"
	return m.text("AT+CIPSTATE?\r\n+CIPSTATE"+link) + m.text("AT+CWSTATE?\r\n+CWSTATE:2,\"tinynet\"\r\n\r\nOK\r\n") +
		m.text("AT+CIPRECVLEN?\r\n+CIPRECVLEN:-1,-1,-1,-1,64\r\n\r\nOK\r\n") + 3*atCommand
}

// The bounds' times and sizes are those of the simulator, which has them from the same
// profile.
func TestESPATBoundsHaveTheSimulatorsProfile(t *testing.T) {
	d := modem.DefaultTiming()
	if d.Command != atCommand || d.Prompt != atPrompt || d.Recv != atRecv || d.Sent != atSent {
		t.Errorf("the simulator's times are %+v", d)
	}
	for _, version := range modem.Versions() {
		synctest.Test(t, func(t *testing.T) {
			v := network.NewVirtual(network.VirtualConfig{})
			attached := make(chan network.Params, 1)
			c := modem.New(modem.Config{Version: version, Attach: func(p network.Params) network.Station {
				attached <- p
				return v.Station(p)
			}})
			defer c.Close()
			go io.Copy(io.Discard, c.UART())
			for _, cmd := range []string{"AT+CWMODE=1", `AT+CWJAP="tinynet","tinynet-pass"`} {
				time.Sleep(time.Second)
				io.WriteString(c.UART(), cmd+"\r\n")
			}
			m, p := atModule(version, 115200), <-attached
			if p.Window != m.window || p.SendBuffer != m.sendBuffer {
				t.Errorf("%s: the simulator's window is %d and its send buffer %d, the profile's %d and %d", version, p.Window, p.SendBuffer, m.window, m.sendBuffer)
			}
		})
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

// together moves n bytes over each of five connections at once, to the device or from it,
// and returns how long it took, and how far the slowest was, as a part of n, when the
// first was done.
func together(t *testing.T, s *Setup, n int, up bool) (took time.Duration, fair float64) {
	var done [links]atomic.Int64
	var finished atomic.Bool
	errs := make(chan error)
	var from [links]io.Writer
	var to [links]io.Reader
	for i := range links {
		device, peer := timed(t, s, uint16(7000+i))
		defer device.Close()
		from[i], to[i] = peer, chunks{device}
		if up {
			from[i], to[i] = device, chunks{peer}
		}
	}
	start := time.Now()
	for i := range links {
		want := payload(uint64(20+i), n)
		go from[i].Write(want)
		go func() {
			got := make([]byte, n)
			for at := 0; at < n; {
				k, err := to[i].Read(got[at:])
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
	for range links {
		check(t, <-errs)
	}
	return time.Since(start), fair
}

// trips has one end send 64 bytes and get them back from the other, many times with a
// pause before each that meets the driver's rhythm in all phases. It returns the longest
// such trip, and the longest of those during which the driver looked at the module's state,
// 0 if it did not.
func trips(t *testing.T, b *espatBoard, s *Setup, deviceFirst bool, pause time.Duration) (worst, looked time.Duration) {
	first, second := timed(t, s, 7000)
	if !deviceFirst {
		first, second = second, first
	}
	go func() {
		io.Copy(second, second)
		second.Close()
	}()
	const before = 20 * time.Millisecond // a look may be under way for so long
	want := payload(5, 64)
	got := make([]byte, 64)
	n := 16
	if pause > 0 {
		n = 8
	}
	for i := range n {
		time.Sleep(pause*3/4 + time.Duration(i)*(pause/14+343*time.Microsecond))
		commands := b.chip.Ledger().Commands
		time.Sleep(before)
		start := time.Now()
		_, err := first.Write(want)
		check(t, err)
		_, err = io.ReadFull(first, got)
		check(t, err)
		took := time.Since(start)
		if commands = b.chip.Ledger().Commands - commands; commands == 2 { // CIPSEND and CIPRECVDATA
			worst = max(worst, took)
		} else {
			looked = max(looked, took)
		}
		if !bytes.Equal(got, want) {
			t.Fatal("the echo differs")
		}
	}
	if worst == 0 {
		t.Error("the driver looks at the module's state all the time")
	}
	first.Close()
	time.Sleep(100 * time.Millisecond)
	return worst, looked
}

// clients returns how long it takes from where a client begins to connect to where it has a
// byte from the device.
func clients(t *testing.T, s *Setup) (median, worst time.Duration) {
	l, err := Listen(s.Dev, 80)
	check(t, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("x"))
			c.Close()
		}
	}()
	var all []time.Duration
	for i := range 16 {
		start := time.Now()
		c, err := s.Peer.Dial(t.Context(), boardPort(t, s, 80))
		check(t, err)
		check(t, c.SetDeadline(start.Add(time.Minute)))
		_, err = io.ReadFull(c, make([]byte, 1))
		check(t, err)
		if i > 0 { // the first comes after a silence
			all = append(all, time.Since(start))
		}
		c.Close()
		time.Sleep(100*time.Millisecond + time.Duration(i)*11*time.Millisecond)
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)-1]
}

// # The table

// speeds are the figures of the table, in parts that are printed one after another.
type speeds struct {
	t     *testing.T
	parts [10][]figure
}

const (
	partDownload = iota
	partUpload
	partDownloads
	partUploads
	partTrips
	partAccept
	partOthers
	partAway
	partMore
	partCost
)

func (s *speeds) add(part int, f figure) {
	f.what = fmt.Sprintf("%-59s", f.what)
	s.parts[part] = append(s.parts[part], f)
}

// speedSize is how many bytes are moved.
const speedSize = 256 << 10

// transfer is a figure that is to be 95 % of its bound. note is more to say of it.
func (s *speeds) transfer(part int, what string, took, bound time.Duration, note string) {
	f := share(what, took, bound)
	f.note = fmt.Sprintf("%5.1f %%  %5.1f kB/s%s", 100*float64(bound)/float64(took), speedSize/1e3/took.Seconds(), note)
	if s.add(part, f); float64(bound) < 0.95*float64(took) {
		s.t.Errorf("%v\nis below 95 %% of the bound", f)
	}
}

// delay is a figure that is to be limit beyond its bound at most.
func (s *speeds) delay(what string, took, bound, limit time.Duration) figure {
	f := beyond(what, took, bound)
	if took > bound+limit {
		s.t.Errorf("%v\nis more than %v beyond wire, module and network", f, limit)
	}
	return f
}

// together is a transfer by all links, which is to be fair.
func (s *speeds) together(part int, name string, setup *Setup, m atProfile, rtt time.Duration) {
	const each = speedSize / links
	what, bound := "downloads by 5 links", m.downloadBound(each*links, links, rtt)
	if part == partUploads {
		what, bound = "uploads by 5 links", m.uploadBound(each*links, links, rtt)
	}
	took, fair := together(s.t, setup, each, part == partUploads)
	s.transfer(part, name+what, took, bound, fmt.Sprintf("; slowest %.0f %% of the fastest", 100*fair))
	if fair < 0.9 {
		s.t.Errorf("%s%s: the slowest is at %.0f %% of the fastest", name, what, 100*fair)
	}
}

// trip is an exchange of 64 bytes, 2 ms beyond its bound at most. The driver may look at the
// module's state during some of them, which is a matter of chance: these have it in their
// limit, and are in no table.
func (s *speeds) trip(name string, b *espatBoard, setup *Setup, m atProfile, rtt time.Duration, deviceFirst bool, pause time.Duration) figure {
	what, bound := "echo", m.echoBound(64, rtt)
	if !deviceFirst {
		what, bound = "answer", m.answerBound(64, rtt)
	}
	if pause > 0 {
		what += fmt.Sprintf(" after about %v", pause)
	}
	const most = 2 * time.Millisecond
	plain, with := trips(s.t, b, setup, deviceFirst, pause)
	s.delay(name+what+", state looked at", with, bound, most+m.lookCost())
	return s.delay(name+what, plain, bound, most)
}

// farthest keeps, for each speed of the wire, how far beyond its bound a figure is at most.
type farthest map[int]float64

func (worst farthest) note(m atProfile, f figure) {
	worst[m.baud] = max(worst[m.baud], f.value-f.bound)
}

// TestSpeedOfESPAT measures the driver with the simulated module on the virtual clock, with
// the profile as it is, and compares with the bounds and with the committed table.
func TestSpeedOfESPAT(t *testing.T) {
	if raceEnabled {
		t.Skip("the figures depend on which of two goroutines goes first at one instant, and the race detector changes that on purpose")
	}
	t.Parallel()
	s := speeds{t: t}
	rtts := []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond}
	bauds := []int{115200, 921600, 2000000}
	both := []string{"esp32-2.4", "esp8266-2.3"}
	title := func(m atProfile, rtt time.Duration) string {
		return fmt.Sprintf("%-11s %7d baud, RTT %-5v ", m.version, m.baud, rtt)
	}
	every := func(version string, f func(name string, m atProfile, rtt time.Duration)) {
		for _, baud := range bauds {
			for _, rtt := range rtts {
				m := atModule(version, baud)
				f(title(m, rtt), m, rtt)
			}
		}
	}
	toAndFro := []bool{true, false}

	for _, version := range both {
		every(version, func(name string, m atProfile, rtt time.Duration) {
			onModule(t, m, rtt, func(t *testing.T, b *espatBoard, setup *Setup) {
				s.transfer(partDownload, name+"download", fetch(t, setup, speedSize), m.downloadBound(speedSize, 1, rtt), "")
				s.transfer(partUpload, name+"upload", deliver(t, setup, speedSize), m.uploadBound(speedSize, 1, rtt), "")
				s.together(partDownloads, name, setup, m, rtt)
				s.together(partUploads, name, setup, m, rtt)
				for _, deviceFirst := range toAndFro {
					for _, pause := range []time.Duration{0, time.Second} {
						s.add(partTrips, s.trip(name, b, setup, m, rtt, deviceFirst, pause))
					}
				}
				median, worst := clients(t, setup)
				s.add(partAccept, s.delay(name+"connection to first byte: median", median, m.acceptBound(rtt), 2*time.Millisecond))
				s.delay(name+"connection to first byte: worst", worst, m.acceptBound(rtt), 2*time.Millisecond+m.lookCost())
			})
		})
	}
	// The other versions, by the trip that is farthest beyond its bound.
	for _, version := range modem.Versions() {
		if slices.Contains(both, version) {
			continue
		}
		worst := farthest{}
		every(version, func(name string, m atProfile, rtt time.Duration) {
			onModule(t, m, rtt, func(t *testing.T, b *espatBoard, setup *Setup) {
				if m.baud == 921600 && rtt == 5*time.Millisecond {
					s.transfer(partOthers, name+"download", fetch(t, setup, speedSize), m.downloadBound(speedSize, 1, rtt), "")
					s.transfer(partOthers, name+"upload", deliver(t, setup, speedSize), m.uploadBound(speedSize, 1, rtt), "")
				}
				for _, deviceFirst := range toAndFro {
					worst.note(m, s.trip(name, b, setup, m, rtt, deviceFirst, 0))
				}
			})
		})
		for _, baud := range bauds {
			s.add(partOthers, figure{what: fmt.Sprintf("%-11s %7d baud, all RTTs, echo and answer: beyond", version, baud), value: worst[baud], unit: "ms", bound: 2})
		}
	}
	// Farther away.
	for _, version := range both {
		for _, rtt := range []time.Duration{50 * time.Millisecond, 100 * time.Millisecond} {
			m := atModule(version, 921600)
			onModule(t, m, rtt, func(t *testing.T, _ *espatBoard, setup *Setup) {
				s.transfer(partAway, title(m, rtt)+"download", fetch(t, setup, speedSize), m.downloadBound(speedSize, 1, rtt), "")
				s.transfer(partAway, title(m, rtt)+"upload", deliver(t, setup, speedSize), m.uploadBound(speedSize, 1, rtt), "")
			})
		}
	}
	every(both[0], func(name string, m atProfile, rtt time.Duration) {
		onModule(t, m, rtt, func(t *testing.T, _ *espatBoard, setup *Setup) {
			s.transfer(partMore, name+"download, Active", fetch(t, setup, speedSize), m.pushedBound(speedSize, rtt), "")
		}, func(c *espat.Config) { c.Active, c.FlowControl = true, true })
	})
	// Datagrams, of which each is a CIPSEND. Those that come are TestESPATPushedDatagramsArrive's.
	for _, baud := range bauds {
		const each, n, rtt = 1024, speedSize / 1024, 5 * time.Millisecond
		m := atModule(both[0], baud)
		onModule(t, m, rtt, func(t *testing.T, _ *espatBoard, setup *Setup) {
			bound := n*(m.sendCost(each)+m.text(",\"10.0.0.1\",7000")+m.sentCost(each)) - m.sentCost(each) + rtt/2
			s.transfer(partMore, title(m, rtt)+"datagrams of 1 KB sent", datagramsOut(t, setup, n, each), bound, "")
		})
	}
	for _, baud := range bauds {
		for _, rtt := range rtts[:2] {
			m := atModule(both[0], baud)
			onModule(t, m, rtt, func(t *testing.T, _ *espatBoard, setup *Setup) {
				down, up := overTLS(t, setup, speedSize)
				s.transfer(partMore, title(m, rtt)+"download by TLS", down, m.tlsBound(speedSize, 4096, rtt), "")
				// The records' frames go the network's way only.
				s.transfer(partMore, title(m, rtt)+"upload by TLS", up, m.uploadBound(speedSize, 1, rtt), "")
			})
		}
	}
	// What it costs the board: looks at the UART, each a call of Buffered or Read.
	for _, baud := range bauds {
		const rtt = 5 * time.Millisecond
		m := atModule(both[0], baud)
		var u *countedUART
		onModule(t, m, rtt, func(t *testing.T, _ *espatBoard, setup *Setup) {
			cost := func(what, unit string, per float64, f func()) {
				before := u.looks.Load()
				f()
				s.add(partCost, figure{what: title(m, rtt) + "looks at the UART, " + what, value: float64(u.looks.Load()-before) / per, unit: unit, absent: true})
			}
			cost("download", "/KB", speedSize>>10, func() { fetch(t, setup, speedSize) })
			cost("upload", "/KB", speedSize>>10, func() { deliver(t, setup, speedSize) })
			device, _ := pair(t, setup, 7000)
			defer device.Close()
			go device.Read(make([]byte, 1))
			time.Sleep(10 * time.Second)
			cost("at rest", "/s", 10, func() { time.Sleep(10 * time.Second) })
		}, func(c *espat.Config) {
			u = &countedUART{UART: c.Uart}
			c.Uart = u
		})
	}
	compare(t, "espat-speed.txt", espatHead, slices.Concat(s.parts[:]...))
}

const espatHead = `ESP-AT modules (sim/espat), profile of sim/espat.DefaultTiming; simulated time. No flow control, but
for Active; the board's UART keeps 128 bytes. 256 KB each; the bound is what the profile allows a
host that takes no time: espat_speed_test.go says how it is worked out. "Beyond" is what an exchange
of 64 bytes takes beside its time on the wire, in the module and on the network.
`

// countedUART counts the looks at a UART.
type countedUART struct {
	espat.UART
	looks atomic.Int64
}

func (u *countedUART) Buffered() int              { u.looks.Add(1); return u.UART.Buffered() }
func (u *countedUART) Read(p []byte) (int, error) { u.looks.Add(1); return u.UART.Read(p) }

// overTLS has the module encrypt a connection, and returns how long n bytes take to the device
// and from it.
func overTLS(t *testing.T, s *Setup, n int) (down, up time.Duration) {
	cert, _ := certificate(t, "host")
	l, err := s.Peer.Listen(443)
	check(t, err)
	defer l.Close()
	begun, done := make(chan struct{}), make(chan struct{})
	want, back := payload(6, n), payload(7, n)
	go func() {
		defer close(done)
		raw, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		raw.SetDeadline(time.Now().Add(10 * time.Minute))
		c := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true})
		<-begun
		c.Write(want)
		got := make([]byte, n)
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, back) {
			t.Errorf("what the peer received differs from what was sent: %v", err)
		}
	}()
	go func() { time.Sleep(3 * time.Second); close(begun) }() // the handshake is the first read's
	fd, err := dialTLS(t, s.Dev, "host", netip.AddrPortFrom(s.Peer.Addr(), 443))
	check(t, err)
	defer s.Dev.Close(fd)
	<-begun
	start := time.Now()
	got, limit := make([]byte, n), start.Add(10*time.Minute)
	for at := 0; at < n; {
		k, err := s.Dev.Recv(fd, got[at:min(n, at+4096)], 0, limit)
		check(t, err)
		at += k
	}
	down = time.Since(start)
	if !bytes.Equal(got, want) {
		t.Error("what arrived differs from what was sent")
	}
	start = time.Now()
	_, err = s.Dev.Send(fd, back, 0, limit)
	check(t, err)
	<-done
	return down, time.Since(start)
}

// datagramsOut has the device send n datagrams of so many bytes, and returns how long it took
// until the last had arrived.
func datagramsOut(t *testing.T, s *Setup, n, size int) time.Duration {
	peer, err := s.Peer.ListenPacket(7000)
	check(t, err)
	defer peer.Close()
	check(t, peer.SetDeadline(time.Now().Add(10*time.Minute)))
	fd, err := s.Dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
	check(t, err)
	defer s.Dev.Close(fd)
	check(t, s.Dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 7001)))
	start := time.Now()
	go func() {
		for i := range n {
			if _, err := s.Dev.(netdev.Datagrammer).SendTo(fd, payload(uint64(i), size), 0, netip.AddrPortFrom(s.Peer.Addr(), 7000), time.Time{}); err != nil {
				t.Error(err)
			}
		}
	}()
	buf := make([]byte, 2000)
	for i := range n {
		k, _, err := peer.ReadFrom(buf)
		check(t, err)
		if !bytes.Equal(buf[:k], payload(uint64(i), size)) {
			t.Fatalf("datagram %d differs", i)
		}
	}
	return time.Since(start)
}
