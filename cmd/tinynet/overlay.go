package main

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"tinynet/cmd/tinynet/internal/overlay"
	"tinynet/cmd/tinynet/internal/toolchain"
)

var overlayCommand = command{
	name:  "overlay",
	short: "print the path of the overlay, for building by hand",
	long: "overlay prints the path of a file for go's -overlay flag that puts tinynet's\n" +
		"net in the place of the standard library's, for the toolchain that go runs in\n" +
		"this folder:\n\n" +
		"  go build -overlay=$(tinynet overlay) ./app\n\n" +
		"Make the path anew for each build: another toolchain needs another file, and\n" +
		"go ignores one that does not fit.\n\n" +
		"With -netdev none, net has its loopback and whatever device the program hands to\n" +
		"it. With hostnet it has this machine's sockets from the start, in every program and\n" +
		"test that is built with the overlay, in any folder, whatever its module:\n\n" +
		"  go test -short -vet=off -overlay=$(tinynet overlay -netdev hostnet) net/http\n\n" +
		"plain is hostnet without the optional methods of a netdev. For GOROOT's own tests\n" +
		"`tinynet test std` is at hand, which knows those that cannot pass.",
	setup: func(t *tool, flags *flag.FlagSet) func([]string) (int, error) {
		netdevs := overlay.Netdevs()
		netdev := flags.String("netdev", overlay.NetdevNone, "the `device` that net works on: "+strings.Join(netdevs, ", "))
		return func(args []string) (int, error) {
			if len(args) > 0 {
				return 0, usagef("overlay takes no arguments")
			}
			if !slices.Contains(netdevs, *netdev) {
				return 0, usagef("there is no netdev %q, only: %s", *netdev, strings.Join(netdevs, ", "))
			}
			return exitOK, t.printOverlay(*netdev)
		}
	},
}

func (t *tool) printOverlay(netdev string) error {
	root, cacheDir, err := t.places()
	if err != nil {
		return err
	}
	env, err := toolchain.Find(t.dir, t.environ)
	if err != nil {
		return err
	}
	if err := env.Check(""); err != nil {
		return err
	}
	ov, err := overlay.Generate(overlay.Config{
		GOROOT:     env.GOROOT,
		GOMODCACHE: env.GOMODCACHE,
		Root:       root,
		Cache:      cacheDir,
		Netdev:     netdev,
	})
	if err != nil {
		return err
	}
	if ov.Aliased {
		t.say("%s was fetched into the module cache, where go takes no overlay. Build with:", env.GOVERSION)
		t.say("GOROOT=%s GOTOOLCHAIN=local %s build -overlay=%s …", ov.GOROOT, filepath.Join(ov.GOROOT, "bin", "go"), ov.File)
	}
	fmt.Fprintln(t.stdout, ov.File)
	return nil
}
