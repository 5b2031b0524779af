//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEmulateSaysWhatIsWrong(t *testing.T) {
	elf := filepath.Join(t.TempDir(), "app.elf")
	if err := os.WriteFile(elf, []byte("\x7fELF and more"), 0o666); err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "qemu-arm"), []byte("#!/bin/sh\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path string
		args string
		want string
		code int
	}{
		{bin, "", "name one program", exitUsage},
		{bin, "./a ./b", "name one program", exitUsage},
		{bin, "-heap 100 ./a", "from 256 to 1048576", exitUsage},
		{bin, "-heap 2000K ./a", "from 256 to 1048576", exitUsage},
		{bin, "-heap much ./a", "such as 24576 or 24K", exitUsage},
		{bin, "-target pico ./a", "there are emulated, emulated-m0 and lm3s6965evb", exitUsage},
		{bin, "-board arduino-nano33 ./a", "are pyportal and challenger-rp2040", exitUsage},
		{bin, "-target lm3s6965evb -heap 20K ./a", "what its RAM leaves", exitUsage},
		{bin, "-stack-size 4KB " + elf, "is built already", exitUsage},
		{bin, "-ldflags x " + elf, "is built already", exitUsage},
		{t.TempDir(), "./a", "no qemu-arm in PATH: install it (Debian and Ubuntu: qemu-user)", exitFailure},
		{bin, "-target lm3s6965evb ./a", "no qemu-system-arm in PATH", exitFailure},
	} {
		t.Setenv("PATH", test.path)
		r := run(t, bin, test.code, append([]string{"emulate"}, strings.Fields(test.args)...)...)
		wantIn(t, r.stderr, test.want)
	}
}
