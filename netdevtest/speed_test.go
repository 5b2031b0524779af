package netdevtest

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/network"
)

var update = flag.Bool("update", false, "write testdata/nina-speed.txt anew")

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

// getBound is the least time of a request on a new connection, whose answer is n
// bytes: the connection and the request each cross the network and back, and
// the driver learns of the connection, reads and answers.
func getBound(request, answer int, rtt time.Duration) time.Duration {
	return 2*rtt + smallCost + recvCost(request) + sendCost(answer)
}

// figure is one line of the table.
type figure struct {
	what      string
	took      time.Duration
	bound     time.Duration
	exchanges int
	perByte   float64 // bytes on the wire for one of payload
}

func (f figure) String() string {
	return fmt.Sprintf("%-34s %8.1f ms   bound %8.1f ms   %3.0f %%   %4d exchanges   %5.2f wire bytes per byte",
		f.what, ms(f.took), ms(f.bound), 100*float64(f.bound)/float64(f.took), f.exchanges, f.perByte)
}

var figureLine = regexp.MustCompile(`^(.+?) +([0-9.]+) ms +bound +([0-9.]+) ms .* ([0-9]+) exchanges +([0-9.]+) wire`)

// parseFigure reads what String wrote.
func parseFigure(line string) (f figure, ok bool) {
	m := figureLine.FindStringSubmatch(line)
	if m == nil {
		return f, false
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		ok = ok && err == nil
		return v
	}
	ok = true
	f = figure{
		what:      m[1],
		took:      time.Duration(number(m[2]) * float64(time.Millisecond)),
		bound:     time.Duration(number(m[3]) * float64(time.Millisecond)),
		exchanges: int(number(m[4])),
		perByte:   number(m[5]),
	}
	return f, ok
}

// near reports whether f is the same figure as g. Virtual time is exact, but which
// of two goroutines goes first at one instant is left to chance, and with it
// an exchange or two.
func (f figure) near(g figure) bool {
	const share = 0.05
	within := func(a, b, absolute float64) bool { return math.Abs(a-b) <= share*b+absolute }
	return within(ms(f.took), ms(g.took), 1.5) &&
		within(ms(f.bound), ms(g.bound), 0.1) &&
		within(float64(f.exchanges), float64(g.exchanges), 4) &&
		within(f.perByte, g.perByte, 0.05)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measure runs f and fills in what the chip's ledger counted meanwhile.
func measure(b *ninaBoard, what string, payload int, bound time.Duration, f func()) figure {
	before, start := b.chip.Ledger(), time.Now()
	f()
	took, after := time.Since(start), b.chip.Ledger()
	wire := after.BytesIn + after.BytesOut - before.BytesIn - before.BytesOut
	return figure{what, took, bound, after.Exchanges - before.Exchanges, float64(wire) / float64(payload)}
}

// download fetches n bytes over one connection.
func download(t *testing.T, rtt time.Duration, n int) (f figure) {
	synctest.Test(t, func(t *testing.T) {
		b := startNINA(t, network.VirtualConfig{RTT: rtt})
		defer b.close()
		device, peer := pair(t, &Setup{Dev: b.dev, Peer: virtualPeer{b.net.Host()}}, 7000)
		defer device.Close()
		want := payload(3, n)
		go func() {
			peer.Write(want)
			peer.Close()
		}()
		buf := make([]byte, 4096)
		var got bytes.Buffer
		got.Grow(n)
		f = measure(b, fmt.Sprintf("download of %d KB, RTT %v", n>>10, rtt), n, downloadBound(n, rtt), func() {
			for got.Len() < n {
				k, err := device.Read(buf)
				check(t, err)
				got.Write(buf[:k])
			}
		})
		if !bytes.Equal(got.Bytes(), want) {
			t.Error("what arrived differs from what was sent")
		}
	})
	return f
}

const pageSize = 1024

// gets serves a page of 1 KB with net/http and fetches it several times: after
// a pause, and each right after another.
func gets(t *testing.T, rtt time.Duration) (cold, hot []figure) {
	synctest.Test(t, func(t *testing.T) {
		b := startNINA(t, network.VirtualConfig{RTT: rtt})
		defer b.close()
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
		addr := boardPort(t, &Setup{Dev: b.dev}, 80)

		const request = "GET / HTTP/1.1\r\nHost: 10.0.0.2\r\nUser-Agent: test\r\nConnection: close\r\n\r\n"
		get := func() (answer int) {
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
			return len(text)
		}
		answer := get()
		bound := getBound(len(request), answer, rtt)
		for i := range 20 {
			// Pauses of differing length meet the chip's tick in all phases.
			time.Sleep(time.Second + time.Duration(i)*1300*time.Microsecond)
			cold = append(cold, measure(b, "", answer, bound, func() { get() }))
			for range 5 {
				hot = append(hot, measure(b, "", answer, bound, func() { get() }))
			}
		}
	})
	return cold, hot
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

// worst returns the slowest of several equal requests.
func worst(what string, all []figure) figure {
	w := all[0]
	for _, f := range all {
		if f.took > w.took {
			w = f
		}
	}
	w.what = what
	return w
}

// TestSpeedOfNINA measures on the virtual clock, with the chip's profile as it
// is, and compares with the committed table.
func TestSpeedOfNINA(t *testing.T) {
	var figures []figure
	add := func(f figure) { figures = append(figures, f) }

	for _, rtt := range []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond} {
		f := download(t, rtt, 256<<10)
		add(f)
		if f.took*85/100 > f.bound {
			t.Errorf("%v\nis below 85 %% of the bound", f)
		}
	}
	for _, rtt := range []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond} {
		cold, hot := gets(t, rtt)
		f := worst(fmt.Sprintf("GET of 1 KB right after one, RTT %v", rtt), hot)
		add(f)
		if over := f.took - f.bound; over > 5*time.Millisecond {
			t.Errorf("%v\nis %v beyond wire and network, want 5 ms at most", f, over)
		}
		f = worst(fmt.Sprintf("GET of 1 KB after 1 s idle, RTT %v", rtt), cold)
		add(f)
		if over := f.took - f.bound; over > 25*time.Millisecond {
			t.Errorf("%v\nis %v beyond wire and network, want 25 ms at most", f, over)
		}
	}

	const file = "testdata/nina-speed.txt"
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(file, []byte(table(figures)), 0o644))
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
		same = same && f.near(committed[f.what])
	}
	if !same {
		t.Errorf("the figures are\n%s\nand the committed ones\n%s\n(go test ./netdevtest -run Speed -update writes them anew)", table(figures), text)
	}
}

func table(figures []figure) string {
	var b strings.Builder
	b.WriteString("WiFiNINA firmware 2.0.0, SPI at 8 MHz, profile of sim/nina.DefaultTiming; simulated time\n\n")
	for _, f := range figures {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}
