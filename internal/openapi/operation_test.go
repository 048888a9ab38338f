package openapi_test

import (
	"fmt"
	"testing"

	"github.com/clawhq/clawhq-go/internal/openapi"
)

// A table and its templates have the same operations.
func TestDocumentRefuses(t *testing.T) {
	t.Parallel()
	templates := openapi.Assemble(files(`{"servers": [], "paths": {"/a": {"get": {"responses": {}}}}, "components": {"responses": {}}, "common": {"all": []}}`), nil)
	common := openapi.NewCommon(templates, "all", "", "")
	get := openapi.Operation{Method: "GET", Path: "/a", Common: common}
	for _, tc := range []struct {
		operations []openapi.Operation
		problem    any
	}{
		{[]openapi.Operation{get}, nil},
		{nil, "openapi: there is no get /a"},
		{[]openapi.Operation{get, {Method: "POST", Path: "/a", Common: common}}, "openapi: no template has POST /a"},
		{[]openapi.Operation{get, {Method: "GET", Path: "/b", Common: common}}, "openapi: no template has GET /b"},
	} {
		func() {
			defer func() {
				if got := recover(); fmt.Sprint(got) != fmt.Sprint(tc.problem) {
					t.Errorf("panic %v, want %v", got, tc.problem)
				}
			}()
			openapi.Document(templates, tc.operations)
		}()
	}
}
