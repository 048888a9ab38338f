package otelclawhq_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/otelclawhq"
	gocmp "github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

var hi = clawhq.ChatRequest{Message: "hi"}

// telemetry keeps the exported spans and metrics in memory.
type telemetry struct {
	spans  *tracetest.InMemoryExporter
	reader *sdkmetric.ManualReader
	option clawhq.Option
}

func newTelemetry() telemetry {
	t := telemetry{spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	t.option = otelclawhq.Option(
		otelclawhq.WithTracerProvider(trace.NewTracerProvider(trace.WithSyncer(t.spans))),
		otelclawhq.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(t.reader))),
	)
	return t
}

// bubble runs f in virtual time, with a server whose agent sends three chunks, each
// after a second.
func bubble(t *testing.T, f func(t *testing.T, s *clawhqtest.Server, tel telemetry)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithAgentDelay(time.Second)), newTelemetry())
	})
}

func attributes(list []attribute.KeyValue) string {
	var texts []string
	for _, a := range list {
		if a.Key == "clawhq.request_id" {
			a.Value = attribute.StringValue(a.Value.AsString()[:4] + "…")
		}
		texts = append(texts, fmt.Sprintf("%s=%s", a.Key, a.Value.Emit()))
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

// tree prints the spans as a tree.
func tree(spans tracetest.SpanStubs) string {
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	var b strings.Builder
	var show func(parent tracetest.SpanStub, indent string)
	show = func(parent tracetest.SpanStub, indent string) {
		for _, s := range spans {
			if s.Parent.SpanID() != parent.SpanContext.SpanID() {
				continue
			}
			fmt.Fprintf(&b, "%s%s (%v, %v) %s", indent, s.Name, s.SpanKind, s.EndTime.Sub(s.StartTime), attributes(s.Attributes))
			if s.Status.Description != "" {
				fmt.Fprintf(&b, " %v: %s", s.Status.Code, s.Status.Description)
			}
			b.WriteString("\n")
			for _, l := range s.Links {
				i := slices.IndexFunc(spans, func(o tracetest.SpanStub) bool { return o.SpanContext.SpanID() == l.SpanContext.SpanID() })
				fmt.Fprintf(&b, "%s  linked to %s that began %v before\n", indent, spans[i].Name, s.StartTime.Sub(spans[i].StartTime))
			}
			for _, e := range s.Events {
				fmt.Fprintf(&b, "%s  %v %s %s\n", indent, e.Time.Sub(s.StartTime), e.Name, attributes(e.Attributes))
			}
			show(s, indent+"    ")
		}
	}
	show(tracetest.SpanStub{}, "")
	return b.String()
}

func (tel telemetry) wantSpans(t *testing.T, want string) {
	t.Helper()
	if diff := gocmp.Diff(strings.TrimPrefix(want, "\n"), tree(tel.spans.GetSpans())); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

// metrics returns the measurements, one per line.
func (tel telemetry) metrics(t *testing.T) []string {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := tel.reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			line := func(set attribute.Set, format string, args ...any) {
				lines = append(lines, fmt.Sprintf("%s %s {%s} ", m.Name, m.Unit, attributes(set.ToSlice()))+fmt.Sprintf(format, args...))
			}
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					line(p.Attributes, "%d, %v", p.Count, p.Sum)
				}
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					line(p.Attributes, "%d", p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					line(p.Attributes, "%d", p.Value)
				}
			default:
				t.Errorf("metric %s is a %T", m.Name, d)
			}
		}
	}
	slices.SortFunc(lines, cmp.Compare[string])
	return lines
}

func (tel telemetry) wantMetrics(t *testing.T, want ...string) {
	t.Helper()
	if diff := gocmp.Diff(want, tel.metrics(t)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *clawhqtest.Server, tel telemetry) {
		s.Inject(clawhqtest.FaultRateLimit("7"))
		client := s.Client(tel.option, clawhq.WithRetry(clawhq.RetryPolicy{MinWait: 1}))
		if _, err := clawhq.CollectText(client.ChatStream(t.Context(), hi)); err != nil {
			t.Fatal(err)
		}
		tel.wantSpans(t, `
POST /v1/chat (client, 24s) clawhq.request_id=req_… http.request.method=POST http.response.status_code=200 server.address=clawhq.test server.port=443 url.template=/v1/chat
  0s retry clawhq.wait=7 error.type=rate_limited
    attempt (internal, 0s) clawhq.request_id=req_… error.type=rate_limited http.request.method=POST http.response.status_code=429 url.template=/v1/chat Error: rate_limited
    attempt (internal, 17s) clawhq.request_id=req_… http.request.method=POST http.request.resend_count=1 http.response.status_code=200 url.template=/v1/chat
      linked to attempt that began 7s before
      0s first_chunk 
`)
		const what = "http.request.method=POST"
		tel.wantMetrics(t,
			"clawhq.client.attempts {attempt} {error.type=rate_limited "+what+" http.response.status_code=429 url.template=/v1/chat} 1",
			"clawhq.client.attempts {attempt} {"+what+" http.response.status_code=200 url.template=/v1/chat} 1",
			"clawhq.client.call.duration s {"+what+" http.response.status_code=200 url.template=/v1/chat} 1, 24",
			"clawhq.client.rate_limit.rejections {attempt} {"+what+" url.template=/v1/chat} 1",
			"clawhq.client.rate_limit.remaining {call} {"+what+" url.template=/v1/chat} 59",
			"clawhq.client.rate_limit.wait s {"+what+" url.template=/v1/chat} 2, 0",
			"clawhq.client.stream.time_to_first_chunk s {"+what+" url.template=/v1/chat} 1, 7",
		)
	})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *clawhqtest.Server, tel telemetry) {
		s.HandleAgent("support-bot", clawhqtest.Reply("Hello."))
		s.SetRateLimit(s.KeyID(), 1)
		client := s.Client(tel.option)
		client.Chat(t.Context(), hi)
		tel.spans.Reset()
		client.Chat(t.Context(), hi)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		client.Chat(ctx, hi)
		tel.wantSpans(t, `
POST /v1/chat (client, 1m0.25s) clawhq.request_id=req_… http.request.method=POST http.response.status_code=200 server.address=clawhq.test server.port=443 url.template=/v1/chat
  0s rate_limit.waiting clawhq.reason=the window is full clawhq.wait=60.25
  1m0.25s rate_limit.admitted clawhq.wait=60.25
    attempt (internal, 0s) clawhq.request_id=req_… http.request.method=POST http.response.status_code=200 url.template=/v1/chat
POST /v1/chat (client, 0s) error.type=throttled http.request.method=POST server.address=clawhq.test server.port=443 url.template=/v1/chat Error: throttled
`)
	})
}

// Names and attributes do not contain the ids of a path.
func TestErrors(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *clawhqtest.Server, tel telemetry) {
		client := s.Client(tel.option)
		client.Keys.Revoke(t.Context(), "none")
		client.Chat(t.Context(), clawhq.ChatRequest{})
		tel.wantSpans(t, `
DELETE /keys/{id} (client, 0s) error.type=404 http.request.method=DELETE http.response.status_code=404 server.address=clawhq.test server.port=443 url.template=/keys/{id} Error: 404
    attempt (internal, 0s) error.type=404 http.request.method=DELETE http.response.status_code=404 url.template=/keys/{id} Error: 404
POST /v1/chat (client, 0s) error.type=missing_parameter http.request.method=POST server.address=clawhq.test server.port=443 url.template=/v1/chat Error: missing_parameter
`)
	})
}

// Two observers of one client do not disturb each other, and the spans of calls are
// children of the caller's span.
func TestTwoObservers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *clawhqtest.Server, tel telemetry) {
		other := newTelemetry()
		s.Client(tel.option, other.option).Chat(t.Context(), hi)
		for _, tel := range []telemetry{tel, other} {
			if n := len(tel.spans.GetSpans()); n != 2 {
				t.Errorf("got %d spans, want 2", n)
			}
		}
	})
}

const (
	key     = "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"
	session = "s3ss10n-that-nobody-may-see"
	message = "the question of the caller"
	answer  = "the answer of the agent"
)

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Spans and metrics contain no secrets, even if replies and transport errors repeat
// everything that the request contained.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const echo = message + " " + key + " " + session
	bodies := []struct {
		status            int
		contentType, body string
	}{
		{400, "application/json", fmt.Sprintf(`{"error":{"code":%q,"message":%[1]q,"param":%[1]q,"type":%[1]q,"request_id":%[1]q}}`, echo)},
		{429, "application/json", fmt.Sprintf(`{"error":{"code":"rate_limited","message":%q}}`, echo)},
		{502, echo, echo},
		{200, "application/json", fmt.Sprintf(`{"response":%q,"agent":%q}`, answer, echo)},
		{200, "text/event-stream", fmt.Sprintf("data: {\"content\":%q}\n\ndata: {\"error\":{\"code\":%q}}\n\n", answer, echo)},
		{0, "", ""},
	}
	n := 0
	tel := newTelemetry()
	client, err := clawhq.NewClient(clawhq.WithAPIKey(key), clawhq.WithSession(session), tel.option,
		clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2, MinWait: 1, MaxWait: 1}), clawhq.WithRateLimit(0),
		clawhq.WithHTTPClient(&http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			if bodies[n].status == 0 {
				return nil, fmt.Errorf("%s", echo)
			}
			rec := &http.Response{StatusCode: bodies[n].status, Header: http.Header{}, Body: http.NoBody}
			rec.Header.Set("Content-Type", bodies[n].contentType)
			rec.Header.Set("X-Request-Id", key+" "+session)
			rec.Body = body{strings.NewReader(bodies[n].body)}
			return rec, nil
		})}))
	if err != nil {
		t.Fatal(err)
	}
	for n = range bodies {
		req := clawhq.ChatRequest{Message: message, Agent: key, SessionID: key}
		client.Chat(t.Context(), req)
		clawhq.CollectText(client.ChatStream(t.Context(), req))
		client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: message})
		client.Keys.Revoke(t.Context(), key)
	}
	spans := tel.spans.GetSpans()
	text, err := json.Marshal(spans)
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%s\n%+v\n%s\n%s", text, spans, tree(spans), strings.Join(tel.metrics(t), "\n"))
	for _, secret := range []string{key[12:20], key[20:], session[:10], "nobody-may-see", message, "question", answer} {
		if i := strings.Index(shown, secret); i >= 0 {
			t.Errorf("%q is shown: …%s…", secret, shown[max(0, i-100):min(len(shown), i+100)])
		}
	}
	if len(spans) < 40 || !strings.Contains(shown, "rate_limited") {
		t.Errorf("got %d spans, want 40 at least:\n%s", len(spans), tree(spans))
	}
}

type body struct{ *strings.Reader }

func (body) Close() error { return nil }
