package workspace

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
)

// boardWork generates a workspace for TinyGo and returns its go.work, parsed.
func boardWork(t *testing.T, root, user, goMod, goWork string) (*Workspace, *modfile.WorkFile) {
	t.Helper()
	cfg := Config{Root: root, Cache: t.TempDir(), GoMod: filepath.Join(user, goMod), Board: true}
	if goWork != "" {
		cfg.GoWork = filepath.Join(user, goWork)
	}
	w, err := Generate(cfg)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(w.File)
	if err != nil {
		t.Fatal(err)
	}
	f, err := modfile.ParseWork(w.File, data, nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	// Neither a newer toolchain nor settings of one are TinyGo's.
	if f.Toolchain != nil || len(f.Godebug) > 0 || f.Go == nil || f.Go.Version != w.Go {
		t.Errorf("go.work is\n%s", data)
	}
	return w, f
}

func TestBoardHasTheRootModuleOnly(t *testing.T) {
	root := checkout(t)
	user := tree(t, map[string]string{"go.mod": "module example.com/app\n\ngo 1.22\n\ntoolchain go1.26.1\n\ngodebug panicnil=1\n"})
	w, f := boardWork(t, root, user, "go.mod", "")
	wantUses(t, f, root, user)
	if w.Go != "1.23" || w.GoFrom != root {
		t.Errorf("go %s for %s", w.Go, w.GoFrom)
	}
}

// A program of the checkout's own is in its go.work, whose host's modules ask
// for a Go that TinyGo cannot use.
func TestBoardDoesWithoutOurOwnWorkspace(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":          "module tinynet\n\ngo 1.23\n",
		"go.work":         "go 1.25\n\nuse (\n\t.\n\t./machine\n\t./sim\n\t./examples\n)\n",
		"machine/go.mod":  "module machine\n\ngo 1.25\n",
		"sim/go.mod":      "module tinynet/sim\n\ngo 1.25\n",
		"examples/go.mod": "module tinynet/examples\n\ngo 1.23\n",
	})
	w, f := boardWork(t, root, root, "examples/go.mod", "go.work")
	wantUses(t, f, root, filepath.Join(root, "examples"))
	if w.Go != "1.23" {
		t.Errorf("go %s", w.Go)
	}
}

// Of a workspace of the user's all holds but what is the host's.
func TestBoardKeepsTheUsersWorkspace(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":         "module tinynet\n\ngo 1.23\n",
		"machine/go.mod": "module machine\n\ngo 1.25\n",
		"sim/go.mod":     "module tinynet/sim\n\ngo 1.25\n",
	})
	user := tree(t, map[string]string{
		"app/go.mod": "module example.com/app\n\ngo 1.21\n",
		"lib/go.mod": "module example.com/lib\n\ngo 1.24\n",
		"go.work": "go 1.25\n\nuse (\n\t./app\n\t./lib\n\t" + filepath.Join(root, "machine") + "\n\t" + filepath.Join(root, "sim") +
			"\n)\n\nreplace example.com/x => ./x\n",
	})
	w, f := boardWork(t, root, user, "app/go.mod", "go.work")
	wantUses(t, f, root, filepath.Join(user, "app"), filepath.Join(user, "lib"))
	if w.Go != "1.24" || w.GoFrom != filepath.Join(user, "lib") {
		t.Errorf("go %s for %s, want what the modules need and no more", w.Go, w.GoFrom)
	}
	if len(f.Replace) != 1 || f.Replace[0].New.Path != filepath.Join(user, "x") {
		t.Errorf("replaced: %v", f.Replace)
	}
	// The one for stock Go is another file.
	host, err := Generate(Config{Root: root, Cache: filepath.Dir(filepath.Dir(filepath.Dir(w.File))), GoMod: filepath.Join(user, "app/go.mod"), GoWork: filepath.Join(user, "go.work")})
	if err != nil || host.File == w.File {
		t.Errorf("%v, %v", host, err)
	}
}

func TestBoardModuleMachineIsNotReplaced(t *testing.T) {
	root := checkout(t)
	user := tree(t, map[string]string{
		"go.mod":  "module example.com/app\n\ngo 1.23\n",
		"go.work": "go 1.23\n\nuse .\n\nreplace machine => " + filepath.Join(root, "machine") + "\n",
	})
	_, f := boardWork(t, root, user, "go.mod", "go.work")
	if len(f.Replace) != 0 {
		t.Errorf("replaced: %v", f.Replace[0].New.Path)
	}
}
