package main

import (
	"context"
	"flag"
	"path/filepath"
	"strings"

	"tinynet/cmd/tinynet/internal/build"
	"tinynet/sim/board"
)

var buildCommand = command{
	name:  "build",
	args:  "-o FILE PACKAGE",
	short: "build a program for a simulated board",
	long: "build compiles the program PACKAGE for the board and writes it to FILE. The program\n" +
		"is the same that `tinynet run` runs. It runs when a board is there for it: see\n" +
		"`tinynet help attach`. With -board host it needs none.\n\n" +
		"PACKAGE is a folder (./app), an import path or Go files, as for `go run`. Flags for\n" +
		"go itself are taken from GOFLAGS; for a debugger:\n\n" +
		"  GOFLAGS='-gcflags=all=-N' tinynet build -o app.out ./app",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		spec := boardFlag(flags)
		output := flags.String("o", "", "write the program to this `file`")
		return func(args []string) (int, error) {
			pkg, rest, err := packageArgs(args)
			switch {
			case err != nil:
				return 0, err
			case len(rest) > 0:
				return 0, usagef("one package at a time: %s is too many", rest[0])
			case *output == "":
				return 0, usagef("say with -o where to write the program")
			}
			file := *output
			if !filepath.IsAbs(file) {
				file = filepath.Join(t.dir, file)
			}
			signals := catchSignals()
			defer signals.stop()
			ctx, cancel := signals.context()
			defer cancel()
			return exitOK, t.build(ctx, *spec, pkg, file)
		}
	},
}

// packageArgs splits arguments into the package, which is one argument or the
// Go files that come first, and the rest.
func packageArgs(args []string) (pkg, rest []string, err error) {
	if len(args) == 0 {
		return nil, nil, usagef("name the program's package, such as ./app")
	}
	n := 1
	for strings.HasSuffix(args[0], ".go") && n < len(args) && strings.HasSuffix(args[n], ".go") {
		n++
	}
	if strings.HasPrefix(args[0], "-") {
		return nil, nil, usagef("%s is no package", args[0])
	}
	return args[:n], args[n:], nil
}

// build builds a package for a board.
func (t *tool) build(ctx context.Context, spec board.Spec, pkg []string, file string) error {
	root, cacheDir, err := t.places()
	if err != nil {
		return err
	}
	return build.Build(ctx, build.Config{
		Dir:     t.dir,
		Package: pkg,
		Tags:    spec.Tags,
		Netdev:  netdevOf(spec),
		Output:  file,
		Root:    root,
		Cache:   cacheDir,
		Environ: t.environ,
		Stderr:  t.stderr,
		Slow: func() {
			t.say("building… (half a minute the first time, when net and all above it is compiled)")
		},
	})
}
