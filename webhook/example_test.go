package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/webhook"
)

// A receiver that counts the calls of its account, and its test: a delivery, a
// retry of it, and a forgery.
func ExampleHandler() {
	const secret = "whsec_00112233445566778899aabbccddeeff0011223344556677"
	handler := webhook.Handler(webhook.Options{
		Secrets: []string{secret}, // of an environment variable, say
		Seen:    new(webhook.MemorySeen),
	}, func(ctx context.Context, ev *webhook.Event) error {
		switch ev.Type {
		case webhook.EventAPIRequest:
			var data webhook.APIRequest
			if err := ev.Decode(&data); err != nil {
				return err
			}
			fmt.Println(data.Agent, "answered in", data.ResponseTime)
		case webhook.EventTest:
			fmt.Println("a test: it works")
		}
		return nil
	})

	server := httptest.NewServer(handler)
	defer server.Close()
	deliver := func(secret string, event webhook.EventType) {
		body := `{"event":"api.request","data":{"agent":"support_bot","response_time_ms":63},"timestamp":"2026-11-24T17:41:06.118Z"}`
		req, err := http.NewRequest("POST", server.URL, strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		webhook.Sign(req.Header, []byte(body), secret, event, time.Now())
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close()
		answer, _ := io.ReadAll(resp.Body)
		fmt.Printf("%d %s\n", resp.StatusCode, bytes.TrimSpace(answer))
	}
	deliver(secret, webhook.EventAPIRequest)
	deliver(secret, webhook.EventAPIRequest)
	deliver(secret, webhook.EventTest)
	deliver("a guess", webhook.EventAPIRequest)
	// Output:
	// support_bot answered in 63ms
	// 200 ok
	// 200 handled before
	// a test: it works
	// 200 ok
	// 401 webhook: signature: made with none of the secrets for this timestamp and body
}

// Where a framework stands between net/http and the receiver, it is enough to
// have the header and the body as it came.
func ExampleVerify() {
	const secret = "whsec_00112233445566778899aabbccddeeff0011223344556677"
	body := []byte(`{"event":"api.request","data":{"agent":"support_bot","response_time_ms":63},"timestamp":"2026-11-24T17:41:06.118Z"}`)
	header := http.Header{}
	header.Set("X-ClawHQ-Event", "api.request")
	header.Set("X-ClawHQ-Timestamp", "2026-11-24T17:41:06.118Z")
	header.Set("X-ClawHQ-Signature", "a2804daefb419eff1e4585f6d36514e006617fa62fec7b7414bd49dccb6510cf")

	opts := webhook.Options{
		Secrets: []string{secret},
		// Some seconds later; an app leaves this to the clock.
		Now: func() time.Time { return time.Date(2026, 11, 24, 17, 41, 9, 0, time.UTC) },
	}
	event, err := webhook.Verify(header, body, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(event.Type, event.Test, event.Timestamp)
	fmt.Printf("%s\n", event.Data)

	body[len(body)-1] = ' '
	_, err = webhook.Verify(header, body, opts)
	fmt.Println(err)
	// Output:
	// api.request false 2026-11-24 17:41:06.118 +0000 UTC
	// {"agent":"support_bot","response_time_ms":63}
	// webhook: signature: made with none of the secrets for this timestamp and body
}

// A test of a receiver makes its deliveries by itself.
func ExampleSign() {
	body := `{"event":"agent.deployed","data":{"agent_name":"Support Bot"},"timestamp":"2026-11-24T17:41:41.610Z"}`
	req := httptest.NewRequest("POST", "/hooks/clawhq", strings.NewReader(body))
	webhook.Sign(req.Header, []byte(body), "whsec_of_a_test", webhook.EventAgentDeployed, time.Now())

	_, err := webhook.Verify(req.Header, []byte(body), webhook.Options{Secrets: []string{"whsec_of_a_test"}})
	fmt.Println(req.Header.Get("X-ClawHQ-Event"), err)
	// Output: agent.deployed <nil>
}

// A repeat bears another time in its header and its members in another order.
func ExampleEvent_Fingerprint() {
	happened := time.Date(2026, 11, 24, 17, 41, 6, 118_000_000, time.UTC)
	first := &webhook.Event{
		Type: webhook.EventAPIRequest, Timestamp: happened, DeliveredAt: happened,
		Data: []byte(`{"response_time_ms":63,"agent":"support_bot"}`),
	}
	retry := &webhook.Event{
		Type: webhook.EventAPIRequest, Timestamp: happened, DeliveredAt: happened.Add(30 * time.Second),
		Data: []byte(`{"agent": "support_bot", "response_time_ms": 63}`),
	}
	fmt.Println(first.Fingerprint() == retry.Fingerprint())
	// Output: true
}
