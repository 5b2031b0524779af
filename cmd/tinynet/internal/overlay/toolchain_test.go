package overlay

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tinynet/cmd/tinynet/internal/toolchain"
)

// The tests below run real toolchains on an overlay whose net is the
// toolchain's own and a function more: that compiles with every version.

func current(t *testing.T) *toolchain.Env {
	t.Helper()
	env, err := toolchain.Find(t.TempDir(), append(os.Environ(), "GOWORK=off"))
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// fetched returns a toolchain that go has fetched into the module cache.
func fetched(t *testing.T, version string) *toolchain.Env {
	t.Helper()
	modcache := current(t).GOMODCACHE
	goroot := filepath.Join(modcache, "golang.org", "toolchain@v0.0.1-"+version+"."+runtime.GOOS+"-"+runtime.GOARCH)
	if _, err := os.Stat(filepath.Join(goroot, "bin", "go")); err != nil {
		t.Skipf("%s is not in the module cache: GOTOOLCHAIN=%s go version would fetch it", version, version)
	}
	t.Setenv("PATH", filepath.Join(goroot, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	env, err := toolchain.Find(t.TempDir(), append(os.Environ(), "GOWORK=off", "GOROOT=", "GOTOOLCHAIN=local"))
	if err != nil {
		t.Fatal(err)
	}
	if env.GOVERSION != version {
		t.Fatalf("the toolchain in %s calls itself %s", goroot, env.GOVERSION)
	}
	return env
}

// netOf returns a checkout whose net is goroot's with func Tinynet added.
func netOf(t *testing.T, goroot string) string {
	t.Helper()
	root := tree(t, map[string]string{
		"src/net/tinynet.go": "package net\n\n// Tinynet is true.\nfunc Tinynet() bool { return true }\n",
	})
	files, err := goFiles(filepath.Join(goroot, "src", "net"), false)
	if err != nil {
		t.Fatal(err)
	}
	for name, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "src", "net", name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// program returns the folder of a module with a program and a test that need
// our net.
func program(t *testing.T) string {
	return tree(t, map[string]string{
		"go.mod":       "module example.com/program\n\ngo 1.23\n",
		"main.go":      "package main\n\nimport (\n\t\"net\"\n\t\"os\"\n)\n\nfunc main() { os.Stdout.WriteString(net.JoinHostPort(\"host\", \"1\")) }\n",
		"main_test.go": "package main\n\nimport (\n\t\"net\"\n\t\"testing\"\n)\n\nfunc Test(t *testing.T) {\n\tif !net.Tinynet() {\n\t\tt.Fail()\n\t}\n}\n",
	})
}

// gocmd runs the toolchain in dir and returns what it prints.
func gocmd(t *testing.T, env *toolchain.Env, goroot, dir string, arg ...string) (string, error) {
	t.Helper()
	cmd := env.Command(t.Context(), goroot, dir, []string{"GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0"}, arg...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func builtInside(t *testing.T, env *toolchain.Env, goroot, file string, flags ...string) bool {
	t.Helper()
	dir := program(t)
	out := filepath.Join(dir, "out")
	args := append([]string{"build", "-o", out, "-overlay=" + file}, flags...)
	if text, err := gocmd(t, env, goroot, dir, append(args, ".")...); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	if text, err := exec.Command(out).Output(); err != nil || string(text) != "host:1" {
		t.Errorf("the program printed %q, %v", text, err)
	}
	inside, err := Inside(out)
	if err != nil {
		t.Fatal(err)
	}
	return inside
}

func TestCurrentToolchain(t *testing.T) {
	env := current(t)
	ov := generate(t, Config{GOROOT: env.GOROOT, GOMODCACHE: env.GOMODCACHE, Root: netOf(t, env.GOROOT), Cache: t.TempDir()})
	if !builtInside(t, env, ov.GOROOT, ov.File) {
		t.Error("our net is not in the program")
	}
	if !builtInside(t, env, ov.GOROOT, ov.File, "-ldflags=-s -w", "-trimpath") {
		t.Error("our net is not found in a stripped program")
	}
}

// Trap 2: a GOROOT that is a symbolic link, and one that is another's.
func TestSymlinkedAndWrongGOROOT(t *testing.T) {
	env := current(t)
	root := netOf(t, env.GOROOT)
	link := filepath.Join(t.TempDir(), "go")
	if err := os.Symlink(env.GOROOT, link); err != nil {
		t.Fatal(err)
	}
	ov := generate(t, Config{GOROOT: link, GOMODCACHE: env.GOMODCACHE, Root: root, Cache: t.TempDir()})
	for _, goroot := range []string{link, env.GOROOT} {
		if !builtInside(t, env, goroot, ov.File) {
			t.Errorf("GOROOT=%s: our net is not in the program", goroot)
		}
	}

	wrong := generate(t, Config{GOROOT: fakeGOROOT(t), Root: root, Cache: t.TempDir()})
	if builtInside(t, env, env.GOROOT, wrong.File) {
		t.Error("an overlay for another GOROOT was taken, or Inside is mistaken")
	}
}

// Trap 1: a toolchain in the module cache. Go 1.25 and later refuse an overlay
// there.
func TestFetchedToolchain(t *testing.T) {
	env := fetched(t, "go1.25.5")
	root := netOf(t, env.GOROOT)
	plain := generate(t, Config{GOROOT: env.GOROOT, Root: root, Cache: t.TempDir()})
	text, err := gocmd(t, env, env.GOROOT, program(t), "build", "-overlay="+plain.File, ".")
	if err == nil || !strings.Contains(text, "GOMODCACHE") {
		t.Errorf("go takes an overlay in the module cache now (%v: %s): the alias is not needed any more", err, text)
	}
	ov := generate(t, Config{GOROOT: env.GOROOT, GOMODCACHE: env.GOMODCACHE, Root: root, Cache: t.TempDir()})
	if !ov.Aliased {
		t.Error("the overlay is not aliased")
	}
	if !builtInside(t, env, ov.GOROOT, ov.File) {
		t.Error("our net is not in the program")
	}
}

// Trap 5: an overlay works with Go 1.23 too, if go test does without vet there.
func TestOldToolchain(t *testing.T) {
	env := fetched(t, "go1.23.12")
	if err := env.Check(""); err == nil || !strings.Contains(err.Error(), "too old") {
		t.Errorf("Check = %v, want that it is too old", err)
	}
	ov := generate(t, Config{GOROOT: env.GOROOT, GOMODCACHE: env.GOMODCACHE, Root: netOf(t, env.GOROOT), Cache: t.TempDir()})
	if text, err := gocmd(t, env, ov.GOROOT, program(t), "test", "-vet=off", "-overlay="+ov.File, "."); err != nil {
		t.Errorf("go test -vet=off: %v\n%s", err, text)
	}
	if text, err := gocmd(t, env, ov.GOROOT, program(t), "test", "-overlay="+ov.File, "."); err == nil {
		t.Logf("go 1.23 can vet with an overlay: -vet=off is not needed (%s)", text)
	}
	if !builtInside(t, env, ov.GOROOT, ov.File) {
		t.Error("our net is not in the program")
	}
}
