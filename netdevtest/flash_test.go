package netdevtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// What costs a board more flash than its use is worth, as ARCHITECTURE says, is not in
// the packages of every driver as TinyGo builds them.
func TestDriversAreWithoutWhatCostsFlash(t *testing.T) {
	cfg := &packages.Config{
		Mode:       packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps,
		BuildFlags: []string{"-tags=tinygo,scheduler.tasks,pyportal"},
	}
	pkgs, err := packages.Load(cfg, "tinynet/offload", "tinynet/wifinina", "tinynet/netdev", "tinynet/netlink", "tinynet/netlink/probe")
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) != 5 {
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
				if n == nil {
					return true
				}
				if what := costly(p.TypesInfo, n); what != "" {
					t.Errorf("%v: %s", p.Fset.Position(n.Pos()), what)
				}
				return true
			})
		}
	}
}

// costlyCalls are functions, and methods by their receiver's type.
var costlyCalls = []string{
	"errors.Is", "errors.As", "errors.Join",
	"time.NewTimer", "time.NewTicker", "time.After", "time.AfterFunc", "time.Tick", "time.Since", "time.Until", "time.Time.Sub", "time.Time.Add",
	"net/netip.ParseAddr", "net/netip.MustParseAddr", "net/netip.ParseAddrPort", "net/netip.Addr.String", "net/netip.AddrPort.String",
}

// costly says what is costly about a node, if anything is.
func costly(info *types.Info, n ast.Node) string {
	dynamic := func(x ast.Expr) bool {
		tv, ok := info.Types[x]
		return ok && !tv.IsNil() && tv.Type != nil && types.IsInterface(tv.Type)
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
