package netdevtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/callgraph/rta"
	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"
)

// What costs a board more flash than its use is worth, as ARCHITECTURE says, is not in
// the packages of every driver as TinyGo builds them.
func TestDriversAreWithoutWhatCostsFlash(t *testing.T) {
	for board, names := range map[string][]string{
		"pyportal":          {"tinynet/wifinina", "tinynet/offload", "tinynet/netdev", "tinynet/netlink", "tinynet/netlink/probe"},
		"challenger_rp2040": {"tinynet/espat", "tinynet/netlink/probe"},
	} {
		cfg := &packages.Config{
			Mode:       packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps,
			BuildFlags: []string{"-tags=tinygo,scheduler.tasks," + board},
		}
		pkgs, err := packages.Load(cfg, names...)
		if err != nil {
			t.Fatal(err)
		}
		if len(pkgs) != len(names) {
			t.Fatalf("%d packages", len(pkgs))
		}
		for _, p := range pkgs {
			for _, err := range p.Errors {
				t.Error(err)
			}
			for _, f := range p.Syntax {
				if filepath.Base(p.Fset.Position(f.Pos()).Filename) == "need_tinygo.go" {
					continue // it assigns such functions to variables, in programs that need them
				}
				ast.Inspect(f, func(n ast.Node) bool {
					for _, what := range []string{dear(p.TypesInfo, n), costly(p.TypesInfo, n)} {
						if what != "" {
							t.Errorf("%v: %s", p.Fset.Position(n.Pos()), what)
						}
					}
					return true
				})
			}
		}
	}
}

// What a program that dials and listens reaches of net on a board has no defer and
// compares no interfaces.
func TestNetOnABoardHasNoDeferAndComparesNoInterfaces(t *testing.T) {
	cfg := &packages.Config{Mode: packages.LoadAllSyntax, BuildFlags: []string{"-tags=tinygo"}}
	pkgs, err := packages.Load(cfg, "./testdata/reach/dial")
	if err != nil {
		t.Fatal(err)
	}
	var info *types.Info
	packages.Visit(pkgs, nil, func(p *packages.Package) {
		if p.PkgPath == netPath {
			info = p.TypesInfo
		}
	})
	prog, mains := ssautil.AllPackages(pkgs, ssa.InstantiateGenerics)
	prog.Build()
	checked := 0
	for f := range rta.Analyze([]*ssa.Function{mains[0].Func("main")}, false).Reachable {
		if f.Pkg == nil || f.Pkg.Pkg.Path() != netPath || f.Syntax() == nil {
			continue
		}
		checked++
		ast.Inspect(f.Syntax(), func(n ast.Node) bool {
			if what := dear(info, n); what != "" {
				t.Errorf("%v: %s: %s", prog.Fset.Position(n.Pos()), f, what)
			}
			return true
		})
	}
	if checked < 100 {
		t.Errorf("%d functions of net were looked at, which cannot be all", checked)
	}
}

// dear says whether a node is what costs most, and what: the first defer of a program
// brings the printing of any panic's value, 3 KB and the text of every error and address
// with it; the first comparison of interfaces brings reflect and strconv's quoting, 10 KB.
func dear(info *types.Info, n ast.Node) string {
	dynamic := func(x ast.Expr) bool {
		tv, ok := info.Types[x]
		if !ok || tv.IsNil() || tv.Type == nil {
			return false
		}
		_, parameter := tv.Type.(*types.TypeParam)
		return types.IsInterface(tv.Type) && !parameter
	}
	switch n := n.(type) {
	case *ast.DeferStmt:
		return "defer is copied to every return"
	case *ast.BinaryExpr:
		// Comparing with a value that is no interface is a comparison of interfaces, too.
		if n.Op == token.EQL || n.Op == token.NEQ {
			if dynamic(n.X) && !info.Types[n.Y].IsNil() || dynamic(n.Y) && !info.Types[n.X].IsNil() {
				return "interfaces are compared"
			}
		}
	case *ast.SwitchStmt:
		if n.Tag != nil && dynamic(n.Tag) {
			return "interfaces are compared"
		}
	}
	return ""
}

// costly says what else is costly about a node.
func costly(info *types.Info, n ast.Node) string {
	switch n := n.(type) {
	case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
		return "channels take 2 KB"
	case *ast.Ident:
		switch o := info.Uses[n].(type) {
		case *types.PkgName:
			if slices.Contains([]string{"fmt", "reflect", "strconv", "strings", "sync/atomic"}, o.Imported().Path()) {
				return "package " + o.Imported().Path()
			}
		case *types.Func:
			if slices.Contains(costlyCalls, strings.NewReplacer("(", "", ")", "", "*", "").Replace(o.FullName())) {
				return o.FullName() + " is called"
			}
		}
	}
	return ""
}

// costlyCalls are functions, and methods by their receiver's type.
var costlyCalls = []string{
	"errors.Is", "errors.As", "errors.Join",
	"time.NewTimer", "time.NewTicker", "time.After", "time.AfterFunc", "time.Tick", "time.Since", "time.Until", "time.Time.Sub", "time.Time.Add",
	"net/netip.ParseAddr", "net/netip.MustParseAddr", "net/netip.ParseAddrPort", "net/netip.Addr.String", "net/netip.AddrPort.String",
}
