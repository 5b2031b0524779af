// Package checkout finds the checkout of tinynet's repository that the tool
// works with.
package checkout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/mod/modfile"
)

// Variable is the environment variable that names the checkout.
const Variable = "TINYNET_ROOT"

// Module is the path of the repository's root module.
const Module = "tinynet"

// ErrNotFound: no checkout was found.
var ErrNotFound = errors.New("tinynet's source was not found: set " + Variable + " to the folder of its checkout")

// Find returns the checkout's folder: the one that TINYNET_ROOT names, else the
// one the tool was compiled in, else the one around the folder dir.
func Find(dir string) (string, error) {
	if root := os.Getenv(Variable); root != "" {
		root, err := filepath.Abs(root)
		if err != nil {
			return "", err
		}
		if !Is(root) {
			return "", fmt.Errorf("%s is %s, which is no checkout of tinynet: it has no go.mod that says `module %s`", Variable, root, Module)
		}
		return root, nil
	}
	// .../cmd/tinynet/internal/checkout/checkout.go; with -trimpath this is
	// no path at all.
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		root := file
		for range 5 {
			root = filepath.Dir(root)
		}
		if Is(root) {
			return root, nil
		}
	}
	for {
		if Is(dir) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", ErrNotFound
		}
		dir = parent
	}
}

// Is reports whether dir is the folder of a checkout.
func Is(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && modfile.ModulePath(data) == Module
}
