package evidence

import (
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/clawhq/clawhq-go/internal/contract/spec"
	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
)

// The documents as they are published.
var (
	api     = sync.OnceValue(func() *spec.Document { return read("openapi.json") })
	control = sync.OnceValue(func() *spec.Document { return read("openapi-control.json") })
)

func documents() map[string]*spec.Document {
	return map[string]*spec.Document{"openapi.json": api(), "openapi-control.json": control()}
}

func read(name string) *spec.Document {
	file, err := os.Open("../../../docs/" + name)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	document, err := spec.Parse(file)
	if err != nil {
		panic(err)
	}
	return document
}

// outside are the recordings that are no call of an operation, by the beginning of the
// name, and why.
var outside = map[string]string{
	"webhook_delivery_transformed": "the webhook's transformation makes the body",
	"agents_trailing_slash":        "no path of the API",
	"v1_root":                      "no path of the API",
	"cron_":                        "the service's own scheduler calls it",
	"agents_method_not_allowed":    "no method of the path",
	"agents_options":               "no method of the path",
	"batch_list_not_allowed":       "no method of the path",
	"keys_get_not_allowed":         "no method of the path",
	"keys_options_no_session":      "no method of the path",
	"keys_put_no_session":          "no method of the path",
}

// batchDone is the callback of a batch.
const batchDone = "batchDone"

// sent returns what the service calls a recorded request of its own.
func sent(e recorded.Exchange) (name string, ok bool) {
	if e.Name == "batch_webhook_delivery" {
		return batchDone, true
	}
	name = e.Header.Get(wire.HeaderWebhookEvent)
	return name, name != ""
}

func exchange(e recorded.Exchange) spec.Exchange {
	return spec.Exchange{Method: e.Method, URL: e.URL, Header: e.Header, Body: e.Body(),
		Status: e.Status, ReplyHeader: e.ReplyHeader, Reply: []byte(e.Reply)}
}

// Every recorded exchange is valid by the document, or lies under an x-live of it.
func TestRecordings(t *testing.T) {
	t.Parallel()
	counts := map[string]int{}
	stale := maps.Clone(outside)
	for _, e := range recorded.All() {
		x := exchange(e)
		reason := ""
		for prefix, why := range outside {
			if strings.HasPrefix(e.Name, prefix) {
				reason = why
				delete(stale, prefix)
			}
		}
		if event, ok := sent(e); ok && reason == "" {
			problems, how := api().CheckSent(event, x)
			for _, p := range problems {
				t.Errorf("%s: %v", e.Name, p)
			}
			counts["sent by the service, "+how.String()]++
			continue
		}
		problems, how := api().Check(x)
		isOutside := api().Outside(x)
		switch {
		case isOutside && reason != "":
			counts["outside: "+reason]++
			continue
		case reason != "":
			t.Errorf("%s is a call of an operation: take it out of outside", e.Name)
		}
		for _, p := range problems {
			t.Errorf("%s: %s %s %d: %v", e.Name, x.Method, x.URL, x.Status, p)
		}
		if !isOutside && !api().Names(x) {
			t.Errorf("%s: %s %s: no response is named for status %d", e.Name, x.Method, x.URL, x.Status)
		}
		counts[how.String()]++
		if mediaType := x.ReplyHeader.Get("Content-Type"); !strings.HasPrefix(mediaType, "application/json") {
			counts["of them without JSON: "+http.StatusText(x.Status)+" "+mediaType]++
		}
	}
	for prefix := range stale {
		t.Errorf("no recording is called %s", prefix)
	}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%4d %s", counts[what], what)
	}
}
