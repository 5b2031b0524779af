package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// targets is a TINYGOROOT with some targets, in a folder with one of the
// user's.
func targets(t *testing.T) *boardBuilds {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"root/targets/cortex-m.json":       `{"default-stack-size": 2048}`,
		"root/targets/cortex-m4.json":      `{"inherits": ["cortex-m"]}`,
		"root/targets/pyportal.json":       `{"inherits": ["cortex-m4"]}`,
		"root/targets/arduino-nano33.json": `{"inherits": ["cortex-m"]}`,
		"root/targets/pico.json":           `{"inherits": ["cortex-m"]}`,
		"root/targets/emulated.json":       `{"default-stack-size": 2048}`,
		"root/targets/wasm.json":           `{"default-stack-size": 65536}`,
		"root/targets/loop.json":           `{"inherits": ["loop"]}`,
		"mine.json":                        `{"inherits": ["pico"], "default-stack-size": 16384}`,
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return &boardBuilds{root: filepath.Join(dir, "root"), dir: dir}
}

func TestStacksAreLargeEnough(t *testing.T) {
	b := targets(t)
	for args, want := range map[string]string{
		"build -target pyportal .":                  "build -stack-size=4096B -target pyportal .",
		"flash --target=PyPortal .":                 "flash -stack-size=4096B --target=PyPortal .",
		"build -target arduino-nano33 .":            "build -stack-size=3840B -target arduino-nano33 .",
		"build -target pico .":                      "build -stack-size=3840B -target pico .",
		"build -target emulated .":                  "build -stack-size=4096B -target emulated .",
		"build -target loop .":                      "build -stack-size=3840B -target loop .",
		"build -target unknown .":                   "build -stack-size=3840B -target unknown .",
		"build -target wasm .":                      "build -target wasm .",
		"build -target mine.json .":                 "build -target mine.json .",
		"build .":                                   "build .",
		"env":                                       "env",
		"info -target pyportal":                     "info -target pyportal",
		"list -target pyportal .":                   "list -target pyportal .",
		"run -stack-size 3KB -target a .":           "run -stack-size 3KB -target a .",
		"build -target pyportal -stack-size=16KB .": "build -target pyportal -stack-size=16KB .",
	} {
		given := strings.Fields(args)
		was := slices.Clone(given)
		if got := strings.Join(b.withStacks(given), " "); got != want {
			t.Errorf("%s becomes %s, want %s", args, got, want)
		}
		if !slices.Equal(given, was) {
			t.Errorf("%s: the arguments were written to", args)
		}
	}
}

func TestSmallStacksAreWarnedOf(t *testing.T) {
	b := targets(t)
	for args, want := range map[string]bool{
		"build -target pyportal -stack-size=2KB .":       true,
		"build -target pyportal -stack-size 2048B .":     true,
		"build -target pyportal -stack-size=4095 .":      true,
		"build -target pyportal -stack-size=8KB .":       false,
		"build -target arduino-nano33 -stack-size=8kb .": false,
		"build -target pyportal -stack-size=much .":      false,
		"build -target pyportal .":                       false,
		"build -stack-size=2KB .":                        false,
	} {
		if got := b.stackWarning(strings.Fields(args)); (got != "") != want {
			t.Errorf("%s: warning %q, want one: %v", args, got, want)
		}
	}
}
