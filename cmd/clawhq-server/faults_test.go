package main

import (
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/google/go-cmp/cmp"
)

// TestFaultReplies arms a fault by -fault and looks at the reply.
func TestFaultReplies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		notation   string
		stream     bool
		status     int
		retryAfter string
		body       string // a part of it
	}{
		{notation: "429:7", status: 429, retryAfter: "7", body: `"code":"rate_limited"`},
		{notation: "429:1793675129406", status: 429, retryAfter: "1793675129406", body: `"code":"rate_limited"`},
		{notation: "429", status: 429, body: `"code":"rate_limited"`},
		{notation: "500", status: 500, body: `"code":"internal_error"`},
		{notation: "503:agent_offline", status: 503, body: `"code":"agent_offline"`},
		{notation: "400:content_blocked", status: 400, body: `"code":"content_blocked"`},
		{notation: "html:502", status: 502, body: "<html"},
		{notation: "legacy:429:RATE_LIMITED", status: 429, body: `"code":"RATE_LIMITED"`},
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

func TestFaultFormsParse(t *testing.T) {
	t.Parallel()
	faults, texts, err := parseFaults(strings.Join(faultExamples(), " , "))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(faultExamples(), texts); diff != "" || len(faults) != len(texts) {
		t.Errorf("%d faults, texts (-want +got):\n%s", len(faults), diff)
	}
}

func TestBadFaults(t *testing.T) {
	t.Parallel()
	for notation, want := range map[string]string{
		"":                       `fault "": unknown; there are `,
		"nonsense":               `fault "nonsense": unknown; there are `,
		"200":                    `fault "200": unknown; there are `,
		"600":                    `fault "600": unknown; there are `,
		"500,":                   `fault "": unknown; there are `,
		"500:no code":            `fault "500:no code": "no code" cannot be an error code`,
		"500:":                   `fault "500:": "" cannot be an error code`,
		"429:":                   `fault "429:": "" cannot be a Retry-After`,
		"429:7\r\nX-Injected: 1": `cannot be a Retry-After`,
		"cut":                    `fault "cut": wants a number of chunks, as in cut:2`,
		"cut:-1":                 `fault "cut:-1": wants a number of chunks, as in cut:2`,
		"stall:x":                `fault "stall:x": wants a number of chunks, as in stall:2`,
		"malformed:":             `fault "malformed:": wants a number of chunks, as in malformed:2`,
		"error:stream_error":     `wants a code and a number of chunks, as in error:stream_error:2`,
		"error::2":               `wants a code and a number of chunks, as in error:stream_error:2`,
		"html":                   `fault "html": wants a status from 400 to 599, as in html:502`,
		"html:200":               `wants a status from 400 to 599, as in html:502`,
		"legacy:429":             `wants a status and a code, as in legacy:429:RATE_LIMITED`,
		"reset:1":                `fault "reset:1": takes no argument`,
		"delay:0s":               `wants a duration above zero, as in delay:2s`,
		"delay:soon":             `wants a duration above zero, as in delay:2s`,
	} {
		if _, _, err := parseFaults(notation); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseFaults(%q): %v, want %q", notation, err, want)
		}
	}
}

func TestFaultQueue(t *testing.T) {
	t.Parallel()
	server := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer server.Close()
	q := &faultQueue{server: server}
	check := func(step string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(append([]string{}, want...), q.Queued()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	request := func() {
		t.Helper()
		response, err := server.HTTPClient().Get(server.URL() + "/v1/health")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	check("new")
	if err := q.Arm("500, 429:7"); err != nil {
		t.Fatal(err)
	}
	check("armed", "500", "429:7")
	request()
	check("one met", "429:7")
	if err := q.Arm("503,nonsense"); err == nil {
		t.Error("nonsense was armed")
	}
	check("nonsense refused", "429:7")
	if err := q.Arm("html:502"); err != nil {
		t.Fatal(err)
	}
	check("armed another", "429:7", "html:502")
	request()
	request()
	check("all met")
	if err := q.Arm("500,500"); err != nil {
		t.Fatal(err)
	}
	q.Clear()
	check("cleared")
}
