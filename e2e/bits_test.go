package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// What the drivers take of the heap is within its limits on 32 bits, which boards have; on
// the developer's machine their tests have to allow for more. Neither allocates when at work.
func TestDriversMemoryOn32Bits(t *testing.T) {
	if _, err := exec.LookPath("qemu-arm"); err != nil {
		t.Skip("there is no qemu-arm in PATH (Debian and Ubuntu: qemu-user)")
	}
	cmd := exec.Command("go", "test", "-count=1", "-v", "-exec", "qemu-arm", "-run", "^TestMemory$|Allocate", "./wifinina", "./espat")
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm", "GOWORK=off", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	found := regexp.MustCompile(`(?m)^ +\w+\.go:\d+: (.* bytes on 32 bits.*)$`).FindAllSubmatch(out, -1)
	if len(found) != 3 || strings.Count(string(out), "--- PASS: TestMemory ") != 2 {
		t.Fatalf("not all was measured:\n%s", out)
	}
	for _, f := range found {
		t.Logf("%s", f[1])
	}
}
