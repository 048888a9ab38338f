package spec

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/clawhq/clawhq-go/internal/sse"
)

// An Exchange is a request and its reply.
type Exchange struct {
	Method string
	URL    string // path and query
	Header http.Header
	Body   []byte

	Status      int
	ReplyHeader http.Header
	Reply       []byte
	Cut         bool // whether the connection ended before the reply did
}

// Check returns the ways in which an exchange is not as the document has it. The
// request counts if it was not refused, since what is refused may be anything.
func (a *API) Check(x Exchange) []Problem { return append(a.checkRequest(x), a.checkReply(x)...) }

func (a *API) checkReply(x Exchange) []Problem {
	op := a.operation(x)
	if op == nil {
		path, _, _ := strings.Cut(x.URL, "?")
		return []Problem{{Kind: KindOperation, At: x.Method + " " + path}}
	}
	responses := op.at.member("responses")
	response := responseTo(responses, x.Status)
	if !response.exists() {
		return []Problem{{Kind: KindStatus, At: "status", Want: strings.Join(responses.names(), ", "), Got: itoa(x.Status), Schema: responses.pointer}}
	}
	response = response.resolved()
	return append(a.checkHeaders(response.member("headers"), x.ReplyHeader), a.checkContent(response.member("content"), x)...)
}

func (a *API) operation(x Exchange) *Operation {
	path, _, _ := strings.Cut(x.URL, "?")
	op, _ := a.Find(x.Method, path)
	return op
}

func (a *API) names(x Exchange) bool {
	op := a.operation(x)
	return op != nil && responseTo(op.at.member("responses"), x.Status).name() != "default"
}

// responseTo returns what an operation says of replies with a status.
func responseTo(responses place, status int) (response place) {
	code := itoa(status)
	for _, name := range []string{code, code[:1] + "XX", "default"} {
		if response = responses.member(name); response.exists() {
			break
		}
	}
	return response
}

func (a *API) checkRequest(x Exchange) []Problem {
	path, query, _ := strings.Cut(x.URL, "?")
	op, params := a.Find(x.Method, path)
	if op == nil || x.Status >= 300 {
		return nil
	}
	return a.checkCall(openURL, op, x, params, query)
}

// checkSent checks a request that the service sends: see Document.CheckSent.
func (a *API) checkSent(name string, x Exchange) []Problem {
	op, ok := a.sent[name]
	if !ok {
		return []Problem{{Kind: KindOperation, At: name, Schema: "/webhooks"}}
	}
	return a.checkCall(closedURL, op, x, nil, "")
}

func (a *API) checkCall(resource string, op *Operation, x Exchange, params map[string]string, query string) (found []Problem) {
	q, _ := url.ParseQuery(query) // the service reads what it can
	for _, p := range op.parameters {
		name, in := p.text("name"), p.text("in")
		var value string
		var given bool
		switch in {
		case "path":
			value, given = params[name]
		case "query":
			value, given = q.Get(name), q.Has(name)
		case "header":
			value, given = x.Header.Get(name), len(x.Header.Values(name)) > 0
		default:
			continue
		}
		found = append(found, a.checkText(in+" "+name, p, value, given)...)
	}
	body := op.at.member("requestBody").resolved()
	switch {
	case !body.exists():
	case len(x.Body) == 0:
		if body.member("required").value == true {
			found = append(found, Problem{Kind: KindMissing, At: "request", Schema: body.pointer})
		}
	default:
		content := body.member("content")
		given := x.Header.Get("Content-Type")
		if given == "" && len(content.names()) > 0 {
			given = content.names()[0]
		}
		found = append(found, a.checkBody(resource, "request", content, given, x.Body, false)...)
	}
	return found
}

// checkText checks what is text in HTTP and may be a number or a list in the schema.
func (a *API) checkText(at string, holder place, value string, given bool) []Problem {
	if !given {
		if holder.member("required").value == true {
			return []Problem{{Kind: KindMissing, At: at, Schema: holder.pointer}}
		}
		return nil
	}
	schema, err := a.schema(openURL, holder.member("schema"))
	if err != nil {
		return []Problem{{Kind: KindDocument, At: at, Got: err.Error(), Schema: holder.pointer}}
	}
	readings := []any{value}
	if v, err := jsonschema.UnmarshalJSON(strings.NewReader(value)); err == nil {
		switch v.(type) {
		case json.Number, bool:
			readings = append(readings, v)
		}
	}
	for _, reading := range readings {
		if err = schema.Validate(reading); err == nil {
			return nil
		}
	}
	return a.problems(at, err)
}

// headersOfHTTP are those that every reply may have, whatever the API.
var headersOfHTTP = []string{"Content-Type", "Content-Length", "Content-Encoding", "Date", "Connection", "Transfer-Encoding", "Cache-Control",
	"Vary", "Server", "Etag", "Keep-Alive", "Trailer", "X-Content-Type-Options", "Strict-Transport-Security", "Alt-Svc", "Via"}

func (a *API) checkHeaders(headers place, got http.Header) (found []Problem) {
	named := slices.Clone(headersOfHTTP)
	for _, header := range headers.members() {
		name := http.CanonicalHeaderKey(header.name())
		named = append(named, name)
		found = append(found, a.checkText("reply header "+header.name(), header.resolved(), got.Get(name), got[name] != nil)...)
	}
	for name := range got {
		if !slices.Contains(named, name) && !strings.HasPrefix(name, "Access-Control-") {
			found = append(found, Problem{Kind: KindNew, At: "reply header " + name, Schema: headers.pointer})
		}
	}
	slices.SortFunc(found, func(a, b Problem) int { return strings.Compare(a.At, b.At) })
	return found
}

func (a *API) checkContent(content place, x Exchange) []Problem {
	given := x.ReplyHeader.Get("Content-Type")
	switch {
	case x.Method == http.MethodHead, len(content.names()) == 0 && len(x.Reply) == 0:
		return nil
	case len(x.Reply) == 0 && given == "":
		return []Problem{{Kind: KindMediaType, At: "reply", Want: strings.Join(content.names(), ", "), Got: "an empty body", Schema: content.pointer}}
	}
	return a.checkBody(closedURL, "reply", content, given, x.Reply, x.Cut)
}

// checkBody checks a body by the schema of its media type.
func (a *API) checkBody(resource, at string, content place, contentType string, body []byte, cut bool) []Problem {
	mediaType, params, err := mime.ParseMediaType(contentType)
	media := content.member(mediaType)
	if err != nil || !media.exists() {
		want := strings.Join(content.names(), ", ")
		if want == "" {
			want = "no body"
		}
		return []Problem{{Kind: KindMediaType, At: at, Want: want, Got: mediaType, Schema: content.pointer}}
	}
	whole := media.member("schema")
	if events := media.member(itemSchema); events.exists() {
		whole = events
	}
	schema, err := a.schema(resource, whole)
	switch {
	case err != nil:
		return []Problem{{Kind: KindDocument, At: at, Got: err.Error(), Schema: media.pointer}}
	case cut && mediaType != "text/event-stream":
		return nil // what is left of it is no value
	}
	var value any
	switch mediaType {
	case "application/json":
		value, err = jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err != nil {
			return []Problem{{Kind: KindSyntax, At: at, Want: "JSON", Schema: media.pointer}}
		}
	case "text/event-stream":
		if text, err := a.schema(resource, media.member("schema")); err == nil && text != schema {
			if err := text.Validate(string(body)); err != nil {
				return a.problems(at, err)
			}
		}
		return a.checkEvents(at, media, schema, body, cut)
	case "multipart/form-data":
		if value, err = form(body, params["boundary"]); err != nil {
			return []Problem{{Kind: KindSyntax, At: at, Want: "a form", Schema: media.pointer}}
		}
	default:
		value = string(body)
	}
	if err := schema.Validate(value); err != nil {
		return a.problems(at, err)
	}
	return nil
}

// itemSchema is the name of the schema of each event's data in a stream.
const itemSchema = "x-itemSchema"

// lastEvent is the name of the data with which a whole stream ends.
const lastEvent = "x-lastEvent"

// checkEvents checks the data of each event of a stream.
func (a *API) checkEvents(at string, media place, schema *jsonschema.Schema, body []byte, cut bool) (found []Problem) {
	done, ends := media.member(lastEvent).value.(string)
	d := sse.NewDecoder(bytes.NewReader(body), len(body)+1)
	for i, last := 0, ""; ; i++ {
		event, err := d.Next()
		if err != nil {
			if ends && last != done && !cut {
				found = append(found, Problem{Kind: KindSyntax, At: at, Want: "a stream that ends with " + done, Schema: media.pointer})
			}
			return found
		}
		if last = string(event.Data); ends && last == done {
			continue
		}
		here := at + "/" + itoa(i)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(event.Data))
		if err != nil {
			found = append(found, Problem{Kind: KindSyntax, At: here, Want: "an event of JSON", Schema: media.pointer})
		} else if err := schema.Validate(value); err != nil {
			found = append(found, a.problems(here, err)...)
		}
	}
}

// form returns the fields of a form, as the schema of one has them: a file is text.
func form(body []byte, boundary string) (map[string]any, error) {
	fields := map[string]any{}
	for r := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := r.NextPart()
		if err == io.EOF {
			return fields, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		if _, isThere := fields[part.FormName()]; !isThere { // the first counts
			fields[part.FormName()] = string(content)
		}
	}
}
