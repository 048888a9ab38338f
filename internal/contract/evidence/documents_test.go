package evidence

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi/datamodel"

	"github.com/clawhq/clawhq-go/internal/contract/spec"
)

// Both documents are valid OpenAPI 3.1, as they are and with every patch of an x-live.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, document := range documents() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for who, complaints := range complaints(document.Clone()) {
				for _, c := range complaints {
					t.Errorf("%s: %s", who, c)
				}
			}
		})
	}
}

// complaints returns what validators say against a document and, where it differs, the
// document of the live service.
func complaints(root map[string]any) map[string][]string {
	document := spec.New(root)
	found := map[string][]string{"rules": rules(root)}
	for which, root := range map[string]map[string]any{"": root, " of x-live": document.LiveRoot()} {
		text, err := json.Marshal(root)
		if err != nil {
			panic(err)
		}
		examples := openapi3.EnableExamplesValidation()
		if which != "" {
			examples = openapi3.DisableExamplesValidation() // they show the documented service
		}
		if err := kin(text, examples); err != nil {
			found["kin-openapi"+which] = strings.Split(err.Error(), " | ")
		}
		if err := libOpenAPI(text); err != nil {
			found["libopenapi"+which] = strings.Split(err.Error(), "\n")
		}
	}
	for which, a := range map[string]*spec.API{"": document.Documented(), " of x-live": document.Live()} {
		if err := a.Compile(); err != nil {
			found["jsonschema"+which] = []string{err.Error()}
		}
		if which != "" {
			continue // examples show the documented service
		}
		for _, op := range slices.Concat(a.Operations(), a.Sent()) {
			for _, p := range a.CheckExamples(op) {
				found["examples"] = append(found["examples"], op.Pointer()+": "+p.String())
			}
		}
	}
	maps.DeleteFunc(found, func(_ string, complaints []string) bool { return len(complaints) == 0 })
	return found
}

func kin(text []byte, examples openapi3.ValidationOption) error {
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return err
	}
	return document.Validate(context.Background(), openapi3.EnableMultiError(), examples,
		openapi3.EnableSchemaDefaultsValidation(), openapi3.EnableSchemaFormatValidation())
}

func libOpenAPI(text []byte) error {
	quiet := datamodel.DocumentConfiguration{Logger: slog.New(slog.DiscardHandler)}
	document, err := libopenapi.NewDocumentWithConfiguration(text, &quiet)
	if err != nil {
		return err
	}
	_, err = document.BuildV3Model()
	return err
}

// rules returns what neither validator looks at.
func rules(root map[string]any) (complaints []string) {
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	if version, _ := root["openapi"].(string); !strings.HasPrefix(version, "3.1.") {
		complain("the version is %q", version)
	}
	document := spec.New(root)
	tags := map[string]bool{}
	for _, tag := range list(root["tags"]) {
		name, _ := object(tag)["name"].(string)
		tags[name] = true
	}
	for path, item := range object(root["paths"]) {
		for method, operation := range object(item) {
			o, here := object(operation), method+" "+path
			if !slices.Contains(spec.Methods, strings.ToUpper(method)) {
				continue
			}
			for _, name := range []string{"operationId", "summary", "security", "tags", "responses"} {
				if o[name] == nil {
					complain("%s: no %s", here, name)
				}
			}
			for _, status := range answersOf(root, o) {
				if object(o["responses"])[status] == nil {
					complain("%s: no response for status %s, which every such operation can answer", here, status)
				}
			}
			for status := range object(o["responses"]) {
				if !statuses.MatchString(status) {
					complain("%s: no reply has status %s", here, status)
				}
			}
			for _, tag := range list(o["tags"]) {
				if !tags[fmt.Sprint(tag)] {
					complain("%s: the tag %v is not described", here, tag)
				}
			}
		}
	}
	references := map[string]bool{}
	for pointer, o := range objects("", root) {
		if ref, ok := o["$ref"].(string); ok {
			references[ref] = true
		}
		if extension, ok := o["x-live"]; ok {
			x := object(extension)
			if text, _ := x["description"].(string); text == "" {
				complain("%s: the x-live says nothing", pointer)
			}
			for name, value := range x {
				if _, isObject := value.(map[string]any); name != "description" && !(name == "patch" && isObject) {
					complain("%s: the x-live has %s", pointer, name)
				}
			}
		}
		for _, example := range list(o["examples"]) {
			if p := document.Documented().CheckExample(pointer, example); isSchema(pointer) && len(p) > 0 {
				complain("%s: the example %v: %v", pointer, example, p)
			}
		}
		if _, ok := o["nullable"].(bool); ok {
			complain("%s: nullable is OpenAPI 3.0", pointer)
		}
		for mediaType, media := range object(o["content"]) {
			if strings.Contains(mediaType, "/") && object(media)["schema"] == nil {
				complain("%s: %s has no schema", pointer, mediaType)
			}
		}
	}
	for kind, components := range object(root["components"]) {
		for name := range object(components) {
			if kind != "securitySchemes" && !references["#/components/"+kind+"/"+name] {
				complain("nothing refers to the component %s/%s", kind, name)
			}
		}
	}
	slices.Sort(complaints)
	return complaints
}

// answersOf returns the statuses that the documents promise of every operation like this.
func answersOf(root, operation map[string]any) []string {
	schemes := object(object(root["components"])["securitySchemes"])
	switch {
	case schemes["controlToken"] != nil && operation["requestBody"] != nil:
		return []string{"400", "401", "403", "413"}
	case schemes["controlToken"] != nil:
		return []string{"400", "401", "403"}
	case schemes["apiKey"] != nil:
		return []string{"400", "401", "403", "429", "500", "default"}
	}
	return nil
}

var statuses = regexp.MustCompile(`^([1-5](\d\d|XX)|default)$`)

func object(v any) map[string]any { o, _ := v.(map[string]any); return o }

func list(v any) []any { l, _ := v.([]any); return l }

// objects returns the objects in a value by JSON Pointer, but for those in examples.
func objects(pointer string, v any) map[string]map[string]any {
	all := map[string]map[string]any{}
	switch v := v.(type) {
	case map[string]any:
		all[pointer] = v
		for name, member := range v {
			if name != "example" && name != "examples" {
				maps.Copy(all, objects(pointer+"/"+spec.Escape(name), member))
			}
		}
	case []any:
		for i, element := range v {
			maps.Copy(all, objects(fmt.Sprintf("%s/%d", pointer, i), element))
		}
	}
	return all
}
