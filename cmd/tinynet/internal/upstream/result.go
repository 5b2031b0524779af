package upstream

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Outcomes of a test, as in the events of `go test -json`.
const (
	pass = "pass"
	fail = "fail"
	skip = "skip"
)

// Result is what became of the tests of one package.
type Result struct {
	Package string
	// Tests are the outcomes by name: of tests, examples and fuzz targets
	// (their seeds), and of subtests under names with a slash.
	Tests map[string]string
	// Broken says that the package as a whole failed: it does not compile, or
	// its tests ended early. It may be so because of a failing test.
	Broken bool
	// Seconds is how long it took.
	Seconds float64

	output map[string]*strings.Builder // by test; of the package itself under ""
}

// Count is a number of tests by outcome.
type Count struct{ Pass, Fail, Skip int }

func (c Count) String() string { return fmt.Sprintf("%d/%d/%d", c.Pass, c.Fail, c.Skip) }

// Count counts tests, without their subtests, and the subtests.
func (r *Result) Count() (tests, subtests Count) {
	if r == nil {
		return
	}
	for name, outcome := range r.Tests {
		c := &tests
		if strings.Contains(name, "/") {
			c = &subtests
		}
		switch outcome {
		case pass:
			c.Pass++
		case fail:
			c.Fail++
		case skip:
			c.Skip++
		}
	}
	return
}

// failures returns the tests without subtests that failed, sorted.
func (r *Result) failures() []string {
	var names []string
	for name, outcome := range r.Tests {
		if outcome == fail && !strings.Contains(name, "/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Output returns what a test and its subtests printed, that of the package
// itself if name is empty.
func (r *Result) Output(name string) string {
	var text strings.Builder
	for _, n := range slices.Sorted(maps.Keys(r.output)) {
		if n == name || name != "" && strings.HasPrefix(n, name+"/") {
			text.WriteString(r.output[n].String())
		}
	}
	return text.String()
}

// event is an event of `go test -json`: see go doc cmd/test2json.
type event struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string
	Elapsed                       float64
}

// readEvents reads the events of a run and returns the packages' results by
// path. done is called with each result as its package ends.
func readEvents(r io.Reader, done func(*Result)) (map[string]*Result, error) {
	results := make(map[string]*Result)
	builds := make(map[string]*strings.Builder)
	for dec := json.NewDecoder(r); ; {
		var e event
		if err := dec.Decode(&e); err == io.EOF {
			return results, nil
		} else if err != nil {
			return results, fmt.Errorf("go test -json: %w", err)
		}
		if e.Action == "build-output" {
			add(builds, e.ImportPath, e.Output)
		}
		if e.Package == "" {
			continue
		}
		p := results[e.Package]
		if p == nil {
			p = &Result{Package: e.Package, Tests: make(map[string]string), output: make(map[string]*strings.Builder)}
			results[e.Package] = p
		}
		switch e.Action {
		case "output":
			add(p.output, e.Test, e.Output)
		case "run", "cont":
			// A test that never ends, or whose process does, has failed.
			p.Tests[e.Test] = fail
		case "pause":
			delete(p.Tests, e.Test) // it may never get its turn
		case pass, fail, skip:
			if e.Test != "" {
				p.Tests[e.Test] = e.Action
				continue
			}
			p.Broken, p.Seconds = e.Action == fail, e.Elapsed
			if b := builds[e.FailedBuild]; b != nil {
				add(p.output, "", b.String())
			}
			done(p)
		}
	}
}

func add(texts map[string]*strings.Builder, name, text string) {
	if texts[name] == nil {
		texts[name] = new(strings.Builder)
	}
	texts[name].WriteString(text)
}

// A verdict is what the comparison of a package with stock and with the list
// says.
type verdict struct {
	worse    []flaw   // tests that should pass and do not
	expected []string // tests that do not pass, as listed
	stock    []string // tests that fail here and on stock too
	better   []string // tests that are listed and pass
}

// flaw is a test that should pass, or the package itself if test is empty, and
// what it did instead.
type flaw struct{ test, what string }

// judge compares. stock is nil if it is not known; leave and listed are the
// tests of the list that were left out and that need not pass.
func judge(ours, stock *Result, leave, listed map[string]string) verdict {
	var v verdict
	failedChild := make(map[string]bool) // tests with subtests that failed
	for name, outcome := range ours.Tests {
		for parent := parentOf(name); outcome == fail && parent != ""; parent = parentOf(parent) {
			failedChild[parent] = true
		}
	}
	on := func(name string) string {
		if stock == nil {
			return ""
		}
		return stock.Tests[name]
	}
	for _, name := range slices.Sorted(maps.Keys(ours.Tests)) {
		outcome := ours.Tests[name]
		bad := outcome == fail || outcome == skip && on(name) == pass
		switch {
		case outcome == pass && listed[name] != "":
			v.better = append(v.better, name)
		case !bad:
		case listed[name] != "":
			v.expected = append(v.expected, name)
		case within(name, listed), outcome == fail && failedChild[name]:
			// The line is about its test, or the failure a subtest's.
		case outcome == fail && on(name) == fail:
			v.stock = append(v.stock, name)
		case outcome == skip:
			v.worse = append(v.worse, flaw{name, "skips itself and passes on stock"})
		default:
			v.worse = append(v.worse, flaw{name, "fails"})
		}
	}
	if stock != nil {
		var idle []string
		for _, name := range slices.Sorted(maps.Keys(stock.Tests)) {
			if _, ran := ours.Tests[name]; ran || strings.Contains(name, "/") || stock.Tests[name] != pass ||
				leave[name] != "" {
				continue
			}
			idle = append(idle, name)
		}
		if len(idle) > 0 {
			v.worse = append(v.worse, flaw{"", fmt.Sprintf("%d tests did not run: %s", len(idle), some(idle))})
		}
	}
	if ours.Broken && len(ours.failures()) == 0 && len(v.worse) == 0 && !(stock != nil && stock.Broken) {
		v.worse = append(v.worse, flaw{"", "the package as a whole fails"})
	}
	return v
}

// some returns names, or the first few of many.
func some(names []string) string {
	const few = 5
	if len(names) > few {
		return strings.Join(names[:few], ", ") + " …"
	}
	return strings.Join(names, ", ")
}

func parentOf(test string) string {
	i := strings.LastIndexByte(test, '/')
	return test[:max(i, 0)]
}

// within reports whether a test is a subtest of one of the given.
func within(test string, of map[string]string) bool {
	for p := parentOf(test); p != ""; p = parentOf(p) {
		if of[p] != "" {
			return true
		}
	}
	return false
}
