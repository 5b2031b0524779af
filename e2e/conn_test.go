package e2e

import (
	"os/exec"
	"strings"
	"testing"
)

// The connections of every netdev keep the promises of net.Conn, with and without
// the race detector: golang.org/x/net/nettest checks them.
func TestConnections(t *testing.T) {
	for _, c := range []struct {
		netdev string
		passes int // networks of package conntest
	}{
		{"none", 2}, // the loopback in memory
		{"hostnet", 4},
		{"plain", 3}, // which has no Unix domain sockets
	} {
		t.Run(c.netdev, func(t *testing.T) {
			overlay, err := exec.Command(tool, "overlay", "-netdev", c.netdev).Output()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("go", "test", "-v", "-race", "-count=1", "-overlay="+strings.TrimSpace(string(overlay)), "tinynet/e2e/conntest")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			passes := strings.Count(string(out), "\n    --- PASS: TestConn/")
			if passes != c.passes || !strings.Contains(string(out), "\n--- PASS: TestPipe") {
				t.Errorf("%d networks passed, want %d\n%s", passes, c.passes, out)
			}
		})
	}
}
