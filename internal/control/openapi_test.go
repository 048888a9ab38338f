package control

import (
	"flag"
	"io"
	"os"
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
