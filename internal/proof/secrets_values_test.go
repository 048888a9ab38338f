package proof_test

import (
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// exhibitValues shows the values of each endpoint's types, and values that callers
// make themselves and no call returns. The fields that are meant for a secret contain
// one.
func exhibitValues(t *testing.T, x *exhibition) {
	for _, v := range []any{
		clawhq.RateLimit{Limit: 60, Reset: time.Unix(1, 0)}, clawhq.LimitReply{Window: "key", StatusCode: 429}, clawhq.LimitRequest{Window: "key"}, clawhq.DefaultRetryPolicy(),
		clawhq.CodeRateLimited, clawhq.ErrorType("rate_limit_error"),
		clawhq.WithAPIKey(testkit.Key), clawhq.WithSession(sentinelSession), clawhq.WithIdempotencyKey(testkit.Key), clawhq.WithClientRequestID(testkit.Key), clawhq.WithHeader("X-Key", testkit.Key), clawhq.CodeStreamCancelled,
		clawhqtest.WithInMemory(), clawhqtest.Reply(testkit.Key), clawhqtest.FaultReset(),
		clawhqtest.Message{Text: "hi", History: []clawhqtest.Turn{{Role: clawhqtest.RoleUser, Content: "hi"}}}, clawhqtest.Turn{Role: clawhqtest.RoleUser},
		clawhqtest.Conversation{Messages: []clawhqtest.StoredMessage{{Content: "hi"}}}, clawhqtest.StoredMessage{Content: "hi"}, clawhqtest.AuditEntry{ID: "1"}, clawhqtest.Path("/v1/chat"), clawhqtest.LookupKey, clawhq.AgentUsage{Requests: 1},
		clawhqtest.File{Name: "a.txt"}, clawhqtest.KeyInfo{Prefix: testkit.Key[:12]}, clawhqtest.AgentInfo{Slug: "support-bot"},
		clawhqtest.Key(testkit.Key), clawhqtest.FaultReset().On(clawhqtest.Key(testkit.Key)), clawhq.LimitRequest{}, clawhq.CallOptions{Background: true},
		&clawhq.Client{}, &clawhq.StreamError{APIError: &clawhq.APIError{}},
	} {
		x.show(v)
	}
	for _, row := range calls {
		for _, v := range row.values {
			x.show(v)
		}
	}
}

// exhibitPanics shows the values of the packages' panics.
func exhibitPanics(t *testing.T, x *exhibition) {
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	x.secret(s.APIKey()[12:])
	for name, f := range map[string]func(){
		"Client":          func() { s.Client(clawhq.WithAPIKey(testkit.Key + "x")) },
		"Client's URL":    func() { s.Client(clawhq.WithBaseURL(s.APIKey())) },
		"SetRateLimit":    func() { s.SetRateLimit(s.APIKey(), 60) },
		"SetRateLimit 0":  func() { s.SetRateLimit(s.KeyID(), 0) },
		"RevokeKey":       func() { s.RevokeKey(s.APIKey()) },
		"CreateKey":       func() { s.CreateKey(strings.Repeat(s.APIKey(), 3), 60) },
		"CreateKey 0":     func() { s.CreateKey(s.APIKey(), 0) },
		"HandleAgent":     func() { s.HandleAgent("", clawhqtest.Reply(testkit.Key)) },
		"FaultStatus":     func() { clawhqtest.FaultStatus(99, testkit.Key) },
		"FaultLegacy":     func() { clawhqtest.FaultLegacyError(600, testkit.Key) },
		"AddKey":          func() { s.AddKey("", testkit.Key, 1) },
		"FaultLookup":     func() { clawhqtest.FaultLookup(clawhqtest.Lookup(testkit.Key)) },
		"FaultHTML":       func() { clawhqtest.FaultHTML(0) },
		"the zero Client": func() { (&clawhq.Client{}).Chat(t.Context(), testkit.Hi) },
	} {
		func() {
			defer func() {
				p := recover()
				if p == nil {
					t.Errorf("%s does not panic", name)
					return
				}
				x.show(p)
			}()
			f()
		}()
	}
}
