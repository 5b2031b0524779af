package board

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/espat"
)

// talk sends a line to the module and returns what comes back until end does.
func (p *testProgram) talk(line, end string) string {
	p.t.Helper()
	if _, err := p.UARTWrite(p.w.UART, []byte(line)); err != nil {
		p.t.Fatal(err)
	}
	return p.hear(end)
}

// hear collects what the module says until it has said end.
func (p *testProgram) hear(end string) string {
	p.t.Helper()
	var got []byte
	for start := time.Now(); !strings.HasSuffix(string(got), end); time.Sleep(time.Millisecond) {
		var buf [256]byte
		n, err := p.UARTRead(p.w.UART, buf[:])
		if err != nil {
			p.t.Fatal(err)
		}
		got = append(got, buf[:n]...)
		if time.Since(start) > 10*time.Second {
			p.t.Fatalf("the module said %q, and not %q", got, end)
		}
	}
	return string(got)
}

// The module is on the UART that the board's description names, and on no other.
func TestProgramTalksToTheModule(t *testing.T) {
	for _, spec := range boardsWith(ESPAT) {
		t.Run(spec.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, e := start(t, spec, Config{Clock: clock.Virtual(), SSID: "home", Passphrase: "correct horse"})
				for range 2 { // the second finds all as the first did
					n := e.len()
					p := run(t, b)
					p.must(p.UARTConfigure(p.w.UART, 115200))
					p.hear("\r\nready\r\n")
					if got := p.talk("AT\r\n", "OK\r\n"); got != "AT\r\n\r\nOK\r\n" {
						t.Errorf("AT: %q", got)
					}
					p.talk("AT+CWMODE=1\r\n", "OK\r\n")
					p.talk("AT+SYSSTORE=0\r\n", "OK\r\n")
					p.talk("AT+CWJAP=\"home\",\"correct horse\"\r\n", "OK\r\n")
					if n, err := p.UARTRead(1-p.w.UART, make([]byte, 10)); n != 0 || err != nil {
						t.Errorf("the other UART: %d bytes, %v", n, err)
					}
					if err := p.UARTConfigure(p.w.UART, 0); err == nil {
						t.Error("a UART at 0 baud is not refused")
					}
					p.must(p.UARTConfigure(1-p.w.UART, 9600))
					if _, err := p.PinGet(p.w.LED); err != nil {
						t.Error(err)
					}
					if err := p.end(); err != nil {
						t.Errorf("Serve: %v", err)
					}
					time.Sleep(time.Second)
					want := `joining "home"; joined "home", IP 10.0.0.2; left "home"`
					if got := strings.Join(e.since(max(n, 1)), "; "); got != want {
						t.Errorf("events %s, want %s", got, want)
					}
				}
				version := spec.Firmware
				if version == "" {
					version = espat.Versions()[0]
				}
				if want := spec.Title + ": ESP-AT, firmware " + espat.Describe(version) + ", MAC 24:0a:c4:00:00:02"; e.since(0)[0] != want {
					t.Errorf("first event %q, want %q", e.since(0)[0], want)
				}
				b.Close()
			})
		})
	}
}

func TestSerialPortNeedsAnESPATBoard(t *testing.T) {
	spec, _ := Lookup("pyportal")
	_, err := New(spec, Config{Serial: nowhere{}})
	if err == nil || !strings.Contains(err.Error(), "pyportal has WiFiNINA") {
		t.Errorf("%v", err)
	}
}

// A port that fails ends the program, which would wait for the module for ever.
func TestSerialPortFails(t *testing.T) {
	spec, _ := Lookup("espat")
	ours, theirs := net.Pipe()
	var traced []string
	b, err := New(spec, Config{Serial: pipePort{ours}, Trace: func(line string) { traced = append(traced, line) }})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p := run(t, b)
	go func() {
		theirs.Read(make([]byte, 4))
		theirs.Write([]byte("the last\n"))
		theirs.Close()
	}()
	if got := p.talk("AT\r\n", "\n"); got != "the last\n" {
		t.Errorf("%q", got)
	}
	for err == nil {
		_, err = p.UARTRead(p.w.UART, make([]byte, 10))
	}
	if !strings.Contains(err.Error(), ErrPort.Error()) {
		t.Errorf("the program reads %v, want %v", err, ErrPort)
	}
	if err := <-p.served; !errors.Is(err, ErrPort) {
		t.Errorf("Serve: %v, want %v", err, ErrPort)
	}
	if want := `["> \"AT\\r\\n\"" "< \"the last\\n\""]`; fmt.Sprintf("%q", traced) != want {
		t.Errorf("the trace is %q, want %s", traced, want)
	}
}

// pipePort is a port without a speed.
type pipePort struct{ net.Conn }

func (pipePort) SetBaud(int) error { return nil }

// nowhere is a serial port to nothing.
type nowhere struct{}

func (nowhere) Read([]byte) (int, error)    { return 0, nil }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) SetBaud(int) error           { return nil }
func (nowhere) Close() error                { return nil }
