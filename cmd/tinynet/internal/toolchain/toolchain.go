// Package toolchain finds the Go toolchain that builds the user's programs.
package toolchain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Oldest is the oldest Go that the tool builds programs with.
const Oldest = "go1.25"

// Env is what `go env` says in one folder.
type Env struct {
	GOROOT     string
	GOVERSION  string
	GOMODCACHE string
	GOMOD      string // the module's go.mod; os.DevNull or empty outside a module
	GOWORK     string // the workspace's go.work; empty or "off" without one
	GOFLAGS    string

	environ []string
}

// ErrNoGo: there is no go command in PATH.
var ErrNoGo = errors.New("there is no go command in PATH: install Go 1.25 or newer from https://go.dev/dl")

// Find asks the go command in PATH for its settings in folder dir. environ is
// the environment to ask it in, in the form of os.Environ.
//
// The answer differs between folders: a go.mod or go.work may ask for a newer
// Go, which go then fetches and runs instead of itself.
func Find(dir string, environ []string) (*Env, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, ErrNoGo
	}
	cmd := exec.Command(path, "env", "-json", "GOROOT", "GOVERSION", "GOMODCACHE", "GOMOD", "GOWORK", "GOFLAGS")
	cmd.Dir = dir
	cmd.Env = append(environ[:len(environ):len(environ)], "PWD="+dir)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && len(exit.Stderr) > 0 {
			return nil, errors.New(strings.TrimSpace(string(exit.Stderr)))
		}
		return nil, fmt.Errorf("go env: %w", err)
	}
	e := &Env{environ: environ}
	if err := json.Unmarshal(out, e); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	if e.GOROOT == "" || e.GOVERSION == "" {
		return nil, fmt.Errorf("%s env names no GOROOT: is Go installed whole?", path)
	}
	return e, nil
}

// Check returns an error if the toolchain is older than the tool's Oldest or
// older than need, the go line of a go.mod or go.work such as "1.26"; need may
// be empty.
func (e *Env) Check(need string) error {
	have := e.Version()
	if !version.IsValid(have) {
		return nil // a development version; whoever has one knows
	}
	if version.Compare(have, Oldest) < 0 {
		return fmt.Errorf("%s in %s is too old: tinynet needs Go %s or newer (https://go.dev/dl)",
			have, e.GOROOT, strings.TrimPrefix(Oldest, "go"))
	}
	if need != "" && version.Compare(have, "go"+need) < 0 {
		return fmt.Errorf("%s in %s is too old: the program's go.mod asks for Go %s (https://go.dev/dl)",
			have, e.GOROOT, need)
	}
	return nil
}

// Version returns GOVERSION without what builders of Go add to it, in the form
// that package go/version takes.
func (e *Env) Version() string { return plain(e.GOVERSION) }

// plain cuts a GOVERSION such as "go1.26.1 X:jsonv2" to its version.
func plain(v string) string {
	v = strings.TrimPrefix(v, "devel ")
	v, _, _ = strings.Cut(v, " ")
	v, _, _ = strings.Cut(v, "-")
	return v
}

// Command returns a command of this very toolchain, that which lies in goroot,
// to run in dir. goroot is e.GOROOT or another name of the same folder. extra
// are environment variables, as NAME=value. When ctx ends the command is
// interrupted, so that it removes its temporary files.
func (e *Env) Command(ctx context.Context, goroot, dir string, extra []string, arg ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(goroot, "bin", "go"), arg...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Dir = dir
	cmd.Env = append(e.environ[:len(e.environ):len(e.environ)],
		"GOROOT="+goroot,
		"GOTOOLCHAIN=local", // no other one: the overlay is for this GOROOT
		"PWD="+dir,
	)
	cmd.Env = append(cmd.Env, extra...)
	return cmd
}

// Flags returns e.GOFLAGS without -mod, which a workspace does not take, and
// without -tags, whose tags it returns: a -tags flag of the tool's would hide
// them.
func (e *Env) Flags() (flags string, tags []string) {
	var keep []string
	for _, f := range strings.Fields(e.GOFLAGS) {
		name, value, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		switch name {
		case "mod":
		case "tags":
			tags = strings.Split(value, ",")
		default:
			keep = append(keep, f)
		}
	}
	return strings.Join(keep, " "), tags
}

// InModule reports whether e is about a folder inside a module.
func (e *Env) InModule() bool { return e.GOMOD != "" && e.GOMOD != os.DevNull }

// InWorkspace reports whether a go.work applies.
func (e *Env) InWorkspace() bool { return e.GOWORK != "" && e.GOWORK != "off" }
