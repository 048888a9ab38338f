package control

import (
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the document in docs")

// docs/openapi-control.json is what the templates and the table of calls make.
func TestDocument(t *testing.T) {
	const file = "../../docs/openapi-control.json"
	want, err := io.ReadAll(OpenAPI().At(DefaultURL, DefaultDescription))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not what internal/control makes: go test ./internal/openapi ./internal/control -run Document -update", file)
	}
}

// The document has the refusals that the server sends.
func TestDocumentedRefusals(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/openapi-control.json")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := serveControl(t)
	for from, want := range map[string]int{"127.0.0.1:4711": http.StatusUnauthorized, "192.0.2.8:4711": http.StatusForbidden} {
		r := httptest.NewRequest(http.MethodGet, Path+"/clock", nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		var got struct{ Error string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != want || got.Error == "" || !strings.Contains(string(document), `"error": "`+got.Error+`"`) {
			t.Errorf("status %d, %q, %v: not in the document", w.Code, got.Error, err)
		}
	}
}
