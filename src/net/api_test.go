package net

import (
	"bufio"
	"cmp"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The releases of Go whose API this package has, as Go 1.oldestAPI, each where
// it is built by that release.
const oldestAPI, newestAPI = 23, 26

// TestAPI compares what this package exports with the lists of Go's API in
// GOROOT, for each release: signatures, fields and the values of constants
// included. Nothing may be missing, and nothing be there that the release's own
// net does not have.
func TestAPI(t *testing.T) {
	dir := filepath.Join(build.Default.GOROOT, "api")
	if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("go1.%d.txt", newestAPI))); err != nil {
		t.Skipf("this Go has no list of the API of Go 1.%d: %v", newestAPI, err)
	}
	want := goAPI(t, dir)
	for release := oldestAPI; release <= newestAPI; release++ {
		have := ownAPI(t, release)
		lines := 0
		for _, line := range slices.Sorted(maps.Keys(want)) {
			switch since := want[line]; {
			case since > newestAPI && release == newestAPI:
				t.Logf("new in Go 1.%d, not here yet: %s", since, line)
			case since > release:
			case !have[line]:
				t.Errorf("missing, with Go 1.%d: %s", release, line)
				fallthrough
			default:
				lines++
			}
		}
		for _, line := range slices.Sorted(maps.Keys(have)) {
			if since, ok := want[line]; !ok || since > release {
				t.Errorf("exported here, but not by Go 1.%d: %s", release, line)
			}
		}
		t.Logf("Go 1.%d: %d lines of API", release, lines)
	}
}

// goAPI returns the lines about package net, without their beginning, and the
// release that each is from.
func goAPI(t *testing.T, dir string) map[string]int {
	files, err := filepath.Glob(filepath.Join(dir, "go1*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no API lists in %s (%v)", dir, err)
	}
	lines := map[string]int{}
	for _, file := range files {
		var release int // 0 for go1.txt
		fmt.Sscanf(filepath.Base(file), "go1.%d.txt", &release)
		for _, line := range readLines(t, file) {
			line, ok := ownLine(line)
			if !ok || strings.HasSuffix(line, "//deprecated") {
				continue
			}
			if first, ok := lines[line]; !ok || release < first {
				lines[line] = release
			}
		}
	}
	for _, line := range readLines(t, filepath.Join(dir, "except.txt")) {
		if line, ok := ownLine(line); ok {
			delete(lines, line) // Go had it once
		}
	}
	return lines
}

// ownLine returns what a line of a list says about package net on every
// system or on linux-amd64.
func ownLine(line string) (string, bool) {
	line, _, _ = strings.Cut(line, " #")
	for _, prefix := range []string{"pkg net, ", "pkg net (linux-amd64), "} {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			return rest, true
		}
	}
	return "", false
}

func readLines(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		lines = append(lines, strings.TrimSpace(s.Text()))
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// ownAPI returns what this package exports where Go 1.release builds it, in the
// form of Go's lists.
func ownAPI(t *testing.T, release int) map[string]bool {
	// The lists hold for linux-amd64, and so does the result on any system.
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = "linux", "amd64", false
	ctx.ReleaseTags = ctx.ReleaseTags[:release] // "go1.1" is the first
	dir, err := ctx.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range dir.GoFiles {
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	conf := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	pkg, err := conf.Check("net", fset, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	api := lister{pkg, map[string]bool{}}
	for _, name := range pkg.Scope().Names() {
		if obj := pkg.Scope().Lookup(name); obj.Exported() {
			api.object(obj)
		}
	}
	return api.lines
}

// A lister writes what a package exports as Go's command api does.
type lister struct {
	pkg   *types.Package
	lines map[string]bool
}

func (l lister) add(format string, args ...any) { l.lines[fmt.Sprintf(format, args...)] = true }

func (l lister) object(obj types.Object) {
	switch obj := obj.(type) {
	case *types.Const:
		l.add("const %s = %s", obj.Name(), obj.Val())
		l.add("const %s %s", obj.Name(), l.typ(obj.Type()))
	case *types.Var:
		l.add("var %s %s", obj.Name(), l.typ(obj.Type()))
	case *types.Func:
		l.add("func %s%s", obj.Name(), l.signature(obj.Type()))
	case *types.TypeName:
		l.typeName(obj)
	}
}

func (l lister) typeName(obj *types.TypeName) {
	name, typ := obj.Name(), obj.Type()
	if obj.IsAlias() {
		l.add("type %s = %s", name, l.typ(types.Unalias(typ)))
		return
	}
	switch under := typ.Underlying().(type) {
	case *types.Struct:
		l.add("type %s struct", name)
		for i := range under.NumFields() {
			f := under.Field(i)
			switch {
			case !f.Exported():
			case f.Embedded():
				l.add("type %s struct, embedded %s", name, l.typ(f.Type()))
			default:
				l.add("type %s struct, %s %s", name, f.Name(), l.typ(f.Type()))
			}
		}
	case *types.Interface:
		l.iface(name, under)
		return
	default:
		l.add("type %s %s", name, l.typ(under))
	}
	// A method that a value has is listed for the type, the others for the pointer.
	seen := map[string]bool{}
	for _, recv := range []types.Type{typ, types.NewPointer(typ)} {
		set := types.NewMethodSet(recv)
		for i := range set.Len() {
			m := set.At(i)
			if m.Obj().Exported() && !seen[m.Obj().Name()] {
				seen[m.Obj().Name()] = true
				l.add("method (%s) %s%s", l.typ(recv), m.Obj().Name(), l.signature(m.Type()))
			}
		}
	}
}

func (l lister) iface(name string, typ *types.Interface) {
	var names []string
	for i := range typ.NumMethods() {
		m := typ.Method(i)
		if !m.Exported() {
			l.add("type %s interface, unexported methods", name)
			continue
		}
		names = append(names, m.Name())
		l.add("type %s interface, %s%s", name, m.Name(), l.signature(m.Type()))
	}
	slices.Sort(names)
	if len(names) == typ.NumMethods() {
		l.add("type %s interface { %s }", name, strings.Join(names, ", "))
	}
}

// signature returns parameters and results without their names.
func (l lister) signature(typ types.Type) string {
	sig := typ.(*types.Signature)
	s := l.tuple(sig.Params(), sig.Variadic())
	switch results := sig.Results(); results.Len() {
	case 0:
		return s
	case 1:
		return s + " " + l.typ(results.At(0).Type())
	default:
		return s + " " + l.tuple(results, false)
	}
}

func (l lister) tuple(vars *types.Tuple, variadic bool) string {
	s := make([]string, vars.Len())
	for i := range s {
		s[i] = l.typ(vars.At(i).Type())
		if variadic && i == len(s)-1 {
			s[i] = "..." + strings.TrimPrefix(s[i], "[]")
		}
	}
	return "(" + strings.Join(s, ", ") + ")"
}

// typ returns a type as Go's lists have it: byte is uint8, and parameters of
// functions have no names.
func (l lister) typ(typ types.Type) string {
	switch typ := typ.(type) {
	case *types.Basic:
		names := map[types.BasicKind]string{
			types.Uint8: "uint8", types.Int32: "int32", // not byte or rune
			types.UntypedInt: "ideal-int", types.UntypedFloat: "ideal-float", types.UntypedRune: "ideal-char",
			types.UntypedString: "ideal-string", types.UntypedBool: "ideal-bool",
		}
		return cmp.Or(names[typ.Kind()], typ.Name())
	case *types.Pointer:
		return "*" + l.typ(typ.Elem())
	case *types.Slice:
		return "[]" + l.typ(typ.Elem())
	case *types.Array:
		return fmt.Sprintf("[%d]%s", typ.Len(), l.typ(typ.Elem()))
	case *types.Map:
		return "map[" + l.typ(typ.Key()) + "]" + l.typ(typ.Elem())
	case *types.Chan:
		return map[types.ChanDir]string{
			types.SendRecv: "chan ", types.SendOnly: "chan<- ", types.RecvOnly: "<-chan ",
		}[typ.Dir()] + l.typ(typ.Elem())
	case *types.Signature:
		return "func" + l.signature(typ)
	case *types.Struct:
		return "struct" // the lists leave its fields out
	}
	return types.TypeString(typ, func(pkg *types.Package) string {
		if pkg == l.pkg {
			return ""
		}
		return pkg.Name()
	})
}
