package evidence

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/contract/spec"
)

// sound is a document without a fault.
const sound = `{
	"openapi": "3.1.0",
	"info": {"title": "Pets", "version": "1"},
	"tags": [{"name": "Pets"}],
	"security": [{"key": []}],
	"paths": {
		"/pets": {
			"get": {
				"operationId": "listPets", "summary": "Lists", "tags": ["Pets"], "security": [{"key": []}],
				"parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "default": 20}}],
				"responses": {"200": {"description": "Pets.", "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}}}}}
			},
			"post": {
				"operationId": "addPet", "summary": "Adds", "tags": ["Pets"], "security": [{"key": []}],
				"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}, "example": {"id": 1, "name": "Rex"}}}},
				"responses": {"204": {"description": "Added."}, "404": {"$ref": "#/components/responses/NotFound"}}
			}
		},
		"/pets/{id}": {
			"get": {
				"operationId": "getPet", "summary": "Gets", "tags": ["Pets"], "security": [{"key": []}],
				"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
				"responses": {"200": {"description": "A pet.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}}
			}
		}
	},
	"components": {
		"schemas": {"Pet": {
			"type": "object", "required": ["id"],
			"properties": {"id": {"type": "integer"}, "name": {"type": "string", "pattern": "^[A-Z]"}},
			"x-live": {"description": "The id is text.", "patch": {"properties": {"id": {"type": "string"}}}}
		}},
		"responses": {"NotFound": {"description": "There is none."}},
		"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}
	}
}`

// broken are changes of the document, a text and what replaces it, each of which makes
// it wrong.
var broken = map[string][2]string{
	"a version that there is not":              {`"3.1.0"`, `"3.7.0"`},
	"no version":                               {`"openapi": "3.1.0",`, ``},
	"no title":                                 {`"title": "Pets", `, ``},
	"no version of the API":                    {`, "version": "1"`, ``},
	"two operations with one id":               {`"addPet"`, `"listPets"`},
	"no operationId":                           {`"operationId": "addPet", `, ``},
	"no responses":                             {`"responses": {"204": {"description": "Added."}, "404": {"$ref": "#/components/responses/NotFound"}}`, `"deprecated": false`},
	"empty responses":                          {`{"204": {"description": "Added."}, "404": {"$ref": "#/components/responses/NotFound"}}`, `{}`},
	"a response without description":           {`"204": {"description": "Added."}`, `"204": {}`},
	"a status that is none":                    {`"204"`, `"20"`},
	"a schema that is nowhere":                 {`"items": {"$ref": "#/components/schemas/Pet"}`, `"items": {"$ref": "#/components/schemas/Cat"}`},
	"a response that is nowhere":               {`#/components/responses/NotFound`, `#/components/responses/Gone`},
	"a reference to another document":          {`#/components/responses/NotFound`, `other.json#/NotFound`},
	"a path parameter that is not declared":    {`"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],`, ``},
	"a path parameter that is not in the path": {`{"name": "id", "in": "path"`, `{"name": "pet", "in": "path"`},
	"a path parameter that is optional":        {`"in": "path", "required": true`, `"in": "path"`},
	"a parameter without schema":               {`"in": "query", "schema": {"type": "integer", "default": 20}`, `"in": "query"`},
	"a parameter twice":                        {`"parameters": [{"name": "limit"`, `"parameters": [{"name": "limit", "in": "query", "schema": {}}, {"name": "limit"`},
	"a parameter in nowhere":                   {`"in": "query"`, `"in": "body"`},
	"a type that there is not":                 {`"id": {"type": "integer"}`, `"id": {"type": "int"}`},
	"required that is no list":                 {`"required": ["id"]`, `"required": "id"`},
	"properties that are a list":               {`"properties": {"id": {"type": "integer"}, "name": {"type": "string", "pattern": "^[A-Z]"}}`, `"properties": []`},
	"a pattern that is none":                   {`"^[A-Z]"`, `"^[A-Z"`},
	"a default of another type":                {`"default": 20`, `"default": "many"`},
	"an example that is not valid":             {`{"id": 1, "name": "Rex"}`, `{"id": "one"}`},
	"a field that there is not":                {`"summary": "Adds",`, `"summary": "Adds", "sumary": "",`},
	"a path without a slash":                   {`"/pets": {`, `"pets": {`},
	"two paths that are the same":              {`"/pets": {`, `"/pets/{name}": {"parameters": [{"name": "name", "in": "path", "required": true, "schema": {"type": "string"}}], "get": {"operationId": "x", "summary": "X", "tags": ["Pets"], "security": [], "responses": {"200": {"description": "X."}}}}, "/pets": {`},
	"a tag that is not described":              {`"summary": "Adds", "tags": ["Pets"]`, `"summary": "Adds", "tags": ["Cats"]`},
	"a security scheme that is nowhere":        {`"security": [{"key": []}],`, `"security": [{"cookie": []}],`},
	"JSON without a schema":                    {`{"schema": {"$ref": "#/components/schemas/Pet"}}`, `{}`},
	"a component that nobody uses":             {`"schemas": {`, `"schemas": {"Cat": {"type": "string"}, `},
	"a keyword of OpenAPI 3.0":                 {`"id": {"type": "integer"}`, `"id": {"type": "integer", "nullable": true}`},
	"a limit of OpenAPI 3.0":                   {`"id": {"type": "integer"}`, `"id": {"type": "integer", "minimum": 0, "exclusiveMinimum": true}`},
	"an x-live that says nothing":              {`"description": "The id is text.", `, ``},
	"an x-live with a member too much":         {`"description": "The id is text.",`, `"description": "The id is text.", "status": 400,`},
	"a patch that makes it wrong":              {`{"id": {"type": "string"}}}`, `{"id": {"type": "text"}}}`},
	"a patch that refers to nothing":           {`{"id": {"type": "string"}}}`, `{"id": {"$ref": "#/components/schemas/ID"}}}`},
}

// Each document that is broken on purpose is refused, and the one that is not is not.
func TestBrokenDocuments(t *testing.T) {
	t.Parallel()
	if found := complaints(parse(t, sound)); len(found) > 0 {
		t.Fatalf("the sound document: %v", found)
	}
	refusals := map[string]int{}
	for name, change := range broken {
		text := strings.Replace(sound, change[0], change[1], 1)
		if text == sound {
			t.Errorf("%s: nothing is changed", name)
			continue
		}
		found := complaints(parse(t, text))
		if len(found) == 0 {
			t.Errorf("%s: no complaint", name)
		}
		validators := map[string]bool{}
		for who := range found {
			who, _, _ = strings.Cut(who, " of ")
			validators[who] = true
		}
		for who := range validators {
			refusals[who]++
		}
	}
	for _, who := range slices.Sorted(maps.Keys(refusals)) {
		t.Logf("%s refuses %d of %d", who, refusals[who], len(broken))
	}
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	document, err := spec.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return document.Clone()
}
