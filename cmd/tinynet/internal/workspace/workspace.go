// Package workspace makes the go.work by which a program of the user's finds
// tinynet and machine without a line in its own go.mod.
package workspace

import (
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"tinynet/cmd/tinynet/internal/cache"
)

// Config says what the workspace is for.
type Config struct {
	// Root is tinynet's checkout.
	Root string

	// Cache is the folder for what is generated: see cache.Dir.
	Cache string

	// GoMod is the go.mod of the program's module.
	GoMod string

	// GoWork is the go.work that the user has for the program, or empty. Its
	// use and replace lines hold in the generated one too.
	GoWork string

	// Board is for a build by TinyGo: of tinynet only the root module, since
	// the others ask for a newer Go than TinyGo has, and no module machine,
	// since TinyGo has that package itself.
	Board bool
}

// Workspace is a generated workspace.
type Workspace struct {
	// File is the path of the go.work: the value for the variable GOWORK.
	File string

	// Go is its go line, such as "1.25": the oldest Go that will do.
	Go string

	// GoFrom is the folder of the module, or the file, that asks for Go.
	GoFrom string
}

// ErrOther: the user's go.work has another tinynet, or another machine, than
// the tool's.
var ErrOther = errors.New("two modules of the same name")

// unstated is the language version of a go.mod without a go line.
const unstated = "1.16"

// Generate writes the go.work for cfg to its cache folder, and beside it a
// go.work.sum with the lines of the user's. Nothing else is written.
func Generate(cfg Config) (*Workspace, error) {
	root, err := filepath.Abs(cfg.Root)
	if err != nil {
		return nil, err
	}
	w := &builder{out: new(modfile.WorkFile), modules: map[string]string{}, goLine: unstated, root: root, board: cfg.Board}
	w.out.Syntax = new(modfile.FileSyntax)

	ours := []string{root}
	if !cfg.Board {
		ours = append(ours, filepath.Join(root, "machine"))
	}
	for _, dir := range ours {
		if _, err := w.use(dir, ""); err != nil {
			return nil, err
		}
	}
	main, err := w.use(filepath.Dir(cfg.GoMod), "")
	if err != nil {
		return nil, err
	}

	var sums []byte
	if cfg.Board && within(cfg.GoWork, root) {
		cfg.GoWork = "" // our own, which has what the board has not
	}
	if cfg.GoWork != "" {
		if err := w.userWorkspace(cfg.GoWork); err != nil {
			return nil, err
		}
		sums, err = os.ReadFile(cfg.GoWork + ".sum")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	} else {
		if err := w.userModule(main); err != nil {
			return nil, err
		}
	}
	if err := w.out.AddGoStmt(w.goLine); err != nil {
		return nil, err
	}
	w.out.SortBlocks()
	w.out.Cleanup()

	// The place depends on what the workspace is for, not on its contents:
	// go adds to the go.work.sum beside it, and finds it there next time.
	kind := ""
	if cfg.Board {
		kind = "\nboard"
	}
	file := filepath.Join(cfg.Cache, "work", cache.Key(root+"\n"+cfg.GoMod+"\n"+cfg.GoWork+kind), "go.work")
	if err := cache.WriteFile(file, modfile.Format(w.out.Syntax)); err != nil {
		return nil, err
	}
	if err := addSums(file+".sum", sums); err != nil {
		return nil, err
	}
	return &Workspace{File: file, Go: w.goLine, GoFrom: w.goFrom}, nil
}

// builder collects a go.work.
type builder struct {
	out     *modfile.WorkFile
	modules map[string]string // module path to folder, symbolic links resolved
	goLine  string
	goFrom  string // who asks for goLine
	root    string // tinynet's checkout
	board   bool   // as in Config
}

// use adds a module's folder. from is the go.work that names it, or empty.
func (w *builder) use(dir, from string) (*modfile.File, error) {
	name := filepath.Join(dir, "go.mod")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse(name, data, nil)
	if err != nil {
		return nil, err
	}
	if mod.Module == nil {
		return nil, fmt.Errorf("%s has no module line", name)
	}
	path := mod.Module.Mod.Path
	if w.board && from != "" && (path == "machine" || within(dir, w.root)) {
		return mod, nil
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	if other, ok := w.modules[path]; ok {
		if other == real {
			return mod, nil
		}
		if from == "" {
			return nil, fmt.Errorf("%w: module %s in %s is not the one in %s, which the tool works with: set TINYNET_ROOT to the checkout that you mean",
				ErrOther, path, dir, other)
		}
		return nil, fmt.Errorf("%w: %s uses module %s in %s, but tinynet's own is in %s: take that line out, or set TINYNET_ROOT to the checkout that you mean",
			ErrOther, from, path, dir, other)
	}
	w.modules[path] = real
	if mod.Go != nil {
		w.raise(mod.Go.Version, dir)
	}
	return mod, w.out.AddUse(dir, path)
}

// raise makes the go line at least v, for which from asks.
func (w *builder) raise(v, from string) {
	if version.Compare("go"+v, "go"+w.goLine) > 0 {
		w.goLine, w.goFrom = v, from
	}
}

// userWorkspace takes over what the user's go.work says.
func (w *builder) userWorkspace(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	user, err := modfile.ParseWork(name, data, nil)
	if err != nil {
		return err
	}
	base := filepath.Dir(name)
	abs := func(path string) string {
		path = filepath.FromSlash(path)
		if !filepath.IsAbs(path) {
			path = filepath.Join(base, path)
		}
		return path
	}
	for _, u := range user.Use {
		if _, err := w.use(abs(u.Path), name); err != nil {
			return err
		}
	}
	for _, r := range user.Replace {
		if w.board && r.Old.Path == "machine" {
			continue
		}
		if dir, ok := w.modules[r.Old.Path]; ok && r.Old.Version == "" {
			// Go refuses to replace a module of the workspace. The user's
			// workspace had to replace ours, this one has it.
			if r.New.Version == "" && !same(abs(r.New.Path), dir) {
				return fmt.Errorf("%w: %s replaces module %s by %s, but tinynet's own is in %s: take that line out, or set TINYNET_ROOT to the checkout that you mean",
					ErrOther, name, r.Old.Path, r.New.Path, dir)
			}
			continue
		}
		to := r.New.Path
		if r.New.Version == "" {
			to = abs(to)
		}
		if err := w.out.AddReplace(r.Old.Path, r.Old.Version, to, r.New.Version); err != nil {
			return err
		}
	}
	goLine := unstated
	if user.Go != nil {
		goLine = user.Go.Version
		if !w.board { // there, what the modules need is enough
			w.raise(goLine, name)
		}
	}
	return w.settings(goLine, user.Toolchain, user.Godebug)
}

// userModule takes over what the go.mod of a program without a workspace says
// about its build as a whole: in a workspace the go.work says it.
func (w *builder) userModule(mod *modfile.File) error {
	goLine := unstated
	if mod.Go != nil {
		goLine = mod.Go.Version
	}
	return w.settings(goLine, mod.Toolchain, mod.Godebug)
}

// settings adds the toolchain and godebug lines. The defaults of GODEBUG go by
// the go line; they stay those of the user's where ours is higher.
// TinyGo has neither.
func (w *builder) settings(goLine string, toolchain *modfile.Toolchain, debug []*modfile.Godebug) error {
	if w.board {
		return nil
	}
	if toolchain != nil {
		if err := w.out.AddToolchainStmt(toolchain.Name); err != nil {
			return err
		}
	}
	stated := false
	for _, d := range debug {
		stated = stated || d.Key == "default"
		if err := w.out.AddGodebug(d.Key, d.Value); err != nil {
			return err
		}
	}
	if lang := version.Lang("go" + goLine); !stated && lang != version.Lang("go"+w.goLine) {
		return w.out.AddGodebug("default", lang)
	}
	return nil
}

// same reports whether dir is the folder real, whose path is without symbolic
// links.
func same(dir, real string) bool {
	dir, err := filepath.EvalSymlinks(dir)
	return err == nil && dir == real
}

// within reports whether path lies below the folder dir.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// addSums adds the lines of a go.work.sum to the named file.
func addSums(name string, sums []byte) error {
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var lines []string
	for line := range strings.Lines(string(old) + "\n" + string(sums)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	return cache.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"))
}
