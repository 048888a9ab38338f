package spec

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const pets = `{
	"openapi": "3.1.0",
	"servers": [{"url": "https://pets.example/api"}],
	"paths": {
		"/pets": {
			"get": {
				"parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer"}, "x-live": {"description": "Anything goes."}}],
				"responses": {
					"200": {
						"description": "Pets.",
						"headers": {"X-Request-Id": {"required": true, "schema": {"type": "string"}}, "X-Left": {"schema": {"type": "integer"}}},
						"content": {"application/json": {"schema": {"type": "object", "required": ["pets"], "properties": {"pets": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}}}}}
					},
					"default": {"description": "An accident.", "content": {"text/html": {"schema": {"type": "string"}}}, "x-live": {"description": "Or nothing."}}
				}
			},
			"post": {
				"requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
				"responses": {"204": {"description": "Added."}}
			}
		},
		"/pets/watch": {"get": {"responses": {"200": {"description": "Events.", "content": {"text/event-stream": {"schema": {"type": "string"}, "x-itemSchema": {"$ref": "#/components/schemas/Pet"}, "x-lastEvent": "[DONE]"}}}}}},
		"/pets/{id}": {"get": {"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^[0-9]+$"}}],
			"responses": {"200": {"description": "A dog.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Dog"}}}}}}}
	},
	"webhooks": {"born": {"post": {"requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}, "responses": {"default": {"description": "."}}}}},
	"components": {"schemas": {
		"Pet": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "x-live": {"description": "Text.", "patch": {"type": "string"}}}, "kind": {"enum": ["cat", "dog"]}}},
		"Dog": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"type": "object", "properties": {"tail": {"type": "boolean"}}}]}
	}}
}`

func TestCheck(t *testing.T) {
	t.Parallel()
	document, err := Parse(strings.NewReader(pets))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, call, request string
		status              int
		contentType, reply  string
		header              string // in place of X-Request-Id, name and value
		want                How
		problems            string
	}{
		{name: "as documented", call: "GET /api/pets?limit=1", status: 200, reply: `{"pets":[{"id":1,"kind":"cat"}]}`, want: Documented},
		{name: "by a patch", call: "GET /api/pets", status: 200, reply: `{"pets":[{"id":"1"}]}`, want: Live},
		{name: "under words, a request", call: "GET /api/pets?limit=few", status: 200, reply: `{"pets":[]}`, want: Noted},
		{name: "under words, a reply", call: "GET /api/pets", status: 500, contentType: "-", want: Noted},
		{name: "no words for JSON", call: "GET /api/pets", status: 200, reply: `{}`, problems: "reply/pets: missing"},
		{name: "a new member", call: "GET /api/pets", status: 200, reply: `{"pets":[{"id":1,"age":3}]}`, problems: "reply/pets/0/age: new"},
		{name: "another type", call: "GET /api/pets", status: 200, reply: `{"pets":{}}`, problems: "reply/pets: type, want array, got object"},
		{name: "no value of those", call: "GET /api/pets", status: 200, reply: `{"pets":[{"id":1,"kind":"cow"}]}`, problems: "reply/pets/0/kind: value, want one of cat, dog, got cow"},
		{name: "a value that may be private", call: "GET /api/pets", status: 200, reply: `{"pets":[{"id":1,"kind":"my own cat"}]}`, problems: "reply/pets/0/kind: value, want one of cat, dog, got another text"},
		{name: "no header", call: "GET /api/pets", status: 200, header: "X-Left 7", reply: `{"pets":[]}`, problems: "reply header X-Request-Id: missing"},
		{name: "a new header", call: "GET /api/pets", status: 200, header: "X-Cost 7", reply: `{"pets":[]}`, problems: "reply header X-Cost: new; reply header X-Request-Id: missing"},
		{name: "another content type", call: "GET /api/pets", status: 200, contentType: "text/plain", reply: "pets", problems: "reply: content type, want application/json, got text/plain"},
		{name: "no JSON", call: "GET /api/pets", status: 200, reply: "pets", problems: "reply: syntax, want JSON"},
		{name: "a status that there is not", call: "POST /api/pets", request: `{"id":1}`, status: 500, problems: "status: status, want 204, got 500"},
		{name: "a request", call: "POST /api/pets", request: `{"id":1,"colour":"red"}`, status: 204, contentType: "-", want: Documented},
		{name: "a wrong request", call: "POST /api/pets", request: `{"id":true}`, status: 204, contentType: "-", problems: "request/id: type, want integer, got boolean"},
		{name: "no request", call: "POST /api/pets", status: 204, contentType: "-", problems: "request: missing"},
		{name: "a body too much", call: "POST /api/pets", request: `{"id":1}`, status: 204, contentType: "text/plain", reply: "ok", problems: "reply: content type, want no body, got text/plain"},
		{name: "the whole of parts", call: "GET /api/pets/7", status: 200, reply: `{"id":1,"tail":true}`, want: Documented},
		{name: "too much of parts", call: "GET /api/pets/7", status: 200, reply: `{"id":1,"ears":2}`, problems: "reply/ears: new"},
		{name: "a wrong part", call: "GET /api/pets/7", status: 200, reply: `{"id":true,"tail":true}`, problems: "reply/id: type, want integer, got boolean"},
		{name: "a wrong parameter", call: "GET /api/pets/rex", status: 200, reply: `{"id":1}`, problems: "path id: value, want pattern ^[0-9]+$"},
		{name: "a stream", call: "GET /api/pets/watch", status: 200, contentType: "text/event-stream", reply: "data: {\"id\":1}\n\ndata: [DONE]\n\n", want: Documented},
		{name: "a stream that breaks off", call: "GET /api/pets/watch", status: 200, contentType: "text/event-stream", reply: "data: {\"id\":1}\n\n", problems: "reply: syntax, want a stream that ends with [DONE]"},
		{name: "a wrong event", call: "GET /api/pets/watch", status: 200, contentType: "text/event-stream", reply: "data: {}\n\ndata: [DONE]\n\n", problems: "reply/0/id: missing"},
		{name: "no operation", call: "DELETE /api/pets", status: 200, problems: "DELETE /api/pets: operation"},
		{name: "HEAD", call: "HEAD /api/pets", status: 200, want: Documented},
	} {
		method, url, _ := strings.Cut(tt.call, " ")
		x := Exchange{Method: method, URL: url, Body: []byte(tt.request), Status: tt.status, Reply: []byte(tt.reply), ReplyHeader: http.Header{}}
		switch tt.contentType {
		case "":
			x.ReplyHeader.Set("Content-Type", "application/json")
		case "-":
		default:
			x.ReplyHeader.Set("Content-Type", tt.contentType)
		}
		if name, value, ok := strings.Cut(tt.header, " "); ok {
			x.ReplyHeader.Set(name, value)
		} else if strings.HasSuffix(strings.Split(url, "?")[0], "/pets") && method != "POST" && tt.status == 200 {
			x.ReplyHeader.Set("X-Request-Id", "1")
		}
		problems, how := document.Check(x)
		var got []string
		for _, p := range problems {
			p.Schema = ""
			got = append(got, p.String())
		}
		if diff := cmp.Diff(tt.problems, strings.Join(got, "; ")); diff != "" || how != tt.want {
			t.Errorf("%s: %v, want %v (-want +got):\n%s", tt.name, how, tt.want, diff)
		}
	}
}

// What the service sends is closed, as its replies are.
func TestCheckSent(t *testing.T) {
	t.Parallel()
	document, err := Parse(strings.NewReader(pets))
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]How{`{"id":1}`: Documented, `{"id":"1"}`: Live, `{"id":1,"age":1}`: Invalid, ``: Invalid} {
		if _, got := document.CheckSent("born", Exchange{Body: []byte(body)}); got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
	if _, got := document.CheckSent("died", Exchange{}); got != Invalid {
		t.Errorf("an event that there is not: %v", got)
	}
}

// The examples of RFC 7396, appendix A, that concern objects.
func TestPatched(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		read := func(text string) map[string]any {
			d, err := Parse(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			return d.Clone()
		}
		if diff := cmp.Diff(any(read(tt[2])), patched(read(tt[0]), read(tt[1]))); diff != "" {
			t.Errorf("%s with %s (-want +got):\n%s", tt[0], tt[1], diff)
		}
	}
}
