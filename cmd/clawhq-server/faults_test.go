package main

import (
	"strings"
	"testing"
)

// TestFaultReplies sets a fault with -fault and checks the reply.
func TestFaultReplies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		notation   string
		stream     bool
		status     int
		retryAfter string
		body       string // a part of it
	}{
		{notation: "429:7", status: 429, retryAfter: "7", body: `"message":"Rate limit exceeded. Retry after 7 seconds."`},
		{notation: "429:1793675129406", status: 429, retryAfter: "1793675129406", body: `"code":"rate_limited"`},
		{notation: "429", status: 429, body: `"code":"rate_limited"`},
		{notation: "500", status: 500, body: `"code":"internal_error"`},
		{notation: "503:agent_offline", status: 503, body: `"code":"agent_offline"`},
		{notation: "400:content_blocked", status: 400, body: `"code":"content_blocked"`},
		{notation: "html:502", status: 502, body: "<html"},
		{notation: "legacy:429:RATE_LIMITED", status: 429, body: `"code":"RATE_LIMITED"`},
		{notation: "lookup:key", status: 401, body: `"message":"Invalid API key"`},
		{notation: "lookup:server", status: 503, body: `"message":"No VPS provisioned"`},
		{notation: "gateway:down", status: 500, body: `"code":"internal_error"`},
		{notation: "gateway:not-json", stream: true, status: 200, body: ""},
		{notation: "split:0", stream: true, status: 200, body: "data: {\"choices\":[{\"delta\":{\"c\ndata: {"},
		{notation: "unended:1", stream: true, status: 200, body: "data: {"},
		{notation: "delay:1ms", status: 200, body: `"response":`},
		{notation: "error:stream_error:1", stream: true, status: 200, body: `data: {"error": {"code": "stream_error"`},
	} {
		t.Run(tt.notation, func(t *testing.T) {
			t.Parallel()
			p := start(t, "-fault", tt.notation)
			request := `{"message":"hi"}`
			if tt.stream {
				request = `{"message":"hi","stream":true}`
			}
			response, body := p.chat(request)
			if response.StatusCode != tt.status || response.Header.Get("Retry-After") != tt.retryAfter || !strings.Contains(body, tt.body) {
				t.Errorf("status %d, Retry-After %q, body %s", response.StatusCode, response.Header.Get("Retry-After"), body)
			}
			if response, body := p.chat(`{"message":"hi"}`); response.StatusCode != 200 {
				t.Errorf("the request after it: status %d, body %s", response.StatusCode, body)
			}
		})
	}
}
