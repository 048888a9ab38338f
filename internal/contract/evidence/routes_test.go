package evidence

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/contract/spec"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Every route of the server is in a document, and every operation is a route.
func TestRoutes(t *testing.T) {
	t.Parallel()
	for name, want := range routes(t) {
		if diff := cmp.Diff(want, operations(documents()[name])); diff != "" {
			t.Errorf("%s (-routes +operations):\n%s", name, diff)
		}
	}
}

// routes returns the methods and paths of the server, by document.
func routes(t *testing.T) map[string][]string {
	t.Helper()
	var service []string
	for _, e := range wire.Endpoints {
		service = append(service, e.Method+" "+e.Path)
	}
	// The table of the control API is in a function.
	source, err := os.ReadFile("../../control/control.go")
	if err != nil {
		t.Fatal(err)
	}
	var controls []string
	for _, row := range regexp.MustCompile(`\{"([A-Z]+ /[^"]*)", c\.`).FindAllStringSubmatch(string(source), -1) {
		controls = append(controls, row[1])
	}
	slices.Sort(service)
	slices.Sort(controls)
	return map[string][]string{"openapi.json": service, "openapi-control.json": controls}
}

func operations(document *spec.Document) (all []string) {
	for _, o := range document.Documented().Operations() {
		all = append(all, o.String())
	}
	slices.Sort(all)
	return all
}
