package tinygo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tinynet/cmd/tinynet/internal/overlay"
)

// tree writes files, given as path and contents, below a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		add(t, dir, name, text)
	}
	return dir
}

func add(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o777); err != nil {
		t.Fatal(err)
	}
}

// config is an installation, a GOROOT and a checkout of a few files each. The
// contents of a file say whose it is.
func config(t *testing.T) RootConfig {
	return RootConfig{
		Installed: tree(t, map[string]string{
			"bin/tinygo":                   "theirs",
			"lib/picolibc/x.c":             "theirs",
			"targets/pyportal.json":        "theirs",
			"src/device/arm/arm.go":        "theirs",
			"src/machine/machine.go":       "theirs",
			"src/runtime/runtime.go":       "theirs",
			"src/crypto/rand/rand.go":      "theirs",
			"src/crypto/tls/tls.go":        "theirs",
			"src/crypto/tls/ticket.go":     "theirs",
			"src/unique/handle.go":         "theirs",
			"src/net/dial.go":              "theirs",
			"src/net/netdev.go":            "theirs",
			"src/net/http/server.go":       "theirs",
			"src/net/http/internal/x/x.go": "theirs",
		}),
		GOROOT: tree(t, map[string]string{
			"src/net/dial.go":                    "go's",
			"src/net/http/server.go":             "go's",
			"src/net/http/server_test.go":        "go's",
			"src/net/http/httptest/server.go":    "go's",
			"src/net/http/testdata/file":         "go's",
			"src/crypto/tls/tls.go":              "go's",
			"src/crypto/tls/internal/fips/on.go": "go's",
		}),
		Checkout: tree(t, map[string]string{
			"go.mod":                        "module tinynet\n",
			"src/net/dial.go":               "ours",
			"src/net/dial_test.go":          "ours",
			"src/net/README.md":             "ours",
			"src/net/_overlay/hooks.go":     "ours",
			"src/_tinygo/crypto/tls/tls.go": "ours",
			"src/_tinygo/unique/unique.go":  "ours",

			"src/_emulated/targets/emulated.json":     "ours",
			"src/_emulated/src/machine/emulated.go":   "ours",
			"src/_emulated/src/runtime/x/emulated.go": "ours",
			"machine/machine.go":                      "ours, for the host",
			"machine/wire/wire.go":                    "ours",
			"machine/wire/wire_test.go":               "ours",
		}),
		Cache: tree(t, nil),
	}
}

// contents returns what a root has: path and contents of each file. It fails
// on a folder of src that is a link.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(filepath.Join(root, "src"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			t.Errorf("%s is a link to a folder, or to nothing: %v", path, err)
			return nil
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func want(t *testing.T, have, want map[string]string) {
	t.Helper()
	for name, whose := range want {
		if have[name] != whose {
			t.Errorf("%s is %q, want %q", name, have[name], whose)
		}
	}
	for name := range have {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is there, and should not", name)
		}
	}
}

func mustRoot(t *testing.T, cfg RootConfig) string {
	t.Helper()
	root, err := Root(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestRoot(t *testing.T) {
	cfg := config(t)
	root := mustRoot(t, cfg)
	want(t, contents(t, root), map[string]string{
		"src/device/arm/arm.go":        "theirs",
		"src/machine/machine.go":       "theirs",
		"src/machine/emulated.go":      "ours",
		"src/machine/wire/wire.go":     "ours",
		"src/runtime/runtime.go":       "theirs",
		"src/runtime/x/emulated.go":    "ours",
		"src/crypto/rand/rand.go":      "theirs",
		"src/crypto/tls/tls.go":        "ours",
		"src/unique/unique.go":         "ours",
		"src/net/dial.go":              "ours",
		"src/net/http/server.go":       "theirs",
		"src/net/http/internal/x/x.go": "theirs",
	})
	for _, name := range []string{"bin/tinygo", "lib/picolibc/x.c", "targets/pyportal.json", "targets/emulated.json"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestRootWithGoHTTP(t *testing.T) {
	cfg := config(t)
	small := mustRoot(t, cfg)
	cfg.FullHTTP = true
	root := mustRoot(t, cfg)
	want(t, contents(t, root), map[string]string{
		"src/device/arm/arm.go":              "theirs",
		"src/machine/emulated.go":            "ours",
		"src/machine/wire/wire.go":           "ours",
		"src/runtime/x/emulated.go":          "ours",
		"src/machine/machine.go":             "theirs",
		"src/runtime/runtime.go":             "theirs",
		"src/crypto/rand/rand.go":            "theirs",
		"src/crypto/tls/tls.go":              "go's",
		"src/crypto/tls/internal/fips/on.go": "go's",
		"src/unique/unique.go":               "ours",
		"src/net/dial.go":                    "ours",
		"src/net/http/server.go":             "go's",
		"src/net/http/httptest/server.go":    "go's",
	})
	if root == small {
		t.Error("both kinds are in one folder")
	}
}

// TinyGo takes a merged GOROOT that it made before for good if the paths in it
// are the same: whatever changes must change the path.
func TestRootChangesItsPathWithItsFiles(t *testing.T) {
	cfg := config(t)
	first := mustRoot(t, cfg)
	if again := mustRoot(t, cfg); again != first {
		t.Errorf("%s and %s though nothing has changed", first, again)
	}
	seen := []string{first}
	for _, c := range []struct {
		name   string
		change func()
	}{
		{"a new file of ours", func() { add(t, cfg.Checkout, "src/net/new.go", "ours") }},
		{"a file of ours gone", func() { os.Remove(filepath.Join(cfg.Checkout, "src/net/dial.go")) }},
		{"a new stand-in", func() { add(t, cfg.Checkout, "src/_tinygo/crypto/tls/conn.go", "ours") }},
		{"a new file of TinyGo's", func() { add(t, cfg.Installed, "src/machine/board_new.go", "theirs") }},
		{"a new folder of TinyGo's", func() { add(t, cfg.Installed, "llvm/new", "theirs") }},
	} {
		c.change()
		root := mustRoot(t, cfg)
		if slices.Contains(seen, root) {
			t.Errorf("%s: the path stays", c.name)
		}
		seen = append(seen, root)
		if contents(t, root)["src/net/new.go"] != "ours" {
			t.Errorf("%s: the new file is not there", c.name)
		}
	}
	// What is in a file is seen through the link.
	last := mustRoot(t, cfg)
	add(t, cfg.Installed, "src/machine/machine.go", "changed")
	if root := mustRoot(t, cfg); root != last || contents(t, root)["src/machine/machine.go"] != "changed" {
		t.Error("a change in a file is not seen")
	}
}

func TestRootsThatNobodyUsesGo(t *testing.T) {
	cfg := config(t)
	old := mustRoot(t, cfg)
	add(t, cfg.Checkout, "src/net/new.go", "ours")
	recent := mustRoot(t, cfg)
	for _, dir := range []string{old, filepath.Join(filepath.Dir(old), ".new-1")} {
		os.MkdirAll(dir, 0o777)
		before := time.Now().Add(-2 * unused)
		if err := os.Chtimes(dir, before, before); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(cfg.Cache, "tinygo", "other")
	os.Mkdir(other, 0o777)
	os.Chtimes(other, time.Unix(0, 0), time.Unix(0, 0))
	add(t, cfg.Checkout, "src/net/new2.go", "ours")
	now := mustRoot(t, cfg)
	entries, err := os.ReadDir(filepath.Join(cfg.Cache, "tinygo"))
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, filepath.Join(cfg.Cache, "tinygo", e.Name()))
	}
	keep := []string{recent, now, other}
	slices.Sort(keep)
	if !slices.Equal(left, keep) {
		t.Errorf("left are %v, want %v", left, keep)
	}
}

func TestRootFollowsLinkedFolders(t *testing.T) {
	cfg := config(t)
	elsewhere := tree(t, map[string]string{"arm/arm.go": "linked"})
	device := filepath.Join(cfg.Installed, "src", "device")
	os.RemoveAll(device)
	if err := os.Symlink(elsewhere, device); err != nil {
		t.Fatal(err)
	}
	if have := contents(t, mustRoot(t, cfg)); have["src/device/arm/arm.go"] != "linked" {
		t.Errorf("a linked folder is not gone into: %v", have)
	}
}

func TestRootErrors(t *testing.T) {
	cfg := config(t)
	cfg.Installed = filepath.Join(cfg.Installed, "nowhere")
	if _, err := Root(cfg); !errors.Is(err, ErrNoRoot) {
		t.Errorf("no installation: %v", err)
	}
	cfg = config(t)
	os.RemoveAll(filepath.Join(cfg.Installed, "src", "net"))
	if _, err := Root(cfg); !errors.Is(err, ErrNoRoot) {
		t.Errorf("an installation without net: %v", err)
	}
	cfg = config(t)
	os.RemoveAll(filepath.Join(cfg.Checkout, "src", "net"))
	if _, err := Root(cfg); !errors.Is(err, overlay.ErrNoNet) {
		t.Errorf("a checkout without net: %v", err)
	}
	if made, _ := filepath.Glob(filepath.Join(cfg.Cache, "tinygo", "*")); made != nil {
		t.Errorf("left over: %s", strings.Join(made, " "))
	}
}
