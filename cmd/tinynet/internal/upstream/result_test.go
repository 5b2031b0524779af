package upstream

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// events returns go test -json's for package p, from lines of action, test and
// output.
func events(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		f := strings.SplitN(line, " ", 3)
		for len(f) < 3 {
			f = append(f, "")
		}
		fmt.Fprintf(&b, `{"Action":%q,"Package":"p","Test":%q,"Output":%q,"Elapsed":1.5}`+"\n", f[0], f[1], f[2])
	}
	return b.String()
}

func TestReadEvents(t *testing.T) {
	text := events("run TestA", "run TestA/b", "output TestA/b words", "fail TestA/b", "output TestA more", "fail TestA",
		"run TestC", "skip TestC", "run TestD", "pass TestD", "run TestHangs", "run TestWaits", "pause TestWaits", "run TestGoesOn", "pause TestGoesOn", "cont TestGoesOn", "fail")
	ended := 0
	results, err := readEvents(strings.NewReader(text), func(*Result) { ended++ })
	if err != nil || ended != 1 {
		t.Fatal(results, err, ended)
	}
	r := results["p"]
	tests, subtests := r.Count()
	if want := (Count{1, 3, 1}); tests != want {
		t.Errorf("tests %v, want %v: a test that never ends has failed, one that never goes on did not run", tests, want)
	}
	if want := (Count{0, 1, 0}); subtests != want {
		t.Errorf("subtests %v, want %v", subtests, want)
	}
	if !r.Broken || r.Seconds != 1.5 {
		t.Errorf("%+v", r)
	}
	if got := r.Output("TestA"); got != "morewords" {
		t.Errorf("output of TestA: %q", got)
	}
	if _, err := readEvents(strings.NewReader("nonsense"), nil); err == nil {
		t.Error("nonsense is read")
	}
}

// What does not compile has the compiler's words for its output.
func TestReadBuildFailure(t *testing.T) {
	text := `{"ImportPath":"p [p.test]","Action":"build-output","Output":"p.go:1: no\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"start","Package":"p"}
{"Action":"fail","Package":"p","Elapsed":0,"FailedBuild":"p [p.test]"}
`
	results, err := readEvents(strings.NewReader(text), func(*Result) {})
	if err != nil || !results["p"].Broken || results["p"].Output("") != "p.go:1: no\n" {
		t.Errorf("%+v, %v, %q", results["p"], err, results["p"].Output(""))
	}
}

func TestJudge(t *testing.T) {
	type tests = map[string]string
	for _, c := range []struct {
		name          string
		ours, stock   tests
		leave, listed tests
		broken        bool
		want          verdict
	}{
		{name: "all well", ours: tests{"A": pass, "B": skip}, stock: tests{"A": pass, "B": skip}},
		{name: "failure", ours: tests{"A": fail}, stock: tests{"A": pass}, broken: true, want: verdict{worse: []flaw{{"A", "fails"}}}},
		{name: "failure without stock", ours: tests{"A": fail}, broken: true, want: verdict{worse: []flaw{{"A", "fails"}}}},
		{name: "the subtest is to blame", ours: tests{"A": fail, "A/b": fail, "A/c": pass}, broken: true, want: verdict{worse: []flaw{{"A/b", "fails"}}}},
		{name: "listed", ours: tests{"A": fail}, stock: tests{"A": pass}, listed: tests{"A": "why"}, broken: true, want: verdict{expected: []string{"A"}}},
		{name: "a test listed with all its subtests", ours: tests{"A": fail, "A/b": fail, "A/b/c": fail}, listed: tests{"A": "why"}, broken: true, want: verdict{expected: []string{"A"}}},
		{name: "a listed subtest excuses its test", ours: tests{"A": fail, "A/b": fail}, listed: tests{"A/b": "why"}, broken: true, want: verdict{expected: []string{"A/b"}}},
		{name: "a listed subtest excuses no other", ours: tests{"A": fail, "A/b": fail, "A/c": fail}, listed: tests{"A/b": "why"}, broken: true,
			want: verdict{expected: []string{"A/b"}, worse: []flaw{{"A/c", "fails"}}}},
		{name: "listed and passes", ours: tests{"A": pass}, listed: tests{"A": "why"}, want: verdict{better: []string{"A"}}},
		{name: "fails on stock too", ours: tests{"A": fail}, stock: tests{"A": fail}, broken: true, want: verdict{stock: []string{"A"}}},
		{name: "skips itself here alone", ours: tests{"A": skip}, stock: tests{"A": pass}, want: verdict{worse: []flaw{{"A", "skips itself and passes on stock"}}}},
		{name: "skips itself, listed", ours: tests{"A": skip}, stock: tests{"A": pass}, listed: tests{"A": "why"}, want: verdict{expected: []string{"A"}}},
		{name: "did not run", ours: tests{}, stock: tests{"A": pass}, want: verdict{worse: []flaw{{"", "1 tests did not run: A"}}}},
		{name: "left out", ours: tests{}, stock: tests{"A": pass}, leave: tests{"A": "why"}},
		{name: "the process ends without a word", ours: tests{"A": pass}, broken: true, want: verdict{worse: []flaw{{"", "the package as a whole fails"}}}},
	} {
		var stock *Result
		if c.stock != nil {
			stock = &Result{Tests: c.stock}
		}
		got := judge(&Result{Tests: c.ours, Broken: c.broken}, stock, c.leave, c.listed)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}
