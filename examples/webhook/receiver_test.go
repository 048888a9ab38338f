package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go/webhook"
)

const secret = "whsec_of_this_test"

// deliver sends an event as the service does, and returns the status of the
// answer.
func deliver(t *testing.T, url string, event webhook.EventType, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	webhook.Sign(req.Header, []byte(body), secret, event, time.Now())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestReceiver(t *testing.T) {
	const (
		chat   = `{"event":"api.request","data":{"agent":"support_bot","response_time_ms":63},"timestamp":"2026-11-24T17:41:06.118Z"}`
		again  = `{"data":{"response_time_ms":63,"agent":"support_bot"},"event":"api.request","timestamp":"2026-11-24T17:41:06.118Z"}`
		broken = `{"event":"api.request","data":{"agent":7},"timestamp":"2026-11-24T17:41:06.118Z"}`
		agent  = `{"event":"agent.deployed","data":{"agent_name":"Support Bot"},"timestamp":"2026-11-24T17:41:41.610Z"}`
		news   = `{"event":"of.tomorrow","data":{"n":1},"timestamp":"2026-11-24T17:41:41.610Z"}`
	)
	var out strings.Builder
	server := httptest.NewServer(NewReceiver([]string{"whsec_of_an_older_webhook", secret}, &out))
	defer server.Close()
	for _, step := range []struct {
		event   webhook.EventType
		body    string
		status  int
		printed string
	}{
		{webhook.EventAPIRequest, chat, 200, "17:41:06 api.request       support_bot answered in 63ms\n"},
		{webhook.EventAPIRequest, again, 200, ""}, // a retry
		{webhook.EventTest, chat, 200, "17:41:06 test              it works: {\"agent\":\"support_bot\",\"response_time_ms\":63}\n"},
		{webhook.EventAgentDeployed, agent, 200, "17:41:41 agent.deployed    Support Bot is deployed\n"},
		{"of.tomorrow", news, 200, "17:41:41 of.tomorrow       {\"n\":1}\n"},
		{webhook.EventAPIRequest, broken, 500, ""},
		{webhook.EventAPIRequest, agent, 400, ""},
	} {
		out.Reset()
		if status := deliver(t, server.URL, step.event, step.body); status != step.status || out.String() != step.printed {
			t.Errorf("%s %s: got %d and %q, want %d and %q", step.event, step.body, status, &out, step.status, step.printed)
		}
	}
}

// What is being handled when the program is told to stop is answered before it
// does.
func TestServeFinishes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			stop()
			for { // until the server takes no more
				conn, err := net.Dial("tcp", listener.Addr().String())
				if err != nil {
					break
				}
				conn.Close()
			}
			if err := r.Context().Err(); err != nil {
				t.Errorf("the delivery under way is cut off: %v", err)
			}
			w.WriteHeader(http.StatusOK)
		}))
	}()
	if status := deliver(t, "http://"+listener.Addr().String(), webhook.EventTest, `{}`); status != 200 {
		t.Errorf("got %d, want 200", status)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}
