// Package build compiles the user's programs on tinynet's net.
package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tinynet/cmd/tinynet/internal/overlay"
	"tinynet/cmd/tinynet/internal/toolchain"
	"tinynet/cmd/tinynet/internal/workspace"
)

// Config says what to build and how.
type Config struct {
	// Dir is the folder in which the user gave the command, an absolute path.
	Dir string

	// Package names the program as for `go run`: a folder, an import path, or
	// Go files.
	Package []string

	// Tags are build tags.
	Tags []string

	// Netdev is the device that net has from the start: see overlay.Config.
	Netdev string
	// Output is the file to write, an absolute path.
	Output string

	// Root is tinynet's checkout, Cache the folder for what is generated.
	Root, Cache string

	// Environ is the environment, as from os.Environ.
	Environ []string

	// Stderr is where go's own messages go.
	Stderr io.Writer

	// Slow, if it is not nil, is called once if the build takes longer than
	// about a second.
	Slow func()
}

// Errors of Build. Test with errors.Is.
var (
	// ErrReported: go could not build the program and has said why on
	// Config.Stderr. There is nothing to add.
	ErrReported = errors.New("the program does not compile")
	// ErrNoModule: the program's folder is in no module.
	ErrNoModule = errors.New("not in a module")
	// ErrNoPackage: there is no such package.
	ErrNoPackage = errors.New("no such package")
	// ErrManyPackages: the pattern names more than one package.
	ErrManyPackages = errors.New("more than one package")
	// ErrNotMain: the package is not a program.
	ErrNotMain = errors.New("not a main package")
	// ErrNotTaken: the program was built with the standard library's net.
	ErrNotTaken = errors.New("overlay not taken")
)

// Build builds the program. It writes to Config.Output and to the cache
// folder, nowhere else. If ctx ends first, the error is its cause.
func Build(ctx context.Context, cfg Config) error {
	dir, patterns, err := locate(cfg)
	if err != nil {
		return err
	}
	b, err := prepare(cfg, dir)
	if err != nil {
		return err
	}
	if err := b.checkMain(ctx, patterns); err != nil {
		return err
	}
	if err := b.build(ctx, patterns); err != nil {
		return err
	}
	if err := b.verify(ctx, patterns); err != nil {
		os.Remove(cfg.Output)
		return err
	}
	return nil
}

// locate returns the folder whose module the program belongs to, and the
// patterns to name the program by from Config.Dir.
func locate(cfg Config) (dir string, patterns []string, err error) {
	first := cfg.Package[0]
	switch {
	case strings.HasSuffix(first, ".go"):
		dir = filepath.Dir(abs(cfg.Dir, first))
		if _, err := os.Stat(abs(cfg.Dir, first)); err != nil {
			return "", nil, fmt.Errorf("%w: there is no file %s", ErrNoPackage, first)
		}
		for _, name := range cfg.Package {
			patterns = append(patterns, abs(cfg.Dir, name))
		}
		return dir, patterns, nil
	case strings.Contains(first, "..."):
		// A pattern; what it matches is for go to say. Its folder part tells
		// the module.
		dir, _, _ = strings.Cut(first, "...")
		dir = abs(cfg.Dir, filepath.Dir(dir+"x"))
		if !Local(first) || !isDir(dir) {
			dir = cfg.Dir
		}
		return dir, cfg.Package, nil
	case Local(first):
		dir = abs(cfg.Dir, first)
		if !isDir(dir) {
			return "", nil, fmt.Errorf("%w: there is no folder %s", ErrNoPackage, first)
		}
		return dir, []string{dir}, nil
	}
	return cfg.Dir, cfg.Package, nil
}

// Local reports whether go takes the pattern for a folder, not for an import path.
func Local(pattern string) bool {
	slash := filepath.ToSlash(pattern)
	return slash == "." || slash == ".." || strings.HasPrefix(slash, "./") || strings.HasPrefix(slash, "../") ||
		filepath.IsAbs(pattern)
}

func abs(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// builder is a toolchain with all that the program needs to be built by it.
type builder struct {
	Config
	env     *toolchain.Env
	overlay *overlay.Overlay
	work    *workspace.Workspace
}

// prepare finds the toolchain for the module around dir, and generates the
// workspace and the overlay.
func prepare(cfg Config, dir string) (*builder, error) {
	user, err := toolchain.Find(dir, cfg.Environ)
	if err != nil {
		return nil, err
	}
	if !user.InModule() {
		return nil, fmt.Errorf("%w: %s has no go.mod, nor has a folder above it: run `go mod init example.com/%s` there",
			ErrNoModule, dir, filepath.Base(dir))
	}
	wcfg := workspace.Config{Root: cfg.Root, Cache: cfg.Cache, GoMod: user.GOMOD}
	if user.InWorkspace() {
		wcfg.GoWork = user.GOWORK
	}
	work, err := workspace.Generate(wcfg)
	if err != nil {
		return nil, err
	}
	// Asked again: the workspace may call for another toolchain than the
	// user's module, and the overlay holds for one toolchain only.
	env, err := toolchain.Find(dir, append(cfg.Environ[:len(cfg.Environ):len(cfg.Environ)], "GOWORK="+work.File))
	if err != nil {
		return nil, err
	}
	if err := env.Check(work.Go); err != nil {
		return nil, err
	}
	ov, err := overlay.Generate(overlay.Config{
		GOROOT:     env.GOROOT,
		GOMODCACHE: env.GOMODCACHE,
		Root:       cfg.Root,
		Cache:      cfg.Cache,
		Netdev:     cfg.Netdev,
	})
	if err != nil {
		return nil, err
	}
	return &builder{Config: cfg, env: env, overlay: ov, work: work}, nil
}

// command returns a go command with the overlay, the workspace and the tags.
func (b *builder) command(ctx context.Context, verb string, arg ...string) *exec.Cmd {
	flags, tags := b.env.Flags()
	args := []string{verb, "-overlay=" + b.overlay.File, "-tags=" + strings.Join(slices.Concat(tags, b.Tags), ",")}
	return b.env.Command(ctx, b.overlay.GOROOT, b.Dir,
		[]string{"GOWORK=" + b.work.File, "GOFLAGS=" + flags}, append(args, arg...)...)
}

// checkMain checks that the patterns are one program.
func (b *builder) checkMain(ctx context.Context, patterns []string) error {
	cmd := b.command(ctx, "list", append([]string{"-e", "-json=ImportPath,Name,Error", "--"}, patterns...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		b.Stderr.Write(stderr.Bytes())
		return ErrReported
	}
	type pkg struct {
		ImportPath, Name string
		Error            *struct{ Err string }
	}
	var found []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		found = append(found, p)
	}
	given := strings.Join(b.Package, " ")
	switch {
	case len(found) == 0:
		return fmt.Errorf("%w: %s matches nothing", ErrNoPackage, given)
	case len(found) > 1:
		return fmt.Errorf("%w: %s matches %d: name one", ErrManyPackages, given, len(found))
	}
	p := found[0]
	switch {
	case p.Name == "main":
		// If it has an error all the same, go build tells it better.
		return nil
	case p.Name != "":
		return fmt.Errorf("%w: %s is package %s: tinynet takes a program", ErrNotMain, p.ImportPath, p.Name)
	case p.Error == nil:
		return fmt.Errorf("%w: %s", ErrNoPackage, given)
	case !Local(b.Package[0]) && isDir(abs(b.Dir, b.Package[0])):
		return fmt.Errorf("%w: %s: for the folder write ./%s", ErrNoPackage, given, filepath.ToSlash(b.Package[0]))
	}
	msg, _, _ := strings.Cut(strings.TrimSpace(p.Error.Err), "\n")
	return fmt.Errorf("%w: %s", ErrNoPackage, msg)
}

// build runs go build.
func (b *builder) build(ctx context.Context, patterns []string) error {
	if isDir(b.Output) {
		return fmt.Errorf("%s is a folder: name the file to write", b.Output)
	}
	cmd := b.command(ctx, "build", append([]string{"-o", b.Output, "--"}, patterns...)...)
	cmd.Stdout = b.Stderr
	cmd.Stderr = b.Stderr
	if b.Slow != nil {
		defer time.AfterFunc(time.Second, b.Slow).Stop()
	}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit):
		return ErrReported
	}
	return err
}

// verify checks that a program with net in it has ours. Go says nothing about
// an overlay whose paths fit no file.
func (b *builder) verify(ctx context.Context, patterns []string) error {
	inside, err := overlay.Inside(b.Output)
	if err != nil || inside {
		return err
	}
	cmd := b.command(ctx, "list", append([]string{"-deps", "--"}, patterns...)...)
	cmd.Stderr = b.Stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("go list -deps: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.TrimSpace(line) == "net" {
			return fmt.Errorf("%w: the program was built with the net of %s, not with tinynet's: is %s the toolchain that go runs?",
				ErrNotTaken, b.env.GOROOT, b.env.GOVERSION)
		}
	}
	return nil
}
