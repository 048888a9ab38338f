package control

import (
	"embed"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/internal/openapi"
	"github.com/clawhq/clawhq-go/internal/wire"
)

//go:embed openapi/*.json
var templates embed.FS

// The server of docs/openapi-control.json.
const (
	DefaultURL         = "https://127.0.0.1:8787" + Path
	DefaultDescription = "the reference server on its default address"
)

// made once, by OpenAPI
var (
	makeOpenAPI sync.Once
	openAPI     openapi.Text
)

// OpenAPI returns the OpenAPI document of the control API.
func OpenAPI() openapi.Text {
	makeOpenAPI.Do(func() { openAPI = newOpenAPI() })
	return openAPI
}

func newOpenAPI() openapi.Text {
	parts := openapi.Assemble(templates, values())
	common := openapi.NewCommon(parts, "all", "", "")
	var operations []openapi.Operation
	for _, e := range (&Control{}).endpoints() {
		o := openapi.Operation{Scheme: "controlToken", Common: common}
		o.Method, o.Path, _ = strings.Cut(e.pattern, " ")
		for _, name := range e.query {
			if o.Path == "/requests/follow" && name == "limit" {
				name = "limit-follow" // which has other bounds
			}
			o.Parameters = append(o.Parameters, openapi.Ref("parameters", "query-"+name))
		}
		operations = append(operations, o)
	}
	return openapi.NewText(openapi.Document(parts, operations))
}

// document answers GET /openapi.json.
func (c *Control) document(r *http.Request) (any, error) {
	text, err := io.ReadAll(OpenAPI().For(r, r.TLS != nil, ""))
	return json.RawMessage(text), err
}

// values returns what the templates can name.
func values() map[string]any {
	var forms []string
	for _, f := range faultForms {
		forms = append(forms, "- `"+f.Example+"`: "+f.Meaning)
	}
	return map[string]any{
		"DefaultTier":           wire.DefaultTier,
		"DefaultWaitSeconds":    int(defaultWait.Seconds()),
		"Events":                wire.WebhookEvents,
		"EventsAndTest":         append([]string{wire.EventTest}, wire.WebhookEvents...),
		"FaultExamples":         FaultExamples(),
		"FaultForms":            strings.Join(forms, "\n"),
		"FileStatuses":          wire.FileStatuses,
		"KeyPattern":            "^" + wire.KeyPattern + "$",
		"MaxAdvanceDays":        int(maxAdvance / (24 * time.Hour)),
		"MaxChunks":             maxChunks,
		"MaxDocumentBytes":      MaxDocumentBytes,
		"MaxDocumentBytesPlain": strconv.Itoa(MaxDocumentBytes),
		"MaxFaultText":          maxFaultText,
		"MaxFaults":             maxFaults,
		"MaxFileBytes":          wire.MaxFileBytes,
		"MaxFollowed":           maxFollowed,
		"MaxItems":              maxItems,
		"MaxKeyNameChars":       wire.MaxKeyNameChars,
		"MaxKeys":               maxKeys,
		"MaxNth":                maxNth,
		"MaxRPM":                maxRPM,
		"MaxShown":              maxShown,
		"MaxSlugChars":          maxSlugChars,
		"MaxWaitMinutes":        int(maxWait.Minutes()),
		"Methods":               methods,
		"NoToken":               noToken,
		"OtherMachine":          otherMachine,
		"ReadSeconds":           int(readTimeout.Seconds()),
		"HeartbeatSeconds":      int(heartbeat.Seconds()),
	}
}
