//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// What cannot be opened is named, with what to do, before anything is built.
func TestSerialPortThatIsNone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, "mine")
	for _, c := range []struct{ port, text string }{
		{filepath.Join(dir, "nothing"), "plugged in"},
		{os.DevNull, "it is no serial port"},
		{file, "it is no serial port"},
		{dir, "is a directory"},
	} {
		r := finish(t, tinynet(t, dir, "run", "-board", "espat", "-serial", c.port, "."))
		if r.code != exitFailure || !strings.Contains(r.stderr, "-serial "+c.port+": ") || !strings.Contains(r.stderr, c.text) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s", c.port, r.code, exitFailure, c.text, r.stderr)
		}
	}
	if text, _ := os.ReadFile(file); string(text) != "mine" {
		t.Errorf("the file holds %q now", text)
	}
}

// Nor may a port be used by others than those whom the system lets, one at a time.
func TestSerialPortOfOthers(t *testing.T) {
	ours, port, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	defer port.Close()
	// The superuser may do everything, so the tool runs as somebody else then.
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Skip("this needs /proc: ", err)
	}
	dir := shortDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "tinynet")
	if err := os.WriteFile(file, exe, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode os.FileMode
		text string
	}{
		{0, "members of the group dialout may use it"},
		{0o666, "another program has it open"},
	} {
		if err := os.Chmod(port.Name(), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := unix.IoctlSetInt(int(port.Fd()), unix.TIOCEXCL, 0); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(file, "run", "-board", "espat", "-serial", port.Name(), ".")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), asTool+"=1")
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		if r := finish(t, cmd); r.code != exitFailure || !strings.Contains(r.stderr, c.text) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("mode %v: exit code %d, want %d with %q:\n%s", c.mode, r.code, exitFailure, c.text, r.stderr)
		}
	}
}
