package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mustFail runs the tool and checks that it fails with one clear line.
func mustFail(t *testing.T, dir string, want []string, args ...string) (stderr string) {
	t.Helper()
	code, _, stderr := run(t, dir, args...)
	if code == 0 {
		t.Errorf("exit code 0; stderr:\n%s", stderr)
	}
	for _, w := range want {
		if !strings.Contains(stderr, w) {
			t.Errorf("stderr does not say %q:\n%s", w, stderr)
		}
	}
	noStackTrace(t, stderr)
	return stderr
}

func TestUnknownBoard(t *testing.T) {
	stderr := mustFail(t, root(t), []string{"nosuchboard", "pyportal", "arduino-nano33", "arduino-mkrwifi1010"},
		"run", "-board", "nosuchboard", "./examples/net/socket")
	if strings.Contains(stderr, "building") {
		t.Errorf("it began to build:\n%s", stderr)
	}
}

func TestNotAMainPackage(t *testing.T) {
	mustFail(t, root(t), []string{"tinynet/netdev", "main package"}, "run", "./netdev")
}

func TestNoSuchPackage(t *testing.T) {
	mustFail(t, root(t), []string{"nosuchfolder"}, "run", "./nosuchfolder")
}

func TestProgramDoesNotCompile(t *testing.T) {
	dir := module(t, "package main\n\nfunc main() { undefinedName() }\n")
	code, stdout, stderr := run(t, dir, "run", ".")
	if code == 0 || stdout != "" {
		t.Errorf("exit code %d, stdout %q", code, stdout)
	}
	if !strings.Contains(stderr, "main.go:3:15: undefined: undefinedName") {
		t.Errorf("the compiler's message is missing:\n%s", stderr)
	}
	for _, line := range strings.Split(strings.TrimSpace(stderr), "\n") {
		if !strings.HasPrefix(line, "# ") && !strings.Contains(line, "main.go:3") && !strings.Contains(line, "building") {
			t.Errorf("a line that is not the compiler's: %q", line)
		}
	}
}

func TestHostPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	mustFail(t, root(t), []string{port, "in use"}, "run", "-p", port+":80", "./examples/net/webserver")
}

func TestBadPortFlag(t *testing.T) {
	for _, p := range []string{"x:80", "80", "70000:80", "8080:0", ":"} {
		mustFail(t, root(t), []string{"-p", "HOST:BOARD"}, "run", "-p", p, "./examples/net/webserver")
	}
}

func TestWrongPassphrase(t *testing.T) {
	mustFail(t, root(t), []string{"passphrase", "cannot connect to tinynet"},
		"run", "-isolated", "-ssid", "tinynet", "-pass", "something-else", "./examples/net/socket")
}

func TestAccessPointMissing(t *testing.T) {
	mustFail(t, root(t), []string{"access point", "cannot connect to tinynet"},
		"run", "-isolated", "-ssid", "home", "-pass", "something", "./examples/net/socket")
}

// A program that tries for ever is ended.
func TestAccessPointMissingForAProgramThatTriesForEver(t *testing.T) {
	stderr := mustFail(t, module(t, server), []string{`no access point is called "foo": the one in range is "home"`, "in vain"},
		"run", "-isolated", "-ssid", "home", "-pass", "something", ".")
	if n := strings.Count(stderr, "no access point"); n > 2 {
		t.Errorf("it said so %d times:\n%s", n, stderr)
	}
}

func TestNoNetdevSet(t *testing.T) {
	dir := module(t, `package main

import (
	"net"
	"os"
)

func main() {
	if _, err := net.Dial("tcp", "10.0.0.1:80"); err != nil {
		println(err.Error())
		os.Exit(3)
	}
}
`)
	code, _, stderr := run(t, dir, "run", "-isolated", ".")
	if code != 3 || !strings.Contains(stderr, "no network device") {
		t.Errorf("exit code %d; stderr:\n%s", code, stderr)
	}
	noStackTrace(t, stderr)
}

// A binary that tinynet built, started by hand and without a board, says so.
func TestNoBoard(t *testing.T) {
	file := filepath.Join(t.TempDir(), "socket")
	if code, _, stderr := run(t, root(t), "build", "-o", file, "./examples/net/socket"); code != 0 {
		t.Fatalf("build: exit code %d\n%s", code, stderr)
	}
	cmd := exec.Command(file)
	cmd.Env = append(os.Environ(), "TINYNET_BOARD=unix:"+filepath.Join(t.TempDir(), "nobody"))
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "tinynet attach") {
		t.Errorf("%v\n%s", err, out)
	}
	noStackTrace(t, string(out))
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"nosuchcommand"}, {"run"}, {"build", "./x"}, {"run", "-nosuchflag", "."}} {
		code, stdout, stderr := run(t, root(t), args...)
		if code != 2 || stdout != "" || stderr == "" {
			t.Errorf("tinynet %q: exit code %d, want 2; stdout %q, stderr %q", args, code, stdout, stderr)
		}
		noStackTrace(t, stderr)
	}
	for _, args := range [][]string{{"help"}, {"help", "run"}, {"run", "-h"}, {"boards"}, {"version"}} {
		if code, stdout, stderr := run(t, root(t), args...); code != 0 || stdout == "" {
			t.Errorf("tinynet %q: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
}
