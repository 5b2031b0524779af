package build

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tinynet/cmd/tinynet/internal/overlay"
	"tinynet/cmd/tinynet/internal/toolchain"
)

// write writes files, given as path and contents, below dir.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// checkout returns a checkout with little in it. Its net is the toolchain's own
// and a function more.
func checkout(t *testing.T) string {
	t.Helper()
	env, err := toolchain.Find(t.TempDir(), os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	return checkoutWith(t, env.GOROOT)
}

// checkoutWith returns a checkout with the net of the toolchain in goroot.
func checkoutWith(t *testing.T, goroot string) string {
	t.Helper()
	root := tempDir(t)
	write(t, root, map[string]string{
		"go.mod":             "module tinynet\n\ngo 1.23\n",
		"hello/hello.go":     "package hello\n\nconst Text = \"hello\"\n",
		"machine/go.mod":     "module machine\n\ngo 1.23\n",
		"machine/none.go":    "//go:build !someboard\n\npackage machine\n\nconst Board = \"none\"\n",
		"machine/board.go":   "//go:build someboard\n\npackage machine\n\nconst Board = \"someboard\"\n",
		"src/net/tinynet.go": "package net\n\n// Tinynet says whose net this is.\nfunc Tinynet() string { return \"tinynet\" }\n",
	})
	files, err := filepath.Glob(filepath.Join(goroot, "src", "net", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("GOROOT has no net: %v", err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, root, map[string]string{"src/net/" + filepath.Base(file): string(text)})
		}
	}
	return root
}

const program = `package main

import (
	"machine"
	"net"
	"os"
	"tinynet/hello"
)

func main() { os.Stdout.WriteString(hello.Text + " " + machine.Board + " " + net.Tinynet()) }
`

// config returns the settings to build a package as from folder dir.
func config(t *testing.T, root, dir string, pkg ...string) (Config, *bytes.Buffer) {
	t.Helper()
	var stderr bytes.Buffer
	return Config{
		Dir:     dir,
		Package: pkg,
		Tags:    []string{"someboard", "ninafw"},
		Output:  filepath.Join(t.TempDir(), "program"),
		Root:    root,
		Cache:   t.TempDir(),
		Environ: append(os.Environ(), "GOFLAGS="),
		Stderr:  &stderr,
	}, &stderr
}

func TestBuild(t *testing.T) {
	root, user, elsewhere := checkout(t), tempDir(t), tempDir(t)
	write(t, user, map[string]string{
		"go.mod":       "module example.com/user\n\ngo 1.23\n",
		"app/main.go":  program,
		"tags/main.go": "//go:build one && two && ninafw\n\n" + program,
	})
	write(t, root, map[string]string{"app/main.go": program})
	replacing := tempDir(t)
	write(t, replacing, map[string]string{
		"go.mod":  "module example.com/user\n\ngo 1.23\n\nrequire tinynet v0.0.0\n\nreplace tinynet => " + root + "\n",
		"main.go": program,
	})
	workspace := tempDir(t)
	write(t, workspace, map[string]string{
		"go.work":    "go 1.24\n\nuse ./app\n",
		"app/go.mod": "module example.com/user\n\ngo 1.23\n",
		"app/app.go": program,
	})
	for _, c := range []struct {
		name, dir string
		pkg       []string
		goflags   string
	}{
		{"folder", user, []string{"./app"}, ""},
		{"this folder", filepath.Join(user, "app"), []string{"."}, ""},
		{"absolute path, from elsewhere", elsewhere, []string{filepath.Join(user, "app")}, ""},
		{"import path", user, []string{"example.com/user/app"}, ""},
		{"file", filepath.Join(user, "app"), []string{"main.go"}, ""},
		{"pattern", user, []string{"./app/..."}, ""},
		{"package of the checkout", root, []string{"./app"}, ""},
		{"go.mod that replaces tinynet", replacing, []string{"."}, ""},
		{"go.work", workspace, []string{"./app"}, ""},
		{"flags that a workspace refuses", user, []string{"./app"}, "-mod=mod -trimpath"},
		{"tags of the user's", user, []string{"./tags"}, "-tags=one,two"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, stderr := config(t, root, c.dir, c.pkg...)
			cfg.Environ = append(cfg.Environ, "GOFLAGS="+c.goflags)
			if err := Build(t.Context(), cfg); err != nil {
				t.Fatalf("%v\n%s", err, stderr)
			}
			if stderr.Len() > 0 {
				t.Errorf("stderr: %s", stderr)
			}
			out, err := exec.Command(cfg.Output).Output()
			if want := "hello someboard tinynet"; err != nil || string(out) != want {
				t.Errorf("the program prints %q (%v), want %q", out, err, want)
			}
		})
	}
	for _, name := range []string{"go.sum", "go.work", "go.work.sum", "vendor"} {
		if _, err := os.Lstat(filepath.Join(user, name)); err == nil {
			t.Errorf("%s was written in the user's folder", name)
		}
	}
}

func TestErrors(t *testing.T) {
	root, user, outside := checkout(t), tempDir(t), tempDir(t)
	write(t, user, map[string]string{
		"go.mod":         "module example.com/user\n\ngo 1.23\n",
		"lib/lib.go":     "package lib\n",
		"app/main.go":    "package main\n\nfunc main() { undefinedName() }\n",
		"app/test.go":    "package main\n",
		"empty/README":   "",
		"syntax/main.go": "package main\n\nfunc {\n",
		"import/main.go": "package main\n\nimport _ \"example.com/missing\"\n\nfunc main() {}\n",
	})
	newer := tempDir(t)
	write(t, newer, map[string]string{"go.mod": "module app\n\ngo 1.999\n", "main.go": "package main\n\nfunc main() {}\n"})
	write(t, outside, map[string]string{"main.go": "package main\n\nfunc main() {}\n"})
	for _, c := range []struct {
		name, dir, pkg string
		want           error
		text           []string // in the error, or on stderr if it is ErrReported
	}{
		{"library", user, "./lib", ErrNotMain, []string{"example.com/user/lib", "package lib"}},
		{"no folder", user, "./nowhere", ErrNoPackage, []string{"./nowhere"}},
		{"no file", user, "nothing.go", ErrNoPackage, []string{"nothing.go"}},
		{"no import path", user, "example.com/nowhere", ErrNoPackage, []string{"example.com/nowhere"}},
		{"folder without ./", user, "app", ErrNoPackage, []string{"write ./app"}},
		{"no Go files", user, "./empty", ErrNoPackage, []string{"no Go files"}},
		{"several", user, "./...", ErrManyPackages, []string{"./..."}},
		{"matches nothing", user, "./empty/...", ErrNoPackage, []string{"./empty/..."}},
		{"no module", outside, ".", ErrNoModule, []string{"go mod init", outside}},
		{"does not compile", user, "./app", ErrReported, []string{"app/main.go:3:15: undefined: undefinedName"}},
		{"does not parse", user, "./syntax", ErrReported, []string{"syntax/main.go:3:6"}},
		{"missing import", user, "./import", ErrReported, []string{"import/main.go:3:8", "example.com/missing"}},
		{"Go too old", newer, ".", nil, []string{"too old", "1.999"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, stderr := config(t, root, c.dir, c.pkg)
			cfg.Environ = append(cfg.Environ, "GOTOOLCHAIN=local", "GOPROXY=off")
			err := Build(t.Context(), cfg)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v; stderr:\n%s", err, c.want, stderr)
			}
			said := err.Error()
			if errors.Is(err, ErrReported) {
				said = stderr.String()
			} else if stderr.Len() > 0 || strings.Contains(said, "\n") {
				t.Errorf("more than one line: %v\n%s", err, stderr)
			}
			for _, text := range c.text {
				if !strings.Contains(said, text) {
					t.Errorf("%q is not in:\n%s", text, said)
				}
			}
			if _, err := os.Lstat(cfg.Output); err == nil {
				t.Error("there is an output file")
			}
		})
	}
}

// Trap 2: go ignores an overlay that fits no file.
func TestOverlayNotTaken(t *testing.T) {
	root, user := checkout(t), tempDir(t)
	write(t, user, map[string]string{
		"go.mod":         "module example.com/user\n\ngo 1.23\n",
		"net/main.go":    "package main\n\nimport _ \"net\"\n\nfunc main() {}\n",
		"nonet/main.go":  "package main\n\nfunc main() {}\n",
		"other/nogo.txt": "",
	})
	fake := tempDir(t)
	write(t, fake, map[string]string{"src/net/net.go": "package net\n"})
	wrong, err := overlay.Generate(overlay.Config{GOROOT: fake, Root: root, Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for pkg, want := range map[string]error{"./net": ErrNotTaken, "./nonet": nil} {
		cfg, stderr := config(t, root, user, pkg)
		dir, patterns, err := locate(cfg)
		if err != nil {
			t.Fatal(err)
		}
		b, err := prepare(cfg, dir)
		if err != nil {
			t.Fatal(err)
		}
		b.overlay.File = wrong.File
		if err := b.build(t.Context(), patterns); err != nil {
			t.Fatalf("%v\n%s", err, stderr)
		}
		if err := b.verify(t.Context(), patterns); !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", pkg, err, want)
		}
	}
}

// A workspace may need a newer Go than the user's module. Go fetches it into
// the module cache, where it takes no overlay as it is (trap 1).
func TestWorkspaceNeedsNewerGo(t *testing.T) {
	env, err := toolchain.Find(t.TempDir(), os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	bin := func(version string) string {
		dir := filepath.Join(env.GOMODCACHE, "golang.org", "toolchain@v0.0.1-"+version+"."+runtime.GOOS+"-"+runtime.GOARCH, "bin")
		if _, err := os.Stat(filepath.Join(dir, "go")); err != nil {
			t.Skipf("%s is not in the module cache: GOTOOLCHAIN=%s go version would fetch it", version, version)
		}
		return dir
	}
	old, _ := bin("go1.23.12"), bin("go1.25.5")
	t.Setenv("PATH", old+string(filepath.ListSeparator)+os.Getenv("PATH"))

	root, user := checkoutWith(t, filepath.Dir(bin("go1.25.5"))), tempDir(t)
	write(t, root, map[string]string{"machine/go.mod": "module machine\n\ngo 1.25.5\n"})
	write(t, user, map[string]string{
		"go.mod":  "module example.com/user\n\ngo 1.23\n",
		"main.go": "package main\n\nimport (\n\t\"machine\"\n\t\"runtime\"\n\t_ \"net\"\n)\n\nfunc main() { println(runtime.Version(), machine.Board) }\n",
	})
	cfg, stderr := config(t, root, user, ".")
	cfg.Environ = append(cfg.Environ, "PATH="+os.Getenv("PATH"), "GOROOT=", "GOTOOLCHAIN=auto", "GOPROXY=off")
	if err := Build(t.Context(), cfg); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if out, err := exec.Command(cfg.Output).CombinedOutput(); err != nil || string(out) != "go1.25.5 someboard\n" {
		t.Errorf("the program prints %q (%v)", out, err)
	}
}

// A build that is given up ends at once and says why.
func TestCanceled(t *testing.T) {
	root, user := checkout(t), tempDir(t)
	write(t, user, map[string]string{"go.mod": "module app\n", "main.go": "package main\n\nfunc main() {}\n"})
	cfg, _ := config(t, root, user, ".")
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := Build(ctx, cfg); !errors.Is(err, why) {
		t.Errorf("error %v, want %v", err, why)
	}
}
