package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// TestRecorded sends each recorded request to a server in profile Live, in
// the state that the recorded reply tells of, and compares the replies but
// for what varies.
func TestRecorded(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/recorded/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) {
			t.Parallel()
			req, body, want := readRecording(t, file)
			s, _ := New(Config{Profile: Live})
			t.Cleanup(s.Close)
			send := func() recording {
				r := req.Clone(Secure(t.Context()))
				r.Body = http.NoBody
				if body != "" {
					r = httptest.NewRequest(req.Method, req.URL.String(), strings.NewReader(body)).WithContext(Secure(t.Context()))
					r.Header = req.Header.Clone()
				}
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				return recording{w.Code, w.Header(), w.Body.String()}
			}
			prepare(s, req, want)
			if want.header.Get(wire.HeaderIdempotencyReplay) != "" {
				send()
			}
			if diff := cmp.Diff(want.masked(t), send().masked(t)); diff != "" {
				t.Errorf("reply (-recorded +got):\n%s", diff)
			}
		})
	}
}

// prepare brings a new server into the state that a recorded exchange began
// with.
func prepare(s *Server, req *http.Request, want recording) {
	s.HandleAgent("support_bot", nil)
	s.HandleAgent("sales-assistant", nil)

	if _, secret, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok && !strings.Contains(want.body, wire.CodeInvalidAPIKey) {
		s.state.keys.add(hashedKey("k1", "prod", wire.Tier60, secret), s.state.keys.all[0].createdAt)
		if strings.Contains(want.body, wire.CodeRevokedAPIKey) {
			s.RevokeKey("k1")
		}
		if want.status == http.StatusTooManyRequests {
			for range wire.Tier60 {
				r := httptest.NewRequest(http.MethodGet, wire.BasePath+wire.PathHealth, nil).WithContext(Secure(req.Context()))
				r.Header.Set("Authorization", req.Header.Get("Authorization"))
				s.ServeHTTP(httptest.NewRecorder(), r)
			}
		}
	}
	if cookie, err := req.Cookie(wire.SessionCookie); err == nil {
		s.session = func() string { return cookie.Value }
	}
	if id, ok := strings.CutPrefix(req.URL.Path, keysPath+"/"); ok && want.status != http.StatusNotFound {
		s.state.keys.add(hashedKey(id, "staging-test", wire.Tier120, "clw_14d29cab0b394d6f153eb5771392a0f0"), s.state.keys.all[0].createdAt)
	}
}

// recording is a reply.
type recording struct {
	status int
	header http.Header
	body   string
}

// masked returns what of a reply does not vary: status, names of headers and
// the body with the values of varying members replaced by their types.
func (r recording) masked(t *testing.T) any {
	t.Helper()
	var names []string
	for name := range r.header {
		if name != "Content-Length" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	body := any(r.body)
	if r.header.Get("Content-Type") == wire.ContentTypeJSON {
		if err := json.Unmarshal([]byte(r.body), &body); err != nil {
			t.Fatal(err)
		}
		body = mask("", body)
	}
	return map[string]any{
		"status":       r.status,
		"headers":      names,
		"content-type": r.header.Get("Content-Type"),
		"body":         body,
	}
}

// varying are the members of JSON objects whose values vary.
var varying = []string{"request_id", "id", "full_key", "key_prefix", "created_at", "last_used_at", "usage_count"}

// keyLists vary in length and keys too: what counts is the shape of each
// element.
var keyLists = []string{"keys", "keyStats"}

func mask(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if slices.Contains(keyLists, name) {
			var elements []any
			for _, e := range v {
				elements = append(elements, e)
			}
			return mask(name, elements)
		}
		for member := range v {
			v[member] = mask(member, v[member])
		}
		return v
	case []any:
		if slices.Contains(keyLists, name) {
			if len(v) == 0 {
				return v
			}
			element := v[0].(map[string]any)
			for member := range element {
				element[member] = fmt.Sprintf("%T", element[member])
			}
			return []any{element}
		}
		return v
	}
	if slices.Contains(varying, name) {
		return fmt.Sprintf("%T", v)
	}
	return v
}

// abbreviated is how a recording cuts a long body.
var abbreviated = regexp.MustCompile(`^(?s)(.*)\.\.\. \((\d+) bytes\)$`)

// readRecording parses a file of testdata/recorded.
func readRecording(t *testing.T, file string) (req *http.Request, body string, reply recording) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sent, received, ok := strings.Cut(strings.TrimPrefix(string(content), "> REQUEST\n"), "< RESPONSE\n")
	if !ok {
		t.Fatal("no reply")
	}

	head, body, _ := strings.Cut(sent, "\n\n")
	first, fields, _ := strings.Cut(head, "\n")
	method, target, _ := strings.Cut(first, " ")
	req = httptest.NewRequest(method, target, nil)
	req.Header = readHeader(fields)
	body = strings.TrimSuffix(body, "\n\n")
	body = strings.TrimSuffix(body, "\n")
	if m := abbreviated.FindStringSubmatch(body); m != nil {
		const end = `"}`
		size, _ := strconv.Atoi(m[2])
		body = m[1] + strings.Repeat(m[1][len(m[1])-1:], size-len(m[1])-len(end)) + end
	}

	head, reply.body, _ = strings.Cut(received, "\n\n")
	first, fields, _ = strings.Cut(head, "\n")
	if _, err := fmt.Sscanf(first, "HTTP/1.1 %d", &reply.status); err != nil {
		t.Fatal(err)
	}
	reply.header = readHeader(fields)
	return req, body, reply
}

func readHeader(fields string) http.Header {
	h := http.Header{}
	lines := bufio.NewScanner(strings.NewReader(fields))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		h.Add(name, value)
	}
	return h
}
