package proof_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// verbs are the verbs of package fmt, with the flags that change their output.
var verbs = []string{
	"%v", "%+v", "%#v", "%T", "%t", "%b", "%c", "%d", "%o", "%O", "%q", "%+q", "%#q", "%x", "%X", "% x", "%# X", "%U", "%#U",
	"%e", "%f", "%g", "%s", "%p", "%w",
}

// An exhibition prints values in every way, and searches the output for secrets.
type exhibition struct {
	t      *testing.T
	probes map[string][]string // texts to search for, by how a value is printed; those under "" always

	types                         map[string]bool // types of the values that were shown
	seen                          map[string]bool
	values, texts, size, redacted int
	found                         int
}

// secret adds a secret to the texts that must not appear: the whole and each half,
// in the forms that print verbs and encodings give to a text.
func (x *exhibition) secret(s string) {
	if x.probes == nil {
		x.probes = map[string][]string{}
	}
	add := func(how, probe string) { x.probes[how] = append(x.probes[how], probe) }
	for _, half := range []string{s[:len(s)/2], s[len(s)/2:]} {
		add("", half)
		for _, verb := range verbs {
			if verb == "%T" || verb == "%p" { // they do not print the value itself
				continue
			}
			add(verb, strings.Trim(strings.TrimPrefix(fmt.Sprintf(verb, []byte(half)), "[]byte"), "[]{}\"`"))
			add(verb, strings.Trim(fmt.Sprintf(verb, half), "\"`"))
		}
		for _, how := range []string{"%v", "%w", "slog text", "slog JSON"} { // the last two print some values as %+v does
			add(how, strings.Trim(fmt.Sprint([]byte(half)), "[]"))
		}
		for offset := range 3 { // within a group of three bytes
			text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", offset) + half))
			bits := 8 * (offset + len(half))
			for _, how := range []string{"JSON", "slog JSON", "slog text"} {
				add(how, text[(8*offset+5)/6:bits/6])
			}
		}
	}
}

// find returns the first secret that a text contains, or nothing.
func (x *exhibition) find(how, text string) string {
	for _, probes := range [][]string{x.probes[""], x.probes[how]} {
		for _, probe := range probes {
			if i := strings.Index(text, probe); i >= 0 {
				return fmt.Sprintf("%q in …%s…", probe, text[max(0, i-100):min(len(text), i+len(probe)+20)])
			}
		}
	}
	return ""
}

// search looks for secrets in a text.
func (x *exhibition) search(what, how, text string) {
	x.texts++
	x.size += len(text)
	if strings.Contains(text, "clw_a1b2c3d4…") {
		x.redacted++
	}
	if found := x.find(how, text); found != "" && x.found < 20 { // a single leak appears in hundreds of texts
		x.found++
		x.t.Errorf("%s %s: found %s", what, how, found)
	}
}

// show prints a value in every way, by itself and inside other values, and looks for
// secrets in the output.
func (x *exhibition) show(v any) {
	typ := reflect.TypeOf(v)
	name := typ.String()
	if again := fmt.Sprintf("%s %+v", name, v); x.seen[again] {
		return
	} else {
		x.seen[again] = true
	}
	if elem := reflect.ValueOf(v); typ.Kind() == reflect.Pointer && !elem.IsNil() {
		name = typ.Elem().String()
		if token.IsExported(typ.Elem().Name()) { // the value as well as the pointer
			x.show(elem.Elem().Interface())
		}
	}
	if generic := strings.Index(name, "["); generic > 0 {
		name = name[:generic]
	}
	x.types[name] = true
	x.values++
	pointer := reflect.New(typ)
	pointer.Elem().Set(reflect.ValueOf(v))
	for in, shown := range map[string]any{"": v, " behind a pointer": pointer.Interface(), " in a field": struct{ V any }{v}, " in an unexported field": struct{ v any }{v}} {
		for how, text := range renderings(shown) {
			x.search(fmt.Sprintf("%T%s", v, in), how, text)
		}
	}
	// Other packages than fmt may print values that no verb reaches.
	reach(reflect.ValueOf(v), map[uintptr]bool{}, func(s string) { x.search(fmt.Sprintf("%T", v), "by reflection", s) })
	if err, ok := v.(error); ok {
		x.showCauses(err)
	}
}

// showCauses shows the errors that err wraps, except those of the transport.
func (x *exhibition) showCauses(err error) {
	var causes []error
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		causes = append(causes, err.Unwrap())
	case interface{ Unwrap() []error }:
		causes = err.Unwrap()
	}
	for _, cause := range causes {
		var loud loudError
		if cause == nil || errors.As(cause, &loud) && !strings.HasPrefix(fmt.Sprintf("%T", cause), "*clawhq.") {
			continue
		}
		x.show(cause)
	}
}

// renderings returns a value as printed in many ways.
func renderings(v any) map[string]string {
	texts := map[string]string{}
	for _, verb := range verbs {
		texts[verb] = fmt.Sprintf(verb, v)
	}
	if b, err := json.Marshal(v); err == nil {
		texts["JSON"] = string(b)
	}
	for _, format := range []string{"text", "JSON"} {
		var b bytes.Buffer
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			logger(format, &b).Log(context.Background(), level, "shown", "v", v, slog.Group("g", "v", v))
		}
		texts["slog "+format] = b.String()
	}
	return texts
}

// logger returns a logger for all levels, in a format of package slog.
func logger(format string, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: slog.LevelDebug}
	if format == "JSON" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// reach calls visit with every text that reflection finds in v, through
// pointers and unexported fields. It leaves out values of other
// modules' types.
func reach(v reflect.Value, seen map[uintptr]bool, visit func(string)) {
	if !v.IsValid() || v.Type() == reflect.TypeFor[loudError]() {
		return
	}
	if p := v.Type().PkgPath(); strings.Contains(p, ".") && !strings.HasPrefix(p, "github.com/clawhq/clawhq-go") ||
		p != "" && !strings.Contains(p, ".") && v.Kind() == reflect.Struct {
		return
	}
	switch v.Kind() {
	case reflect.String:
		visit(v.String())
	case reflect.Pointer:
		if !v.IsNil() && !seen[v.Pointer()] {
			seen[v.Pointer()] = true
			reach(v.Elem(), seen, visit)
		}
	case reflect.Interface:
		reach(v.Elem(), seen, visit)
	case reflect.Struct:
		for i := range v.NumField() {
			reach(v.Field(i), seen, visit)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			reach(k, seen, visit)
			reach(v.MapIndex(k), seen, visit)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			visit(fmt.Sprintf("%s", v))
			return
		}
		for i := range v.Len() {
			reach(v.Index(i), seen, visit)
		}
	}
}

// exportedTypes returns the names of the exported types of a package, as reflection
// writes them. Interfaces are left out, since they have no values of their own.
func exportedTypes(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			decl, ok := decl.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			for _, spec := range decl.Specs {
				spec := spec.(*ast.TypeSpec)
				if _, ok := spec.Type.(*ast.InterfaceType); ok || !spec.Name.IsExported() {
					continue
				}
				if spec.Assign.IsValid() { // an alias
					names[types.ExprString(spec.Type)] = true
				} else {
					names[file.Name.Name+"."+spec.Name.Name] = true
				}
			}
		}
	}
	return names
}
