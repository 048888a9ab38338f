package openapi

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A failure is an error that a template says an operation may answer: one of /v1 with
// a code, or a flat one with a status.
type failure struct {
	code, when, message, param string
	status                     int
	live                       any // what the live service does differently, or nil
}

// failures reads those of a template.
func failures(list any) (all []failure) {
	entries, _ := list.([]any)
	for _, entry := range entries {
		o := entry.(js.Object)
		f := failure{code: text(o, "code"), when: text(o, "when"), message: text(o, "message"), param: text(o, "param")}
		f.live, _ = o.Get(LiveExtension)
		if status, ok := o.Get("status"); ok {
			f.status = int(status.(float64))
		} else if known, ok := wire.Codes[f.code]; ok {
			f.status = known.Status
		} else {
			panic("openapi: there is no error code " + f.code)
		}
		all = append(all, f)
	}
	return all
}

// exampleRequestID is the request id of examples.
const exampleRequestID = wire.RequestIDStart + "9e5ddf1581b84988b5c8df0359be760c"

// example returns the body of a failure.
func (f failure) example() js.Object {
	if f.code == "" {
		return object("error", f.message)
	}
	e := object("code", f.code, "message", f.message, "type", wire.Codes[f.code].Type, "request_id", exampleRequestID)
	if f.param != "" {
		e = append(e, js.Member{Name: "param", Value: f.param})
	}
	return object("error", e)
}

// says tells when the failure is answered.
func (f failure) says() string {
	if f.code == "" {
		return f.when
	}
	return "`" + f.code + "`: " + f.when
}

// schema names the schema of the failure.
func (f failure) schema() string {
	if f.code == "" {
		return "FlatError"
	}
	return "Error" + strconv.Itoa(f.status)
}

// response returns the response of all failures with one status.
func response(all []failure) js.Object {
	var says, schemas []string
	var live any
	examples := js.Object{}
	for i, f := range all {
		says = append(says, f.says())
		name := f.code
		if name == "" || member(examples, name) != nil {
			name = "example_" + strconv.Itoa(i+1)
		}
		examples = append(examples, js.Member{Name: name, Value: object("summary", f.when, "value", f.example())})
		if !slices.Contains(schemas, f.schema()) {
			schemas = append(schemas, f.schema())
		}
		if f.live != nil {
			live = f.live
		}
	}
	r := object("description", says[0])
	if len(says) > 1 {
		r = object("description", "- "+strings.Join(says, "\n- "))
	}
	schema := Ref("schemas", schemas[0])
	if len(schemas) > 1 {
		either := []any{}
		for _, name := range schemas {
			either = append(either, Ref("schemas", name))
		}
		schema = object("anyOf", either)
	} else if all[0].code != "" {
		names := idHeaders
		if all[0].status == http.StatusTooManyRequests {
			names = append(names[:len(names):len(names)], wire.HeaderRetryAfter)
		}
		r = with(r, "headers", headersOf(names))
	}
	r = with(r, "content", object(wire.ContentTypeJSON, object("schema", schema, "examples", examples)))
	if live != nil {
		r = with(r, LiveExtension, live)
	}
	return r
}

// statusName names the response of a status.
func statusName(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

// errorSchemas returns a schema for the errors of each status: the general one, with
// the codes and types of the tables. Only a bad request names a parameter.
func errorSchemas(general js.Object) js.Object {
	schemas := js.Object{}
	for _, status := range slices.Sorted(maps.Keys(ofStatus(wire.Codes))) {
		narrowed := narrow(wire.Codes, status)
		schema := overlaid(general, narrowed)
		if status != http.StatusBadRequest {
			inner := member(member(schema, "properties"), "error")
			inner = with(inner, "properties", without(member(inner, "properties"), "param"))
			schema = with(schema, "properties", object("error", inner))
		}
		schema = with(schema, "description", fmt.Sprintf("An error with status %d.", status))
		live := maps.Clone(wire.Codes)
		maps.Copy(live, wire.LiveCodes)
		if patch := narrow(live, status); !reflect.DeepEqual(patch, narrowed) {
			var says []string
			for _, code := range ofStatus(live)[status] {
				says = append(says, "`"+code+"` of type `"+live[code].Type+"`")
			}
			schema = with(schema, LiveExtension, object("description", "This status has "+strings.Join(says, " and ")+".", "patch", patch))
		}
		schemas = append(schemas, js.Member{Name: "Error" + strconv.Itoa(status), Value: schema})
	}
	return schemas
}

// ofStatus returns the codes of each status.
func ofStatus(table map[string]wire.Code) map[int][]string {
	codes := map[int][]string{}
	for _, code := range slices.Sorted(maps.Keys(table)) {
		codes[table[code].Status] = append(codes[table[code].Status], code)
	}
	return codes
}

// narrow returns what the schema of an error has for the codes of a status.
func narrow(table map[string]wire.Code, status int) js.Object {
	var types []string
	codes := ofStatus(table)[status]
	for _, code := range codes {
		types = append(types, table[code].Type)
	}
	slices.Sort(types)
	return object("properties", object("error", object("properties", object(
		"code", object("enum", natives(codes)),
		"type", object("enum", natives(slices.Compact(types))),
	))))
}
