// Package consumer uses the SDK like any other module: only through its public
// surface.
package consumer

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// The public surface, with its signatures. If this does not compile, the surface has
// changed for users.
var (
	_ func(...clawhq.Option) (*clawhq.Client, error)                                                                         = clawhq.NewClient
	_ func(*clawhq.Client, context.Context, clawhq.ChatRequest, ...clawhq.CallOption) (*clawhq.ChatResponse, error)          = (*clawhq.Client).Chat
	_ func(*clawhq.Client, context.Context, clawhq.ChatRequest, ...clawhq.CallOption) iter.Seq2[clawhq.ChatChunk, error]     = (*clawhq.Client).ChatStream
	_ func(*clawhq.Client) clawhq.RateLimit                                                                                  = (*clawhq.Client).RateLimit
	_ func(iter.Seq2[clawhq.ChatChunk, error]) (string, error)                                                               = clawhq.CollectText
	_ func() clawhq.RetryPolicy                                                                                              = clawhq.DefaultRetryPolicy
	_ func(*clawhq.KeysService, context.Context, clawhq.CreateKeyRequest, ...clawhq.CallOption) (*clawhq.CreatedKey, error)  = (*clawhq.KeysService).Create
	_ func(*clawhq.KeysService, context.Context, ...clawhq.CallOption) ([]clawhq.Key, error)                                 = (*clawhq.KeysService).List
	_ func(*clawhq.KeysService, context.Context, string, clawhq.UpdateKeyRequest, ...clawhq.CallOption) (*clawhq.Key, error) = (*clawhq.KeysService).Update
	_ func(*clawhq.KeysService, context.Context, string, ...clawhq.CallOption) error                                         = (*clawhq.KeysService).Revoke
	_ func(clawhq.Secret) string                                                                                             = clawhq.Secret.Reveal

	_ = []clawhq.Option{
		clawhq.WithAPIKey(""), clawhq.WithBaseURL(clawhq.DefaultBaseURL), clawhq.WithHTTPClient((*http.Client)(nil)), clawhq.WithLogger((*slog.Logger)(nil)),
		clawhq.WithUserAgent(""), clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1, MinWait: 1, MaxWait: 1, MaxRetryAfter: 1, Budget: 0.5}),
		clawhq.WithRateLimit(60), clawhq.WithLimiter(clawhq.Limiter(nil)), clawhq.WithSession(""), clawhq.WithAttemptTimeout(time.Second),
		clawhq.WithStreamIdleTimeout(time.Second), clawhq.WithInsecureHTTP(), clawhq.WithStreamContentTimeout(time.Second),
		clawhq.WithAPIKeyFunc(func(context.Context) (string, error) { return "", nil }), clawhq.WithMaxRate(60),
	}
	_ = []clawhq.CallOption{
		clawhq.WithResponseInfo(&clawhq.ResponseInfo{}), clawhq.WithIdempotencyKey(""), clawhq.WithClientRequestID(""),
		clawhq.WithHeader("", ""), clawhq.WithCallRetry(clawhq.RetryPolicy{}),
	}

	_ = clawhq.ChatRequest{Message: "", Agent: "", SessionID: ""}
	_ = clawhq.ChatResponse{Response: "", Agent: "", RequestID: ""}
	_ = clawhq.ChatChunk{Content: ""}
	_ = clawhq.RateLimit{Limit: 0, Remaining: 0, Reset: time.Time{}}
	_ = clawhq.ResponseInfo{RequestID: "", ClientRequestID: "", StatusCode: 0, Attempts: 0, RateLimit: clawhq.RateLimit{}, Replayed: false, Header: http.Header{}, Body: []byte(nil)}
	_ = clawhq.APIError{
		StatusCode: 0, Code: clawhq.ErrorCode(""), Type: clawhq.ErrorType(""), Message: "", Param: "", RequestID: "", ClientRequestID: "",
		RetryAfter: 0, RateLimit: clawhq.RateLimit{}, Attempts: 0, Method: "", Path: "", Body: nil,
	}
	_ = []error{
		&clawhq.AuthenticationError{}, &clawhq.PermissionError{}, &clawhq.InvalidRequestError{}, &clawhq.NotFoundError{}, &clawhq.ConflictError{},
		&clawhq.RateLimitError{}, &clawhq.AgentError{}, &clawhq.ServerError{}, &clawhq.StreamError{}, clawhq.ErrThrottled,
		clawhq.CodeRateLimited, clawhq.CodeStreamCancelled,
	}
	_ = []clawhq.RateTier{clawhq.RPM30, clawhq.RPM60, clawhq.RPM120, clawhq.RPM300}
	_ = clawhq.Key{
		ID: "", Name: "", Prefix: "", RateLimit: clawhq.RPM60, Status: clawhq.KeyStatus(""), UsageCount: int64(0),
		Stats: clawhq.KeyStats{}, CreatedAt: time.Time{}, LastUsedAt: time.Time{},
	}

	_ func(...clawhqtest.Option) *clawhqtest.Server                      = clawhqtest.NewServer
	_ func(testing.TB, ...clawhqtest.Option) *clawhqtest.Server          = clawhqtest.NewTestServer
	_ func(*clawhqtest.Server, ...clawhq.Option) *clawhq.Client          = (*clawhqtest.Server).Client
	_ func(*clawhqtest.Server) string                                    = (*clawhqtest.Server).URL
	_ func(*clawhqtest.Server) http.Handler                              = (*clawhqtest.Server).Handler
	_ func(*clawhqtest.Server) *http.Client                              = (*clawhqtest.Server).HTTPClient
	_ func(*clawhqtest.Server) string                                    = (*clawhqtest.Server).APIKey
	_ func(*clawhqtest.Server) string                                    = (*clawhqtest.Server).Session
	_ func(*clawhqtest.Server, string, int) (string, string)             = (*clawhqtest.Server).CreateKey
	_ func(*clawhqtest.Server, string)                                   = (*clawhqtest.Server).RevokeKey
	_ func(*clawhqtest.Server, string, int)                              = (*clawhqtest.Server).SetRateLimit
	_ func(*clawhqtest.Server, string, clawhqtest.AgentFunc)             = (*clawhqtest.Server).HandleAgent
	_ func(*clawhqtest.Server, ...clawhqtest.Fault)                      = (*clawhqtest.Server).Inject
	_ func(*clawhqtest.Server) []clawhqtest.Request                      = (*clawhqtest.Server).Requests
	_ func(*clawhqtest.Server)                                           = (*clawhqtest.Server).Reset
	_ func(*clawhqtest.Server)                                           = (*clawhqtest.Server).Close
	_ func(context.Context, clawhqtest.Message) iter.Seq2[string, error] = clawhqtest.AgentFunc(nil)
	_                                                                    = clawhqtest.Message{Text: "", Agent: "", SessionID: "", History: []clawhqtest.Turn{{Role: "user", Content: ""}}}
	_                                                                    = []clawhqtest.Option{
		clawhqtest.WithInMemory(), clawhqtest.WithProfile(clawhqtest.Documented), clawhqtest.WithProfile(clawhqtest.Live),
		clawhqtest.WithPlan("pro"), clawhqtest.WithPlainHTTP(), clawhqtest.WithAgent("", nil),
	}
	_ = []clawhqtest.Fault{
		clawhqtest.FaultStatus(503, "agent_offline"), clawhqtest.FaultRateLimit("7"), clawhqtest.FaultHTML(502), clawhqtest.FaultReset(),
		clawhqtest.FaultDelay(time.Second), clawhqtest.FaultStreamError("stream_error", 1), clawhqtest.FaultStreamCut(1),
		clawhqtest.FaultStreamStall(1), clawhqtest.FaultStreamMalformed(1), clawhqtest.FaultLegacyError(429, "RATE_LIMITED"),
	}
)

func TestFromOutside(t *testing.T) {
	s := clawhqtest.NewTestServer(t)
	client, err := clawhq.NewClient(
		clawhq.WithBaseURL(s.URL()), clawhq.WithAPIKey(s.APIKey()), clawhq.WithSession(s.Session()), clawhq.WithHTTPClient(s.HTTPClient()),
	)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
	if err != nil || resp.Response == "" {
		t.Fatalf("got %v, %v", resp, err)
	}
	s.Inject(clawhqtest.FaultStreamCut(1))
	text, err := clawhq.CollectText(client.ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi"}))
	if text == "" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, %v", text, err)
	}
	keys, err := client.Keys.List(t.Context())
	if err != nil || len(keys) != 1 || keys[0].UsageCount != 2 {
		t.Errorf("got %+v, %v", keys, err)
	}
}
