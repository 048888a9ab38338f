// Package recorded has recorded exchanges with the live service. Tests decode the
// replies with the client, and send the requests to the reference server:
//
//	for _, e := range recorded.All() {
//		…
//	}
//
// Hop-by-hop, CORS and date headers were removed from the recordings.
package recorded

import (
	"bufio"
	"embed"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

//go:embed testdata/*.http
var files embed.FS

// Exchange is a recorded request and its reply.
type Exchange struct {
	Name   string // name of the file, without its extension
	Method string
	URL    string // path and query, such as /api/v1/agents?limit=1
	Header http.Header
	body   string // long bodies are cut

	Status      int // of the reply
	ReplyHeader http.Header
	Reply       string
}

// All returns every exchange, sorted by name.
func All() []Exchange {
	entries, err := files.ReadDir("testdata")
	if err != nil {
		panic(err)
	}
	exchanges := make([]Exchange, len(entries))
	for i, entry := range entries {
		text, err := files.ReadFile(path.Join("testdata", entry.Name()))
		if err == nil {
			exchanges[i], err = parse(string(text))
		}
		if err != nil {
			panic(fmt.Sprintf("recorded: %s: %v", entry.Name(), err))
		}
		exchanges[i].Name = strings.TrimSuffix(entry.Name(), ".http")
	}
	return exchanges
}

// Get returns the exchange with that name.
func Get(name string) Exchange {
	for _, e := range All() {
		if e.Name == name {
			return e
		}
	}
	panic("recorded: there is no " + name)
}

func parse(text string) (e Exchange, err error) {
	request, response, ok := strings.Cut(text, "\n< RESPONSE\n")
	request, ok2 := strings.CutPrefix(request, "> REQUEST\n")
	if !ok || !ok2 {
		return e, fmt.Errorf("no request and response")
	}
	head, body, _ := strings.Cut(request, "\n\n")
	line, fields, _ := strings.Cut(head, "\n")
	e.Method, e.URL, _ = strings.Cut(line, " ")
	e.body = strings.TrimSuffix(body, "\n")
	e.Header = http.Header{}
	for field := range strings.Lines(fields) {
		name, value, _ := strings.Cut(strings.TrimSpace(field), ": ")
		e.Header.Add(name, value)
	}

	// A reply to HEAD has no body, whatever its header says.
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(response)), &http.Request{Method: e.Method})
	if err != nil {
		return e, err
	}
	reply, err := io.ReadAll(resp.Body)
	e.Status, e.ReplyHeader, e.Reply = resp.StatusCode, resp.Header, string(reply)
	if !strings.HasSuffix(e.Reply, "\n\n") { // the end of a stream
		e.Reply = strings.TrimSuffix(e.Reply, "\n") // the end of the file
	}
	return e, err
}

// Body returns the request's body. A long body was cut, to an ellipsis and its
// length. Body makes up the rest: it continues a run of one character, or the
// requests of a batch, up to that length.
func (e Exchange) Body() []byte {
	boundary, isForm := strings.CutPrefix(e.Header.Get("Content-Type"), "multipart/form-data; boundary=")
	body := e.body
	if isForm {
		body = form(body, boundary)
	}
	if cut := cutShort.FindStringSubmatchIndex(body); cut != nil {
		length, _ := strconv.Atoi(body[cut[2]:cut[3]]) // cannot fail: the expression matches digits
		body = goOn(body[:cut[0]], length, boundary)
	}
	return []byte(body)
}

var cutShort = regexp.MustCompile(`\.\.\. \((\d+) bytes\)$`)

// form returns a multipart form with its carriage returns, and with the bytes that a
// text file cannot have.
func form(text, boundary string) string {
	parts := strings.Split(text, "--"+boundary)
	for i, part := range parts {
		head, content, ok := strings.Cut(part, "\n\n")
		if !ok {
			parts[i] = strings.ReplaceAll(part, "\n", "\r\n") // this ends the form
			continue
		}
		if png, isPNG := strings.CutPrefix(content, "\u0089PNG\n"); isPNG {
			content = "\x89PNG\r\n" + png
		}
		if whole, ok := strings.CutSuffix(content, "\n"); ok {
			content = whole + "\r\n" // belongs to the boundary
		}
		parts[i] = strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + content
	}
	body := strings.Join(parts, "--"+boundary)
	if strings.HasSuffix(body, "--"+boundary+"--") {
		body += "\r\n"
	}
	return body
}

// goOn continues a cut body up to its length.
func goOn(body string, length int, boundary string) string {
	if last := body[len(body)-1:]; strings.HasSuffix(body, strings.Repeat(last, 10)) {
		end := "\r\n--" + boundary + "--\r\n"
		if boundary == "" {
			end = closing(body)
		}
		return body + strings.Repeat(last, length-len(body)-len(end)) + end
	}
	body = `{"requests": [`
	for i := 0; ; i++ {
		body += fmt.Sprintf(`{"custom_id": "%d", "message": "m"}`, i)
		if len(body)+len("]}") >= length {
			return body + "]}"
		}
		body += ", "
	}
}

// closing returns what ends a JSON text that was cut within a string.
func closing(text string) string {
	var open []byte
	quoted := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			open = append(open, '}')
		case c == '[':
			open = append(open, ']')
		case c == '}' || c == ']':
			open = open[:len(open)-1]
		}
	}
	end := `"`
	for i := len(open) - 1; i >= 0; i-- {
		end += string(open[i])
	}
	return end
}
