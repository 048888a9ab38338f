package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go"
)

// numbers are what differs from run to run.
var numbers = regexp.MustCompile(`[0-9.]+(ms|µs|s)\b|req_[0-9a-f]+|=[0-9.]+[0-9]{3,}|clawhq.wait=[0-9.e-]+|together [0-9.]+`)

// Calls, attempts and the requests of otelhttp nest, each in the one before.
func TestRun(t *testing.T) {
	t.Setenv(clawhq.EnvAPIKey, "")
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	text := numbers.ReplaceAllString(out.String(), "…")
	for _, want := range []string{
		"\n│  POST /v1/chat  ",
		"\n│  │  · retry  ",
		"\n│  │  attempt ✗ agent_offline  ",
		"\n│  │  │  HTTP POST",
		"\n│  │  attempt  ",
		"http.request.resend_count=1",
		"\n│  │  │  · first_chunk  ",
		"clawhq.client.attempts: 4 {attempt}\n",
		"clawhq.client.call.duration: 2, … s\n",
		"clawhq.client.rate_limit.remaining: 58 {call}\n",
		"clawhq.client.stream.time_to_first_chunk: 1, … s\n",
		"clawhq.limiter.available: 1 1\n",
		"clawhq.limiter.fallbacks: 0 {call}\n",
		"clawhq.limiter.limit: 60 {call}/min\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if !strings.HasPrefix(text, "two questions  ") {
		t.Errorf("the caller's span is not the root of\n%s", text)
	}
	if strings.Contains(text, "business hours") || strings.Contains(text, "callbacks") {
		t.Errorf("a message or an answer is in\n%s", text)
	}
}
