package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
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

func checkout(t *testing.T) string {
	return tree(t, map[string]string{
		"go.mod":         "module tinynet\n\ngo 1.23\n",
		"machine/go.mod": "module machine\n\ngo 1.23\n",
	})
}

// listing is the names and contents of a folder's files.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		b.WriteString(path + "\n" + string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// generate generates a workspace and returns its go.work, parsed. It fails if
// that writes in the user's folder.
func generate(t *testing.T, root, user, goMod, goWork string) (*Workspace, *modfile.WorkFile) {
	t.Helper()
	before := listing(t, user)
	cfg := Config{Root: root, Cache: t.TempDir(), GoMod: filepath.Join(user, goMod)}
	if goWork != "" {
		cfg.GoWork = filepath.Join(user, goWork)
	}
	w, err := Generate(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if after := listing(t, user); after != before {
		t.Errorf("the user's folder was\n%sand is\n%s", before, after)
	}
	data, err := os.ReadFile(w.File)
	if err != nil {
		t.Fatal(err)
	}
	f, err := modfile.ParseWork(w.File, data, nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	if f.Go == nil || f.Go.Version != w.Go {
		t.Errorf("the go line is not the %s that is reported:\n%s", w.Go, data)
	}
	return w, f
}

func uses(f *modfile.WorkFile) map[string]bool {
	m := make(map[string]bool)
	for _, u := range f.Use {
		m[u.Path] = true
	}
	return m
}

func wantUses(t *testing.T, f *modfile.WorkFile, dirs ...string) {
	t.Helper()
	got := uses(f)
	for _, dir := range dirs {
		if !got[dir] {
			t.Errorf("%s is not used; used are %v", dir, got)
		}
	}
	if len(f.Use) != len(dirs) {
		t.Errorf("%d folders are used, want %d: %v", len(f.Use), len(dirs), got)
	}
}

func TestModuleAlone(t *testing.T) {
	root := checkout(t)
	user := tree(t, map[string]string{
		"go.mod":  "module example.com/app\n\ngo 1.24.1\n\ntoolchain go1.25.2\n\ngodebug panicnil=1\n",
		"main.go": "package main",
	})
	w, f := generate(t, root, user, "go.mod", "")
	wantUses(t, f, root, filepath.Join(root, "machine"), user)
	if w.Go != "1.24.1" {
		t.Errorf("go %s, want the highest: 1.24.1", w.Go)
	}
	if f.Toolchain == nil || f.Toolchain.Name != "go1.25.2" {
		t.Errorf("toolchain %v, want the user's", f.Toolchain)
	}
	if len(f.Godebug) != 1 || f.Godebug[0].Key != "panicnil" {
		t.Errorf("godebug %v, want the user's", f.Godebug)
	}
}

// A go line above the user's does not change how the user's program behaves.
func TestGodebugDefaultsStayTheUsers(t *testing.T) {
	root := checkout(t)
	for mod, want := range map[string]string{
		"module app\n\ngo 1.21\n":                           "go1.21",
		"module app\n":                                      "go1.16",
		"module app\n\ngo 1.23.4\n":                         "",
		"module app\n\ngo 1.21\n\ngodebug default=go1.22\n": "go1.22",
	} {
		_, f := generate(t, root, tree(t, map[string]string{"go.mod": mod}), "go.mod", "")
		got := ""
		for _, d := range f.Godebug {
			if d.Key == "default" {
				got += d.Value
			}
		}
		if got != want {
			t.Errorf("%q: godebug default=%q, want %q", mod, got, want)
		}
	}
}

func TestUsersWorkspace(t *testing.T) {
	root := checkout(t)
	other := tree(t, map[string]string{"go.mod": "module example.com/other\n\ngo 1.22\n"})
	user := tree(t, map[string]string{
		"go.work": "go 1.25.0\n\nuse (\n\t./app\n\t./lib dir\n\t" + other + "\n)\n\n" +
			"replace (\n\texample.com/x => ./x\n\texample.com/y v1.2.3 => example.com/z v1.0.0\n\ttinynet => " + root + "\n)\n",
		"go.work.sum":    "example.com/z v1.0.0 h1:abc=\n",
		"app/go.mod":     "module example.com/app\n\ngo 1.20\n",
		"lib dir/go.mod": "module example.com/lib\n\ngo 1.21\n",
		"x/go.mod":       "module example.com/x\n",
	})
	// A path with a space is quoted in a go.work.
	text, err := os.ReadFile(filepath.Join(user, "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	quoted := strings.Replace(string(text), "./lib dir", `"./lib dir"`, 1)
	if err := os.WriteFile(filepath.Join(user, "go.work"), []byte(quoted), 0o666); err != nil {
		t.Fatal(err)
	}

	w, f := generate(t, root, user, "app/go.mod", "go.work")
	wantUses(t, f, root, filepath.Join(root, "machine"), filepath.Join(user, "app"), filepath.Join(user, "lib dir"), other)
	if w.Go != "1.25.0" {
		t.Errorf("go %s, want the highest: 1.25.0", w.Go)
	}
	got := make(map[string]string)
	for _, r := range f.Replace {
		got[r.Old.String()] = r.New.String()
	}
	want := map[string]string{"example.com/x": filepath.Join(user, "x"), "example.com/y@v1.2.3": "example.com/z@v1.0.0"}
	if len(got) != len(want) || got["example.com/x"] != want["example.com/x"] || got["example.com/y@v1.2.3"] != want["example.com/y@v1.2.3"] {
		t.Errorf("replaced are %v, want %v", got, want)
	}
	if sum, err := os.ReadFile(w.File + ".sum"); err != nil || string(sum) != "example.com/z v1.0.0 h1:abc=\n" {
		t.Errorf("go.work.sum: %q, %v", sum, err)
	}
}

// What go adds to the go.work.sum stays, beside the user's lines.
func TestSumsStay(t *testing.T) {
	user := tree(t, map[string]string{
		"go.mod":      "module app\n\ngo 1.23\n",
		"go.work":     "go 1.23\n\nuse .\n",
		"go.work.sum": "b v1.0.0 h1:b=\n",
	})
	cfg := Config{Root: checkout(t), Cache: t.TempDir(), GoMod: filepath.Join(user, "go.mod"), GoWork: filepath.Join(user, "go.work")}
	w, err := Generate(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.File+".sum", []byte("a v1.0.0 h1:a=\nb v1.0.0 h1:b=\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	again, err := Generate(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if again.File != w.File {
		t.Errorf("another file: %s, was %s", again.File, w.File)
	}
	if sum, _ := os.ReadFile(w.File + ".sum"); string(sum) != "a v1.0.0 h1:a=\nb v1.0.0 h1:b=\n" {
		t.Errorf("go.work.sum: %q", sum)
	}
}

// A package of the checkout works as any other; the checkout's own go.work
// names the same folders again.
func TestPackageOfTheCheckout(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":          "module tinynet\n\ngo 1.23\n",
		"machine/go.mod":  "module machine\n\ngo 1.23\n",
		"examples/go.mod": "module tinynet/examples\n\ngo 1.25\n",
		"sim/go.mod":      "module tinynet/sim\n\ngo 1.25\n",
		"go.work":         "go 1.25\n\nuse (\n\t.\n\t./examples\n\t./machine\n\t./sim\n)\n",
	})
	machine, examples, sim := filepath.Join(root, "machine"), filepath.Join(root, "examples"), filepath.Join(root, "sim")
	_, f := generate(t, root, root, "examples/go.mod", "go.work")
	wantUses(t, f, root, machine, examples, sim)
	_, f = generate(t, root, root, "examples/go.mod", "")
	wantUses(t, f, root, machine, examples)
	_, f = generate(t, root, root, "go.mod", "")
	wantUses(t, f, root, machine)
}

func TestTwoTinynets(t *testing.T) {
	root, other := checkout(t), checkout(t)
	for name, work := range map[string]string{
		"use":     "go 1.23\n\nuse (\n\t.\n\t" + other + "\n)\n",
		"replace": "go 1.23\n\nuse .\n\nreplace tinynet => " + other + "\n",
	} {
		user := tree(t, map[string]string{"go.mod": "module app\n\ngo 1.23\n", "go.work": work})
		_, err := Generate(Config{Root: root, Cache: t.TempDir(), GoMod: filepath.Join(user, "go.mod"), GoWork: filepath.Join(user, "go.work")})
		if !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), other) || !strings.Contains(err.Error(), "TINYNET_ROOT") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := Generate(Config{Root: root, Cache: t.TempDir(), GoMod: filepath.Join(other, "go.mod")})
	if !errors.Is(err, ErrOther) {
		t.Errorf("a package of another checkout: %v", err)
	}
}

func TestBrokenFiles(t *testing.T) {
	root := checkout(t)
	for name, files := range map[string]map[string]string{
		"go.mod without module": {"go.mod": "go 1.23\n"},
		"go.mod":                {"go.mod": "module app\n\nnonsense\n"},
		"go.work":               {"go.mod": "module app\n", "go.work": "nonsense\n"},
		"folder":                {"go.mod": "module app\n", "go.work": "go 1.23\n\nuse ./nowhere\n"},
	} {
		user := tree(t, files)
		cfg := Config{Root: root, Cache: t.TempDir(), GoMod: filepath.Join(user, "go.mod")}
		if _, ok := files["go.work"]; ok {
			cfg.GoWork = filepath.Join(user, "go.work")
		}
		if _, err := Generate(cfg); err == nil || !strings.Contains(err.Error(), user) {
			t.Errorf("%s: error %v does not name the file", name, err)
		}
	}
}
