package board

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"machine/client"
	"machine/wire"

	"tinynet/sim/clock"
)

// events collects a board's events and trace.
type events struct {
	mu    sync.Mutex
	list  []Event
	lines []string
}

func (e *events) event(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
}

func (e *events) trace(line string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines = append(e.lines, line)
}

// since returns the events from number n on, as text.
func (e *events) since(n int) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var text []string
	for _, ev := range e.list[n:] {
		text = append(text, ev.String())
	}
	return text
}

func (e *events) len() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.list)
}

// start returns a board that is closed at the end of the test.
func start(t testing.TB, spec Spec, cfg Config) (*Board, *events) {
	t.Helper()
	e := new(events)
	cfg.Event, cfg.Trace = e.event, e.trace
	b, err := New(spec, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, e
}

// boardsWith returns the boards that have a network chip.
func boardsWith(chip string) []Spec {
	return slices.DeleteFunc(All(), func(s Spec) bool { return s.Chip != chip })
}

// program is the other end: a program that was built for the board.
type testProgram struct {
	*client.Client
	t      testing.TB
	w      Wiring
	served chan error
}

// run starts a program on the board.
func run(t testing.TB, b *Board) *testProgram {
	t.Helper()
	ours, theirs := net.Pipe()
	p := &testProgram{t: t, w: b.Spec().Wiring, served: make(chan error, 1)}
	go func() { p.served <- b.Serve(ours) }()
	var err error
	if p.Client, err = client.New(theirs, b.Spec().Name); err != nil {
		t.Fatal(err)
	}
	return p
}

// end ends the program and returns what Serve returned.
func (p *testProgram) end() error {
	p.Close()
	return <-p.served
}

func (p *testProgram) must(err error) {
	if err != nil {
		p.t.Helper()
		p.t.Fatal(err)
	}
}

// bringUp resets the chip as the reference hosts do and waits until it is
// ready.
func (p *testProgram) bringUp() {
	p.t.Helper()
	for _, pin := range []uint8{p.w.CS, p.w.GPIO0} {
		p.must(p.PinSet(pin, true))
		p.must(p.PinConfigure(pin, wire.ModeOutput))
	}
	p.must(p.PinSet(p.w.Reset, p.w.ResetInverted))
	p.must(p.PinConfigure(p.w.Reset, wire.ModeOutput))
	time.Sleep(10 * time.Millisecond)
	p.must(p.PinSet(p.w.Reset, !p.w.ResetInverted))
	time.Sleep(750 * time.Millisecond)
	p.must(p.PinSet(p.w.GPIO0, false))
	p.must(p.PinConfigure(p.w.GPIO0, wire.ModeInput))
	p.must(p.PinConfigure(p.w.Ready, wire.ModeInput))
	p.must(p.SPIConfigure(p.w.SPI, 8_000_000, 0, false))
	p.ready(false)
}

// ready waits for a level of READY.
func (p *testProgram) ready(level bool) {
	p.t.Helper()
	for range 1_000_000 {
		got, err := p.PinGet(p.w.Ready)
		p.must(err)
		if got == level {
			return
		}
	}
	p.t.Fatalf("READY does not become %v", level)
}

// exchange gives the chip a command and returns the first n bytes of its reply.
func (p *testProgram) exchange(n int, cmd byte, params ...string) []byte {
	p.t.Helper()
	frame := []byte{0xe0, cmd, byte(len(params))}
	for _, param := range params {
		frame = append(append(frame, byte(len(param))), param...)
	}
	frame = append(frame, 0xee)
	for len(frame)%4 != 0 {
		frame = append(frame, 0xff)
	}
	p.ready(false)
	p.must(p.PinSet(p.w.CS, false))
	p.ready(true)
	p.must(p.SPITransfer(p.w.SPI, frame, nil))
	p.must(p.PinSet(p.w.CS, true))
	p.ready(false)
	p.must(p.PinSet(p.w.CS, false))
	p.ready(true)
	reply := make([]byte, n)
	p.must(p.SPITransfer(p.w.SPI, nil, reply))
	p.must(p.PinSet(p.w.CS, true))
	return reply
}

// Commands of nina-fw 2.0.0 CommandHandler.cpp.
const (
	cmdSetNetwork = 0x10
	cmdStatus     = 0x20
	cmdVersion    = 0x37
)

// A program reaches the chip through pins and bus on every board, on a clock
// that makes it wait too.
func TestProgramTalksToTheChip(t *testing.T) {
	for _, spec := range boardsWith(WiFiNINA) {
		t.Run(spec.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, e := start(t, spec, Config{Clock: clock.Virtual()})
				p := run(t, b)
				p.bringUp()
				want := []byte("\xe0\xb7\x01\x062.0.0\x00\xee")
				if got := p.exchange(len(want), cmdVersion); !bytes.Equal(got, want) {
					t.Errorf("reply % x, want % x", got, want)
				}
				if err := p.end(); err != nil {
					t.Errorf("Serve: %v", err)
				}
				b.Close()
				if want := spec.Title + ": WiFiNINA, firmware 2.0.0, MAC 24:0a:c4:00:00:02"; e.since(0)[0] != want {
					t.Errorf("first event %q, want %q", e.since(0)[0], want)
				}
				if len(e.lines) != 1 || !strings.Contains(e.lines[0], "37 ") || !strings.Contains(e.lines[0], "2.0.0") {
					t.Errorf("trace %q: want one line with command 37 and its reply", e.lines)
				}
			})
		})
	}
}

// What a program leaves behind is gone for the next: LED, link, sockets.
func TestProgramsEndResetsTheBoard(t *testing.T) {
	for _, name := range []string{"pyportal", "arduino-mkrwifi1010"} { // whose reset pins differ
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { endResets(t, name) }) })
	}
}

func endResets(t *testing.T, name string) {
	spec, _ := Lookup(name)
	led := spec.Wiring.LEDName
	b, e := start(t, spec, Config{Clock: clock.Virtual(), SSID: "home"})
	for range 2 {
		n := e.len()
		p := run(t, b)
		p.must(p.PinConfigure(p.w.LED, wire.ModeOutput))
		p.must(p.PinSet(p.w.LED, true))
		p.bringUp()
		if status := p.exchange(5, cmdStatus)[4]; status != 0 {
			t.Errorf("status %d at start, want 0, idle", status)
		}
		p.exchange(5, cmdSetNetwork, "home")
		for p.exchange(5, cmdStatus)[4] != 3 {
			time.Sleep(10 * time.Millisecond)
		}
		if err := p.end(); err != nil {
			t.Errorf("Serve: %v", err)
		}
		synctest.Wait()
		want := []string{led + " on", `joining "home"`, `joined "home", IP 10.0.0.2`, led + " off", `left "home"`}
		if got := e.since(n); !slices.Equal(got, want) {
			t.Errorf("events\n%q, want\n%q", got, want)
		}
	}
	b.Close()
}

func TestLED(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec, _ := Lookup("metro-m4-airlift")
		b, e := start(t, spec, Config{})
		p := run(t, b)
		led := p.w.LED
		p.must(p.PinSet(led, true)) // an input: the LED stays dark
		p.must(p.PinConfigure(led, wire.ModeOutput))
		p.must(p.PinSet(led, true))
		p.must(p.PinSet(led, false))
		p.must(p.PinSet(led, false))
		p.must(p.PinSet(led, true))
		p.must(p.PinConfigure(led, wire.ModeInput))
		if _, err := p.PinGet(led); err != nil { // the rest has no reply
			t.Error(err)
		}
		want := []string{"red LED on", "red LED off", "red LED on", "red LED off"}
		if got := e.since(1); !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
		p.end()
		b.Close()
	})
}

func TestUnconnectedPinsKeepTheirState(t *testing.T) {
	spec, _ := Lookup("arduino-nano33")
	b, _ := start(t, spec, Config{})
	p := run(t, b)
	defer p.end()
	const pin = 200
	for _, tt := range []struct {
		mode wire.Mode
		set  bool
		want bool
	}{
		{wire.ModeInput, true, false},
		{wire.ModeInputPullup, false, true},
		{wire.ModeInputPulldown, true, false},
		{wire.ModeOutput, true, true},
		{wire.ModeOutput, false, false},
	} {
		p.must(p.PinConfigure(pin, tt.mode))
		p.must(p.PinSet(pin, tt.set))
		if got, err := p.PinGet(pin); got != tt.want || err != nil {
			t.Errorf("mode %d, set to %v: reads %v, %v", tt.mode, tt.set, got, err)
		}
	}
}

// A bus or port where nothing is connected works, as on a real board.
func TestUnconnectedBuses(t *testing.T) {
	spec, _ := Lookup("nano-rp2040")
	b, _ := start(t, spec, Config{})
	p := run(t, b)
	defer p.end()
	r := []byte{1, 2, 3}
	p.must(p.SPIConfigure(0, 1_000_000, 3, true))
	if err := p.SPITransfer(0, []byte{4, 5, 6}, r); err != nil || !bytes.Equal(r, make([]byte, 3)) {
		t.Errorf("SPI: %v, received % x, want zeros", err, r)
	}
	p.must(p.UARTConfigure(1, 9600))
	if n, err := p.UARTWrite(1, []byte("hello")); n != 5 || err != nil {
		t.Errorf("UART: wrote %d, %v", n, err)
	}
	if n, err := p.UARTRead(1, r); n != 0 || err != nil {
		t.Errorf("UART: read %d, %v", n, err)
	}
	// The chip's own bus has one mode.
	if err := p.SPIConfigure(p.w.SPI, 8_000_000, 1, false); !errors.Is(err, client.ErrRefused) {
		t.Errorf("SPI mode 1 for the chip: %v, want ErrRefused", err)
	}
}

// talk serves what is written by write, and returns the board's last
// words and Serve's error.
func talk(b *Board, write func(*wire.Conn)) (last string, err error) {
	ours, theirs := net.Pipe()
	words := make(chan string)
	go func() {
		conn := wire.NewConn(theirs)
		write(conn)
		_, p, _ := conn.Read()
		theirs.Close()
		words <- string(p)
	}()
	err = b.Serve(ours)
	return <-words, err
}

func TestServeRefuses(t *testing.T) {
	spec, _ := Lookup("pyportal")
	hello := func(version uint8, board string) func(*wire.Conn) {
		return func(c *wire.Conn) { c.Write(wire.Header{Op: wire.OpHello, Value: version}, []byte(board)) }
	}
	for _, tt := range []struct {
		name  string
		write func(*wire.Conn)
		want  error
		words string
	}{
		{"another board", hello(wire.Version, "nano-rp2040"), ErrWrongBoard, `built for "nano-rp2040", and the board is "pyportal"`},
		{"no board", hello(wire.Version, ""), ErrWrongBoard, "-tags pyportal,ninafw"},
		{"another version", hello(wire.Version+1, "pyportal"), ErrProtocol, "version"},
		{"a name that is none", hello(wire.Version, strings.Repeat("x", wire.MaxPayload)), ErrProtocol, "16384 bytes"},
		{"no hello", func(c *wire.Conn) { c.Write(wire.Header{Op: wire.OpPinGet}, nil) }, ErrProtocol, "pin get"},
		{"gone at once", func(*wire.Conn) {}, nil, ""},
	} {
		b, _ := start(t, spec, Config{})
		if tt.want == nil {
			ours, theirs := net.Pipe()
			theirs.Close()
			if err := b.Serve(ours); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		words, err := talk(b, tt.write)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: Serve: %v, want %v", tt.name, err, tt.want)
		}
		if !strings.Contains(words, tt.words) {
			t.Errorf("%s: the program is told %q, which lacks %q", tt.name, words, tt.words)
		}
		// The board is there for the next.
		p := run(t, b)
		if err := p.end(); err != nil {
			t.Errorf("%s: the next program: %v", tt.name, err)
		}
	}
}

func TestServeEndsOnNonsense(t *testing.T) {
	spec, _ := Lookup("pyportal")
	for name, b := range map[string][]byte{
		"HTTP":             []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"a second hello":   append(helloBytes(spec), helloBytes(spec)...),
		"a bad pin mode":   append(helloBytes(spec), wire.Header{Op: wire.OpPinConfigure, Value: 77}.Append(nil)...),
		"a huge SPI count": append(helloBytes(spec), wire.Header{Op: wire.OpSPITransfer, N: 1 << 30}.Append(nil)...),
	} {
		board, _ := start(t, spec, Config{})
		if err := board.Serve(script{bytes.NewReader(b)}); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v, want ErrProtocol", name, err)
		}
	}
}

func helloBytes(spec Spec) []byte {
	h := wire.Header{Op: wire.OpHello, Value: wire.Version, Size: uint32(len(spec.Name))}
	return append(h.Append(nil), spec.Name...)
}

// script is a program that says its piece and hears nothing.
type script struct{ io.Reader }

func (script) Write(p []byte) (int, error) { return len(p), nil }
func (script) Close() error                { return nil }

func TestSecondProgramIsTurnedAway(t *testing.T) {
	spec, _ := Lookup("pyportal")
	b, _ := start(t, spec, Config{})
	p := run(t, b)
	words, err := talk(b, func(c *wire.Conn) {
		c.Write(wire.Header{Op: wire.OpHello, Value: wire.Version}, []byte("pyportal"))
	})
	if !errors.Is(err, ErrBusy) || words != ErrBusy.Error() {
		t.Errorf("%v, and told %q", err, words)
	}
	// The first does not notice.
	p.must(p.PinConfigure(p.w.LED, wire.ModeOutput))
	p.must(p.PinSet(p.w.LED, true))
	if on, err := p.PinGet(p.w.LED); !on || err != nil {
		t.Errorf("the first program's LED: %v, %v", on, err)
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
	if err := run(t, b).end(); err != nil {
		t.Errorf("the next: %v", err)
	}
}

// Close ends programs that are served, and one that has not said hello yet.
func TestCloseWakesServe(t *testing.T) {
	spec, _ := Lookup("pyportal")
	b, _ := start(t, spec, Config{})
	p := run(t, b)
	ours, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	silent := make(chan error)
	go func() { silent <- b.Serve(ours) }()
	for serving := 0; serving < 2; { // both are inside Serve
		b.mu.Lock()
		serving = len(b.conns)
		b.mu.Unlock()
	}
	b.Close()
	if err := <-p.served; err != ErrClosed {
		t.Errorf("Serve: %v, want ErrClosed", err)
	}
	if err := <-silent; err != ErrClosed {
		t.Errorf("Serve of a silent program: %v, want ErrClosed", err)
	}
	if _, err := p.PinGet(0); !errors.Is(err, client.ErrGone) {
		t.Errorf("the program: %v, want ErrGone", err)
	}
	late, other := net.Pipe()
	if err := b.Serve(late); err != ErrClosed {
		t.Errorf("Serve of a closed board: %v, want ErrClosed", err)
	}
	if _, err := other.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the late program reads %v, want io.EOF", err)
	}
	b.Close() // again
}

// A Read of a socket that is not the poller's would not end.
func TestPairCloseWakesRead(t *testing.T) {
	ours, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	reading := make(chan struct{})
	read := make(chan error)
	go func() {
		close(reading)
		_, err := ours.Read(make([]byte, 1))
		read <- err
	}()
	<-reading
	time.Sleep(20 * time.Millisecond) // so that it is in the system call, most likely
	ours.Close()
	if err := <-read; err == nil {
		t.Error("Read returned nil")
	}
	if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the other end reads %v, want io.EOF", err)
	}
}

func TestNewRefusesAccessPointsThatCannotBe(t *testing.T) {
	spec, _ := Lookup("pyportal")
	for _, cfg := range []Config{
		{Passphrase: "without a name"},
		{SSID: strings.Repeat("x", 33)},
		{SSID: "home", Passphrase: "short"},
		{SSID: "home", Passphrase: strings.Repeat("x", 64)},
	} {
		if b, err := New(spec, cfg); err == nil {
			b.Close()
			t.Errorf("%+v: no error", cfg)
		}
	}
}

func TestLookup(t *testing.T) {
	for name, want := range map[string]string{
		"pyportal":            "pyportal",
		"arduino_mkrwifi1010": "arduino-mkrwifi1010",
		"Nano-RP2040":         "nano-rp2040",
		"matrixportal_m4":     "matrixportal-m4",
		"pico":                "",
		"":                    "",
	} {
		spec, ok := Lookup(name)
		if ok != (want != "") || spec.Name != want {
			t.Errorf("Lookup(%q) = %q, %v, want %q", name, spec.Name, ok, want)
		}
	}
	for _, s := range All() {
		if got, ok := Lookup(s.Name); !ok || got.Name != s.Name {
			t.Errorf("Lookup(%q) does not find it", s.Name)
		}
		if got, ok := Lookup(s.Tags[0]); !ok || got.Name != s.Name {
			t.Errorf("Lookup(%q), its tag, does not find %s", s.Tags[0], s.Name)
		}
	}
}

// Whatever a program sends, the board survives it, and serves the next.
func FuzzServe(f *testing.F) {
	spec, _ := Lookup("arduino-mkrwifi1010")
	w := spec.Wiring
	var reset, version []byte
	for _, h := range []wire.Header{
		{Op: wire.OpPinSet, Unit: w.CS, Value: 1},
		{Op: wire.OpPinConfigure, Unit: w.CS, Value: uint8(wire.ModeOutput)},
		{Op: wire.OpPinConfigure, Unit: w.Reset, Value: uint8(wire.ModeOutput)},
		{Op: wire.OpPinSet, Unit: w.Reset, Value: 1},
		{Op: wire.OpPinSet, Unit: w.Reset},
		{Op: wire.OpPinGet, Unit: w.Ready},
	} {
		reset = h.Append(reset)
	}
	version = wire.Header{Op: wire.OpPinSet, Unit: w.CS}.Append(version)
	version = wire.Header{Op: wire.OpSPITransfer, Unit: w.SPI, N: 4, Size: 4}.Append(version)
	version = append(version, 0xe0, cmdVersion, 0, 0xee)
	version = wire.Header{Op: wire.OpPinSet, Unit: w.CS, Value: 1}.Append(version)
	f.Add(slices.Concat(reset, version, version))
	f.Add(wire.Header{Op: wire.OpUARTRead, N: 9}.Append(nil))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := New(spec, Config{Event: func(e Event) { _ = e.String() }, Trace: func(string) {}})
		if err != nil {
			t.Fatal(err)
		}
		err = b.Serve(script{io.MultiReader(bytes.NewReader(helloBytes(spec)), bytes.NewReader(in))})
		if err != nil && !errors.Is(err, ErrProtocol) {
			t.Errorf("Serve: %v", err)
		}
		if err := b.Serve(script{bytes.NewReader(helloBytes(spec))}); err != nil {
			t.Errorf("the next program: %v", err)
		}
		b.Close()
	})
}

// BenchmarkPinGet is a round trip, as one look at READY.
func BenchmarkPinGet(b *testing.B) {
	p := benchProgram(b)
	for b.Loop() {
		p.PinGet(p.w.Ready)
	}
}

// BenchmarkPinSet has no reply to wait for.
func BenchmarkPinSet(b *testing.B) {
	p := benchProgram(b)
	for b.Loop() {
		p.PinSet(p.w.LED-1, true)
	}
}

// BenchmarkExchange is a command and its reply, of about ten requests.
func BenchmarkExchange(b *testing.B) {
	p := benchProgram(b)
	p.bringUp()
	b.ResetTimer()
	for b.Loop() {
		p.exchange(12, cmdVersion)
	}
}

// BenchmarkSPIRead is a transfer of the longest frame that the chip has.
func BenchmarkSPIRead(b *testing.B) {
	p := benchProgram(b)
	buf := make([]byte, 4092)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		p.SPITransfer(p.w.SPI, nil, buf)
	}
}

// benchProgram is a program at the other end of a real socket.
func benchProgram(tb testing.TB) *testProgram {
	spec, _ := Lookup("pyportal")
	b, _ := start(tb, spec, Config{})
	ours, theirs, err := Pair()
	if err != nil {
		tb.Fatal(err)
	}
	p := &testProgram{t: tb, w: spec.Wiring, served: make(chan error, 1)}
	go func() { p.served <- b.Serve(ours) }()
	if p.Client, err = client.New(theirs, spec.Name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := p.end(); err != nil {
			tb.Error(fmt.Errorf("Serve: %w", err))
		}
	})
	return p
}
