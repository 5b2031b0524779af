// Package tinygo runs an installed TinyGo on tinynet's packages: it finds the
// compiler and a Go that it can use, and makes a TINYGOROOT in which ours are.
package tinygo

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"

	"tinynet/cmd/tinynet/internal/toolchain"
)

// Oldest is the oldest TinyGo that tinynet's packages are written for.
const Oldest = "0.33.0"

// Variable is the environment variable that names the compiler's file.
const Variable = "TINYGO"

// Errors of Find. Test with errors.Is.
var (
	// ErrNone: there is no TinyGo here.
	ErrNone = errors.New("there is no tinygo in PATH, and $" + Variable + " names none: install TinyGo " + Oldest +
		" or newer from https://tinygo.org/getting-started/install")
	// ErrOld: the TinyGo here is too old.
	ErrOld = errors.New("TinyGo is too old")
	// ErrGo: the Go here is none that this TinyGo can use.
	ErrGo = errors.New("no Go that this TinyGo can use")
)

// Compiler is an installed TinyGo and the Go that it works with.
type Compiler struct {
	Path    string // the compiler's file
	Version string // of TinyGo, as "0.33.0"
	Full    string // that with LLVM's and Go's version: what sizes depend on
	Root    string // the installation's own TINYGOROOT

	Go    *toolchain.Env // the Go that TinyGo takes the standard library of
	Other string         // the version that go runs by itself, if it is another one

	environ []string
}

// lastPatch is the last release of a Go version that is out of support. It is
// what the go command is asked for in place of one that is too new.
var lastPatch = map[int]int{23: 12}

// Find finds TinyGo by the variables TINYGO and PATH of environ, and a Go that
// it can use: the one that the go command runs outside of any module or, if
// that is too new and GOTOOLCHAIN leaves the choice, an older one which the go
// command then fetches unless it has it. dir is a folder in no module, for the
// commands to run in.
func Find(dir string, environ []string) (*Compiler, error) {
	path, err := lookup(environ)
	if err != nil {
		return nil, err
	}
	// In a workspace or module of the user's go could be another one.
	c := &Compiler{Path: path, environ: set(environ, "GOWORK=off", "PWD="+dir)}
	if root := get(environ, "TINYGOROOT"); root != "" && isMade(root) {
		c.environ = set(c.environ, "TINYGOROOT=") // one of ours, from a shell that we started
	}
	if c.Go, err = toolchain.Find(dir, c.environ); err != nil {
		return nil, err
	}
	if err := c.version(dir); err != nil {
		return nil, err
	}
	if c.Root, err = c.output(dir, "env", "TINYGOROOT"); err != nil {
		return nil, err
	}
	if err := c.fit(dir); err != nil {
		return nil, err
	}
	// Again, since it names Go's version too.
	return c, c.version(dir)
}

// lookup returns the compiler's file.
func lookup(environ []string) (string, error) {
	name := get(environ, Variable)
	if name != "" {
		path, err := exec.LookPath(name)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err != nil {
			return "", fmt.Errorf("$%s is %s, which cannot be run: %w", Variable, name, err)
		}
		return path, nil
	}
	for _, dir := range filepath.SplitList(get(environ, "PATH")) {
		if path, err := exec.LookPath(filepath.Join(dir, "tinygo")); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", ErrNone
}

var versionLine = regexp.MustCompile(`^tinygo version (\d+\.\d+\.\d+)(\S*) \S+ (.*)`)

// version asks TinyGo for its version, and checks it.
func (c *Compiler) version(dir string) error {
	out, err := c.output(dir, "version")
	if err != nil {
		return err
	}
	m := versionLine.FindStringSubmatch(out)
	if m == nil {
		return fmt.Errorf("%s does not say its version: is it TinyGo? It says: %s", c.Path, out)
	}
	c.Version, c.Full = m[1], m[1]+m[2]+" "+m[3]
	if semver.Compare("v"+c.Version, "v"+Oldest) < 0 {
		return fmt.Errorf("%w: %s is %s, and tinynet needs %s or newer (https://tinygo.org/getting-started/install)",
			ErrOld, c.Path, c.Version, Oldest)
	}
	return nil
}

var rangeLine = regexp.MustCompile(`requires go version 1\.(\d+) through 1\.(\d+), got go1\.(\d+)`)

// fit makes c.Go one that TinyGo can use, or says why it cannot be done.
func (c *Compiler) fit(dir string) error {
	oldest, newest, have, ok := c.rangeError(dir)
	if ok {
		return nil
	}
	want := fmt.Sprintf("go1.%d.%d", newest, lastPatch[newest])
	wrong := fmt.Errorf("%w: TinyGo %s takes Go 1.%d to 1.%d, not %s in %s: put such a Go first in PATH, or set GOTOOLCHAIN=%s for the go command to fetch it",
		ErrGo, c.Version, oldest, newest, c.Go.GOVERSION, c.Go.GOROOT, want)
	if have < newest || !c.mayChoose(dir) {
		return wrong
	}
	older, err := toolchain.Find(dir, set(c.environ, "GOTOOLCHAIN="+want))
	if err != nil {
		return fmt.Errorf("%w. Now it could not: %w", wrong, err)
	}
	c.Other = c.Go.GOVERSION
	c.Go = older
	if _, _, _, ok := c.rangeError(dir); !ok {
		return wrong
	}
	return nil
}

// rangeError asks TinyGo whether it takes c.Go. If not, it returns the minor
// versions that it takes and the one that it got.
func (c *Compiler) rangeError(dir string) (oldest, newest, have int, ok bool) {
	cmd := exec.Command(c.Path, "info")
	cmd.Dir, cmd.Env = dir, c.Environ()
	out, err := cmd.CombinedOutput()
	if err == nil {
		return 0, 0, 0, true
	}
	m := rangeLine.FindSubmatch(out)
	if m == nil {
		return 0, 0, 0, true // what else is wrong TinyGo will say again
	}
	num := func(b []byte) int { n, _ := strconv.Atoi(string(b)); return n }
	return num(m[1]), num(m[2]), num(m[3]), false
}

// mayChoose reports whether the user leaves the choice of Go to the go command.
func (c *Compiler) mayChoose(dir string) bool {
	cmd := exec.Command(filepath.Join(c.Go.GOROOT, "bin", "go"), "env", "GOTOOLCHAIN")
	cmd.Dir, cmd.Env = dir, c.environ
	out, err := cmd.Output()
	return err == nil && strings.TrimSpace(string(out)) == "auto"
}

// Environ returns the environment for the compiler to run in, with c.Go as its
// Go. extra are more variables, as NAME=value.
func (c *Compiler) Environ(extra ...string) []string {
	bin := filepath.Join(c.Go.GOROOT, "bin")
	path := bin + string(os.PathListSeparator) + get(c.environ, "PATH")
	return set(set(c.environ, "PATH="+path, "GOROOT="+c.Go.GOROOT, "GOTOOLCHAIN=local"), extra...)
}

// output returns what a command of TinyGo's prints, without space around it.
func (c *Compiler) output(dir string, arg ...string) (string, error) {
	cmd := exec.Command(c.Path, arg...)
	cmd.Dir, cmd.Env = dir, c.Environ()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", c.Path, strings.Join(arg, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// get returns a variable of an environment.
func get(environ []string, name string) string {
	for _, v := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// set returns the environment with those variables, given as NAME=value.
func set(environ []string, vars ...string) []string {
	environ = slices.Clone(environ)
	for _, v := range vars {
		name, _, _ := strings.Cut(v, "=")
		environ = slices.DeleteFunc(environ, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		environ = append(environ, v)
	}
	return environ
}
