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

// TinyGo's own WiFiNINA driver, unmodified, on package machine and this board.
// The program in testdata/drivers/measure has both in one process, on a clock of
// its own; its doc comment says how.

var update = flag.Bool("update", false, "write testdata/tinygo-drivers-wifinina.txt anew")

// measured is what a scenario of the program found out.
type measured struct {
	Took                            time.Duration
	Each                            []time.Duration // sorted
	Sent, Arrived, Bytes, Exchanges int
	Error, Text                     string
}

// buildMeasure compiles the program. With cgo the clock would not jump.
func buildMeasure(t *testing.T) string {
	t.Helper()
	download(t)
	spec, _ := Lookup("pyportal")
	exe := filepath.Join(t.TempDir(), "measure")
	cmd := goCommand("drivers", "build", "-tags", strings.Join(spec.Tags, ",")+",faketime", "-o", exe, "./measure")
	cmd.Env = append(cmd.Env, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return exe
}

// runMeasure runs a scenario. One processor is both faster and the same every
// time.
func runMeasure(t *testing.T, exe, scenario string, rtt time.Duration, n int) measured {
	t.Helper()
	cmd := exec.Command(exe, scenario, rtt.String(), strconv.Itoa(n))
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
	exe := buildMeasure(t)
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
	exe := buildMeasure(t)
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

	var table strings.Builder
	table.WriteString("tinygo.org/x/drivers v0.37.0 wifinina, firmware 2.0.0, SPI at 8 MHz, profile of sim/nina.DefaultTiming; simulated time\n" +
		"(go test ./sim/board -run SpeedOfTinyGosDriver -update writes this anew)\n\n")
	for _, f := range figures {
		fmt.Fprintln(&table, f)
	}
	const file = "testdata/tinygo-drivers-wifinina.txt"
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
