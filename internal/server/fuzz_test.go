package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
)

// Whatever is sent to any endpoint, each profile answers with a status, and the body
// is JSON if its type says so.
func FuzzServeHTTP(f *testing.F) {
	for i := range routes {
		f.Add(i, "a1", "limit=1.9&offset=-5&days=abc&from=1&agent=%25", "", `{"message":"hi","requests":[null],"metadata":{"a":[1]},"name":5,"stream":"x"}`)
	}
	upload := recorded.Get("file_upload_png")
	f.Add(17, "", "", upload.Header.Get("Content-Type"), string(upload.Body()))
	f.Fuzz(func(t *testing.T, route int, id, query, contentType, body string) {
		if strings.Contains(body, "[sleep ") {
			return // it would wait
		}
		e := routes[uint(route)%uint(len(routes))].Endpoint
		ids := []string{id, id}[:strings.Count(e.Path, "{")]
		if id == "" {
			ids = []string{"x", "x"}[:len(ids)]
		}
		u, err := url.Parse(wire.BasePath + e.Expand(ids...))
		if err != nil {
			t.Fatal(err)
		}
		u.RawQuery = query
		for _, profile := range []Profile{Documented, Live} {
			s, key := New(Config{Profile: profile, Transport: nowhere})
			r := &http.Request{Method: e.Method, URL: u, Header: http.Header{
				"Authorization": {"Bearer " + key}, "Cookie": {"session=" + s.Session()}, "Content-Type": {contentType},
			}, Body: http.NoBody, RemoteAddr: "192.0.2.1:1"}
			r.Body = httptest.NewRequest("POST", "/", strings.NewReader(body)).Body
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r.WithContext(Secure(t.Context())))
			s.Close()
			if w.Code < 200 || w.Code > 599 || w.Code == http.StatusMethodNotAllowed || w.Code == http.StatusUnauthorized {
				t.Errorf("%v: %s %s: status %d", profile, e.Method, u, w.Code)
			}
			if w.Header().Get("Content-Type") == wire.ContentTypeJSON && !json.Valid(w.Body.Bytes()) {
				t.Errorf("%v: %s %s: no JSON: %s", profile, e.Method, u, w.Body)
			}
		}
	})
}

// nowhere is a network without hosts.
var nowhere = roundTripper(func(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed })
