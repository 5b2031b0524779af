package upstream

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"tinynet/cmd/tinynet/internal/cache"
)

// isTest reports whether a name is one of a test, an example or a fuzz target.
func isTest(name string) bool {
	return strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Example") || strings.HasPrefix(name, "Fuzz")
}

// cutFiles returns what the overlay needs so that the test files of the
// packages are without what is to be cut, since it names the inside of the
// package that it tests: paths relative to GOROOT/src, and the files.
func (r *runner) cutFiles() (map[string]string, error) {
	files := make(map[string]string)
	for _, pkg := range r.Packages {
		names := r.known.of(verbCut, r.Netdev, pkg)
		if len(names) == 0 {
			continue
		}
		found, err := filepath.Glob(filepath.Join(r.Env.GOROOT, "src", filepath.FromSlash(pkg), "*_test.go"))
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			base := filepath.Base(file)
			key := pkg + "/" + base
			if names[base] != "" {
				files[key] = ""
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			rest, err := cut(file, source, names)
			if err != nil {
				return nil, err
			}
			if rest == nil {
				continue
			}
			files[key] = filepath.Join(r.dir, "cut", cache.Key(string(rest)), base)
			if err := cache.WriteFile(files[key], rest); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// cut returns a Go file without the functions, types with their methods, variables
// and constants of these names, and without the imports that only they used. Lines keep their
// numbers. The result is nil if none is in the file.
func cut(name string, source []byte, names map[string]string) ([]byte, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	rest := append([]byte(nil), source...)
	done := false
	blank := func(from, to token.Pos) {
		done = true
		for i := fset.Position(from).Offset; i < fset.Position(to).Offset; i++ {
			if rest[i] != '\n' {
				rest[i] = ' '
			}
		}
	}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if names[declaredName(d)] != "" {
				blank(d.Pos(), d.End())
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if names[s.Name.Name] != "" {
						if len(d.Specs) > 1 {
							blank(s.Pos(), s.End())
						} else {
							blank(d.Pos(), d.End())
						}
					}
				case *ast.ValueSpec:
					if names[s.Names[0].Name] == "" {
						continue
					}
					if len(s.Names) > 1 {
						return nil, fmt.Errorf("%s: %s is declared together with others and cannot be cut", name, s.Names[0].Name)
					}
					if len(d.Specs) > 1 {
						blank(s.Pos(), s.End())
					} else {
						blank(d.Pos(), d.End())
					}
				}
			}
		}
	}
	if !done {
		return nil, nil
	}
	return dropImports(name, rest)
}

// declaredName returns the name of a function or, for a method, of its type.
func declaredName(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// dropImports makes the imports that a file does not use blank ones.
func dropImports(name string, source []byte) ([]byte, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, errors.Join(errors.New("after cutting"), err)
	}
	used := make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok {
				used[id.Name] = true
			}
		}
		return true
	})
	var out []byte
	done := 0
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		local := path.Base(p)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		// "math/rand/v2" is package rand.
		if spec.Name == nil && strings.HasPrefix(local, "v") && strings.Trim(local[1:], "0123456789") == "" {
			local = path.Base(path.Dir(p))
		}
		if local == "_" || local == "." || used[local] {
			continue
		}
		at := fset.Position(spec.Pos()).Offset
		end := fset.Position(spec.Path.Pos()).Offset
		out = append(out, source[done:at]...)
		out = append(out, "_ "...)
		done = end
	}
	return append(out, source[done:]...), nil
}
