package main

import (
	"flag"
	"fmt"
	"runtime/debug"

	"tinynet/cmd/tinynet/internal/toolchain"
)

var versionCommand = command{
	name:  "version",
	short: "print versions and the folders that the tool works with",
	long:  "version prints the version of the tool, the folder of tinynet's source and the Go\ntoolchain that builds programs in this folder.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		return func(args []string) (int, error) {
			if len(args) > 0 {
				return 0, usagef("version takes no arguments")
			}
			return exitOK, t.printVersion()
		}
	},
}

func (t *tool) printVersion() error {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	root, cacheDir, err := t.places()
	if err != nil {
		return err
	}
	env, err := toolchain.Find(t.dir, t.environ)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.stdout, "tinynet  %s\nsource   %s\ngo       %s in %s\ncache    %s\n", version, root, env.GOVERSION, env.GOROOT, cacheDir)
	return env.Check("")
}
