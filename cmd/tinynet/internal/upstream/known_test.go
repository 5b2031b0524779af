package upstream

import (
	"strings"
	"testing"
)

// The committed list is well formed.
func TestKnownList(t *testing.T) {
	l, err := parseKnown(knownText)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range l {
		if k.verb != verbCut && !isTest(k.test) {
			t.Errorf("%s %s is no test", k.pkg, k.test)
		}
	}
}

func TestParseKnown(t *testing.T) {
	l, err := parseKnown("# comment\n\nfail plain,loopback net/http TestA/b it cannot\nleave * net TestC it hangs\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ verb, netdev, pkg, test, reason string }{
		{verbFail, "plain", "net/http", "TestA/b", "it cannot"},
		{verbFail, "loopback", "net/http", "TestA/b", "it cannot"},
		{verbFail, "hostnet", "net/http", "TestA/b", ""},
		{verbLeave, "plain", "net/http", "TestA/b", ""},
		{verbLeave, "hostnet", "net", "TestC", "it hangs"},
		{verbLeave, "hostnet", "net/http", "TestC", ""},
	} {
		if got := l.of(c.verb, c.netdev, c.pkg)[c.test]; got != c.reason {
			t.Errorf("%+v: got %q", c, got)
		}
	}
	for text, want := range map[string]string{
		"":                               "empty",
		"fail * net TestA":               "REASON",
		"break * net TestA why":          `"break"`,
		"fail nonsense net TestA why":    "only: hostnet, loopback, plain",
		"cut plain net TestA why":        "write *",
		"fail * p T why\nfail * p T why": "line 2: T of p is listed twice",
		"fail plain,loopback p T why\nleave plain p T why": "listed twice",
	} {
		if _, err := parseKnown(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", text, err, want)
		}
	}
	if _, err := parseKnown("fail plain p T why\nfail loopback p T why"); err != nil {
		t.Error(err)
	}
}

// What is left out is that test alone: names are regular expressions for go.
func TestSkipPattern(t *testing.T) {
	got := skipPattern(map[string]string{"TestB/x.y": "r", "TestA": "r"})
	if want := `^TestA$|^TestB$/^x\.y$`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := skipPattern(nil); got != "" {
		t.Errorf("got %s for none", got)
	}
}
