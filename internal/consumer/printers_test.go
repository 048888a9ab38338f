package consumer

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	texttemplate "text/template"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/webhook"
	"github.com/davecgh/go-spew/spew"
	"github.com/kr/pretty"
	"github.com/stretchr/testify/assert"
	"go.yaml.in/yaml/v3"
)

const (
	key           = "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"
	webhookSecret = "whsec_00112233445566778899aabbccddeeff0011223344556677"
	session       = "s3ss10n-that-nobody-may-see"
)

// service answers by path, and records requests, like a recording transport.
type service struct {
	sent    []*http.Request
	replies map[string]string
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.sent = append(s.sent, r)
	body, ok := s.replies[r.URL.Path]
	if !ok {
		return nil, fmt.Errorf("no route for Bearer %s", key)
	}
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// printers are functions with which programs print values.
var printers = map[string]func(any) string{
	"spew.Sdump":           func(v any) string { return spew.Sdump(v) },
	"spew.Sprintf %#+v":    func(v any) string { return spew.Sprintf("%#+v", v) },
	"spew without methods": func(v any) string { return (&spew.ConfigState{DisableMethods: true, Indent: " "}).Sdump(v) },
	"spew past methods":    func(v any) string { return (&spew.ConfigState{ContinueOnMethod: true}).Sdump(v) },
	"spew without pointer methods": func(v any) string {
		return (&spew.ConfigState{DisablePointerMethods: true, SpewKeys: true, SortKeys: true}).Sdump(v)
	},
	"pretty": func(v any) string { return pretty.Sprint(v) },
	"pretty diff": func(v any) string {
		return strings.Join(pretty.Diff(v, reflect.Zero(reflect.TypeOf(v)).Interface()), "\n")
	},
	"testify diff": func(v any) string {
		t := &failing{}
		assert.Equal(t, reflect.Zero(reflect.TypeOf(v)).Interface(), v)
		return t.String()
	},
	"gob":  func(v any) string { return written(func(w io.Writer) error { return gob.NewEncoder(w).Encode(v) }) },
	"JSON": func(v any) string { return written(func(w io.Writer) error { return json.NewEncoder(w).Encode(v) }) },
	"XML":  func(v any) string { return written(func(w io.Writer) error { return xml.NewEncoder(w).Encode(v) }) },
	"YAML": func(v any) string { return written(func(w io.Writer) error { return yaml.NewEncoder(w).Encode(v) }) },
	"text/template": func(v any) string {
		return written(func(w io.Writer) error {
			return texttemplate.Must(texttemplate.New("").Parse("{{.}} {{printf `%#v` .}}")).Execute(w, v)
		})
	},
	"html/template": func(v any) string {
		return written(func(w io.Writer) error {
			return htmltemplate.Must(htmltemplate.New("").Parse("{{.}}<script>x={{.}}</script>")).Execute(w, v)
		})
	},
	"slog text": func(v any) string {
		return written(func(w io.Writer) error { slog.New(slog.NewTextHandler(w, nil)).Info("shown", "v", v); return nil })
	},
	"slog JSON": func(v any) string {
		return written(func(w io.Writer) error { slog.New(slog.NewJSONHandler(w, nil)).Info("shown", "v", v); return nil })
	},
	"fmt": func(v any) string {
		var b strings.Builder
		for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "X", "d", "t", "p", "b", "c", "e", "U", "w", "T"} {
			fmt.Fprintf(&b, "%"+verb+"\n", v)
		}
		return b.String()
	},
}

func written(f func(io.Writer) error) string {
	var b bytes.Buffer
	if err := f(&b); err != nil { // not every value can be encoded; the error is searched too
		b.WriteString(err.Error())
	}
	return b.String()
}

// failing is a test that fails without consequences.
type failing struct{ strings.Builder }

func (r *failing) Errorf(format string, args ...any) { fmt.Fprintf(r, format, args...) }

// No printer shows a key, a webhook's secret or a session, however it finds out what
// a struct holds, and none panics.
func TestPrinters(t *testing.T) {
	s := &service{replies: map[string]string{
		"/api/keys":     `{"key":{"id":"1","name":"n","key_prefix":"clw_a1b2c3d4","status":"active","rate_limit_per_min":60,"created_at":"2026-03-10T14:30:00Z","full_key":"` + key + `"}}`,
		"/api/webhooks": `{"webhook":{"id":"1","url":"https://example.com/","secret":"` + webhookSecret + `","events":["message.received"]}}`,
	}}
	client, err := clawhq.NewClient(clawhq.WithAPIKey(key), clawhq.WithSession(session), clawhq.WithHTTPClient(&http.Client{Transport: s}),
		clawhq.WithBaseURL(clawhq.DefaultBaseURL), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))
	if err != nil {
		t.Fatal(err)
	}
	var info clawhq.ResponseInfo
	created, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "n"}, clawhq.WithResponseInfo(&info))
	if err != nil {
		t.Fatal(err)
	}
	hook, err := client.Webhooks.Create(t.Context(), clawhq.CreateWebhookRequest{URL: "https://example.com/", Events: []webhook.EventType{webhook.EventMessageReceived}})
	if err != nil {
		t.Fatal(err)
	}
	_, failed := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
	if failed == nil || created.Secret.Reveal() != key || hook.Secret.Reveal() != webhookSecret {
		t.Fatalf("got %v, and other secrets than were sent", failed)
	}
	type inside struct {
		s clawhq.Secret
		p *clawhq.Secret
	}
	values := map[string]any{
		"Secret": created.Secret, "*Secret": &created.Secret, "CreatedKey": *created, "*CreatedKey": created,
		"CreatedWebhook": *hook, "*CreatedWebhook": hook,
		"map": map[string]clawhq.Secret{"a": created.Secret}, "map by Secret": map[clawhq.Secret]int{created.Secret: 1},
		"slice": []clawhq.Secret{created.Secret}, "array": [1]clawhq.Secret{created.Secret}, "unexported": inside{created.Secret, &hook.Secret},
		"any":    []any{created.Secret, created},
		"Client": *client, "*Client": client, "KeysService": *client.Keys, "*KeysService": client.Keys,
		"error": failed, "joined": errors.Join(failed, io.EOF), "ResponseInfo": info,
		"webhook.Handler": webhook.Handler(webhook.Options{Secrets: []string{webhookSecret}}, nil),
		"zero":            clawhq.Secret{}, "zero map": map[string]clawhq.Secret{"a": {}},
	}
	for what, v := range values {
		for how, print := range printers {
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("%s of %s panics: %v", how, what, p)
					}
				}()
				text := print(v)
				for _, secret := range []string{key, webhookSecret, session} {
					for _, form := range []string{secret[12:], fmt.Sprintf("%x", secret[12:]), fmt.Sprintf("%X", secret[12:]), strings.Trim(fmt.Sprint([]byte(secret[12:])), "[]")} {
						if i := strings.Index(text, form); i >= 0 {
							t.Errorf("%s of %s shows %q: …%s…", how, what, form, text[max(0, i-100):i+len(form)])
						}
					}
				}
			}()
		}
	}
	for how, want := range map[string]string{"JSON": `"Secret":"clw_a1b2c3d4…"`, "YAML": "secret: clw_a1b2c3d4…", "XML": "<Secret>clw_a1b2c3d4…</Secret>", "spew.Sdump": "clw_a1b2c3d4…", "pretty": "clw_a1b2c3d4…"} {
		if got := printers[how](*created); !strings.Contains(got, want) {
			t.Errorf("%s shows %s, want %s in it", how, got, want)
		}
	}
}

// A copy equals the original, however they are compared.
func TestCopiesAreEqual(t *testing.T) {
	s := &service{replies: map[string]string{"/api/keys": `{"key":{"id":"1","full_key":"` + key + `"}}`}}
	client, err := clawhq.NewClient(clawhq.WithSession(session), clawhq.WithBaseURL(clawhq.DefaultBaseURL), clawhq.WithHTTPClient(&http.Client{Transport: s}))
	if err != nil {
		t.Fatal(err)
	}
	created, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	copied := *created
	assert.Equal(t, *created, copied)
	assert.Equal(t, created, &copied)
	assert.Equal(t, map[string]clawhq.Secret{"a": created.Secret}, map[string]clawhq.Secret{"a": copied.Secret})
	assert.NotEqual(t, clawhq.CreatedKey{Key: created.Key}, copied)
	if diff := pretty.Diff(*created, copied); diff != nil {
		t.Errorf("pretty finds %v", diff)
	}
}
