package main

import (
	"context"
	"flag"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"tinynet/cmd/tinynet/internal/build"
	"tinynet/cmd/tinynet/internal/tinygo"
	"tinynet/cmd/tinynet/internal/toolchain"
	"tinynet/cmd/tinynet/internal/workspace"
)

// Whose net/http a program built by TinyGo gets.
const (
	httpTinyGo = "tinygo"
	httpFull   = "full"
)

var tinygoCommand = command{
	name:  "tinygo",
	args:  "ARGUMENTS…",
	short: "run TinyGo on tinynet's packages, to build and flash for a board",
	long: "tinygo runs the installed TinyGo with the arguments that follow, in such a way that\n" +
		"programs get tinynet's net in place of TinyGo's own, and find packages tinynet/…\n" +
		"without a line in their go.mod:\n\n" +
		"  tinynet tinygo flash -target pyportal ./app\n" +
		"  tinynet tinygo build -target arduino-nano33 -size full -o app.uf2 ./app\n\n" +
		"Output and exit code are TinyGo's. It is looked for in $TINYGO, then in PATH;\n" +
		tinygo.Oldest + " or newer will do. If the go command is newer than TinyGo can use, and\n" +
		"GOTOOLCHAIN leaves the choice, an older Go is used, which go fetches unless it has it.\n\n" +
		"net/http is TinyGo's own. Its https works on devices that encrypt themselves, and\n" +
		"fails on others. With -http=full both net/http and crypto/tls are Go's, whole: a\n" +
		"client for https takes 1.3 MB of flash then, so it is for parts that have more.\n\n" +
		"Goroutines get stacks as large as net needs, by -stack-size, since TinyGo's 2 KB are\n" +
		"too few and what lies beyond is overwritten. Say another -stack-size to change that;\n" +
		"docs/memory.md in the checkout has what needs how much.\n\n" +
		"Nothing of TinyGo's installation is changed: its files are linked to from a folder in\n" +
		"the cache, which `tinynet tinygo env TINYGOROOT` prints.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		http := httpFlag(flags)
		return func(args []string) (int, error) {
			if len(args) == 0 {
				return 0, usagef("say what TinyGo is to do, such as: flash -target pyportal ./app")
			}
			full, err := isFull(*http)
			if err != nil {
				return 0, err
			}
			return t.tinygo(full, args)
		}
	},
}

func httpFlag(flags *flag.FlagSet) *string {
	return flags.String("http", httpTinyGo, "`whose` net/http: "+httpTinyGo+", or "+httpFull+" for Go's")
}

func isFull(http string) (bool, error) {
	switch http {
	case httpTinyGo, httpFull:
		return http == httpFull, nil
	}
	return false, usagef("-http is %s or %s, not %q", httpTinyGo, httpFull, http)
}

// tinygo runs TinyGo with the given arguments and returns its exit code.
func (t *tool) tinygo(full bool, args []string) (int, error) {
	signals := catchSignals()
	defer signals.stop()
	b, err := t.forBoards(full)
	if err != nil {
		return 0, err
	}
	if c := b.compiler; c.Other != "" {
		t.say("TinyGo %s cannot use %s and works with %s", c.Version, c.Other, c.Go.GOVERSION)
	}
	if w := b.stackWarning(args); w != "" {
		t.say("%s", w)
	}
	cmd, err := b.command(context.Background(), args)
	if err != nil {
		return 0, err
	}
	return t.handOver(signals, uncanceled(cmd))
}

// boardBuilds is what programs for boards are built with.
type boardBuilds struct {
	compiler *tinygo.Compiler
	root     string // TINYGOROOT
	checkout string
	cache    string
	dir      string // the user's folder
	environ  []string
}

// forBoards finds TinyGo and makes a TINYGOROOT for it.
func (t *tool) forBoards(full bool) (*boardBuilds, error) {
	checkout, cacheDir, err := t.places()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cacheDir, 0o777); err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	c, err := tinygo.Find(cacheDir, t.environ)
	if err != nil {
		return nil, err
	}
	root, err := tinygo.Root(tinygo.RootConfig{
		Installed: c.Root,
		GOROOT:    c.Go.GOROOT,
		Checkout:  checkout,
		Cache:     cacheDir,
		FullHTTP:  full,
	})
	if err != nil {
		return nil, err
	}
	return &boardBuilds{compiler: c, root: root, checkout: checkout, cache: cacheDir, dir: t.dir, environ: t.environ}, nil
}

// command returns TinyGo as a command, with the workspace of the module that
// the arguments name, if any, and stacks that are large enough.
func (b *boardBuilds) command(ctx context.Context, args []string) (*exec.Cmd, error) {
	work, err := b.workspace(args)
	if err != nil {
		return nil, err
	}
	flags, _ := b.compiler.Go.Flags()
	cmd := exec.CommandContext(ctx, b.compiler.Path, b.withStacks(args)...)
	cmd.Dir = b.dir
	cmd.Env = b.compiler.Environ("TINYGOROOT="+b.root, "GOWORK="+work, "GOFLAGS="+flags, "PWD="+b.dir)
	return cmd, nil
}

// compiling are TinyGo's commands that take packages.
var compiling = []string{"build", "run", "flash", "gdb", "lldb", "test", "list"}

// workspace returns the value of GOWORK for a command line of TinyGo's.
func (b *boardBuilds) workspace(args []string) (string, error) {
	if !slices.Contains(compiling, args[0]) {
		return "off", nil
	}
	dir, named := packageFolder(b.dir, args[1:])
	// As it is, whatever Go it asks for: that is checked below.
	user, err := toolchain.Find(dir, append(b.environ[:len(b.environ):len(b.environ)], "GOTOOLCHAIN=local"))
	if err != nil {
		return "", err
	}
	if !user.InModule() {
		if !named {
			return "off", nil // it may be a package of TinyGo's own
		}
		return "", fmt.Errorf("%w: %s has no go.mod, nor has a folder above it: run `go mod init example.com/%s` there",
			build.ErrNoModule, dir, filepath.Base(dir))
	}
	cfg := workspace.Config{Root: b.checkout, Cache: b.cache, GoMod: user.GOMOD, Board: true}
	if user.InWorkspace() {
		cfg.GoWork = user.GOWORK
	}
	work, err := workspace.Generate(cfg)
	if err != nil {
		return "", err
	}
	if have := b.compiler.Go.Version(); version.IsValid(have) && version.Compare("go"+work.Go, have) > 0 {
		return "", fmt.Errorf("%s asks for Go %s, but TinyGo %s works with %s: lower the line with `go mod edit -go=%s`, or install a newer TinyGo",
			filepath.Join(work.GoFrom, "go.mod"), work.Go, b.compiler.Version, have, strings.TrimPrefix(version.Lang(have), "go"))
	}
	return work.File, nil
}

// packageFolder returns the folder of the package that arguments of TinyGo's
// name, and whether they name one by a folder or file, or none so that it is
// the folder dir.
func packageFolder(dir string, args []string) (folder string, named bool) {
	other := false
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch name := strings.TrimLeft(arg, "-"); {
		case strings.HasPrefix(arg, "-"):
			if name == "o" || name == "target" { // whose value may look like one
				i++
			}
			continue
		}
		path := arg
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		info, err := os.Stat(path)
		switch {
		case err == nil && info.IsDir() && build.Local(arg):
			return path, true
		case err == nil && strings.HasSuffix(arg, ".go"):
			return filepath.Dir(path), true
		case i == len(args)-1:
			other = true // a pattern or an import path, of this module or of none
		}
	}
	return dir, !other
}
