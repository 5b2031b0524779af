package netdevtest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/network"
)

var update = flag.Bool("update", false, "write the tables of speed in testdata anew")

// What the chip's profile allows at best. An exchange costs a fixed time and
// a microsecond a byte; frames carry as much as they can.
const (
	ninaExchange   = 280 * time.Microsecond
	ninaByte       = time.Microsecond
	ninaWindow     = 5744   // bytes, lwIP's window and send buffer
	ninaRecvData   = 4086   // most bytes of one read
	ninaSmallBytes = 8 + 12 // a command of one parameter and its reply
)

func pad4(n int) int { return (n + 3) &^ 3 }

// recvCost is the wire time of reading n bytes.
func recvCost(n int) time.Duration {
	var d time.Duration
	for n > 0 {
		chunk := min(n, ninaRecvData)
		d += ninaExchange + time.Duration(12+pad4(chunk+6))*ninaByte
		n -= chunk
	}
	return d
}

// sendCost is the wire time of sending n bytes.
func sendCost(n int) time.Duration {
	const most = 4083
	var d time.Duration
	for n > 0 {
		chunk := min(n, most)
		d += ninaExchange + time.Duration(pad4(chunk+9)+8)*ninaByte
		n -= chunk
	}
	return d
}

const smallCost = ninaExchange + ninaSmallBytes*ninaByte

// downloadBound is the least time in which one connection brings n bytes: the
// wire's, or a window each round trip.
func downloadBound(n int, rtt time.Duration) time.Duration {
	window := time.Duration(float64(n) / ninaWindow * float64(rtt))
	return max(recvCost(n), window)
}

// uploadBound is the same the other way: the wire, or a send buffer each round
// trip but the first.
func uploadBound(n int, rtt time.Duration) time.Duration {
	window := time.Duration(float64(max(0, n-ninaWindow)) / ninaWindow * float64(rtt))
	return max(sendCost(n), window)
}

// echoBound is the least time of an echo of n bytes: out, a round trip, and in.
func echoBound(n int, rtt time.Duration) time.Duration { return sendCost(n) + rtt + recvCost(n) }

// getBound is the least time of a request on a new connection, whose answer is n
// bytes: the connection and the request each cross the network and back, and
// the driver learns of the connection, reads and answers.
func getBound(request, answer int, rtt time.Duration) time.Duration {
	return 2*rtt + smallCost + recvCost(request) + sendCost(answer)
}

// figure is one line of the table.
type figure struct {
	what   string
	value  float64
	unit   string
	bound  float64 // what the profile allows at best, in the same unit
	note   string  // share of the bound, or distance from it
	absent bool    // there is no bound
}

func (f figure) String() string {
	bound := fmt.Sprintf("bound %8.1f", f.bound)
	if f.absent {
		bound = strings.Repeat(" ", len(bound))
	}
	return strings.TrimRight(fmt.Sprintf("%-44s %8.1f %-5s %s   %s", f.what, f.value, f.unit, bound, f.note), " ")
}

// share is a figure of a transfer.
func share(what string, took, bound time.Duration) figure {
	return figure{what, ms(took), "ms", ms(bound), fmt.Sprintf("%.0f %%", 100*float64(bound)/float64(took)), false}
}

// beyond is a figure of a reaction.
func beyond(what string, took, bound time.Duration) figure {
	return figure{what, ms(took), "ms", ms(bound), fmt.Sprintf("%.1f ms beyond", ms(took-bound)), false}
}

var figureLine = regexp.MustCompile(`^(.+?) +([0-9.]+) (ms|/s|/KB|kB/s)(?: +bound +([0-9.]+))?`)

// parseFigure reads what String wrote, but for the note.
func parseFigure(line string) (f figure, ok bool) {
	m := figureLine.FindStringSubmatch(line)
	if m == nil {
		return f, false
	}
	f.what, f.unit, f.absent = m[1], m[3], m[4] == ""
	var err1, err2 error
	f.value, err1 = strconv.ParseFloat(m[2], 64)
	if !f.absent {
		f.bound, err2 = strconv.ParseFloat(m[4], 64)
	}
	return f, err1 == nil && err2 == nil
}

// near reports whether f is the same figure as g. Virtual time is exact, but which
// of two goroutines goes first at one instant is left to chance, and with it
// an exchange or two.
func (f figure) near(g figure) bool {
	const part = 0.05
	within := func(a, b, absolute float64) bool { return math.Abs(a-b) <= part*b+absolute }
	return f.unit == g.unit && within(f.value, g.value, 1.5) && within(f.bound, g.bound, 0.1)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// onBoard runs f with a connected board in a bubble.
func onBoard(t *testing.T, cfg network.VirtualConfig, f func(t *testing.T, b *ninaBoard, s *Setup)) {
	synctest.Test(t, func(t *testing.T) {
		b := startNINA(t, cfg)
		defer b.close()
		s := &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}}
		f(t, b, s)
		for _, c := range s.peers {
			c.Close()
		}
	})
}

// download fetches n bytes over one connection.
func download(t *testing.T, cfg network.VirtualConfig, n int) (took time.Duration) {
	onBoard(t, cfg, func(t *testing.T, b *ninaBoard, s *Setup) { took = fetch(t, s, n) })
	return took
}

// timed is pair with a limit, so that what is lost does not hold up a test for ever.
func timed(t *testing.T, s *Setup, port uint16) (device, peer net.Conn) {
	t.Helper()
	device, peer = pair(t, s, port)
	limit := time.Now().Add(10 * time.Minute)
	check(t, device.SetDeadline(limit))
	check(t, peer.SetDeadline(limit))
	return device, peer
}

// fetch is download on any board.
func fetch(t *testing.T, s *Setup, n int) time.Duration {
	device, peer := timed(t, s, 7000)
	defer device.Close()
	want := payload(3, n)
	go func() {
		peer.Write(want)
		peer.Close()
	}()
	got := make([]byte, n)
	start := time.Now()
	_, err := io.ReadFull(chunks{device}, got)
	check(t, err)
	took := time.Since(start)
	if !bytes.Equal(got, want) {
		t.Error("what arrived differs from what was sent")
	}
	return took
}

// chunks reads 4 KB at most, as a program on a board would.
type chunks struct{ io.Reader }

func (c chunks) Read(p []byte) (int, error) { return c.Reader.Read(p[:min(len(p), 4096)]) }

// upload sends n bytes over one connection, until the peer has them.
func upload(t *testing.T, cfg network.VirtualConfig, n int) (took time.Duration) {
	onBoard(t, cfg, func(t *testing.T, b *ninaBoard, s *Setup) { took = deliver(t, s, n) })
	return took
}

// deliver is upload on any board.
func deliver(t *testing.T, s *Setup, n int) time.Duration {
	device, peer := timed(t, s, 7000)
	want := payload(4, n)
	start := time.Now()
	go func() {
		if _, err := device.Write(want); err != nil {
			t.Error(err)
		}
	}()
	got := make([]byte, n)
	_, err := io.ReadFull(peer, got)
	check(t, err)
	took := time.Since(start)
	device.Close()
	if !bytes.Equal(got, want) {
		t.Error("what arrived differs from what was sent")
	}
	return took
}

// eight fetches n bytes over each of eight connections at once.
func eight(t *testing.T, rtt time.Duration, n int) (took time.Duration) {
	onBoard(t, network.VirtualConfig{RTT: rtt}, func(t *testing.T, b *ninaBoard, s *Setup) {
		var devices, peers [8]net.Conn
		for i := range devices {
			devices[i], peers[i] = pair(t, s, uint16(7000+i))
			defer devices[i].Close()
		}
		start := time.Now()
		done := make(chan error)
		for i := range devices {
			want := payload(uint64(10+i), n)
			go func() {
				peers[i].Write(want)
				peers[i].Close()
			}()
			go func() {
				got := make([]byte, n)
				_, err := io.ReadFull(chunks{devices[i]}, got)
				if err == nil && !bytes.Equal(got, want) {
					err = errors.New("what arrived differs from what was sent")
				}
				done <- err
			}()
		}
		for range devices {
			check(t, <-done)
		}
		took = time.Since(start)
	})
	return took
}

// echoes has the device send 64 bytes and get them back, many times with a
// pause before each that meets the chip's and the driver's rhythm in all phases.
func echoes(t *testing.T, rtt, pause time.Duration) (all []time.Duration) {
	onBoard(t, network.VirtualConfig{RTT: rtt}, func(t *testing.T, b *ninaBoard, s *Setup) {
		device, peer := pair(t, s, 7000)
		defer device.Close()
		// It is the device that is woken, so the peer asks and the device
		// answers.
		go io.Copy(device, device)
		want := payload(5, 64)
		got := make([]byte, 64)
		for i := range 30 {
			if pause == 0 { // up to 10 ms after traffic
				peer.Write(want)
				io.ReadFull(peer, got)
				time.Sleep(time.Duration(i) * 343 * time.Microsecond)
			} else {
				time.Sleep(pause + time.Duration(i)*1730*time.Microsecond)
			}
			start := time.Now()
			_, err := peer.Write(want)
			check(t, err)
			_, err = io.ReadFull(peer, got)
			check(t, err)
			all = append(all, time.Since(start))
		}
		peer.Close()
		time.Sleep(time.Second)
	})
	slices.Sort(all)
	return all
}

const pageSize = 1024

// gets serves a page of 1 KB with net/http and fetches it several times: after
// a pause, and each right after another.
func gets(t *testing.T, rtt time.Duration) (cold, hot []time.Duration, bound time.Duration) {
	onBoard(t, network.VirtualConfig{RTT: rtt}, func(t *testing.T, b *ninaBoard, s *Setup) {
		l, err := Listen(b.dev, 80)
		check(t, err)
		page := strings.Repeat("x", pageSize)
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, page)
		})}
		served := make(chan struct{})
		go func() {
			srv.Serve(l)
			close(served)
		}()
		// Not srv.Close: it holds a mutex while it closes, which takes time.
		defer func() {
			l.Close()
			<-served
		}()
		addr := boardPort(t, s, 80)

		const request = "GET / HTTP/1.1\r\nHost: 10.0.0.2\r\nUser-Agent: test\r\nConnection: close\r\n\r\n"
		answer := 0
		get := func() time.Duration {
			start := time.Now()
			c, err := b.net.Host().Dial(context.Background(), addr)
			check(t, err)
			defer c.Close()
			_, err = io.WriteString(c, request)
			check(t, err)
			text, err := readAnswer(c)
			check(t, err)
			if !strings.HasPrefix(text, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(text, "\r\n\r\n"+page) {
				t.Fatalf("the answer is %q", text)
			}
			answer = len(text)
			return time.Since(start)
		}
		get()
		bound = getBound(len(request), answer, rtt)
		for i := range 10 {
			time.Sleep(time.Second + time.Duration(i)*2600*time.Microsecond)
			cold = append(cold, get())
			for range 3 {
				hot = append(hot, get())
			}
		}
	})
	slices.Sort(cold)
	slices.Sort(hot)
	return cold, hot, bound
}

// readAnswer reads up to the last byte of the page: what the client waits for.
func readAnswer(c net.Conn) (string, error) {
	var text []byte
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		text = append(text, buf[:n]...)
		head, body, found := strings.Cut(string(text), "\r\n\r\n")
		if found && len(body) >= pageSize && strings.Contains(head, "Content-Length") {
			return string(text), nil
		}
		if err != nil {
			return string(text), err
		}
	}
}

// accepts serves one byte to each client that comes, after a pause or right
// after another. The time is the client's, from its first segment on.
func accepts(t *testing.T, pause time.Duration) (all []time.Duration) {
	const rtt = 5 * time.Millisecond
	onBoard(t, network.VirtualConfig{RTT: rtt}, func(t *testing.T, b *ninaBoard, s *Setup) {
		l, err := Listen(b.dev, 80)
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
		get := func() time.Duration {
			start := time.Now()
			c, err := s.Peer.Dial(t.Context(), boardPort(t, s, 80))
			check(t, err)
			defer c.Close()
			_, err = io.ReadFull(c, make([]byte, 1))
			check(t, err)
			return time.Since(start)
		}
		for i := range 20 {
			if pause == 0 {
				get()
			}
			time.Sleep(pause + time.Duration(i)*1130*time.Microsecond)
			all = append(all, get())
		}
	})
	slices.Sort(all)
	return all
}

// idle returns how many exchanges there are in a second in which nothing
// happens on eight sockets with a Recv each, after so long a silence, and how
// long after that the end of a stream is noticed.
func idle(t *testing.T, silence time.Duration) (exchanges float64, eof time.Duration) {
	onBoard(t, network.VirtualConfig{}, func(t *testing.T, b *ninaBoard, s *Setup) {
		ended := make(chan time.Time, 8)
		for i := range 8 {
			device, _ := pair(t, s, uint16(7000+i))
			defer device.Close()
			go func() {
				if _, err := device.Read(make([]byte, 1)); err != io.EOF {
					t.Error(err)
				}
				ended <- time.Now()
			}()
		}
		time.Sleep(silence)
		before := b.chip.Ledger().Exchanges
		time.Sleep(10 * time.Second)
		exchanges = float64(b.chip.Ledger().Exchanges-before) / 10
		for i := range s.peers { // each meets another phase
			time.Sleep(37 * time.Millisecond)
			start := time.Now()
			s.peers[i].Close()
			eof = max(eof, (<-ended).Sub(start))
		}
	})
	return exchanges, eof
}

// TestSpeedOfNINA measures on the virtual clock, with the chip's profile as it
// is, and compares with the committed table.
func TestSpeedOfNINA(t *testing.T) {
	if raceEnabled {
		t.Skip("the figures depend on which of two goroutines goes first at one instant, and the race detector changes that on purpose")
	}
	t.Parallel()
	var figures []figure
	add := func(f figure) figure { figures = append(figures, f); return f }
	atLeast := func(f figure, percent float64) {
		if add(f); 100*f.bound < percent*f.value {
			t.Errorf("%v\nis below %.0f %% of the bound", f, percent)
		}
	}
	atMost := func(f figure, beyond float64) {
		if add(f); f.value > f.bound+beyond {
			t.Errorf("%v\nis more than %.0f %s beyond the bound", f, beyond, f.unit)
		}
	}

	const size = 1 << 20
	rtts := []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond}
	for _, rtt := range rtts {
		took := download(t, network.VirtualConfig{RTT: rtt}, size)
		atLeast(share(fmt.Sprintf("download of 1 MB, RTT %v", rtt), took, downloadBound(size, rtt)), 95)
	}
	for _, rtt := range rtts {
		took := upload(t, network.VirtualConfig{RTT: rtt}, size)
		atLeast(share(fmt.Sprintf("upload of 1 MB, RTT %v", rtt), took, uploadBound(size, rtt)), 95)
	}
	{
		const rtt = 20 * time.Millisecond
		took := eight(t, rtt, size/8)
		atLeast(share("download of 1 MB by 8 connections, RTT 20ms", took, max(recvCost(size), downloadBound(size/8, rtt))), 90)
	}
	for _, rtt := range rtts {
		all := echoes(t, rtt, 0)
		bound := echoBound(64, rtt)
		atMost(beyond(fmt.Sprintf("echo of 64 B, hot, RTT %v: median", rtt), all[len(all)/2], bound), 1)
		atMost(beyond(fmt.Sprintf("echo of 64 B, hot, RTT %v: worst", rtt), all[len(all)-1], bound), 3)
		all = echoes(t, rtt, time.Second)
		atMost(beyond(fmt.Sprintf("echo of 64 B after 1 s, RTT %v: median", rtt), all[len(all)/2], bound), 12)
		atMost(beyond(fmt.Sprintf("echo of 64 B after 1 s, RTT %v: worst", rtt), all[len(all)-1], bound), 25)
	}
	for _, c := range []struct {
		what  string
		pause time.Duration
		limit float64
	}{{"hot", 0, 3}, {"after 1 s", time.Second, 25}, {"after 1 min", time.Minute, 25}} {
		// The connection is there when the client's acknowledgement is.
		bound := 2*5*time.Millisecond + smallCost + sendCost(1)
		all := accepts(t, c.pause)
		atMost(beyond("accept to first byte, RTT 5ms, "+c.what+": worst", all[len(all)-1], bound), c.limit)
	}
	for _, rtt := range rtts {
		cold, hot, bound := gets(t, rtt)
		atMost(beyond(fmt.Sprintf("GET of 1 KB right after one, RTT %v: worst", rtt), hot[len(hot)-1], bound), 5)
		atMost(beyond(fmt.Sprintf("GET of 1 KB after 1 s, RTT %v: worst", rtt), cold[len(cold)-1], bound), 25)
	}
	for _, silence := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
		exchanges, eof := idle(t, silence)
		f := add(figure{what: fmt.Sprintf("8 sockets after %v of silence: exchanges", silence), value: exchanges, unit: "/s", absent: true})
		if silence == time.Minute && exchanges > 20 {
			t.Errorf("%v, want 20 at most", f)
		}
		f = add(figure{what: fmt.Sprintf("8 sockets after %v of silence: end noticed", silence), value: ms(eof), unit: "ms", absent: true})
		if eof > time.Second {
			t.Errorf("%v, want 1 s at most", f)
		}
	}
	others := []time.Duration{0, 2 * time.Millisecond, 7 * time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond}
	for _, rtt := range others {
		const size = 128 << 10
		took := upload(t, network.VirtualConfig{RTT: rtt}, size)
		add(figure{what: fmt.Sprintf("upload of 128 KB, RTT %v", rtt), value: size / 1e3 / took.Seconds(), unit: "kB/s", bound: size / 1e3 / uploadBound(size, rtt).Seconds()})
	}
	for _, loss := range []float64{0, 0.01, 0.05} {
		for _, rtt := range others {
			const size = 192 << 10
			took := download(t, network.VirtualConfig{RTT: rtt, Loss: loss, Seed: 1}, size)
			add(figure{what: fmt.Sprintf("download of 192 KB, loss %.0f %%, RTT %v", 100*loss, rtt), value: size / 1e3 / took.Seconds(), unit: "kB/s", bound: size / 1e3 / downloadBound(size, rtt).Seconds(), note: "(without loss)"})
		}
	}

	compare(t, "nina-speed.txt", "WiFiNINA firmware 2.0.0, SPI at 8 MHz, profile of sim/nina.DefaultTiming; simulated time\n", figures)
}

// compare compares figures with the committed table, or writes that anew.
func compare(t *testing.T, name, head string, figures []figure) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintln(&b, head)
	for _, f := range figures {
		fmt.Fprintln(&b, f)
	}
	file := filepath.Join("testdata", name)
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(file, []byte(b.String()), 0o644))
	}
	text, err := os.ReadFile(file)
	check(t, err)
	committed := map[string]figure{}
	for line := range strings.Lines(string(text)) {
		if f, ok := parseFigure(line); ok {
			committed[f.what] = f
		}
	}
	same := len(committed) == len(figures)
	for _, f := range figures {
		if !f.near(committed[strings.TrimRight(f.what, " ")]) {
			t.Logf("not as committed: %v", f)
			same = false
		}
	}
	if !same {
		t.Errorf("the figures are\n%s\nand the committed ones\n%s\n(go test ./netdevtest -run Speed -update writes them anew)", b.String(), text)
	}
}
