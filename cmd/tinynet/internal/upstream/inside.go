package upstream

import (
	"path/filepath"
	"slices"

	"tinynet/cmd/tinynet/internal/overlay"
)

// An insider is a file of _inside that the overlay adds to a package: it gives the
// package's tests what they know of the inside of Go's own.
type insider struct {
	pkg     string   // whose tests are run
	file    string   // in _inside
	to      string   // relative to GOROOT/src
	netdevs []string // for which it is; empty for all
}

var withDevice = []string{overlay.NetdevHostnet, overlay.NetdevPlain}

var insiders = []insider{
	{"net", "net_test.go", "net/tinynet_inside_test.go", nil},
	{"net", "net_device_test.go", "net/tinynet_inside_device_test.go", withDevice},
	{"net", "net_hostnet_test.go", "net/tinynet_inside_below_test.go", []string{overlay.NetdevHostnet}},
	{"net", "net_plain_test.go", "net/tinynet_inside_below_test.go", []string{overlay.NetdevPlain}},
	{"net", "net_nodevice_test.go", "net/tinynet_inside_device_test.go", []string{NetdevLoopback}},
	{"net", "hostnet.go", "net/internal/tinynet_inside.go", withDevice},
}

// insideFiles returns what the overlay adds to the packages: paths relative to
// GOROOT/src, and the files.
func (r *runner) insideFiles() map[string]string {
	files := make(map[string]string)
	for _, in := range insiders {
		if slices.Contains(r.Packages, in.pkg) && (in.netdevs == nil || slices.Contains(in.netdevs, r.Netdev)) {
			files[in.to] = filepath.Join(r.Root, "cmd", "tinynet", "internal", "upstream", "_inside", in.file)
		}
	}
	return files
}
