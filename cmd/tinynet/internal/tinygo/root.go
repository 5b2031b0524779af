package tinygo

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tinynet/cmd/tinynet/internal/cache"
	"tinynet/cmd/tinynet/internal/overlay"
)

// RootConfig says what goes into a TINYGOROOT.
type RootConfig struct {
	// Installed is TinyGo's own TINYGOROOT, GOROOT the Go that it works with.
	Installed, GOROOT string

	// Checkout is tinynet's, Cache the folder for what is generated.
	Checkout, Cache string

	// FullHTTP takes net/http and crypto/tls from GOROOT, in place of TinyGo's
	// net/http and our crypto/tls.
	FullHTTP bool
}

// ErrNoRoot: the installed TinyGo has no source.
var ErrNoRoot = errors.New("TinyGo is not installed whole")

// standIns is the folder of the checkout with the packages of ours that only
// a TINYGOROOT has, each in the place of the whole package of that path.
const standIns = "src/_tinygo"

// additions is the folder of the checkout with the files that are added to a
// TINYGOROOT: the target that runs on the developer's machine.
const additions = "src/_emulated"

// prefix begins the names of the roots in the cache folder.
const prefix = "root-"

// unused is for how long a root stays that is not used: another tinynet may be
// at work with it.
const unused = 24 * time.Hour

// Root makes the TINYGOROOT for cfg, unless it is there already, and returns
// its folder. It has real folders and a link for each file: TinyGo merges some
// folders with GOROOT's and takes no links to them.
//
// TinyGo keeps the result of merging under a name made of the paths in it, and
// does not see it when a file is gone or new in a folder that it took whole. So
// the root's path depends on the names of all files in it.
func Root(cfg RootConfig) (string, error) {
	links, err := plan(cfg)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(links)) {
		text.WriteString(name + "\n" + links[name] + "\n")
	}
	folder := filepath.Join(cfg.Cache, "tinygo")
	dir := filepath.Join(folder, prefix+cache.Key(text.String()))
	if _, err := os.Stat(dir); err != nil {
		if err := build(dir, links); err != nil {
			return "", fmt.Errorf("cache folder: %w", err)
		}
	}
	now := time.Now()
	if err := os.Chtimes(dir, now, now); err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	return dir, clean(folder, now)
}

// isMade reports whether the folder is one that Root makes.
func isMade(dir string) bool {
	return strings.HasPrefix(filepath.Base(dir), prefix) && filepath.Base(filepath.Dir(dir)) == "tinygo"
}

// build makes the folder dir with the links, all of it or nothing.
func build(dir string, links map[string]string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	made := map[string]bool{}
	for name, target := range links {
		name = filepath.Join(fresh, name)
		if parent := filepath.Dir(name); !made[parent] {
			if err := os.MkdirAll(parent, 0o777); err != nil {
				return err
			}
			made[parent] = true
		}
		if err := os.Symlink(target, name); err != nil {
			return err
		}
	}
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	err = os.Rename(fresh, dir)
	if _, e := os.Stat(dir); e == nil {
		return nil // another tinynet was faster
	}
	return err
}

// clean removes roots that nobody has used for long, and what is left of
// unfinished ones.
func clean(folder string, now time.Time) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) && !strings.HasPrefix(e.Name(), ".new-") {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > unused {
			if err := os.RemoveAll(filepath.Join(folder, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// plan returns the files of the root: a path relative to it, and the file that
// it links to. What lies beside src is taken over by a link each.
func plan(cfg RootConfig) (map[string]string, error) {
	links := map[string]string{}
	beside, err := os.ReadDir(cfg.Installed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRoot, err)
	}
	for _, e := range beside {
		if e.Name() != "src" && e.Name() != "targets" {
			links[e.Name()] = filepath.Join(cfg.Installed, e.Name())
		}
	}

	theirs := filepath.Join(cfg.Installed, "src")
	all := func(string) bool { return true }
	if err := addTree(links, "src", theirs, all); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRoot, err)
	}
	if err := addTree(links, "targets", filepath.Join(cfg.Installed, "targets"), all); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRoot, err)
	}
	if _, ok := links[filepath.Join("src", "net", "http", "server.go")]; !ok {
		return nil, fmt.Errorf("%w: %s has no net/http", ErrNoRoot, theirs)
	}

	// Only the files of net: its folders other than http are GOROOT's.
	http := filepath.Join("src", "net", "http")
	tls := filepath.Join("src", "crypto", "tls")
	remove(links, filepath.Join("src", "net"), http)
	net, err := overlay.Sources(cfg.Checkout)
	if err != nil {
		return nil, err
	}
	for name, path := range net {
		links[filepath.Join("src", "net", name)] = path
	}
	ours := func(name string) bool { return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") }
	own := map[string]string{}
	if err := addTree(own, "src", filepath.Join(cfg.Checkout, filepath.FromSlash(standIns)), ours); err != nil {
		return nil, err
	}
	for name := range own {
		remove(links, filepath.Dir(name), "")
	}
	maps.Copy(links, own)
	if err := addTree(links, "", filepath.Join(cfg.Checkout, filepath.FromSlash(additions)), all); err != nil {
		return nil, err
	}
	wire := filepath.Join("machine", "wire")
	if err := addTree(links, filepath.Join("src", wire), filepath.Join(cfg.Checkout, wire), ours); err != nil {
		return nil, err
	}
	if cfg.FullHTTP {
		for _, dir := range []string{http, tls} {
			remove(links, dir, "")
			if err := addTree(links, dir, filepath.Join(cfg.GOROOT, dir), ours); err != nil {
				return nil, err
			}
		}
	}
	return links, nil
}

// remove takes the files below dir out, but not those below keep.
func remove(links map[string]string, dir, keep string) {
	below := func(name, dir string) bool { return strings.HasPrefix(name, dir+string(filepath.Separator)) }
	maps.DeleteFunc(links, func(name, _ string) bool {
		return below(name, dir) && (keep == "" || !below(name, keep))
	})
}

// addTree adds a link for each file below the folder from that take wants, by its
// name. Folders that are links are gone into, too: installers make such.
func addTree(links map[string]string, to, from string, take func(name string) bool) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, path := filepath.Join(to, e.Name()), filepath.Join(from, e.Name())
		if strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" {
			continue
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a link to nothing
		}
		if err != nil {
			return err
		}
		if info.IsDir() {
			if err := addTree(links, name, path, take); err != nil {
				return err
			}
		} else if take(e.Name()) {
			links[name] = path
		}
	}
	return nil
}
