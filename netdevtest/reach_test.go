package netdevtest

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/callgraph/rta"
	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

// What a small program must not bring along, since it does not fit on a board:
// fmt and reflect, floating point in text, and the DNS client, which is for
// programs that ask for it. The analysis takes a function as reached if any call or
// function value that main can get to may be it; initialisers of packages, which
// a stock build has in any case, do not count.

const netPath = "tinynet/src/net"

// heavy returns what of the heavy things a function belongs to, or "".
func heavy(f *ssa.Function) string {
	if f.Origin() != nil {
		f = f.Origin() // of an instance of a generic function
	}
	for f.Parent() != nil {
		f = f.Parent()
	}
	if f.Pkg == nil {
		return ""
	}
	file := filepath.Base(f.Prog.Fset.Position(f.Pos()).Filename)
	switch path := f.Pkg.Pkg.Path(); path {
	case "fmt", "reflect":
		return path
	case "strconv", "internal/strconv":
		for _, prefix := range []string{"ato", "fto", "eisel", "decimal"} {
			if strings.HasPrefix(file, prefix) && file != "atoi.go" && file != "atob.go" {
				return "floating point"
			}
		}
	case netPath:
		if strings.HasPrefix(file, "dns") {
			return "DNS client"
		}
	}
	return ""
}

// reach returns the heavy functions that main of a program in testdata/reach
// reaches, by what they belong to, and the program.
func reach(t *testing.T, name string, tags string) (map[string][]string, *ssa.Program) {
	t.Helper()
	cfg := &packages.Config{Mode: packages.LoadAllSyntax, BuildFlags: []string{"-tags=" + tags}}
	pkgs, err := packages.Load(cfg, "./testdata/reach/"+name)
	if err != nil {
		t.Fatal(err)
	}
	if packages.PrintErrors(pkgs) > 0 {
		t.Fatal("the program does not compile")
	}
	prog, mains := ssautil.AllPackages(pkgs, ssa.InstantiateGenerics)
	prog.Build()
	result := rta.Analyze([]*ssa.Function{mains[0].Func("main")}, false)
	found := map[string][]string{}
	count := 0
	for f := range result.Reachable {
		count++
		if what := heavy(f); what != "" {
			found[what] = append(found[what], f.String())
		}
	}
	for _, list := range found {
		slices.Sort(list)
	}
	t.Logf("%s %s: %d functions reached", name, tags, count)
	return found, prog
}

func TestSmallProgramsStaySmall(t *testing.T) {
	for _, tags := range []string{"", "tinygo"} {
		found, prog := reach(t, "dial", tags)
		for what, list := range found {
			t.Errorf("tags %q: main reaches %s: %d functions, as %s", tags, what, len(list), strings.Join(list[:min(len(list), 5)], ", "))
		}
		if tags == "" {
			continue
		}
		// A board's build keeps what initialisers put into variables.
		for name, member := range prog.ImportedPackage(netPath).Members {
			f, ok := member.(*ssa.Function)
			if !ok || name != "init" && !strings.HasPrefix(name, "init#") {
				continue
			}
			for _, block := range f.Blocks {
				for _, instr := range block.Instrs {
					for _, op := range instr.Operands(nil) {
						if g, ok := (*op).(*ssa.Function); ok && heavy(g) != "" {
							t.Errorf("%s of net takes %s along", name, g)
						}
					}
				}
			}
		}
	}
}

// The analysis finds what is there.
func TestReachFinds(t *testing.T) {
	found, _ := reach(t, "records", "")
	if len(found["DNS client"]) < 20 || len(found) != 1 {
		t.Errorf("a program with LookupMX reaches %v", found)
	}
	found, _ = reach(t, "printing", "")
	if got := slices.Sorted(maps.Keys(found)); strings.Join(got, ", ") != "floating point, fmt, reflect" {
		t.Errorf("a program with fmt reaches %q", got)
	}
}
