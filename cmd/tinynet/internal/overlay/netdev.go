package overlay

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tinynet/cmd/tinynet/internal/cache"
)

// Devices that net can have from the start, for Config.Netdev.
const (
	// NetdevNone is no device: net has its loopback in memory, and what the
	// program hands to it.
	NetdevNone = "none"
	// NetdevHostnet is package hostnet, the operating system's sockets.
	NetdevHostnet = "hostnet"
	// NetdevPlain is hostnet cut down to the methods of netdev.Netdever, as
	// the plainest of drivers has them.
	NetdevPlain = "plain"
)

// Netdevs returns the devices that net can have from the start.
func Netdevs() []string { return []string{NetdevNone, NetdevHostnet, NetdevPlain} }

// stdPackages are packages of ours that the overlay makes packages of the
// standard library, so that net can import them, and their paths there. Those
// are folders of GOROOT/src without Go files: the folders have to exist, since
// go vet goes to them, and go refuses a path that a module has too.
var stdPackages = map[string]string{
	"tinynet/hostnet": "net/internal",
	"tinynet/netdev":  "internal",
}

// netdevFile is the file of net that makes the device; deviceSources have its
// text. It is an init function of net's own, so that the device is there before
// anything that imports net.
const netdevFile = "net/tinynet_overlay_netdev.go"

var deviceSources = map[string]string{
	NetdevHostnet: `package net

import hostnet "net/internal"

func init() { hostnet.New() }
`,
	// The tests' sockets are on 127.0.0.1: without HasLoopback they would be
	// in memory and not on the device.
	NetdevPlain: `package net

import hostnet "net/internal"

type overlayPlain struct{ netdever }

func (overlayPlain) HasLoopback() bool { return true }

func init() { tinynetDevice = overlayPlain{hostnet.New()} }
`,
}

// netdevFiles returns what the overlay needs for cfg.Netdev: paths relative to
// GOROOT/src, and the files.
func netdevFiles(cfg Config) (map[string]string, error) {
	files := make(map[string]string)
	if cfg.Netdev == "" || cfg.Netdev == NetdevNone {
		return files, nil
	}
	source, ok := deviceSources[cfg.Netdev]
	if !ok {
		return nil, fmt.Errorf("there is no netdev %q, only: %s", cfg.Netdev, strings.Join(Netdevs(), ", "))
	}
	root, err := filepath.Abs(cfg.Root)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(cfg.Cache, "overlay")
	for path, stdPath := range stdPackages {
		dir := filepath.Join(root, filepath.FromSlash(strings.TrimPrefix(path, "tinynet/")))
		found, err := goFiles(dir, false)
		if err != nil {
			return nil, err
		}
		for name, file := range found {
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			moved, err := moveImports(file, data)
			if err != nil {
				return nil, err
			}
			settled, err := cache.Settled(file)
			if err != nil {
				return nil, err
			}
			if moved == nil && !settled {
				moved = data // an edit of a moment ago
			}
			if moved != nil {
				if file, err = write(folder, strings.TrimSuffix(name, ".go"), ".go", moved); err != nil {
					return nil, err
				}
			}
			files[stdPath+"/"+name] = file
		}
	}
	files[netdevFile], err = write(folder, "netdev", ".go", []byte(source))
	return files, err
}

// moveImports returns the source with imports of stdPackages by the paths that
// they have in the standard library, or nil if it has no such import.
func moveImports(name string, source []byte) ([]byte, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var moved []byte
	done := 0
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		stdPath, ok := stdPackages[path]
		if err != nil || !ok {
			continue
		}
		at := fset.Position(spec.Path.Pos()).Offset
		moved = append(moved, source[done:at]...)
		if spec.Name == nil {
			moved = append(moved, strings.TrimPrefix(path, "tinynet/")+" "...)
		}
		moved = strconv.AppendQuote(moved, stdPath)
		done = at + len(spec.Path.Value)
	}
	if moved == nil {
		return nil, nil
	}
	return append(moved, source[done:]...), nil
}
