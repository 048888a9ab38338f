package openapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/clawhq/clawhq-go/internal/js"
)

// Assemble returns the templates in one: document.json, to whose objects each of the
// others adds members. In their texts ${name} is the value of that name: a text that has nothing
// else becomes the value, be it a number or a list. A description may be a list of
// lines. Assemble panics if the templates do not fit together, or do not name each of the
// values and no others.
func Assemble(templates fs.FS, values map[string]any) js.Object {
	files, err := fs.Glob(templates, "*/*.json")
	if err != nil || len(files) == 0 {
		panic(fmt.Sprintf("openapi: templates %v: %v", files, err))
	}
	slices.SortStableFunc(files, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	whole, unnamed := js.Object{}, maps.Clone(values)
	for _, file := range files {
		text, err := fs.ReadFile(templates, file)
		if err == nil {
			err = json.Unmarshal(text, new(any))
		}
		if err != nil {
			panic(fmt.Sprintf("openapi: %s: %v", file, err))
		}
		for _, name := range placeholder.FindAllSubmatch(text, -1) {
			delete(unnamed, string(name[1]))
		}
		v, _ := js.Parse(text)
		whole = merge(file, whole, expand(v, values).(js.Object))
	}
	for name := range unnamed {
		panic("openapi: no template names " + name)
	}
	return whole
}

// rank puts document.json before the others.
func rank(file string) int {
	if path.Base(file) == "document.json" {
		return 0
	}
	return 1
}

// merge adds the members of an object to another's.
func merge(file string, o, more js.Object) js.Object {
	for _, m := range more {
		known, is := o.Get(m.Name)
		if !is {
			o = append(o, m)
			continue
		}
		a, isObject := known.(js.Object)
		b, both := m.Value.(js.Object)
		if !isObject || !both {
			panic(fmt.Sprintf("openapi: %s: %s is there twice", file, m.Name))
		}
		o = with(o, m.Name, merge(file, a, b))
	}
	return o
}

var placeholder = regexp.MustCompile(`\$\{(\w+)\}`)

// expand returns a value of a template with the values that it names.
func expand(v any, values map[string]any) any {
	switch v := v.(type) {
	case js.Object:
		o := make(js.Object, len(v))
		for i, m := range v {
			value := expand(m.Value, values)
			if lines, isList := value.([]any); isList && m.Name == "description" {
				value = js.Join(lines, "\n")
			}
			o[i] = js.Member{Name: m.Name, Value: value}
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = expand(element, values)
		}
		return list
	case string:
		if name := placeholder.FindStringSubmatch(v); name != nil && name[0] == v {
			return native(value(values, name[1]))
		}
		return placeholder.ReplaceAllStringFunc(v, func(name string) string {
			return spelled(value(values, placeholder.FindStringSubmatch(name)[1]))
		})
	}
	return v
}

func value(values map[string]any, name string) any {
	v, ok := values[name]
	if !ok {
		panic("openapi: a template names " + name + ", which is no value")
	}
	return v
}

// native returns a value as package js has it.
func native(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case []int:
		return natives(v)
	case []string:
		return natives(v)
	}
	return v
}

func natives[T any](list []T) []any {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = native(v)
	}
	return all
}

// spelled returns a value as prose has it: 10,000 and a, b, c.
func spelled(v any) string {
	switch v := v.(type) {
	case int:
		text := strconv.Itoa(v)
		for i := len(text) - 3; i > 0; i -= 3 {
			text = text[:i] + "," + text[i:]
		}
		return text
	case []int:
		return spelledAll(v)
	case []string:
		return spelledAll(v)
	}
	return fmt.Sprint(v)
}

func spelledAll[T any](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = spelled(v)
	}
	return strings.Join(texts, ", ")
}
