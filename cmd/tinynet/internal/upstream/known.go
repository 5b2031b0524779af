package upstream

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// known.txt is the committed list of tests that do not pass, and why.
//
//go:embed known.txt
var knownText string

// Verbs of a line of known.txt.
const (
	verbLeave = "leave" // the test is not run
	verbFail  = "fail"  // the test fails, or skips itself
	verbCut   = "cut"   // the declaration is cut out of the package's test files
)

// known is a line of known.txt: what is known of a test.
type known struct {
	verb    string
	netdevs []string // for which it holds; empty for all
	pkg     string
	test    string // a test or subtest; its name as go test prints it
	reason  string
}

// list is known.txt.
type list []known

// parseKnown parses the text of a list. Each line has a verb, the netdevs
// joined by commas or *, the package, the test, and then the reason.
func parseKnown(text string) (list, error) {
	var l list
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 5 {
			return nil, fmt.Errorf("line %d: write VERB NETDEVS PACKAGE TEST REASON: %s", i+1, line)
		}
		k := known{verb: fields[0], pkg: fields[2], test: fields[3], reason: strings.Join(fields[4:], " ")}
		if k.verb != verbLeave && k.verb != verbFail && k.verb != verbCut {
			return nil, fmt.Errorf("line %d: the verb is leave, fail or cut, not %q", i+1, k.verb)
		}
		if fields[1] != "*" {
			k.netdevs = strings.Split(fields[1], ",")
			for _, n := range k.netdevs {
				if !slices.Contains(Netdevs(), n) {
					return nil, fmt.Errorf("line %d: there is no netdev %q, only: %s", i+1, n, strings.Join(Netdevs(), ", "))
				}
			}
		}
		if k.verb == verbCut && k.netdevs != nil {
			return nil, fmt.Errorf("line %d: what is cut is cut for all netdevs: write *", i+1)
		}
		for _, other := range l {
			if other.pkg == k.pkg && other.test == k.test && (other.netdevs == nil || k.netdevs == nil || overlap(other.netdevs, k.netdevs)) {
				return nil, fmt.Errorf("line %d: %s of %s is listed twice", i+1, k.test, k.pkg)
			}
		}
		l = append(l, k)
	}
	if l == nil {
		return nil, errors.New("the list is empty")
	}
	return l, nil
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// of returns the tests listed under a verb for a package on a netdev.
func (l list) of(verb, netdev, pkg string) map[string]string {
	tests := make(map[string]string)
	for _, k := range l {
		if k.verb == verb && k.pkg == pkg && (k.netdevs == nil || slices.Contains(k.netdevs, netdev)) {
			tests[k.test] = k.reason
		}
	}
	return tests
}
