package openapi_test

import (
	"flag"
	"io"
	"os"
	"testing"

	"github.com/clawhq/clawhq-go/internal/openapi"
)

var update = flag.Bool("update", false, "write the documents in docs")

// docs/openapi.json is what the templates and tables make.
func TestDocument(t *testing.T) {
	const file = "../../docs/openapi.json"
	want, err := io.ReadAll(openapi.API().At(openapi.ServiceURL, openapi.ServiceDescription))
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
		t.Errorf("%s is not what internal/openapi makes: go test ./internal/openapi ./internal/control -run Document -update", file)
	}
}
