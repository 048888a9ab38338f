package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The document needs no key, names the base URL that it was fetched from, and is neither
// in the journal nor meets a fault.
func TestDocument(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method, url, want string
		profile           Profile
	}{
		{"GET", "https://clawhq.test/openapi.json", "https://clawhq.test/api", Documented},
		{"GET", "https://127.0.0.1:8787/openapi.json?x", "https://127.0.0.1:8787/api", Live},
		{"GET", "http://localhost:8787/openapi.json", "http://localhost:8787/api", Documented},
		{"HEAD", "https://clawhq.test/openapi.json", "", Documented},
	} {
		s := newService(t, Config{Profile: tc.profile, PlainHTTP: true})
		s.Inject(FaultStatus(500, ""))
		ts := httptest.NewRecorder()
		s.ServeHTTP(ts, httptest.NewRequest(tc.method, tc.url, nil))
		var got struct {
			OpenAPI string
			Servers []struct{ URL string }
		}
		if tc.method == "HEAD" {
			if ts.Code != http.StatusOK || ts.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s %s: status %d, %v", tc.method, tc.url, ts.Code, ts.Header())
			}
			continue
		}
		if err := json.Unmarshal(ts.Body.Bytes(), &got); err != nil || ts.Code != http.StatusOK || len(got.Servers) != 1 {
			t.Fatalf("%s %s: status %d, %v, %+v", tc.method, tc.url, ts.Code, err, got)
		}
		if got.OpenAPI != "3.1.0" || got.Servers[0].URL != tc.want {
			t.Errorf("%s %s: OpenAPI %s of %s, want 3.1.0 of %s", tc.method, tc.url, got.OpenAPI, got.Servers[0].URL, tc.want)
		}
		if entries := s.Requests(); len(entries) > 0 || len(s.Faults()) != 1 {
			t.Errorf("%s %s: journal %v, faults %v", tc.method, tc.url, entries, s.Faults())
		}
	}
}

// What strips a prefix of the path does not take it from the base URL.
func TestDocumentBelow(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	w := httptest.NewRecorder()
	http.StripPrefix("/sandbox/x", s).ServeHTTP(w, httptest.NewRequest("GET", "https://clawhq.test/sandbox/x/openapi.json", nil))
	if want := `"url": "https://clawhq.test/sandbox/x/api"`; !bytes.Contains(w.Body.Bytes(), []byte(want)) {
		t.Errorf("no %s in %.300s", want, w.Body)
	}
}

// Plain HTTP is refused as for calls, and so are other methods.
func TestDocumentRefused(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	var got []int
	for _, request := range []*http.Request{
		httptest.NewRequest("GET", "http://clawhq.test/openapi.json", nil),
		httptest.NewRequest("POST", "https://clawhq.test/openapi.json", nil),
		httptest.NewRequest("GET", "https://clawhq.test/openapi.json/", nil),
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, request)
		got = append(got, w.Code)
	}
	if diff := cmp.Diff([]int{400, 404, 404}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}
