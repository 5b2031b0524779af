//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeTinyGo is a TinyGo that compiles nothing: it prints what it was started
// with, and exits with code 7. For -size full it prints a table in which the
// program has the size that $FAKE_FLASH says.
const fakeTinyGo = `#!/bin/sh
case "$1" in
version) echo "tinygo version 0.33.0 linux/amd64 (using go version go1.23.12 and LLVM version 16.0.6)"; exit 0 ;;
info) exit 0 ;;
env) cd "$(dirname "$0")/.." && pwd; exit 0 ;;
esac
if [ -n "$FAKE_FLASH" ]; then
	case "$*" in
	*nano33*) echo "program too large for this chip (flash overflowed by 1000 bytes)" >&2; exit 1 ;;
	esac
	echo "   code  rodata    data     bss |   flash     ram | package"
	echo "      0       0       0       0 |   $FAKE_FLASH    2000 | net"
	echo "      0       0       0       0 |   $FAKE_FLASH    2000 | total"
	exit 0
fi
echo "arguments: $*"
echo "root: $TINYGOROOT"
echo "toolchain: $GOTOOLCHAIN"
[ "$GOWORK" = off ] && echo "no workspace" || cat "$GOWORK"
echo "on stderr" >&2
exit 7
`

// withFakeTinyGo puts a fake TinyGo in the place of any real one.
func withFakeTinyGo(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range map[string]string{
		"bin/tinygo":               fakeTinyGo,
		"src/machine/machine.go":   "package machine\n",
		"src/net/net.go":           "package net // TinyGo's\n",
		"src/net/http/server.go":   "package http\n",
		"src/device/arm/arm.go":    "package arm\n",
		"targets/pyportal.json":    "{}",
		"src/crypto/tls/common.go": "package tls // TinyGo's\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TINYGO", filepath.Join(root, "bin", "tinygo"))
	t.Setenv("TINYGOROOT", "")
	return root
}

// run runs the tool and checks its exit code.
func run(t *testing.T, dir string, code int, args ...string) result {
	t.Helper()
	r := finish(t, tinynet(t, dir, args...))
	if r.code != code {
		t.Errorf("tinynet %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr)
	}
	return r
}

func wantIn(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

func TestTinyGoIsRunOnOurPackages(t *testing.T) {
	installed := withFakeTinyGo(t)
	app := module(t, "package main\n\nfunc main() {}\n")
	r := run(t, app, 7, "tinygo", "build", "-target", "pyportal", "-o", "x", ".")
	wantIn(t, r.stdout, "arguments: build -stack-size=4096B -target pyportal -o x .\n", "toolchain: local\n", app)
	if r.stderr != "on stderr\n" {
		t.Errorf("stderr is %q", r.stderr)
	}
	if strings.Contains(r.stdout, "/machine") || strings.Contains(r.stdout, "/sim") {
		t.Errorf("the host's modules are in the workspace:\n%s", r.stdout)
	}
	_, root, _ := strings.Cut(r.stdout, "root: ")
	root, _, _ = strings.Cut(root, "\n")
	for name, target := range map[string]string{
		"src/net/dial.go":          "wt/src/net/dial.go",
		"src/net/http/server.go":   filepath.Join(installed, "src/net/http/server.go"),
		"src/machine/machine.go":   filepath.Join(installed, "src/machine/machine.go"),
		"src/net/net_test.go":      "",
		"src/crypto/tls/common.go": "",
		"src/crypto/tls/tls.go":    "src/_tinygo/crypto/tls/tls.go",
	} {
		link, err := os.Readlink(filepath.Join(root, name))
		switch {
		case target == "" && err == nil:
			t.Errorf("%s is there", name)
		case target != "" && (err != nil || !strings.HasSuffix(link, strings.TrimPrefix(target, "wt"))):
			t.Errorf("%s is %s: %v", name, link, err)
		}
	}
	full := run(t, app, 7, "tinygo", "-http=full", "build", ".")
	if strings.Contains(full.stdout, root+"\n") {
		t.Error("-http=full has the same root")
	}
}

func TestTinyGoFindsTheModule(t *testing.T) {
	withFakeTinyGo(t)
	outside := t.TempDir()
	app := module(t, "package main\n\nfunc main() {}\n")
	for _, args := range [][]string{
		{"flash", "-target", "pyportal", app},
		{"run", filepath.Join(app, "main.go"), "its", "arguments"},
		{"build", "-target", "pyportal", "-o", outside, app},
	} {
		r := run(t, outside, 7, append([]string{"tinygo"}, args...)...)
		wantIn(t, r.stdout, app)
	}
	// These need none.
	for _, args := range [][]string{{"targets"}, {"monitor"}, {"build", "-target", "pyportal", "examples/blinky1"}} {
		r := run(t, outside, 7, append([]string{"tinygo"}, args...)...)
		wantIn(t, r.stdout, "no workspace\n")
	}
}

func TestTinyGoErrors(t *testing.T) {
	app := module(t, "package main\n\nfunc main() {}\n")
	outside := t.TempDir()
	t.Setenv("TINYGO", filepath.Join(outside, "nowhere"))
	wantIn(t, run(t, app, 1, "tinygo", "version").stderr, "$TINYGO")
	withFakeTinyGo(t)
	wantIn(t, run(t, outside, 1, "tinygo", "build").stderr, "go mod init")
	wantIn(t, run(t, outside, 1, "tinygo", "build", "-target", "pyportal", outside).stderr, "go mod init")
	wantIn(t, run(t, app, 2, "tinygo").stderr, "flash -target pyportal")
	wantIn(t, run(t, app, 2, "tinygo", "-http=small", "version").stderr, "tinygo or full")
	write(t, filepath.Join(app, "go.mod"), "module example.com/app\n\ngo 1.99\n")
	wantIn(t, run(t, app, 1, "tinygo", "build", ".").stderr, "asks for Go 1.99", "go mod edit -go=")
}

func TestSize(t *testing.T) {
	app := module(t, "package main\n\nfunc main() {}\n")
	table := filepath.Join(t.TempDir(), "sizes.txt")
	args := []string{"size", "-table", table, "-target", "pyportal,arduino-nano33", app}
	withFakeTinyGo(t)
	t.Setenv("FAKE_FLASH", "100000")

	r := run(t, app, 0, "size", "-update", "-table", table, "-target", "pyportal,arduino-nano33", app)
	wantIn(t, r.stdout, "pyportal: Adafruit PyPortal, ATSAMD51J20A, 1032192 bytes of flash, 262144 of RAM\n", "100000", "10 %", "260144", "1000 too many")
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	wantIn(t, string(text), "0.33.0 (using go version go1.23.12 and LLVM version 16.0.6)", " 100000    2000\n", " 254952       0\n")

	wantIn(t, run(t, app, 0, args...).stdout, "+0.0 %")
	t.Setenv("FAKE_FLASH", "102000")
	wantIn(t, run(t, app, 0, args...).stdout, "+2.0 %")
	t.Setenv("FAKE_FLASH", "102001")
	r = run(t, app, 1, args...)
	wantIn(t, r.stderr, "grown by more than 2 %", "pyportal", "-update")
	if again, err := os.ReadFile(table); err != nil || string(again) != string(text) {
		t.Errorf("the table was written: %v\n%s", err, again)
	}

	// Another compiler's sizes are no measure.
	write(t, table, strings.Replace(string(text), "LLVM version 16", "LLVM version 18", 1))
	wantIn(t, run(t, app, 0, args...).stderr, "nothing is compared")

	t.Setenv("FAKE_FLASH", "")
	wantIn(t, run(t, app, 1, args...).stderr, "does not build for pyportal", "on stderr")
	wantIn(t, run(t, app, 2, "size", "-target", "nonsense").stderr, "tinynet boards")
	wantIn(t, run(t, app, 1, "size", "nowhere").stderr, "nowhere")
}

// The tool goes on without TinyGo: a table of sizes is nothing that every
// machine can make.
func TestSizeWithoutTinyGo(t *testing.T) {
	app := module(t, "package main\n\nfunc main() {}\n")
	t.Setenv("TINYGO", "")
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(goCommand))
	wantIn(t, run(t, app, 0, "size", app).stderr, "skipped", "https://tinygo.org")
	wantIn(t, run(t, app, 1, "tinygo", "version").stderr, "https://tinygo.org")
}

// realTinyGo skips the test without one that can be used.
func realTinyGo(t *testing.T) {
	t.Helper()
	// The libraries that it builds first take minutes.
	if err := os.MkdirAll(tinygoCache, 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(os.Getenv("XDG_CACHE_HOME"), "tinygo")
	if _, err := os.Lstat(link); err != nil {
		if err := os.Symlink(tinygoCache, link); err != nil {
			t.Fatal(err)
		}
	}
	r := finish(t, tinynet(t, t.TempDir(), "tinygo", "version"))
	if r.code != 0 {
		t.Skipf("no TinyGo to test with: %s", r.stderr)
	}
	t.Log(r.stdout)
}

func TestRealTinyGo(t *testing.T) {
	realTinyGo(t)
	app := module(t, `package main

import (
	"crypto/tls"
	"errors"
	"net"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		c, _ := l.Accept()
		c.Write([]byte("ours"))
		c.Close()
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		panic(err)
	}
	b := make([]byte, 10)
	n, _ := c.Read(b)
	_, err = tls.Dial("tcp", l.Addr().String(), nil)
	println(string(b[:n]), errors.Is(err, errors.ErrUnsupported))
}
`)
	// TinyGo's net has no loopback in memory, and none at all on Linux.
	r := run(t, app, 0, "tinygo", "build", "-o", filepath.Join(app, "app"), ".")
	if r.code != 0 {
		return
	}
	out, err := exec.Command(filepath.Join(app, "app")).CombinedOutput()
	if err != nil || string(out) != "ours true\n" {
		t.Errorf("the program: %v\n%s", err, out)
	}
}

// TestRealTinyGoForABoard builds the smallest example: `tinynet size` builds all.
func TestRealTinyGoForABoard(t *testing.T) {
	realTinyGo(t)
	dir := t.TempDir()
	socket, err := filepath.Abs("../../examples/net/socket")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"pyportal", "arduino-nano33", "nano-rp2040"} {
		file := filepath.Join(dir, target+".elf")
		r := run(t, dir, 0, "tinygo", "build", "-size", "full", "-target", target, "-o", file, socket)
		wantIn(t, r.stdout, "tinynet/wifinina", "total")
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", target, err)
		}
	}
}
