package overlay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNetdev(t *testing.T) {
	goroot := tree(t, map[string]string{"src/net/net.go": "package net\n"})
	root := tree(t, map[string]string{
		"src/net/net.go":          "package net\n",
		"hostnet/hostnet.go":      "package hostnet\n\nimport (\n\t\"os\"\n\t\"tinynet/netdev\"\n)\n",
		"hostnet/alone.go":        "package hostnet\n\nimport \"os\"\n",
		"hostnet/hostnet_test.go": "package hostnet\n",
		"netdev/netdev.go":        "package netdev\n",
	})
	cfg := Config{GOROOT: goroot, Root: root, Cache: t.TempDir()}
	for _, netdev := range []string{"", NetdevNone} {
		cfg.Netdev = netdev
		files, err := netdevFiles(cfg)
		if err != nil || len(files) != 0 {
			t.Errorf("netdev %q: %v, %v", netdev, files, err)
		}
	}
	// Only what was edited a moment ago is copied: go does not see a folder with such
	// a file.
	old := time.Now().Add(-time.Minute)
	alone := filepath.Join(root, "hostnet", "alone.go")
	if err := os.Chtimes(alone, old, old); err != nil {
		t.Fatal(err)
	}
	cfg.Netdev = NetdevHostnet
	files, err := netdevFiles(cfg)
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	for name, file := range files {
		if info, err := os.Stat(file); err != nil || time.Since(info.ModTime()) < 2*time.Second {
			t.Errorf("%s is too young for go: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"net/internal/hostnet.go":       "\t\"os\"\n\tnetdev \"internal\"\n",
		"net/internal/alone.go":         "package hostnet\n",
		"internal/netdev.go":            "package netdev\n",
		"net/tinynet_overlay_netdev.go": "hostnet.New()",
	} {
		data, err := os.ReadFile(files[name])
		if err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s: %v\n%s", name, err, data)
		}
	}
	// What needs no change is the checkout's own file, so that compilers name it.
	if files["net/internal/alone.go"] != alone {
		t.Errorf("alone.go is %s, want %s", files["net/internal/alone.go"], alone)
	}
	cfg.Netdev = "nonsense"
	if _, err := Generate(cfg); err == nil || !strings.Contains(err.Error(), "only: none, hostnet, plain") {
		t.Error(err)
	}
}

// The folders that stand for packages of ours have no Go files of Go's own: the
// overlay would mix them up.
func TestNetdevFoldersAreFree(t *testing.T) {
	for _, path := range stdPackages {
		dir := filepath.Join(current(t).GOROOT, "src", filepath.FromSlash(path))
		files, err := goFiles(dir, true)
		if err != nil || len(files) > 0 {
			t.Errorf("%s: %v, %v", dir, files, err)
		}
	}
}
