package cache

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A file that was just written is old enough for go to take it in an overlay,
// and each writing has a time of its own, by which go knows that it is another.
func TestWriteFileTimes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "folder", "file")
	var last time.Time
	for _, text := range []string{"a", "b"} {
		if err := WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if age := time.Since(info.ModTime()); age < 3*time.Second {
			t.Errorf("the file is %v old", age)
		}
		if info.ModTime().Equal(last) {
			t.Error("two writings have the same time")
		}
		last = info.ModTime()
	}
}
