package checkout

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	folder := func(goMod string) string {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(goMod), 0o666); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	one, two, three := folder("module tinynet\n"), folder("module tinynet // ours\n"), folder("module \"tinynet\"\n")
	other := folder("module tinynet/other\n")
	source := func(root string) string {
		return filepath.Join(root, "cmd", "tinynet", "internal", "checkout", "checkout.go")
	}
	trimmed := "tinynet/cmd/tinynet/internal/checkout/checkout.go"
	for _, c := range []struct {
		name, variable, source, dir string
		want                        string
	}{
		{"the variable comes first", one, source(two), three, one},
		{"then the tool's own source", "", source(two), three, two},
		{"then the folder", "", trimmed, three, three},
		{"and what is around it", "", trimmed, filepath.Join(three, "a", "b"), three},
		{"also if the source has moved", "", source(other), three, three},
		{"the variable must be right", other, source(two), three, ""},
		{"nothing", "", trimmed, other, ""},
	} {
		got, err := find(c.variable, c.source, c.dir)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
	if _, err := find("", trimmed, other); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing: %v, want %v", err, ErrNotFound)
	}
}
