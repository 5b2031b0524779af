//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// modem is a `tinynet sim espat` that runs.
type modem struct {
	*running
	path string // as it has printed it
}

func startModem(t *testing.T, args ...string) modem {
	t.Helper()
	r := start(t, tinynet(t, t.TempDir(), append([]string{"sim", "espat", "-isolated"}, args...)...))
	path, err := r.stdout.ReadString('\n')
	if err != nil {
		text, _ := io.ReadAll(r.stderr)
		t.Fatalf("it printed %q and ended:\n%s", path, text)
	}
	return modem{r, strings.TrimSuffix(path, "\n")}
}

// said are the lines that say what becomes of a module.
var said = regexp.MustCompile("until Ctrl-C\n$|^tinynet: (joining|joined|left|ESP-AT: oddity:) ")

// interrupt ends the tool by a signal, which has to work without another word.
func (m modem) interrupt(sig syscall.Signal) {
	m.t.Helper()
	m.cmd.Process.Signal(sig)
	text, _ := io.ReadAll(m.stderr)
	for line := range strings.Lines(string(text)) {
		if !said.MatchString(line) {
			m.t.Errorf("%v: it said %q", sig, line)
		}
	}
	if code := m.code(); code != 0 {
		m.t.Errorf("%v: exit code %d", sig, code)
	}
}

// onLine is a program that uses the module.
type onLine struct {
	t *testing.T
	c interface {
		io.ReadWriteCloser
		SetReadDeadline(time.Time) error
	}
}

// open opens the module's line as any program would: it sets nothing.
func (m modem) open() onLine {
	m.t.Helper()
	if kind, address, ok := strings.Cut(m.path, ":"); ok {
		c, err := net.Dial(kind, address)
		if err != nil {
			m.t.Fatal(err)
		}
		m.t.Cleanup(func() { c.Close() })
		return onLine{m.t, c}
	}
	f, err := os.OpenFile(m.path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { f.Close() })
	return onLine{m.t, f}
}

func (p onLine) send(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.c, text); err != nil {
		p.t.Fatalf("%q: %v", text, err)
	}
}

// read reads until one of the ends comes.
func (p onLine) read(ends ...string) string {
	p.t.Helper()
	p.c.SetReadDeadline(time.Now().Add(time.Minute))
	var got []byte
	buf := make([]byte, 1)
	for {
		_, err := io.ReadFull(p.c, buf)
		if err != nil {
			p.t.Fatalf("%v after %q; want %q", err, got, ends)
		}
		got = append(got, buf[0])
		for _, end := range ends {
			if strings.HasSuffix(string(got), end) {
				return string(got)
			}
		}
	}
}

// ask sends a text and checks what comes back, byte for byte.
func (p onLine) ask(text, want string) {
	p.t.Helper()
	p.send(text)
	p.want(want)
}

func (p onLine) want(want string) {
	p.t.Helper()
	p.c.SetReadDeadline(time.Now().Add(time.Minute))
	got := make([]byte, len(want))
	if n, err := io.ReadFull(p.c, got); string(got[:n]) != want {
		p.t.Fatalf("%q came (%v), want %q", got[:n], err, want)
	}
}

// At each kind of line: the module echoes, takes CR LF only, and passes every byte
// as it is. One program follows another.
func TestSimESPATLines(t *testing.T) {
	dir := shortDir(t)
	for _, c := range []struct {
		name string
		args []string
		path string
		sig  syscall.Signal
	}{
		{"nothing said", nil, "/dev/", syscall.SIGINT},
		{"pty", []string{"-pty"}, "/dev/", syscall.SIGTERM},
		{"unix", []string{"-listen", "unix:" + filepath.Join(dir, "s")}, "unix:" + filepath.Join(dir, "s"), syscall.SIGINT},
		{"tcp", []string{"-listen", "tcp:127.0.0.1:0"}, "tcp:127.0.0.1:", syscall.SIGTERM},
		{"tcp of IPv6", []string{"-listen", "tcp:[::1]:0"}, "tcp:[::1]:", syscall.SIGINT},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.name, "IPv6") {
				l, err := net.Listen("tcp", "[::1]:0")
				if err != nil {
					t.Skip("no IPv6 on this machine: ", err)
				}
				l.Close()
			}
			m := startModem(t, c.args...)
			if !strings.HasPrefix(m.path, c.path) {
				t.Fatalf("it is at %q, want %q…", m.path, c.path)
			}
			p := m.open()
			p.want("\r\nready\r\n")
			p.ask("AT\r\n", "AT\r\n\r\nOK\r\n")
			p.ask("at\r\n", "at\r\n\r\nERROR\r\n")
			p.ask("AT", "AT")
			p.ask("\r\n", "\r\n\r\nOK\r\n")
			p.ask("ATE0\r\n", "ATE0\r\n\r\nOK\r\n")
			p.ask("AT+CWMODE=1\r\n", "\r\nOK\r\n")
			p.ask("AT+CWJAP=\"any\",\"12345678\"\r\n", "WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n")

			// Everything that a terminal might hold for something else, there and back.
			all := make([]byte, 256)
			for i := range all {
				all[i] = byte(i)
			}
			port, echoed := echoServer(t, len(all))
			p.ask("AT+CIPSTART=\"TCP\",\"host\","+port+"\r\n", "CONNECT\r\n\r\nOK\r\n")
			p.ask("AT+CIPSEND=256\r\n", "\r\nOK\r\n\r\n>")
			p.send(string(all))
			p.want("\r\nRecv 256 bytes\r\n\r\nSEND OK\r\n")
			<-echoed
			p.want("\r\n+IPD,256:" + string(all))
			p.ask("AT+CIPCLOSE\r\n", "CLOSED\r\n\r\nOK\r\n")
			p.c.Close()

			// The module stays as it was.
			for range 3 {
				p := m.open()
				p.ask("AT\r\n", "\r\nOK\r\n")
				p.ask("AT+CIPMUX?\r\n", "+CIPMUX:0\r\n\r\nOK\r\n")
				p.c.Close()
			}
			left := m.open() // and is still open at the end
			left.ask("AT\r\n", "\r\nOK\r\n")
			m.interrupt(c.sig)
			if rest, err := io.ReadAll(left.c); len(rest) > 0 || err != nil && !errors.Is(err, syscall.EIO) {
				t.Errorf("%q at the end, %v", rest, err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("it left %v behind", left)
			}
		})
	}
}

// echoServer sends n bytes of one client back, then closes a channel; the port is
// of the loopback.
func echoServer(t *testing.T, n int) (port string, done chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	done = make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		t.Cleanup(func() { c.Close() })
		buf := make([]byte, n)
		if _, err := io.ReadFull(c, buf); err == nil {
			c.Write(buf)
		}
	}()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port), done
}

// A program that does not read what it has asked for keeps nobody from ending the
// module.
func TestSimESPATNobodyReads(t *testing.T) {
	for _, where := range []string{"-pty", "-listen=tcp:127.0.0.1:0"} {
		t.Run(where, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			stuck := make(chan struct{})
			go func() {
				defer close(stuck)
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				for err == nil { // until nothing goes any more
					c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
					_, err = c.Write(make([]byte, 64<<10))
				}
			}()
			m := startModem(t, where)
			p := m.open()
			p.ask("ATE0\r\n", "\r\nready\r\nATE0\r\n\r\nOK\r\n")
			p.ask("AT+CWMODE=1\r\n", "\r\nOK\r\n")
			p.ask("AT+CWJAP=\"any\",\"12345678\"\r\n", "WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n")
			p.ask(fmt.Sprintf("AT+CIPSTART=\"TCP\",\"host\",%d\r\n", l.Addr().(*net.TCPAddr).Port), "CONNECT\r\n\r\nOK\r\n")
			<-stuck
			m.interrupt(syscall.SIGINT)
		})
	}
}

// A second program at once is told why it gets nothing, and the first does not
// notice.
func TestSimESPATIsInUse(t *testing.T) {
	m := startModem(t, "-listen", "unix:"+filepath.Join(shortDir(t), "s"))
	first := m.open()
	first.ask("AT\r\n", "\r\nready\r\nAT\r\n\r\nOK\r\n")
	second := m.open()
	second.want(inUse)
	if _, err := second.c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%v, want EOF", err)
	}
	first.ask("AT\r\n", "AT\r\n\r\nOK\r\n")
	// One that comes a little early is not turned away.
	third := m.open()
	third.send("AT\r\n")
	first.c.Close()
	third.want("AT\r\n\r\nOK\r\n")

	code := finish(t, tinynet(t, t.TempDir(), "sim", "espat", "-listen", m.path))
	if code.code != 1 || !strings.Contains(code.stderr, "another tinynet waits on ") || strings.Count(code.stderr, "\n") != 1 {
		t.Errorf("a second module there: %+v", code)
	}
	m.interrupt(syscall.SIGINT)
}

// The same seed gives the same faults, another gives others, and none come without
// -fault.
func TestSimESPATFaultsReplay(t *testing.T) {
	busyAt := func(flags ...string) string {
		m := startModem(t, append(flags, "-listen", "tcp:127.0.0.1:0")...)
		p := m.open()
		p.want("\r\nready\r\n")
		var all strings.Builder
		for i := range 40 {
			p.send("AT\r\n")
			if strings.Contains(p.read("OK\r\n", "busy p...\r\n"), "busy") {
				fmt.Fprint(&all, i, " ")
			}
		}
		m.interrupt(syscall.SIGINT)
		return all.String()
	}
	busy := []string{"-fault", "every=4 kinds=busy"}
	one, again, other := busyAt(append(busy, "-seed", "1")...), busyAt(append(busy, "-seed", "1")...), busyAt(append(busy, "-seed", "2")...)
	if one == "" || one != again {
		t.Errorf("seed 1: busy at %q, then at %q", one, again)
	}
	if one == other {
		t.Errorf("seeds 1 and 2: both busy at %q", one)
	}
	if none := busyAt("-seed", "1"); none != "" {
		t.Errorf("without faults: busy at %q", none)
	}
}

// Faults of bytes too.
func TestSimESPATDamagesBytes(t *testing.T) {
	m := startModem(t, "-fault", "every=1 kinds=damage", "-listen", "tcp:127.0.0.1:0")
	p := m.open()
	p.c.SetReadDeadline(time.Now().Add(time.Minute))
	got := make([]byte, len("\r\nready\r\n"))
	if _, err := io.ReadFull(p.c, got); err != nil || string(got) == "\r\nready\r\n" {
		t.Errorf("%q came, %v: want it damaged", got, err)
	}
	m.interrupt(syscall.SIGINT)
}

// Each -ap is an access point, with a passphrase of its own, and -version is what
// the module says of itself.
func TestSimESPATAccessPoints(t *testing.T) {
	m := startModem(t, "-version", "esp8266-2.2", "-ap", "home:passw0rd", "-ap", "cafe", "-ap", "odd:pass:word", "-ap", `a "b",c\d:p"a,s\sword`, "-listen", "tcp:127.0.0.1:0")
	p := m.open()
	p.ask("ATE0\r\n", "\r\nready\r\nATE0\r\n\r\nOK\r\n")
	p.send("AT+GMR\r\n")
	if text := p.read("OK\r\n"); !strings.Contains(text, "AT version:2.2.") || !strings.Contains(text, "ESP8266") {
		t.Errorf("AT+GMR: %s", text)
	}
	p.ask("AT+CWMODE=1\r\n", "\r\nOK\r\n")
	p.send("AT+CWLAP\r\n")
	list := p.read("OK\r\n")
	for _, want := range []string{`(3,"home",`, `(0,"cafe",`, `(3,"odd",`, `(3,"a "b",c\d",`} { // names in replies are not escaped
		if !strings.Contains(list, want) {
			t.Errorf("%s is not in\n%s", want, list)
		}
	}
	for _, c := range []struct{ join, want string }{
		{`"home","passw0rd"`, "\r\nOK\r\n"},
		{`"cafe",""`, "\r\nOK\r\n"},
		{`"odd","pass:word"`, "\r\nOK\r\n"},
		{`"a \"b\"\,c\\d","p\"a\,s\\sword"`, "\r\nOK\r\n"},
		{`"home","another word"`, "\r\nERROR\r\n"},
		{`"elsewhere","passw0rd"`, "\r\nERROR\r\n"},
	} {
		p.send("AT+CWJAP=" + c.join + "\r\n")
		if text := p.read("\r\nOK\r\n", "\r\nERROR\r\n"); !strings.HasSuffix(text, c.want) {
			t.Errorf("%s: %q, want %q", c.join, text, c.want)
		}
	}
}

// What is wrong shows at once, in one line, and leaves nothing behind.
func TestSimESPATRefuses(t *testing.T) {
	dir := shortDir(t)
	file := filepath.Join(dir, "file")
	write(t, file, "mine")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	for _, c := range []struct {
		args string
		code int
		text string
	}{
		{"-version esp32-9", exitUsage, "there are esp32-2.4, esp32-2.0"},
		{"-pty -listen unix:" + dir + "/s", exitUsage, "which is on either"},
		{"-listen unix:" + file, exitFailure, "exists and is no socket"},
		{"-listen unix:" + dir, exitFailure, "exists and is no socket"},
		{"-listen unix:" + dir + "/no/s", exitFailure, "no such file or directory"},
		{"-listen unix:" + dir + "/" + strings.Repeat("x", 120), exitFailure, "name a shorter one"},
		{"-listen unix:", exitUsage, "write unix:PATH or tcp:127.0.0.1:PORT"},
		{"-listen " + file, exitUsage, "write unix:PATH or tcp:127.0.0.1:PORT"},
		{"-listen tcp:" + taken, exitFailure, "address already in use"},
		{"-listen tcp:0.0.0.0:0", exitUsage, "others on the network could use the module"},
		{"-listen tcp:192.168.1.1:80", exitUsage, "others on the network could use the module"},
		{"-listen tcp:[::]:80", exitUsage, "others on the network could use the module"},
		{"-listen tcp::80", exitUsage, "write unix:PATH or tcp:127.0.0.1:PORT"},
		{"-listen tcp:127.0.0.1", exitUsage, "write unix:PATH or tcp:127.0.0.1:PORT"},
		{"-listen tcp:127.0.0.1:99999", exitUsage, "write unix:PATH or tcp:127.0.0.1:PORT"},
		{"-ap :passw0rd", exitUsage, "write NAME for an open access point or NAME:PASS"},
		{"-ap home:short", exitUsage, "WPA2 needs 8 to 63"},
		{"-ap home -ap home:passw0rd", exitUsage, `two access points are called "home"`},
		{"-ap " + strings.Repeat("x", 33), exitUsage, "at most 32"},
		{"-fault every=0_kinds=busy", exitUsage, "such as \"every=20 kinds=busy,reboot\""},
		{"-fault every=5", exitUsage, "such as \"every=20 kinds=busy,reboot\""},
		{"-fault busy", exitUsage, "such as \"every=20 kinds=busy,reboot\""},
		{"-fault every=5_kinds=nonsense", exitUsage, `there is no fault "nonsense"`},
		{"-fault every=5_kinds=busy -fault every=5_kinds=reboot", exitUsage, "in one LIST"},
		{"-seed nonsense", exitUsage, "-seed"},
		{"-rtt -5ms", exitUsage, "no less than no time"},
		{"-listen unix:" + dir + "/s -ap home:short", exitUsage, "WPA2 needs 8 to 63"},
	} {
		args := append([]string{"sim", "espat"}, strings.Fields(c.args)...)
		for i := range args {
			if strings.HasPrefix(args[i], "every=") {
				args[i] = strings.ReplaceAll(args[i], "_", " ")
			}
		}
		r := finish(t, tinynet(t, dir, args...))
		if r.code != c.code || r.stdout != "" || !strings.Contains(r.stderr, c.text) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s%s", c.args, r.code, c.code, c.text, r.stdout, r.stderr)
		}
	}
	left, err := os.ReadDir(dir)
	if text, _ := os.ReadFile(file); len(left) != 1 || string(text) != "mine" {
		t.Errorf("the folder has %v now, the file %q (%v)", left, text, err)
	}
}
