package webhook_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/webhook"
)

// Every way in which a delivery can be wrong has its error.
func TestVerifyErrors(t *testing.T) {
	t.Parallel()
	old := "whsec_ffffffffffffffffffffffffffffffffffffffffffffffff"
	sign := func(d *delivery, event webhook.EventType, body string) {
		d.body = []byte(body)
		webhook.Sign(d.header, d.body, secret, event, d.options().Now())
	}
	ago := func(age time.Duration) func(*delivery, *webhook.Options) {
		return func(d *delivery, o *webhook.Options) {
			at := o.Now()
			o.Now = func() time.Time { return at.Add(age) }
		}
	}
	set := func(name, value string) func(*delivery, *webhook.Options) {
		return func(d *delivery, _ *webhook.Options) { d.header.Set(name, value) }
	}
	add := func(name string) func(*delivery, *webhook.Options) {
		return func(d *delivery, _ *webhook.Options) { d.header.Add(name, d.header.Get(name)) }
	}
	del := func(name string) func(*delivery, *webhook.Options) {
		return func(d *delivery, _ *webhook.Options) { d.header.Del(name) }
	}
	secrets := func(secrets ...string) func(*delivery, *webhook.Options) {
		return func(_ *delivery, o *webhook.Options) { o.Secrets = secrets }
	}
	body := func(event webhook.EventType, body string) func(*delivery, *webhook.Options) {
		return func(d *delivery, _ *webhook.Options) { sign(d, event, body) }
	}
	large := func(n int) func(*delivery, *webhook.Options) {
		return body(webhook.EventAPIRequest, `"`+strings.Repeat("x", n-2)+`"`)
	}
	for name, test := range map[string]struct {
		change func(*delivery, *webhook.Options)
		kind   error  // nil: verified
		text   string // part of the error's text
	}{
		"as it came":            {func(*delivery, *webhook.Options) {}, nil, ""},
		"one of several":        {secrets(old, secret), nil, ""},
		"the first of several":  {secrets(secret, old), nil, ""},
		"none of several":       {secrets(old, old+"0"), webhook.ErrSignature, "none of the secrets"},
		"no secret":             {secrets(), webhook.ErrOptions, "Secrets is empty"},
		"an empty secret":       {secrets(secret, ""), webhook.ErrOptions, "Secrets[1]"},
		"a secret with newline": {secrets(secret + "\n"), webhook.ErrOptions, "Secrets[0]"},
		"negative tolerance":    {func(_ *delivery, o *webhook.Options) { o.Tolerance = -1 }, webhook.ErrOptions, "-1ns"},

		"no signature":       {del(headerSignature), webhook.ErrSignature, "X-Clawhq-Signature is missing"},
		"empty signature":    {set(headerSignature, ""), webhook.ErrSignature, "missing or empty"},
		"two signatures":     {add(headerSignature), webhook.ErrSignature, "given 2 times"},
		"signature of zeros": {set(headerSignature, strings.Repeat("0", 64)), webhook.ErrSignature, "none of the secrets"},
		"signature not hex":  {set(headerSignature, "not a signature"), webhook.ErrSignature, "none of the secrets"},
		"signature with scheme": {func(d *delivery, _ *webhook.Options) {
			d.header.Set(headerSignature, "sha256="+d.header.Get(headerSignature))
		}, webhook.ErrSignature, ""},
		"signature in capitals": {func(d *delivery, _ *webhook.Options) {
			d.header.Set(headerSignature, strings.ToUpper(d.header.Get(headerSignature)))
		}, webhook.ErrSignature, ""},
		"signature cut short": {func(d *delivery, _ *webhook.Options) {
			d.header.Set(headerSignature, d.header.Get(headerSignature)[:63])
		}, webhook.ErrSignature, ""},
		"body decoded, encoded":  {func(d *delivery, _ *webhook.Options) { d.body = append(d.body, '\n') }, webhook.ErrSignature, ""},
		"no timestamp":           {del(headerTimestamp), webhook.ErrTimestamp, "X-Clawhq-Timestamp is missing"},
		"two timestamps":         {add(headerTimestamp), webhook.ErrTimestamp, "given 2 times"},
		"timestamp not signed":   {set(headerTimestamp, "2026-11-24T17:41:06.119Z"), webhook.ErrSignature, ""},
		"timestamp as old":       {ago(5 * time.Minute), nil, ""},
		"timestamp too old":      {ago(5*time.Minute + 1), webhook.ErrTimestamp, "5m0.000000001s old, and at most 5m0s"},
		"timestamp as new":       {ago(-5 * time.Minute), nil, ""},
		"timestamp too new":      {ago(-5*time.Minute - 1), webhook.ErrTimestamp, "in the future, and at most 5m0s are accepted; is this machine's clock right?"},
		"timestamp centuries":    {ago(1 << 62), webhook.ErrTimestamp, "old"},
		"tolerance of an hour":   {func(d *delivery, o *webhook.Options) { o.Tolerance = time.Hour; ago(time.Hour)(d, o) }, nil, ""},
		"tolerance of a second":  {func(d *delivery, o *webhook.Options) { o.Tolerance = time.Second; ago(2*time.Second)(d, o) }, webhook.ErrTimestamp, "at most 1s"},
		"timestamp of a test":    {func(d *delivery, o *webhook.Options) { o.Now = nil }, webhook.ErrTimestamp, ""},
		"no event":               {del(headerEvent), webhook.ErrEvent, "X-Clawhq-Event is missing"},
		"two events":             {add(headerEvent), webhook.ErrEvent, "given 2 times"},
		"another event":          {set(headerEvent, "agent.deployed"), webhook.ErrEvent, `"agent.deployed", the signed body "api.request"`},
		"an event made a test":   {set(headerEvent, "test"), nil, ""}, // the header is not signed; a test does nothing
		"empty body":             {body(webhook.EventAPIRequest, ""), webhook.ErrBody, "empty"},
		"blank body":             {body(webhook.EventAPIRequest, " "), webhook.ErrBody, "not JSON"},
		"body not JSON":          {body(webhook.EventAPIRequest, "event=api.request"), webhook.ErrBody, "not JSON"},
		"body cut short":         {body(webhook.EventAPIRequest, `{"event":"api.request"`), webhook.ErrBody, "not JSON"},
		"body of 1 MiB":          {large(1 << 20), nil, ""},
		"body a byte over 1 MiB": {large(1<<20 + 1), webhook.ErrTooLarge, "1048577 bytes, and at most 1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := genuine("api_request")
			opts := d.options()
			test.change(&d, &opts)
			event, err := webhook.Verify(d.header, d.body, opts)
			if !errors.Is(err, test.kind) {
				t.Fatalf("got %v, want %v", err, test.kind)
			}
			if (event == nil) != (err != nil) {
				t.Errorf("event is %v, error is %v", event, err)
			}
			if err != nil && (!strings.Contains(err.Error(), test.text) || !strings.HasPrefix(err.Error(), "webhook: ")) {
				t.Errorf("got %q, want %q in it", err, test.text)
			}
			for _, s := range append(opts.Secrets, "0123456789") {
				if err != nil && s != "" && strings.Contains(err.Error(), s) {
					t.Errorf("the error %q holds a secret", err)
				}
			}
		})
	}
}

// A timestamp that is well signed, but is no time.
func TestSignedTimestamp(t *testing.T) {
	t.Parallel()
	d := genuine("api_request")
	opts := d.options()
	// The timestamp's tail moved into the body leaves the signed bytes as they are.
	stamp := d.header.Get(headerTimestamp)
	d.header.Set(headerTimestamp, stamp[:len(stamp)-5])
	d.body = []byte(stamp[len(stamp)-4:] + "." + string(d.body))
	if _, err := webhook.Verify(d.header, d.body, opts); !errors.Is(err, webhook.ErrTimestamp) {
		t.Errorf("got %v, want ErrTimestamp", err)
	}
}

// What a body may be: one of the service's own, or whatever a transformation
// makes, which has no event of the service's shape.
func TestBodies(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	happened := time.Date(2026, 11, 24, 17, 41, 6, 118e6, time.UTC)
	for body, want := range map[string]webhook.Event{
		`{"event":"api.request","data":{"agent":"a"},"timestamp":"2026-11-24T17:41:06.118Z"}`:        {Timestamp: happened, Data: []byte(`{"agent":"a"}`)},
		`{"data": {"agent":"a"}, "event":"api.request","timestamp":"2026-11-24T18:41:06.118+01:00"}`: {Timestamp: happened, Data: []byte(`{"agent":"a"}`)},
		`{"event":"api.request","data":null,"timestamp":"2026-11-24T17:41:06.118Z","new":1}`:         {Timestamp: happened, Data: []byte(`null`)},
		`{"event":"api.request","timestamp":"2026-11-24T17:41:06.118Z"}`:                             {Timestamp: sent, Transformed: true},
		`{"event":"api.request","data":{},"timestamp":1}`:                                            {Timestamp: sent, Transformed: true},
		`{"event":"api.request","data":{},"timestamp":"today"}`:                                      {Timestamp: sent, Transformed: true},
		`{"event":{"type":"api.request"},"data":{},"timestamp":"2026-11-24T17:41:06.118Z"}`:          {Timestamp: sent, Transformed: true},
		`{"Event":"x","Data":{},"Timestamp":"2026-11-24T17:41:06.118Z"}`:                             {Timestamp: sent, Transformed: true},
		`{"text":"an api.request"}`: {Timestamp: sent, Transformed: true},
		`["api.request"]`:           {Timestamp: sent, Transformed: true},
		`"api.request"`:             {Timestamp: sent, Transformed: true},
		`null`:                      {Timestamp: sent, Transformed: true},
	} {
		header := make(http.Header)
		webhook.Sign(header, []byte(body), secret, webhook.EventAPIRequest, sent)
		got, err := webhook.Verify(header, []byte(body), webhook.Options{Secrets: []string{secret}, Now: func() time.Time { return sent }})
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		want.Type, want.DeliveredAt = webhook.EventAPIRequest, sent
		if want.Transformed {
			want.Data = []byte(body)
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

// The event is the caller's to keep: what becomes of the body is nothing to it.
func TestEventOwnsItsData(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"api_request", "transformed"} {
		d := genuine(name)
		event, err := webhook.Verify(d.header, d.body, d.options())
		if err != nil {
			t.Fatal(err)
		}
		before := string(event.Data)
		clear(d.body)
		if string(event.Data) != before {
			t.Errorf("%s: the data are %q, and were %q", name, event.Data, before)
		}
	}
}

// No printer shows the secrets.
func TestOptionsHideSecrets(t *testing.T) {
	t.Parallel()
	opts := webhook.Options{Secrets: []string{secret, secret}, Tolerance: time.Minute}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "opts", opts)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "opts", opts)
	printed := logged.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed += fmt.Sprintf(verb, opts) + fmt.Sprintf(verb, &opts) + fmt.Sprintf(verb, struct{ O webhook.Options }{opts})
	}
	if strings.Contains(printed, secret[6:16]) || strings.Contains(printed, fmt.Sprintf("%x", secret[6:16])) {
		t.Errorf("a secret is in %s", printed)
	}
	if want := "webhook.Options{Secrets: 2, Tolerance: 1m0s}"; fmt.Sprint(opts) != want {
		t.Errorf("got %v, want %s", opts, want)
	}
}
