package clawhq_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jarcoal/httpmock"
)

// TestNothingHoldsTheKey passes a key and a session, and searches all results for
// them.
func TestNothingHoldsTheKey(t *testing.T) {
	t.Parallel()
	const session = "s3ss10n-that-nobody-may-see"
	var out bytes.Buffer
	echo := "you sent Bearer " + testkit.Key + " and " + session
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", testkit.ChatURL, httpmock.ResponderFromResponse(
		testkit.Reply(400, fmt.Sprintf(`{"error":{"code":%q,"message":%[1]q,"param":%[1]q,"type":%[1]q,"request_id":%[1]q}}`, echo), "X-Request-Id", echo)).
		Then(httpmock.ResponderFromResponse(testkit.Reply(500, strings.Repeat("x", 4080)+echo))).
		Then(httpmock.NewErrorResponder(fmt.Errorf("broken: %s", echo))).
		Then(httpmock.ResponderFromResponse(testkit.Reply(200, echo))).
		Then(httpmock.ResponderFromResponse(testkit.Reply(200, echo, "Content-Type", echo))).
		Then(httpmock.ResponderFromResponse(testkit.Reply(200, "data: {\"error\":{\"code\":\"x\",\"message\":\""+echo+"\"}}\n\n", "Content-Type", "text/event-stream"))).
		Then(httpmock.ResponderFromResponse(testkit.Reply(200, "data: "+echo+"\n\n", "Content-Type", "text/event-stream"))))
	mock.RegisterResponder("POST", clawhq.DefaultBaseURL+"/keys", httpmock.ResponderFromResponse(
		testkit.Reply(200, `{"key":{"id":"1","name":"n","key_prefix":"clw_a1b2c3d4","status":"active","rate_limit_per_min":60,"full_key":"`+testkit.Key+`"}}`)).
		Then(httpmock.ResponderFromResponse(testkit.Reply(200, `{"key":{"id":1,"full_key":"`+testkit.Key+`"}}`))))
	client := testkit.Client(t, mock, clawhq.WithSession(session), testkit.OneAttempt,
		clawhq.WithLogger(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))))

	show := func(v any) {
		fmt.Fprintf(&out, "%v %+v %#v %s %q %x %d\n", v, v, v, v, v, v, v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("shown", "v", v)
		}
		if err, ok := v.(error); ok {
			fmt.Fprintln(&out, err.Error())
		}
	}
	show(client)
	show(*client)
	show(client.Keys)
	show(*client.Keys)
	show(struct{ c *clawhq.Client }{client})
	req := clawhq.ChatRequest{Message: "hi"}
	failed := 0
	for range 4 {
		var info clawhq.ResponseInfo
		_, err := client.Chat(t.Context(), req, clawhq.WithResponseInfo(&info))
		show(err)
		show(info)
		failed++
	}
	for range 3 {
		_, err := clawhq.CollectText(client.ChatStream(t.Context(), req))
		show(err)
		failed++
	}
	created, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	show(created)
	show(*created)
	show(created.Secret)
	show(&created.Secret)
	show(struct{ s clawhq.Secret }{created.Secret})
	_, err = client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "n"})
	show(err)
	if created.Secret.Reveal() != testkit.Key {
		t.Errorf("Reveal returned %q", created.Secret.Reveal())
	}
	for _, secret := range []string{testkit.Key, testkit.Key[12:], session, fmt.Sprintf("%x", testkit.Key[12:])} {
		if i := bytes.Index(out.Bytes(), []byte(secret)); i >= 0 {
			t.Errorf("%q is in what was shown: …%s…", secret, out.Bytes()[max(0, i-200):i+60])
		}
	}
	if n := bytes.Count(out.Bytes(), []byte("clw_a1b2c3d4…")); n < 20 {
		t.Errorf("the key was to be met, redacted, at least 20 times, and was %d times", n)
	}
}

func TestZeroValuesPrint(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		clawhq.Client{}, (*clawhq.Client)(nil), &clawhq.Client{}, clawhq.Secret{}, clawhq.Key{}, clawhq.CreatedKey{}, clawhq.RateTier(0),
		clawhq.RateLimit{}, clawhq.ResponseInfo{}, clawhq.RetryPolicy{}, clawhq.ChatRequest{}, clawhq.ChatResponse{},
		clawhq.APIError{}, &clawhq.APIError{}, (*clawhq.APIError)(nil), clawhq.StreamError{}, &clawhq.StreamError{}, clawhq.RateLimitError{}, &clawhq.RateLimitError{},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if s := fmt.Sprintf(verb, v); s == "" && verb != "%s" && verb != "%v" && verb != "%+v" && verb != "%#v" || strings.Contains(s, "PANIC") {
				t.Errorf("%T with %s prints %q", v, verb, s)
			}
		}
		if err, ok := v.(error); ok {
			_ = err.Error()
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		return testkit.Reply(200, `{"key":{"id":"1","full_key":"`+testkit.Key+`"}}`), nil
	}, clawhq.WithSession("s"))
	create := func() clawhq.CreatedKey {
		k, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "n"})
		if err != nil {
			t.Fatal(err)
		}
		return *k
	}
	created := create()
	copied := created
	if !reflect.DeepEqual(created, copied) || created != copied || !cmp.Equal(created, copied) {
		t.Error("a CreatedKey differs from its copy")
	}
	if again := create(); !cmp.Equal(created, again) || !created.Secret.Equal(again.Secret) {
		t.Error("the same key differs for go-cmp")
	}
	if created.Secret.Equal(clawhq.Secret{}) || reflect.DeepEqual(created, clawhq.CreatedKey{Key: created.Key}) {
		t.Error("a secret equals none")
	}
	var zero clawhq.Secret
	if zero.Reveal() != "" || zero.String() != "" || !cmp.Equal(zero, clawhq.Secret{}) {
		t.Errorf("the zero Secret is %q", zero)
	}
	if diff := cmp.Diff(clawhq.CreatedKey{}, clawhq.CreatedKey{}, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if got := clawhq.RPM60.String(); got != "60 RPM" {
		t.Errorf("got %q", got)
	}
}
