package upstream

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Each file of _inside is for some netdev, and no two want the same place.
func TestInsideFiles(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..")
	used := make(map[string]bool)
	for _, netdev := range Netdevs() {
		r := &runner{Config: Config{Root: root, Netdev: netdev, Packages: []string{"net/http", "net"}}}
		places := 0
		for _, in := range insiders {
			if in.netdevs == nil || slices.Contains(in.netdevs, netdev) {
				places++
			}
		}
		files := r.insideFiles()
		if len(files) != places || places == 0 {
			t.Errorf("%s: %d files for %d places", netdev, places, len(files))
		}
		for place, file := range files {
			used[filepath.Base(file)] = true
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly)
			if err != nil {
				t.Errorf("%s: %v", place, err)
				continue
			}
			want := "net"
			if filepath.Dir(place) == "net/internal" {
				want = "hostnet"
			}
			if f.Name.Name != want {
				t.Errorf("%s: package %s in the folder of %s", file, f.Name.Name, want)
			}
		}
		r.Packages = []string{"net/http"}
		if files := r.insideFiles(); len(files) > 0 {
			t.Errorf("%s: net is not tested and has %v", netdev, files)
		}
	}
	entries, err := os.ReadDir("_inside")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !used[e.Name()] {
			t.Errorf("nothing uses _inside/%s", e.Name())
		}
	}
}
