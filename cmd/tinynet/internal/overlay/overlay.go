// Package overlay makes the JSON files by which `go build -overlay` puts
// tinynet's net in the place of the standard library's.
package overlay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tinynet/cmd/tinynet/internal/cache"
)

// Config says what goes into an overlay.
type Config struct {
	// GOROOT and GOMODCACHE are as `go env` names them in the folder where
	// go will run.
	GOROOT     string
	GOMODCACHE string

	// Root is tinynet's checkout.
	Root string

	// Cache is the folder for what is generated: see cache.Dir.
	Cache string

	// HideTests leaves GOROOT's own tests of net out as well. They do not
	// compile with another net.
	HideTests bool

	// Netdev is the device that net has from the start; empty for NetdevNone.
	Netdev string

	// Replace has more files for the overlay: a path relative to GOROOT/src,
	// and the file that lies there, or empty if none does.
	Replace map[string]string
}

// Overlay is an overlay that is ready for use.
type Overlay struct {
	// File is the path of the JSON.
	File string

	// GOROOT is the folder under whose name the JSON knows the toolchain:
	// go must run with the variable GOROOT set to it, and GOTOOLCHAIN=local.
	GOROOT string

	// Aliased says that GOROOT lies in the module cache, where go (1.25 and
	// later) takes no overlay, and Overlay.GOROOT is a link to it from
	// outside. Without the variable GOROOT this overlay is refused by go.
	Aliased bool
}

// Errors of Generate. Test with errors.Is.
var (
	// ErrNoNet: the checkout has no src/net with Go files.
	ErrNoNet = errors.New("no Go files of net there: is the checkout whole?")
	// ErrNoGOROOT: the toolchain has no src/net.
	ErrNoGOROOT = errors.New("the Go toolchain has no source of net there: is Go installed whole?")
)

// marker is in every program whose net is ours. It is assigned in an init
// function, because the linker drops a variable that nobody uses; stripping
// (-ldflags=-s) leaves it.
const marker = "tinynet: the net of this program is tinynet's own\n"

const markerName = "tinynet_overlay_marker.go"

const markerSource = `package net

// overlayMarker is what the tool looks for in the built program.
var overlayMarker string

func init() { overlayMarker = ` + "`" + marker + "`" + ` }
`

// Generate writes the overlay for cfg to its cache folder, unless it is there
// already. Its name depends on its contents, so that one overlay never takes
// the place of another that is in use.
func Generate(cfg Config) (*Overlay, error) {
	goroots, aliased, err := spellings(cfg)
	if err != nil {
		return nil, err
	}
	theirs, err := goFiles(filepath.Join(goroots[0], "src", "net"), cfg.HideTests)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(theirs) == 0 {
		return nil, fmt.Errorf("%s: %w", filepath.Join(cfg.GOROOT, "src", "net"), ErrNoGOROOT)
	}
	if err != nil {
		return nil, err
	}
	ours, err := replacement(cfg.Root)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(cfg.Cache, "overlay")
	ours[markerName], err = write(folder, "marker", ".go", []byte(markerSource))
	if err != nil {
		return nil, err
	}

	device, err := netdevFiles(cfg)
	if err != nil {
		return nil, err
	}
	replace := make(map[string]string)
	for _, goroot := range goroots {
		dir := filepath.Join(goroot, "src", "net")
		for name := range theirs {
			replace[filepath.Join(dir, name)] = ""
		}
		for name, path := range ours {
			replace[filepath.Join(dir, name)] = path
		}
		for _, files := range []map[string]string{device, cfg.Replace} {
			for name, path := range files {
				replace[filepath.Join(goroot, "src", filepath.FromSlash(name))] = path
			}
		}
	}
	// Keys are sorted by Marshal: the same overlay is always the same text.
	text, err := json.MarshalIndent(struct{ Replace map[string]string }{replace}, "", "\t")
	if err != nil {
		return nil, err
	}
	file, err := write(folder, "net", ".json", append(text, '\n'))
	if err != nil {
		return nil, err
	}
	return &Overlay{File: file, GOROOT: goroots[0], Aliased: aliased}, nil
}

// Inside reports whether the program in the named file has our net in it.
func Inside(file string) (bool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	return bytes.Contains(data, []byte(marker)), nil
}

// Listed reports whether a list of net's files, as go list prints it, is that
// of ours. Go says nothing about an overlay whose paths fit no file.
func Listed(files []byte) bool { return bytes.Contains(files, []byte(markerName)) }

// spellings returns the names of the GOROOT folder by which go may look a file
// up: an overlay under any other name is ignored without a word. The first is
// the one to run go with.
func spellings(cfg Config) (names []string, aliased bool, err error) {
	if !filepath.IsAbs(cfg.GOROOT) {
		return nil, false, fmt.Errorf("GOROOT is %q: it must be an absolute path", cfg.GOROOT)
	}
	given := filepath.Clean(cfg.GOROOT)
	real, err := filepath.EvalSymlinks(given)
	if err != nil {
		return nil, false, fmt.Errorf("GOROOT: %w", err)
	}
	names = []string{given}
	if real != given {
		names = append(names, real)
	}
	caches := []string{}
	if cfg.GOMODCACHE != "" {
		caches = append(caches, filepath.Clean(cfg.GOMODCACHE))
		if real, err := filepath.EvalSymlinks(cfg.GOMODCACHE); err == nil {
			caches = append(caches, real)
		}
	}
	// One name inside the module cache and go refuses the whole overlay.
	outside := names[:0]
	for _, name := range names {
		if !within(name, caches) {
			outside = append(outside, name)
		}
	}
	if len(outside) > 0 {
		return outside, false, nil
	}
	alias := filepath.Join(cfg.Cache, "goroot", filepath.Base(real)+"-"+cache.Key(real))
	if within(alias, caches) {
		return nil, false, fmt.Errorf("the cache folder %s lies in the module cache %s, where go takes no overlay: set GOMODCACHE or XDG_CACHE_HOME to another folder", cfg.Cache, cfg.GOMODCACHE)
	}
	if err := cache.Link(alias, real); err != nil {
		return nil, false, err
	}
	return []string{alias}, true, nil
}

// within reports whether path is one of the folders or lies below one.
func within(path string, folders []string) bool {
	for _, folder := range folders {
		rel, err := filepath.Rel(folder, path)
		if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// Sources returns the files of net, without tests, in tinynet's checkout: name
// to absolute path.
func Sources(root string) (map[string]string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, "src", "net")
	files, err := goFiles(dir, false)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(files) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoNet)
	}
	return files, err
}

// replacement returns our files of net: name to absolute path. The files of
// src/net/_overlay come on top: they are for builds by an overlay only, where
// they may import packages that are internal to the standard library.
func replacement(root string) (map[string]string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	files, err := Sources(root)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, "src", "net")
	extra, err := goFiles(filepath.Join(dir, "_overlay"), false)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for name, path := range extra {
		files[name] = path
	}
	return files, nil
}

// goFiles returns the Go files in dir: name to path.
func goFiles(dir string, tests bool) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string]string)
	for _, e := range entries {
		name := e.Name()
		// What begins so is no file of the package for go either; editors
		// leave such files behind.
		hidden := strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
		if e.IsDir() || hidden || !strings.HasSuffix(name, ".go") || !tests && strings.HasSuffix(name, "_test.go") {
			continue
		}
		files[name] = filepath.Join(dir, name)
	}
	return files, nil
}

// write puts data in a file of dir whose name has a key of data in it.
func write(dir, name, ext string, data []byte) (string, error) {
	path := filepath.Join(dir, name+"-"+cache.Key(string(data))+ext)
	return path, cache.WriteFile(path, data)
}
