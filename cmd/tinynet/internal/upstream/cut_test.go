package upstream

import (
	"go/format"
	"strings"
	"testing"
)

const testFile = `package p

import (
	"io"
	"math/rand/v2"
	"os"
	"testing"
)

// TestInside names what another net does not have.
func TestInside(t *testing.T) {
	if inside(os.Stdin) {
		t.Error("x")
	}
}

type hidden struct{ io.Reader }

func (h hidden) method() {}
func (h *hidden) pointed() { h.method() }

type seen struct{}

func (seen) method() {}

var (
	one = inside(nil)
	two = 2
)

func TestOutside(t *testing.T) { t.Log(rand.Int(), two) }
`

// What is named goes, with the imports that only it used; the rest stays on
// its lines.
func TestCut(t *testing.T) {
	got, err := cut("x_test.go", []byte(testFile), map[string]string{"TestInside": "r", "hidden": "r", "one": "r"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := format.Source(got); err != nil {
		t.Errorf("%v:\n%s", err, got)
	}
	text := string(got)
	for _, gone := range []string{"inside", "hidden", "pointed"} {
		if strings.Contains(text, gone) {
			t.Errorf("%s is still there:\n%s", gone, text)
		}
	}
	for _, there := range []string{`_ "io"`, `_ "os"`, "\t\"math/rand/v2\"", "\t\"testing\"", "two = 2", "func (seen) method()"} {
		if !strings.Contains(text, there) {
			t.Errorf("%s is not there:\n%s", there, text)
		}
	}
	if line := strings.Count(text[:strings.Index(text, "func TestOutside")], "\n"); line != strings.Count(testFile[:strings.Index(testFile, "func TestOutside")], "\n") {
		t.Errorf("TestOutside is on line %d now", line+1)
	}
	if got, err := cut("x_test.go", []byte(testFile), map[string]string{"TestElsewhere": "r"}); got != nil || err != nil {
		t.Errorf("nothing to cut: %s, %v", got, err)
	}
}
