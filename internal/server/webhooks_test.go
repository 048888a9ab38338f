package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
)

// recordedSecret is the secret with which the recorded deliveries are signed.
const recordedSecret = "whsec_00112233445566778899aabbccddeeff0011223344556677"

// setUpWebhooks makes the webhook of an exchange as it was before, and a receiver
// that answers as it did.
func (w *world) setUpWebhooks(e recorded.Exchange) {
	w.accountID = "11111111-1111-4111-8111-111111111111"
	w.DeliverTo(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(e.Name, "_failed") || e.Name == "webhook_test_while_disabled":
			rw.WriteHeader(http.StatusInternalServerError)
		case strings.HasSuffix(e.Name, "_timeout"):
			<-r.Context().Done()
		}
	}))
	hook := wire.Webhook{
		URL: "https://hooks.example.com/ok", Secret: recordedSecret, Events: []string{wire.EventAPIRequest}, Enabled: e.Name != "webhook_test_while_disabled",
		WebhookDetails: &wire.WebhookDetails{EventVersion: "v1"},
	}
	if strings.HasSuffix(e.Name, "_private") {
		hook.URL = "https://10.0.0.1/x"
	}
	_, rest, one := strings.Cut(e.URL, "/api/webhooks/")
	hook.ID, rest, _ = strings.Cut(rest, "/")
	_, delivery, _ := strings.Cut(strings.TrimSuffix(rest, "/replay"), "deliveries/")
	var log []wire.Delivery
	switch {
	case e.Name == "webhook_create_limit":
		for range wire.MaxWebhooks {
			w.outbox.Restore(hook)
		}
		return
	case e.Name == "webhook_stats":
		hook.ID = "b5a0544c-4374-4c20-8c76-08b43e3f1c4a"
		for range 4 {
			log = append(log, wire.Delivery{LatencyMS: 8, Success: true, CreatedAt: wire.DatabaseTime(time.Now().Add(-time.Hour))})
		}
	case strings.HasPrefix(e.Name, "webhooks_list"):
		hook = reply[wire.WebhookList](w, e.Name).Webhooks[0]
		hook.Secret, hook.WebhookDetails = recordedSecret[:50]+"00e6", &wire.WebhookDetails{}
	case !one || hook.ID == "stats" || strings.Contains(e.Reply, "Webhook not found"):
		return
	case strings.HasPrefix(e.Name, "webhook_deliveries"):
		log = reply[wire.DeliveryList](w, e.Name).Deliveries
		slices.Reverse(log)
	case delivery != "" && e.Status != http.StatusNotFound:
		log = []wire.Delivery{{ID: delivery, EventType: wire.EventAPIRequest}}
		if retried := reply[wire.RetriedDeliveries](w, e.Name).Retried; retried != nil {
			log = slices.Repeat(log, *retried)
		}
	case e.Method == http.MethodPatch && e.Status == http.StatusOK:
		hook = reply[wire.WebhookReply](w, e.Name).Webhook
		w.accountID = hook.UserID
		undo(&hook, string(e.Body()))
	}
	if e.Name == "webhook_deliveries_filter_throws" {
		hook.FilterConditions = json.RawMessage(`[{"field":"agent","operator":"in","value":5}]`)
		w.outbox.Restore(hook)
		w.Emit(wire.EventAPIRequest, json.RawMessage(`{"agent":"a"}`))()
		return
	}
	w.outbox.Restore(hook, log...)
}

// undo sets the values that a PATCH changes to something else.
func undo(w *wire.Webhook, body string) {
	details := *w.WebhookDetails
	w.WebhookDetails = &details
	for member, set := range map[string]func(){
		"events":                 func() { w.Events = []string{wire.EventAgentDeployed} },
		"enabled":                func() { w.Enabled = !w.Enabled },
		"description":            func() { w.Description = "Old" },
		"filter_conditions":      func() { details.FilterConditions = json.RawMessage(`[1]`) },
		"transformation":         func() { details.Transformation = "{}" },
		"retry_max_attempts":     func() { details.RetryMaxAttempts = new(int) },
		"retry_interval_seconds": func() { details.RetryIntervalSeconds = 900 },
		"paused_at":              func() { details.PausedAt = "2026-01-01T00:00:00+00:00" },
	} {
		if strings.Contains(body, `"`+member+`"`) {
			set()
		}
	}
}

// The recorded deliveries are made again byte for byte, from the same time, secret
// and data.
func TestRecordedDeliveries(t *testing.T) {
	t.Parallel()
	sent := 0
	for _, e := range recorded.All() {
		if !strings.HasPrefix(e.Name, "webhook_delivery_") {
			continue
		}
		sent++
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				at := wire.Time(e.Header.Get(wire.HeaderWebhookTimestamp)).Time()
				time.Sleep(time.Until(at) - time.Minute)
				s, _ := New(Config{Profile: Live})
				t.Cleanup(s.Close)
				var got []string
				s.DeliverTo(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					var body bytes.Buffer
					body.ReadFrom(r.Body)
					got = append(got, described(r.Method, "https://"+r.Host+r.URL.Path, r.Header, body.String()))
				}))
				hook := wire.Webhook{
					ID: "b5a0544c-4374-4c20-8c76-08b43e3f1c4a", URL: "https://" + e.Header.Get("Host") + e.URL, Secret: recordedSecret,
					Events: []string{e.Header.Get(wire.HeaderWebhookEvent)}, Enabled: true, WebhookDetails: &wire.WebhookDetails{},
				}
				var body wire.WebhookBody
				json.Unmarshal(e.Body(), &body)
				switch e.Name {
				case "webhook_delivery_transformed":
					hook.Transformation = `{"text": "{{event.type}} by {{data.agent}} at {{event.timestamp}}", "missing": "{{data.absent}}"}`
					body.Data = json.RawMessage(`{"agent":"support_bot"}`)
				case "webhook_delivery_test_with_recent_payload":
					hook.Events = []string{body.Event}
				}
				s.outbox.Restore(hook)
				if strings.HasPrefix(e.Name, "webhook_delivery_test") {
					if body.Event != wire.EventTest {
						s.Emit(body.Event, body.Data)()
						got = nil
					}
					time.Sleep(time.Until(at))
					if _, err := s.outbox.Test(t.Context(), hook.ID); err != nil {
						t.Fatal(err)
					}
				} else {
					time.Sleep(time.Until(at))
					s.Emit(hook.Events[0], body.Data)()
				}
				want := []string{described(e.Method, hook.URL, e.Header, string(e.Body()))}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-recorded +sent):\n%s", diff)
				}
			})
		})
	}
	if sent < 11 {
		t.Errorf("only %d recorded deliveries", sent)
	}
}

// described is a delivery as one string.
func described(method, url string, header http.Header, body string) string {
	text := method + " " + url
	for _, name := range []string{"Content-Type", wire.HeaderWebhookSignature, wire.HeaderWebhookEvent, wire.HeaderWebhookTimestamp, "Accept", "User-Agent"} {
		text += fmt.Sprintf("\n%s: %s", name, header.Get(name))
	}
	return text + "\n\n" + body
}
