package overlay

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// tree writes files, given as path and contents, below a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func fakeGOROOT(t *testing.T) string {
	return tree(t, map[string]string{
		"src/net/dial.go":      "package net",
		"src/net/dial_unix.go": "package net",
		"src/net/dial_test.go": "package net",
		"src/net/README":       "",
		"src/net/http/http.go": "package http",
	})
}

func fakeRoot(t *testing.T) string {
	return tree(t, map[string]string{
		"src/net/dial.go":          "package net // ours",
		"src/net/race.go":          "package net // for everybody",
		"src/net/tcp.go":           "package net",
		"src/net/tcp_test.go":      "package net",
		"src/net/.#tcp.go":         "an editor's",
		"src/net/README.md":        "",
		"src/net/_overlay/race.go": "package net // for overlays",
		"src/net/http/http.go":     "package http",
	})
}

// replaced returns what the overlay's JSON replaces.
func replaced(t *testing.T, ov *Overlay) map[string]string {
	t.Helper()
	data, err := os.ReadFile(ov.File)
	if err != nil {
		t.Fatal(err)
	}
	var text struct{ Replace map[string]string }
	if err := json.Unmarshal(data, &text); err != nil {
		t.Fatal(err)
	}
	return text.Replace
}

func generate(t *testing.T, cfg Config) *Overlay {
	t.Helper()
	ov, err := Generate(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return ov
}

// Every file of theirs is hidden or replaced, every file of ours is there, and
// nothing else is touched.
func TestReplacesNetWhole(t *testing.T) {
	goroot, root, cache := fakeGOROOT(t), fakeRoot(t), t.TempDir()
	net, ours := filepath.Join(goroot, "src", "net"), filepath.Join(root, "src", "net")
	ov := generate(t, Config{GOROOT: goroot, Root: root, Cache: cache})
	got := replaced(t, ov)

	markerFile := filepath.Join(net, markerName)
	if text, err := os.ReadFile(got[markerFile]); err != nil || string(text) != markerSource {
		t.Errorf("the marker is not in the overlay: %v", err)
	}
	delete(got, markerFile)
	want := map[string]string{
		filepath.Join(net, "dial.go"):      filepath.Join(ours, "dial.go"),
		filepath.Join(net, "dial_unix.go"): "",
		filepath.Join(net, "race.go"):      filepath.Join(ours, "_overlay", "race.go"),
		filepath.Join(net, "tcp.go"):       filepath.Join(ours, "tcp.go"),
	}
	if !maps.Equal(got, want) {
		t.Errorf("replaced\n%v\nwant\n%v", got, want)
	}
	if ov.GOROOT != goroot || ov.Aliased {
		t.Errorf("GOROOT = %s, aliased %v; want %s itself", ov.GOROOT, ov.Aliased, goroot)
	}

	got = replaced(t, generate(t, Config{GOROOT: goroot, Root: root, Cache: cache, HideTests: true}))
	if to, ok := got[filepath.Join(net, "dial_test.go")]; !ok || to != "" {
		t.Error("with HideTests, GOROOT's dial_test.go is not hidden")
	}
	if _, ok := got[filepath.Join(net, "tcp_test.go")]; ok {
		t.Error("with HideTests, a test of ours is mapped in")
	}
}

// Trap 3: relative paths would count from wherever go runs.
func TestPathsAreAbsolute(t *testing.T) {
	goroot, root := fakeGOROOT(t), fakeRoot(t)
	t.Chdir(root)
	for from, to := range replaced(t, generate(t, Config{GOROOT: goroot, Root: ".", Cache: t.TempDir()})) {
		if !filepath.IsAbs(from) || to != "" && !filepath.IsAbs(to) {
			t.Errorf("%s: %s: not absolute", from, to)
		}
	}
	if _, err := Generate(Config{GOROOT: "go", Root: root, Cache: t.TempDir()}); err == nil {
		t.Error("a relative GOROOT is taken")
	}
}

// Trap 1: one path in the module cache and go refuses the overlay.
func TestModuleCacheIsLeftAlone(t *testing.T) {
	goroot, root, cache := fakeGOROOT(t), fakeRoot(t), t.TempDir()
	modcache := filepath.Join(t.TempDir(), "mod")
	inside := filepath.Join(modcache, "golang.org", "toolchain")
	if err := os.MkdirAll(filepath.Dir(inside), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(goroot, inside); err != nil {
		t.Fatal(err)
	}
	goroot = inside
	link := filepath.Join(t.TempDir(), "go")
	if err := os.Symlink(goroot, link); err != nil {
		t.Fatal(err)
	}
	modlink := filepath.Join(t.TempDir(), "mod")
	if err := os.Symlink(modcache, modlink); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name             string
		goroot, modcache string
		aliased          bool
	}{
		{"inside", goroot, modcache, true},
		{"inside, module cache under another name", goroot, modlink, true},
		{"inside by both names", filepath.Join(modlink, "golang.org", "toolchain"), modlink, true},
		{"the module cache itself", goroot, goroot, true},
		{"a name from outside", link, modcache, false},
		{"beside", goroot, modcache + "x", false},
	} {
		ov := generate(t, Config{GOROOT: c.goroot, GOMODCACHE: c.modcache, Root: root, Cache: cache})
		if ov.Aliased != c.aliased {
			t.Errorf("%s: aliased = %v", c.name, ov.Aliased)
		}
		for from := range replaced(t, ov) {
			if strings.HasPrefix(from, c.modcache+string(filepath.Separator)) {
				t.Errorf("%s: replaces %s in the module cache %s", c.name, from, c.modcache)
				break
			}
		}
		if c.aliased {
			if real, err := filepath.EvalSymlinks(ov.GOROOT); err != nil || real != goroot {
				t.Errorf("%s: GOROOT %s leads to %s (%v), want %s", c.name, ov.GOROOT, real, err, goroot)
			}
		}
	}

	_, err := Generate(Config{GOROOT: goroot, GOMODCACHE: modcache, Root: root, Cache: filepath.Join(modcache, "cache")})
	if err == nil || !strings.Contains(err.Error(), "GOMODCACHE") {
		t.Errorf("cache folder in the module cache: error is %v", err)
	}
}

// Trap 2: go looks files up by the name of GOROOT that it was given, be it a
// symbolic link or not.
func TestEveryNameOfGOROOT(t *testing.T) {
	goroot, root := fakeGOROOT(t), fakeRoot(t)
	link := filepath.Join(t.TempDir(), "go")
	if err := os.Symlink(goroot, link); err != nil {
		t.Fatal(err)
	}
	got := replaced(t, generate(t, Config{GOROOT: link, Root: root, Cache: t.TempDir()}))
	for _, name := range []string{goroot, link} {
		if got[filepath.Join(name, "src", "net", "tcp.go")] == "" {
			t.Errorf("nothing is replaced by the name %s", name)
		}
	}
}

// An overlay is written once; another one does not disturb it.
func TestFilesAreKeyedByContents(t *testing.T) {
	goroot, root, cache := fakeGOROOT(t), fakeRoot(t), t.TempDir()
	cfg := Config{GOROOT: goroot, Root: root, Cache: cache}
	first := generate(t, cfg)
	before, err := os.Stat(first.File)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if ov, err := Generate(cfg); err != nil || ov.File != first.File {
				t.Errorf("again: %v, %v; want %s", ov, err, first.File)
			}
		})
	}
	wait.Wait()
	after, err := os.Stat(first.File)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the same overlay was written anew (%v)", err)
	}

	if err := os.WriteFile(filepath.Join(root, "src", "net", "new.go"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	second := generate(t, cfg)
	if second.File == first.File {
		t.Error("another overlay has the same name")
	}
	if _, err := os.Stat(first.File); err != nil {
		t.Errorf("the overlay in use is gone: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(first.File))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestErrors(t *testing.T) {
	goroot, root, empty := fakeGOROOT(t), fakeRoot(t), t.TempDir()
	if _, err := Generate(Config{GOROOT: empty, Root: root, Cache: t.TempDir()}); !errors.Is(err, ErrNoGOROOT) {
		t.Errorf("GOROOT without net: %v", err)
	}
	if _, err := Generate(Config{GOROOT: goroot, Root: empty, Cache: t.TempDir()}); !errors.Is(err, ErrNoNet) {
		t.Errorf("checkout without net: %v", err)
	}
	file := filepath.Join(empty, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Generate(Config{GOROOT: goroot, Root: root, Cache: file}); err == nil || !strings.Contains(err.Error(), "cache folder") {
		t.Errorf("cache folder that is a file: %v", err)
	}
}
