package netdevtest

import (
	"go/token"
	"go/types"
	"testing"

	"golang.org/x/tools/go/callgraph/rta"
	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

// What a program that dials and listens reaches of net on a board has no defer and
// compares no interfaces: the first defer of a program brings the printing of any
// panic's value, 3 KB and the text of every error and address with it; the first
// comparison brings reflect and strconv's quoting, 10 KB. See ARCHITECTURE.md.
func TestNetOnABoardHasNoDeferAndComparesNoInterfaces(t *testing.T) {
	cfg := &packages.Config{Mode: packages.LoadAllSyntax, BuildFlags: []string{"-tags=tinygo"}}
	pkgs, err := packages.Load(cfg, "./testdata/reach/dial")
	if err != nil {
		t.Fatal(err)
	}
	prog, mains := ssautil.AllPackages(pkgs, ssa.InstantiateGenerics)
	prog.Build()
	reached := rta.Analyze([]*ssa.Function{mains[0].Func("main")}, false).Reachable
	checked := 0
	for f := range reached {
		if f.Pkg == nil || f.Pkg.Pkg.Path() != netPath {
			continue
		}
		checked++
		for _, block := range f.Blocks {
			for _, instr := range block.Instrs {
				if what := flashCost(instr); what != "" {
					t.Errorf("%s: %s %s", prog.Fset.Position(instr.Pos()), f, what)
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("%d functions of net were looked at, which cannot be all", checked)
	}
}

// flashCost says why an instruction is not for a board, or "".
func flashCost(instr ssa.Instruction) string {
	switch instr := instr.(type) {
	case *ssa.Defer:
		return "has a defer"
	case *ssa.BinOp:
		if instr.Op != token.EQL && instr.Op != token.NEQ {
			break
		}
		for _, x := range [...]ssa.Value{instr.X, instr.Y} {
			if c, ok := x.(*ssa.Const); ok && c.IsNil() {
				return ""
			}
		}
		if types.IsInterface(instr.X.Type()) || types.IsInterface(instr.Y.Type()) {
			return "compares interfaces"
		}
	}
	return ""
}
