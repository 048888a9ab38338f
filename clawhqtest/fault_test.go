package clawhqtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Each operating system has errors of its own, but their texts are alike.
func refused(err error) bool { return err != nil && strings.Contains(err.Error(), "refused") }

func reset(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "forcibly closed"))
}

func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]clawhqtest.Option{
		"TLS":    nil,
		"plain":  {clawhqtest.WithPlainHTTP()},
		"memory": {clawhqtest.WithInMemory()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := clawhqtest.NewTestServer(t, opts...)
			s.Inject(clawhqtest.FaultReset(), clawhqtest.FaultStreamCut(0))
			for range 2 {
				if _, err := post(t.Context(), s, `{"message":"hi"}`); !reset(err) {
					t.Errorf("reset: %v", err)
				}
			}

			s.Inject(clawhqtest.FaultStreamCut(2))
			res, err := post(t.Context(), s, stream)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(res.Body)
			res.Body.Close()
			if got, want := string(b), "data: {\"content\": \"Thanks \"}\n\ndata: {\"content\": \"for \"}\n\n"; got != want || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut: %q, %v; want %q", got, err, want)
			}
		})
	}
}

func TestStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
		s.Inject(clawhqtest.FaultStreamStall(1), clawhqtest.FaultStreamStall(1))
		for body, want := range map[string]string{stream: "data: {\"content\": \"Thanks \"}\n\n", `{"message":"hi"}`: ""} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			var got []byte
			res, err := post(ctx, s, body)
			if err == nil {
				got, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			cancel()
			if string(got) != want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %q, %v", body, got, err)
			}
		}
	})
}

// Fault codes may have the SDK's type.
func TestFaultCodesOfTheSDK(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	const code clawhq.ErrorCode = "agent_offline"
	s.Inject(clawhqtest.FaultStatus(503, code), clawhqtest.FaultStreamError(code, 0), clawhqtest.FaultLegacyError(503, code),
		clawhqtest.FaultHTML(502), clawhqtest.FaultRateLimit("1"), clawhqtest.FaultDelay(0), clawhqtest.FaultStreamMalformed(1))
	var got []string
	for _, f := range s.Faults() {
		got = append(got, f.String())
	}
	want := []string{`FaultStatus(503, "agent_offline")`, `FaultStreamError("agent_offline", 0)`, `FaultLegacyError(503, "agent_offline")`,
		"FaultHTML(502)", `FaultRateLimit("1")`, "FaultDelay(0s)", "FaultStreamMalformed(1)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	for _, want := range []string{"agent_offline", "agent_offline"} {
		res, err := post(t.Context(), s, `{"message":"hi"}`)
		if got := errorCode(t, read(t, res, err)); got != want || res.StatusCode != 503 {
			t.Errorf("status %d, code %s", res.StatusCode, got)
		}
	}
	s.ClearFaults()
}

// recorder is a testing.TB that records its errors.
type recorder struct {
	testing.TB
	cleanup []func()
	errors  []string
}

func (r *recorder) Helper() {}

func (r *recorder) Cleanup(f func()) { r.cleanup = append(r.cleanup, f) }

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestUnusedFaultsAreReported(t *testing.T) {
	t.Parallel()
	var r recorder
	s := clawhqtest.NewTestServer(&r, clawhqtest.WithInMemory())
	s.Inject(clawhqtest.FaultStatus(500, ""), clawhqtest.FaultHTML(502), clawhqtest.FaultReset())
	res, err := post(t.Context(), s, `{"message":"hi"}`)
	read(t, res, err)
	for _, f := range r.cleanup {
		f()
	}
	want := []string{"clawhqtest: no request met the fault FaultHTML(502)", "clawhqtest: no request met the fault FaultReset()"}
	if diff := cmp.Diff(want, r.errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if _, err := post(t.Context(), s, `{}`); err == nil {
		t.Error("the server still runs")
	}
}

func TestAimedFaults(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	otherID, other := s.CreateKey("other", 60)
	var thread wire.ThreadReply
	ask(t, s, "POST", "/v1/threads", s.APIKey(), `{"agent":"sales-assistant"}`, &thread)
	messages := "/v1/threads/" + thread.Thread.ID + "/messages"

	type call struct{ method, path, key, body string }
	hi := `{"message":"hi"}`
	for _, tc := range []struct {
		on    []clawhqtest.Condition
		text  string
		other []call // requests that get no fault
		meets call
	}{
		{nil, `FaultStatus(418, "x")`, nil, call{"GET", "/v1/health", s.APIKey(), ""}},
		{[]clawhqtest.Condition{clawhqtest.Path("/v1/threads")}, `FaultStatus(418, "x").On(Path("/v1/threads"))`,
			[]call{{"GET", "/v1/health", s.APIKey(), ""}, {"GET", messages, s.APIKey(), ""}},
			call{"GET", "/v1/threads?limit=2", s.APIKey(), ""}},
		{[]clawhqtest.Condition{clawhqtest.Path("POST /v1/threads/{id}/messages")}, `FaultStatus(418, "x").On(Path("POST /v1/threads/{id}/messages"))`,
			[]call{{"GET", messages, s.APIKey(), ""}},
			call{"POST", messages, s.APIKey(), hi}},
		{[]clawhqtest.Condition{clawhqtest.Key(otherID)}, `FaultStatus(418, "x").On(Key("` + otherID + `"))`,
			[]call{{"GET", "/v1/health", s.APIKey(), ""}, {"GET", "/v1/health", "sk-123", ""}},
			call{"GET", "/v1/health", other, ""}},
		{[]clawhqtest.Condition{clawhqtest.Key(other)}, `FaultStatus(418, "x").On(Key("` + other[:12] + `…"))`,
			[]call{{"GET", "/v1/health", s.APIKey(), ""}},
			call{"GET", "/v1/health", other, ""}},
		{[]clawhqtest.Condition{clawhqtest.AgentSlug("sales-assistant")}, `FaultStatus(418, "x").On(AgentSlug("sales-assistant"))`,
			[]call{{"POST", "/v1/chat", s.APIKey(), hi}, {"GET", "/v1/health", s.APIKey(), ""}, {"GET", "/v1/nope", s.APIKey(), ""},
				{"POST", "/v1/chat/batch", s.APIKey(), `{"requests":[{"custom_id":"a","message":"hi"}]}`}},
			call{"POST", "/v1/chat", s.APIKey(), `{"message":"hi","agent":"sales-assistant"}`}},
		{[]clawhqtest.Condition{clawhqtest.AgentSlug("sales-assistant")}, `FaultStatus(418, "x").On(AgentSlug("sales-assistant"))`,
			nil, call{"POST", messages, s.APIKey(), hi}},
		{[]clawhqtest.Condition{clawhqtest.AgentSlug("sales-assistant")}, `FaultStatus(418, "x").On(AgentSlug("sales-assistant"))`,
			nil, call{"POST", "/v1/chat/batch", s.APIKey(), `{"requests":[{"custom_id":"a","message":"hi","agent":"sales-assistant"}]}`}},
		{[]clawhqtest.Condition{clawhqtest.AgentSlug("support-bot")}, `FaultStatus(418, "x").On(AgentSlug("support-bot"))`,
			[]call{{"POST", messages, s.APIKey(), hi}}, call{"POST", "/v1/chat", s.APIKey(), hi}},
		{[]clawhqtest.Condition{clawhqtest.Path("/v1/health"), clawhqtest.Key(otherID)}, `FaultStatus(418, "x").On(Path("/v1/health"), Key("` + otherID + `"))`,
			[]call{{"GET", "/v1/health", s.APIKey(), ""}, {"GET", "/v1/threads", other, ""}},
			call{"GET", "/v1/health", other, ""}},
	} {
		fault := clawhqtest.FaultStatus(418, "x").On(tc.on...)
		if got := fault.String(); got != tc.text {
			t.Errorf("fault %s, want %s", got, tc.text)
		}
		s.Inject(fault)
		for _, c := range tc.other {
			if status := ask(t, s, c.method, c.path, c.key, c.body, nil); status == 418 {
				t.Errorf("%v met by %s %s %s", fault, c.method, c.path, c.body)
			}
		}
		if status := ask(t, s, tc.meets.method, tc.meets.path, tc.meets.key, tc.meets.body, nil); status != 418 {
			t.Errorf("%v not met by %s %s %s: status %d", fault, tc.meets.method, tc.meets.path, tc.meets.body, status)
		}
	}
}

// A fault for other requests does not delay the faults behind it in the queue.
func TestAimedFaultsDoNotQueue(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	s.Inject(clawhqtest.FaultStatus(418, "x").On(clawhqtest.Path("/v1/threads")), clawhqtest.FaultStatus(503, ""))
	for path, want := range map[string]int{"/v1/health": 503, "/v1/threads": 418} {
		if status := ask(t, s, "GET", path, s.APIKey(), "", nil); status != want {
			t.Errorf("%s: status %d, want %d", path, status, want)
		}
	}
}

// The client's errors for faults of the service's own parts.
func TestServiceFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault  clawhqtest.Fault
		name   string
		chat   clawhq.ErrorCode // of Chat; empty means no error
		stream clawhq.ErrorCode // of ChatStream; empty means no error
	}{
		{clawhqtest.FaultLookup(clawhqtest.LookupKey), `FaultLookup("key")`, clawhq.CodeInvalidAPIKey, clawhq.CodeInvalidAPIKey},
		{clawhqtest.FaultLookup(clawhqtest.LookupPlan), `FaultLookup("plan")`, clawhq.CodePlanRequired, clawhq.CodePlanRequired},
		{clawhqtest.FaultLookup(clawhqtest.LookupAgent), `FaultLookup("agent")`, clawhq.CodeAgentNotFound, clawhq.CodeAgentNotFound},
		{clawhqtest.FaultLookup(clawhqtest.LookupServer), `FaultLookup("server")`, clawhq.CodeAgentOffline, clawhq.CodeAgentOffline},
		{clawhqtest.FaultGatewayDown(), `FaultGatewayDown()`, clawhq.CodeInternalError, clawhq.CodeInternalError},
		{clawhqtest.FaultGatewayNotJSON(), `FaultGatewayNotJSON()`, clawhq.CodeInternalError, clawhq.CodeStreamTruncated},
		{clawhqtest.FaultStreamSplit(1), `FaultStreamSplit(1)`, clawhq.CodeInternalError, clawhq.CodeStreamMalformed},
		{clawhqtest.FaultStreamUnended(1), `FaultStreamUnended(1)`, clawhq.CodeInternalError, clawhq.CodeStreamTruncated},
	} {
		s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithProfile(clawhqtest.Live))
		client := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))
		if got := tc.fault.String(); got != tc.name {
			t.Errorf("%s is printed as %s", tc.name, got)
		}
		s.Inject(tc.fault, tc.fault)
		var unusable *clawhq.ServerError // a 200 that the client cannot use
		if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}); !errors.Is(err, tc.chat) && !errors.As(err, &unusable) {
			t.Errorf("%v: chat: %v", tc.fault, err)
		}
		if _, err := clawhq.CollectText(client.ChatStream(t.Context(), clawhq.ChatRequest{Message: "hi"})); !errors.Is(err, tc.stream) {
			t.Errorf("%v: stream: %v", tc.fault, err)
		}
	}
}

// A 429 of a fault reads like one of the service.
func TestRateLimitReads(t *testing.T) {
	t.Parallel()
	for profile, want := range map[clawhqtest.Profile][]string{
		clawhqtest.Documented: {"Rate limit exceeded. Retry after 7 seconds.", "Rate limit exceeded.", "Rate limit exceeded. Retry after 60 seconds."},
		clawhqtest.Live:       {"Rate limit exceeded. Try again later.", "Rate limit exceeded. Try again later.", "Rate limit exceeded. Try again later."},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithProfile(profile))
			s.SetRateLimit(s.KeyID(), 1)
			s.Inject(clawhqtest.FaultRateLimit("7"), clawhqtest.FaultRateLimit("soon"))
			var got []string
			for range 4 { // the third is answered
				client := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1})) // a client that has not seen the limit
				_, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"})
				var limited *clawhq.RateLimitError
				if errors.As(err, &limited) {
					got = append(got, limited.Message)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", profile, diff)
			}
		})
	}
}
