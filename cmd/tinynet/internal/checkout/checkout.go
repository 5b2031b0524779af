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
	_, source, _, _ := runtime.Caller(0)
	return find(os.Getenv(Variable), source, dir)
}

// find is Find for a value of the variable and a source file of this package.
func find(variable, source, dir string) (string, error) {
	if variable != "" {
		root, err := filepath.Abs(variable)
		if err != nil {
			return "", err
		}
		if !Is(root) {
			return "", fmt.Errorf("%s is %s, which is no checkout of tinynet: it has no go.mod that says `module %s`", Variable, root, Module)
		}
		return root, nil
	}
	// The path is .../cmd/tinynet/internal/checkout/checkout.go; with -trimpath
	// it is none.
	if root := filepath.Join(source, "../../../../.."); filepath.IsAbs(source) && Is(root) {
		return root, nil
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
