//go:build unix

package e2e

import (
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// startModem starts a simulated module on a pseudo-terminal and returns that.
func startModem(t *testing.T, flags ...string) (p *process, path string) {
	t.Helper()
	p = start(t, root(t), append([]string{"sim", "espat", "-isolated"}, flags...)...)
	return p, p.await(`is at (/dev/\S+), until Ctrl-C`)[1]
}

// both is a process whose lines are those of two, to await.
func both(t *testing.T, a, b *process) *process {
	p := &process{t: t, cmd: a.cmd, lines: make(chan string, 10000), exited: a.exited}
	for _, from := range []*process{a, b} {
		go func() {
			for line := range from.lines {
				p.mu.Lock()
				p.stderr.WriteString(line + "\n")
				p.mu.Unlock()
				p.lines <- line
			}
		}()
	}
	return p
}

// onSerialPort is `tinynet run` with a module on a serial port, which here is a
// simulated one on a pseudo-terminal. Flags are the module's.
var onSerialPort = launcher{launch: func(t *testing.T, flags []string, example string, args ...string) (program, board *process) {
	m, path := startModem(t, flags...)
	cmd := append([]string{"run", "-board", "espat", "-serial", path, "./examples/net/" + example}, args...)
	p := start(t, root(t), cmd...)
	return p, both(t, p, m)
}}

func TestExamplesOnSerialPort(t *testing.T) {
	for _, version := range []string{"esp32-5.0", "esp8266-1.7"} {
		t.Run(version, func(t *testing.T) { testExamples(t, onSerialPort.with("-version", version)) })
	}
}

// fast asks for a higher speed, then fetches something.
const fast = `package main

import (
	"io"
	"net"
	"os"

	"tinynet/espat"
)

func main() {
	cfg := espat.Config{Ssid: "any", MaxBaud: 921600}
	dev := espat.New(&cfg)
	check(dev.NetConnect())
	c, err := net.Dial("tcp", os.Args[1])
	check(err)
	io.Copy(os.Stdout, c)
	println("waits")
	os.Stdin.Read(make([]byte, 1))
}

func check(err error) {
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
}
`

// The speed to which a program changes is that of the module and of the port.
func TestSerialPortGoesFaster(t *testing.T) {
	const text = "at 921600 baud"
	port := oneClient(t, func(c net.Conn) { c.Write([]byte(text)) })
	_, path := startModem(t)
	cmd := exec.Command(tool, "run", "-board", "espat", "-serial", path, "-v", ".", "host:"+port)
	cmd.Dir = module(t, fast)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := startCommand(t, cmd)
	p.await("^waits$")
	if want := `tinynet: > "AT+UART_CUR=921600,8,1,0,0\r\n"`; !strings.Contains(p.log(), want) {
		t.Errorf("%s is not in\n%s", want, p.log())
	}
	if runtime.GOOS == "linux" { // elsewhere stty has another flag
		out, err := exec.Command("stty", "-F", path, "speed").CombinedOutput()
		if got := strings.TrimSpace(string(out)); got != "921600" {
			t.Errorf("the port is at %s baud (%v)", got, err)
		}
	}
	stdin.Close()
	if code, stdout, _ := p.wait(); code != 0 || stdout != text {
		t.Errorf("exit code %d, stdout %q, want %q", code, stdout, text)
	}
}

// A module that is gone ends the program: it waits for nothing.
func TestSerialPortUnplugged(t *testing.T) {
	connected := make(chan struct{})
	port := oneClient(t, func(c net.Conn) {
		close(connected)
		c.Read(make([]byte, 1))
		c.Read(make([]byte, 1000))
	})
	m, path := startModem(t)
	p := start(t, root(t), "run", "-board", "espat", "-serial", path, "./examples/net/tcpclient", "host:"+port)
	select {
	case <-connected:
	case <-time.After(patience):
		t.Fatalf("no connection:\n%s", p.log())
	}
	m.cmd.Process.Kill()
	code, _, stderr := p.wait()
	if code == 0 || !regexp.MustCompile(`tinynet: the serial port has failed: .*: was the module unplugged\?\n`).MatchString(stderr) {
		t.Errorf("exit code %d:\n%s", code, stderr)
	}
	noStackTrace(t, stderr)
}

// Tests of several packages have the one module one after another.
func TestSerialPortUnderTest(t *testing.T) {
	_, path := startModem(t)
	dir := module(t, "package main\n\nfunc main() {}\n")
	for _, name := range []string{"a", "b"} {
		writeFile(t, filepath.Join(dir, name, name+"_test.go"), "package "+name+`

import (
	"net"
	"testing"

	"tinynet/espat"
)

func Test(t *testing.T) {
	dev := espat.New(&espat.Config{Ssid: "any"})
	if err := dev.NetConnect(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if addrs, err := net.LookupHost("host"); err != nil || addrs[0] != "10.0.0.1" {
			t.Fatal(addrs, err)
		}
	}
}
`)
	}
	code, stdout, stderr := run(t, dir, "test", "-board", "espat", "-serial", path, "./a", "./b")
	if code != 0 || strings.Count(stdout, "ok  \t") != 2 {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}
