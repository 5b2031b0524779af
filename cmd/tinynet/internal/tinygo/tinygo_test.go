//go:build unix

package tinygo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fake writes a script in TinyGo's place. out maps its first argument to what
// it prints on stdout; what is in fail it prints on stderr, and fails.
func fake(t *testing.T, out, fail map[string]string) (file string) {
	t.Helper()
	script := "#!/bin/sh\ncase \"$1\" in\n"
	for arg, text := range out {
		script += arg + ") echo '" + text + "' ;;\n"
	}
	for arg, text := range fail {
		script += arg + ") echo '" + text + "' >&2; exit 1 ;;\n"
	}
	dir := tree(t, map[string]string{"tinygo": script + "esac\n"})
	return filepath.Join(dir, "tinygo")
}

const line033 = "tinygo version 0.33.0 linux/amd64 (using go version go1.23.12 and LLVM version 16.0.6)"

func environ(extra ...string) []string {
	return set(os.Environ(), append([]string{"TINYGO=", "TINYGOROOT="}, extra...)...)
}

func TestFind(t *testing.T) {
	file := fake(t, map[string]string{"version": line033, "env": "/the/root", "info": "fine"}, nil)
	for _, env := range [][]string{
		environ(Variable + "=" + file),
		environ("PATH=" + filepath.Dir(file) + ":" + os.Getenv("PATH")),
	} {
		c, err := Find(t.TempDir(), env)
		if err != nil {
			t.Fatal(err)
		}
		if c.Path != file || c.Version != "0.33.0" || c.Root != "/the/root" || c.Other != "" {
			t.Errorf("%+v", c)
		}
		if c.Full != "0.33.0 (using go version go1.23.12 and LLVM version 16.0.6)" {
			t.Errorf("sizes would depend on %q", c.Full)
		}
		// TinyGo takes whatever go comes first in PATH.
		if path := get(c.Environ(), "PATH"); !strings.HasPrefix(path, filepath.Join(c.Go.GOROOT, "bin")+":") {
			t.Errorf("PATH is %s", path)
		}
		if v := get(c.Environ("GOWORK=x"), "GOWORK"); v != "x" {
			t.Errorf("GOWORK is %q", v)
		}
	}
}

func TestFindErrors(t *testing.T) {
	good := map[string]string{"version": line033, "env": "/the/root"}
	tooNew := map[string]string{"info": "requires go version 1.19 through 1.23, got go1.26"}
	for _, c := range []struct {
		name      string
		out, fail map[string]string
		want      error
		text      string
	}{
		{"old", map[string]string{"version": strings.Replace(line033, "0.33.0", "0.32.1", 1)}, nil, ErrOld, "0.33.0 or newer"},
		{"not TinyGo", map[string]string{"version": "hello"}, nil, nil, "is it TinyGo?"},
		{"broken", nil, map[string]string{"version": "no libLLVM"}, nil, "no libLLVM"},
		{"Go too new", good, tooNew, ErrGo, "GOTOOLCHAIN=go1.23.12"},
		{"Go too old", good, map[string]string{"info": "requires go version 1.98 through 1.99, got go1.26"}, ErrGo, "1.98 to 1.99"},
	} {
		_, err := Find(t.TempDir(), environ(Variable+"="+fake(t, c.out, c.fail), "GOTOOLCHAIN=local"))
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// Go itself has to be there.
	path := filepath.Dir(fake(t, good, nil))
	if _, err := Find(t.TempDir(), environ("PATH="+t.TempDir())); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "tinygo.org") {
		t.Errorf("without TinyGo: %v", err)
	}
	if _, err := Find(t.TempDir(), environ(Variable+"="+filepath.Join(path, "nowhere"))); err == nil || !strings.Contains(err.Error(), "$TINYGO") {
		t.Errorf("with a wrong $TINYGO: %v", err)
	}
}

// A root of ours, as in a shell that the tool started, is not what TinyGo came
// with.
func TestFindLooksBehindItsOwnRoot(t *testing.T) {
	file := fake(t, map[string]string{"version": line033, "info": "fine"}, nil)
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	add(t, filepath.Dir(file), "tinygo", strings.Replace(string(script), "case", "[ \"$1\" = env ] && echo \"root:$TINYGOROOT\"\ncase", 1))
	for root, want := range map[string]string{
		mustRoot(t, config(t)): "root:",
		"/users/own":           "root:/users/own",
	} {
		c, err := Find(t.TempDir(), environ(Variable+"="+file, "TINYGOROOT="+root))
		if err != nil {
			t.Fatal(err)
		}
		if c.Root != want {
			t.Errorf("with TINYGOROOT=%s: %s", root, c.Root)
		}
	}
}
