// Surface prints the exported names of the packages that users import, each
// with its type, a line each and sorted, so that a change of the surface shows
// in review:
//
//	go run ./internal/surface -w   # writes docs/surface.txt
//	go run ./internal/surface      # prints the same, for .ci/run to compare
//
// It runs in the module's root, and covers nested modules as well.
package main

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const file = "docs/surface.txt"

func main() {
	log.SetFlags(0)
	write := flag.Bool("w", false, "write "+file+" instead of printing")
	flag.Parse()
	build.Default.CgoEnabled = false // packages are read as source
	var text strings.Builder
	if err := module(&text, "."); err != nil {
		log.Fatal(err)
	}
	if !*write {
		fmt.Print(text.String())
		return
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		log.Fatal(err)
	}
}

// module writes the surface of all packages below root that a user can import.
func module(text *strings.Builder, root string) error {
	fset := token.NewFileSet()
	importers := map[string]types.Importer{} // by module
	return filepath.WalkDir(root, func(dir string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case name == "internal", name == "testdata", name == "examples", name != "." && strings.HasPrefix(name, "."):
			return fs.SkipDir
		}
		found, err := build.Default.ImportDir(dir, 0)
		if _, none := err.(*build.NoGoError); none || err == nil && found.IsCommand() {
			return nil
		}
		if err != nil {
			return err
		}
		var files []*ast.File
		for _, name := range found.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			files = append(files, f)
		}
		if build.Default.Dir, err = moduleOf(dir); err != nil { // what the importer looks at
			return err
		}
		from, known := importers[build.Default.Dir]
		if !known {
			from = importer.ForCompiler(fset, "source", nil)
			importers[build.Default.Dir] = from
		}
		config := types.Config{Importer: from}
		pkg, err := config.Check(dir, fset, files, nil)
		if err != nil {
			return err
		}
		for _, line := range surface(pkg) {
			fmt.Fprintln(text, line)
		}
		return nil
	})
}

// moduleOf returns the folder of the module that dir is in.
func moduleOf(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, none := os.Stat(filepath.Join(dir, "go.mod")); none == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod")
		}
	}
	return "", err
}

// surface returns the lines of a package.
func surface(pkg *types.Package) []string {
	var lines []string
	line := func(format string, args ...any) {
		lines = append(lines, pkg.Name()+": "+fmt.Sprintf(format, args...))
	}
	qualified := func(other *types.Package) string {
		if other == pkg {
			return ""
		}
		return other.Name()
	}
	show := func(t types.Type) string { return types.TypeString(t, qualified) }
	signature := func(f types.Object) string { return f.Name() + strings.TrimPrefix(show(f.Type()), "func") }

	for _, name := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Const:
			line("const %s %s = %s", name, show(obj.Type()), obj.Val().ExactString())
		case *types.Var:
			line("var %s %s", name, show(obj.Type()))
		case *types.Func:
			line("func %s", signature(obj))
		case *types.TypeName:
			if obj.IsAlias() {
				line("type %s = %s", name, show(types.Unalias(obj.Type())))
				continue
			}
			title := show(obj.Type())
			switch u := obj.Type().Underlying().(type) {
			case *types.Struct:
				line("type %s struct", title)
				for f := range u.Fields() {
					if f.Exported() {
						line("type %s struct, %s %s", title, f.Name(), show(f.Type()))
					}
				}
			case *types.Interface:
				line("type %s interface", title)
				for m := range u.Methods() {
					line("type %s interface, %s", title, signature(m))
				}
				continue
			default:
				line("type %s %s", title, show(u))
			}
			values := types.NewMethodSet(obj.Type())
			for m := range types.NewMethodSet(types.NewPointer(obj.Type())).Methods() {
				if !m.Obj().Exported() {
					continue
				}
				receiver := title
				if values.Lookup(pkg, m.Obj().Name()) == nil {
					receiver = "*" + title
				}
				line("method (%s) %s", receiver, signature(m.Obj()))
			}
		}
	}
	slices.Sort(lines)
	return lines
}
