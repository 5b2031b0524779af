//go:build unix

package board

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TinyGo's own drivers of WiFiNINA and ESP-AT, unmodified, on package machine and this
// board. The programs in testdata/drivers/measure and measureat have both in one process, on a
// clock of their own; the doc comment of the first says how.

var update = flag.Bool("update", false, "write testdata/tinygo-drivers-*.txt anew")

// measured is what a scenario of the program found out.
type measured struct {
	Took                            time.Duration
	Each                            []time.Duration // sorted
	Sent, Arrived, Bytes, Exchanges int
	Error, Text                     string
}

// buildMeasure compiles the program for a board. With cgo the clock would not jump.
func buildMeasure(t *testing.T, program, board string) string {
	t.Helper()
	download(t)
	spec, _ := Lookup(board)
	exe := filepath.Join(t.TempDir(), program)
	cmd := goCommand("drivers", "build", "-tags", strings.Join(spec.Tags, ",")+",faketime", "-o", exe, "./"+program)
	cmd.Env = append(cmd.Env, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return exe
}

// runMeasure runs a scenario. One processor is both faster and the same every
// time.
func runMeasure(t *testing.T, exe, scenario string, rtt time.Duration, n int, more ...string) measured {
	t.Helper()
	cmd := exec.Command(exe, append([]string{scenario, rtt.String(), strconv.Itoa(n)}, more...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	raw, err := cmd.Output()
	out := unframe(raw)
	if err != nil {
		if e, ok := err.(*exec.ExitError); ok {
			out += unframe(e.Stderr)
		}
		t.Fatalf("%s: %v\n%s", scenario, err, out)
	}
	_, line, ok := strings.Cut(out, "\nRESULT ")
	var m measured
	if !ok || json.Unmarshal([]byte(line), &m) != nil {
		t.Fatalf("%s printed\n%s", scenario, out)
	}
	return m
}

// unframe takes out the headers that a runtime with faketime puts before what is
// written: 00 00 "PB", time, length (Go's runtime/time_fake.go).
func unframe(raw []byte) string {
	var b strings.Builder
	for {
		before, rest, ok := bytes.Cut(raw, []byte("\x00\x00PB"))
		b.Write(before)
		if !ok || len(rest) < 12 {
			return b.String()
		}
		n := min(int(binary.BigEndian.Uint32(rest[8:])), len(rest)-12)
		b.Write(rest[12 : 12+n])
		raw = rest[12+n:]
	}
}

// It fetches a page and serves one. Where it fails, it is for a reason that is known
// of it.
func TestTinyGosDriverFetchesAndServes(t *testing.T) {
	exe := buildMeasure(t, "measure", "pyportal")
	const rtt = 5 * time.Millisecond

	m := runMeasure(t, exe, "page", rtt, 0)
	if m.Text != "HTTP/1.0 200 OK" || m.Arrived != 4000 || m.Bytes != 4000 || m.Error != "" {
		t.Errorf("a page of 4000 bytes: %+v", m)
	}
	m = runMeasure(t, exe, "serve", rtt, 0)
	if m.Text != "200 OK" || m.Arrived != 1000 || m.Bytes != 1000 {
		t.Errorf("serving a page of 1000 bytes: %+v", m)
	}

	// "Accept cannot be stopped; Close never stops a listener: one of ten sockets is
	// gone for good."
	m = runMeasure(t, exe, "stop", rtt, 0)
	if m.Text != "Accept goes on for a minute after Close; the port is still open" {
		t.Errorf("a listener that is closed: %+v", m)
	}
	// "The count of a partial send is thrown away: data lost when the chip's buffer
	// is full; a send that took 0 bytes is reported as EOF."
	m = runMeasure(t, exe, "slow", rtt, 200_000)
	if m.Error != "EOF" || m.Bytes >= 200_000 {
		t.Errorf("sending 200000 bytes to a peer that does not read: %+v", m)
	}
	t.Logf("to a peer that reads late: %d of 200000 bytes arrived, %d of them in order; Send said %q", m.Bytes, m.Arrived, m.Error)
}

// Costs of the wire at 8 MHz: 280 µs an exchange and 1 µs a byte, command and
// reply.
func exchange(bytes int) time.Duration { return time.Duration(280+bytes) * time.Microsecond }

// figure is a line of the table.
type figure struct {
	what  string
	value float64
	unit  string
	note  string
}

func (f figure) String() string {
	return fmt.Sprintf("%-56s %9.1f %-9s %s", f.what, f.value, f.unit, f.note)
}

// TestSpeedOfTinyGosDriver measures what our own driver is compared with.
func TestSpeedOfTinyGosDriver(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes half a minute")
	}
	exe := buildMeasure(t, "measure", "pyportal")
	var figures []figure
	add := func(what string, value float64, unit, note string) {
		figures = append(figures, figure{what, value, unit, note})
	}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	const mb = 1 << 20
	rate := func(what string, m measured) {
		note := fmt.Sprintf("%.0f kB/s, %d exchanges", float64(m.Bytes)/m.Took.Seconds()/1000, m.Exchanges)
		if m.Arrived != mb {
			note += fmt.Sprintf("; %d of %d bytes arrived, %d in order, %s", m.Bytes, mb, m.Arrived, m.Error)
		}
		add(what, ms(m.Took), "ms", note)
	}
	for _, rtt := range []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond} {
		rate(fmt.Sprintf("download of 1 MB, RTT %v", rtt), runMeasure(t, exe, "download", rtt, mb))
	}
	for _, rtt := range []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond} {
		rate(fmt.Sprintf("upload of 1 MB, RTT %v", rtt), runMeasure(t, exe, "upload", rtt, mb))
	}
	rate("download of 8 x 128 KB at once, RTT 20ms", runMeasure(t, exe, "eight", 20*time.Millisecond, mb))

	const rtt = 5 * time.Millisecond
	beyond := func(what, scenario string, least time.Duration) {
		m := runMeasure(t, exe, scenario, rtt, 0)
		n := len(m.Each)
		add(what+", median", ms(m.Each[n/2]-least), "ms", fmt.Sprintf("beyond %v of wire and network", least))
		add(what+", worst", ms(m.Each[n-1]-least), "ms", "")
	}
	echo := rtt + exchange(12+72) + exchange(76+8) // read 64 bytes and send them
	beyond("echo of 64 bytes, right after another", "echo-hot", echo)
	beyond("echo of 64 bytes, after 1 s", "echo-cold", echo)
	first := 2*rtt + exchange(20) + exchange(12+24) + exchange(76+8) // accept, read 16 bytes, send 64
	beyond("connect to first byte served, right after another", "accept-hot", first)
	beyond("connect to first byte served, after 1 s", "accept-cold", first)
	m := runMeasure(t, exe, "idle", rtt, 0)
	add("exchanges in an idle second, 8 sockets being read", float64(m.Exchanges), "", "")
	add("end of stream noticed by the last of 8 after", ms(m.Each[len(m.Each)-1]), "ms", "")

	compareTable(t, "tinygo-drivers-wifinina.txt", "tinygo.org/x/drivers v0.37.0 wifinina, firmware 2.0.0, SPI at 8 MHz, profile of sim/nina.DefaultTiming; simulated time\n"+
		"(go test ./sim/board -run SpeedOfTinyGosDriver -update writes this anew)\n", figures)
}

// compareTable compares figures with the committed table, or writes that anew. head is of two
// lines.
func compareTable(t *testing.T, name, head string, figures []figure) {
	t.Helper()
	var table strings.Builder
	fmt.Fprintln(&table, head)
	for _, f := range figures {
		fmt.Fprintln(&table, f)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != len(figures)+3 {
		t.Fatalf("%s has %d lines, want\n%s", file, len(lines), table.String())
	}
	for i, f := range figures {
		line := lines[i+3]
		rest, ok := strings.CutPrefix(line, f.what+" ")
		number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		want, err := strconv.ParseFloat(number, 64)
		if !ok || err != nil || math.Abs(f.value-want) > 0.05*want+2 {
			t.Errorf("measured\n%v\nthe table says\n%s", f, line)
		}
	}
	t.Log("\n" + table.String())
}

// What TinyGo's ESP-AT driver can be compared with ours in, and what it cannot do. Each is
// for a reason that is known of it.
func TestSpeedOfTinyGosESPATDriver(t *testing.T) {
	exe := buildMeasure(t, "measureat", "espat")
	var figures []figure
	run := func(scenario string, rtt time.Duration, n, baud int, firmware string) (measured, string) {
		m := runMeasure(t, exe, scenario, rtt, n, strconv.Itoa(baud), firmware)
		return m, fmt.Sprintf("%-11s %6d baud, RTT %-4v ", firmware, baud, rtt)
	}
	rate := func(what string, m measured, n int) {
		note := fmt.Sprintf("%.1f kB/s", float64(m.Bytes)/m.Took.Seconds()/1000)
		if m.Bytes != n || m.Arrived != n || m.Error != "" {
			t.Errorf("%s: %+v", what, m)
		}
		figures = append(figures, figure{what, float64(m.Took) / 1e6, "ms", note})
	}
	type at struct {
		firmware string
		baud     int
		rtt      time.Duration
	}
	const ms = time.Millisecond
	for _, at := range []at{
		{"esp32-2.4", 115200, 0}, {"esp32-2.4", 115200, 5 * ms}, {"esp32-2.4", 115200, 20 * ms},
		{"esp8266-2.3", 115200, 0}, {"esp8266-2.3", 115200, 5 * ms}, {"esp8266-2.3", 115200, 20 * ms},
		{"esp32-2.4", 921600, 5 * ms}, // which it cannot set
	} {
		const kb = 1 << 10
		m, name := run("upload", at.rtt, 256*kb, at.baud, at.firmware)
		rate(name+"upload of 256 KB", m, 256*kb)
		// "Active mode with a 128-byte UART ring buffer polled every 100 ms", of which this one
		// keeps 64 KB; a +IPD has to be whole when it looks, and alone.
		m, _ = run("download", at.rtt, 256*kb, at.baud, at.firmware)
		if m.Arrived == 256*kb || !strings.HasPrefix(m.Error, "panic: runtime error: slice bounds out of range") {
			t.Errorf("%s download: %+v", name, m)
		}
		m, _ = run("pieces", at.rtt, 64*kb, at.baud, at.firmware)
		rate(name+"download of 64 KB, each 1000 B asked for", m, 64*kb)
		m, _ = run("echo", at.rtt, 64, at.baud, at.firmware)
		if m.Error != "" || m.Arrived != 20*64 {
			t.Errorf("%s echo: %+v", name, m)
		}
		figures = append(figures, figure{name + "echo of 64 B: worst", float64(m.Each[len(m.Each)-1]) / 1e6, "ms", ""})
	}
	m, _ := run("more", 5*ms, 0, 115200, "esp32-2.4")
	if want := "a second socket: No more sockets; Accept: Not supported; Recv after the peer has closed: i/o timeout"; m.Text != want {
		t.Errorf("%q, want %q", m.Text, want)
	}
	compareTable(t, "tinygo-drivers-espat.txt", "tinygo.org/x/drivers v0.37.0 espat, profile of sim/espat.DefaultTiming, a UART that keeps 64 KB (TinyGo's: 128 B); simulated time. "+
		"It cannot: a download that is not asked for in pieces, several sockets, a server, the end of a stream\n(go test ./sim/board -run SpeedOfTinyGosESPATDriver -update writes this anew)\n", figures)
}
