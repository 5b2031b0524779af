// Package e2e tests tinynet as its users meet it: the real tool, real programs,
// and real clients and servers at the other end.
package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// tool is the path of the tinynet command, built once for all tests.
var tool string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tinynet-e2e-")
		if err != nil {
			fmt.Println(err)
			return 1
		}
		defer os.RemoveAll(dir)
		tool = filepath.Join(dir, "tinynet")
		build := exec.Command("go", "build", "-o", tool, "tinynet/cmd/tinynet")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Printf("go build tinynet/cmd/tinynet: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// root is the repository's root.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// patience bounds a wait for something that happens in another process. It is
// no measure of speed: building net for the first time takes a minute.
const patience = 4 * time.Minute

// process is a running tool, or a program that runs without it.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  chan string // of stderr
	mu     sync.Mutex
	stderr bytes.Buffer
	stdout bytes.Buffer
	exited chan struct{}
}

// start starts the tool in a folder. It is ended with the test.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Dir = dir
	return startCommand(t, cmd)
}

// startCommand starts the tool, or a program of its.
func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, lines: make(chan string, 10000), exited: make(chan struct{})}
	p.cmd.Stdout = &p.stdout
	pipe, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		in := bufio.NewScanner(pipe)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			p.mu.Lock()
			p.stderr.WriteString(in.Text() + "\n")
			p.mu.Unlock()
			select {
			case p.lines <- in.Text():
			default: // more than any test awaits
			}
		}
		io.Copy(io.Discard, pipe)
		p.cmd.Wait()
		close(p.lines)
		close(p.exited)
	}()
	t.Cleanup(func() {
		select {
		case <-p.exited:
			return
		default:
		}
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.exited:
		case <-time.After(10 * time.Second):
			p.cmd.Process.Kill()
			<-p.exited
			t.Error("the tool did not end within 10 s of SIGTERM")
		}
	})
	return p
}

// log is what the tool has printed on stderr so far.
func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// await waits for a line of stderr that matches.
func (p *process) await(pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("the tool ended without a line like %q; it printed:\n%s", pattern, p.log())
			}
			if m := re.FindStringSubmatch(line); m != nil {
				return m
			}
		case <-timeout:
			p.t.Fatalf("no line like %q; the tool printed:\n%s", pattern, p.log())
		}
	}
}

// wait waits for the end and returns the exit code and the two outputs.
func (p *process) wait() (code int, stdout, stderr string) {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("the tool did not end; it printed:\n%s", p.log())
	}
	return p.cmd.ProcessState.ExitCode(), p.stdout.String(), p.log()
}

// run runs the tool to its end.
func run(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return start(t, dir, args...).wait()
}

// freePort returns a TCP port of the loopback that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// module writes a module of its own in a new folder.
func module(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"go.mod": "module example.com/app\n\ngo 1.23\n", "main.go": source}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// noStackTrace fails if what a user reads looks like a crash.
func noStackTrace(t *testing.T, text string) {
	t.Helper()
	for _, s := range []string{"goroutine ", "panic:", "SIGSEGV"} {
		if strings.Contains(text, s) {
			t.Errorf("a stack trace:\n%s", text)
		}
	}
}
