package proof_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/clawhq/clawhq-go/webhook"
)

// webhookSecret is not a secret of the service. Only Reveal may show any part of it.
const webhookSecret = "whsec_5e0011d2233445566778899aabbccddeeff0011223344556"

// exhibitWebhooks shows the results of replies that contain a webhook's secret: the
// reply to a creation, where it belongs, and others.
func exhibitWebhooks(t *testing.T, x *exhibition) {
	x.secret(webhookSecret[6:])
	const row = `"id":"1","secret":"` + webhookSecret + `","url":"https://hooks.example.com/","events":["api.request"],"user_id":"2","paused_at":null`
	whole := `{"webhook":{` + row + `},"webhooks":[{` + row + `}],"deliveries":[{"id":"1","response_body":"ok"}],"stats":[{}],"retried":1,"success":true}`
	replies := []string{
		whole, whole[:len(whole)-1], `{"error":"` + webhookSecret + `"}`, webhookSecret, `{"webhook":{"id":"` + webhookSecret + `"`, `{"webhook":"` + webhookSecret + `"}`,
	}
	var body string
	var status int
	var logs bytes.Buffer
	client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
		return testkit.Reply(status, body, "X-Request-Id", webhookSecret), nil
	}, clawhq.WithSession(sentinelSession), testkit.OneAttempt, clawhq.WithLogger(logger("text", &logs)))
	x.show(client.Webhooks)

	calls := secretCalls(t.Context(), client, webhookSecret, webhookCalls) // a caller may confuse the secret with the id
	for _, status = range []int{200, 400, 502} {
		for _, body = range replies {
			for _, call := range calls {
				var info clawhq.ResponseInfo
				got, err := call(clawhq.WithResponseInfo(&info))
				x.show(info)
				if err != nil {
					x.show(err)
				} else if got != nil {
					x.show(got)
				}
				if created, ok := got.(*clawhq.CreatedWebhook); ok && err == nil && created.Secret.Reveal() != webhookSecret {
					t.Errorf("Reveal returned %q", created.Secret.Reveal())
				}
			}
		}
	}
	x.search("the client's log", "", logs.String())
	if !strings.Contains(logs.String(), "whsec_…") {
		t.Error("the client's log does not show where the secret was")
	}

	// A value that the reference server returns, and errors of package webhook.
	x.show(clawhqtest.Delivery{Body: []byte("{}")})
	opts := webhook.Options{Secrets: []string{webhookSecret}}
	header := http.Header{"X-Clawhq-Signature": {"0"}, "X-Clawhq-Timestamp": {"0"}}
	for _, opts.Secrets = range [][]string{{webhookSecret}, {webhookSecret, ""}, {webhookSecret + "\n"}} {
		_, err := webhook.Verify(header, nil, opts)
		x.show(err)
		x.show(webhook.Handler(opts, nil))
		x.search("options", "", fmt.Sprintf("%v %+v %#v %q %x %d", opts, opts, opts, opts, opts, opts))
	}
}
