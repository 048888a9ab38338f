package proof_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
	"github.com/clawhq/clawhq-go/webhook"
)

// TestWebhookRecordings plays recorded exchanges of webhook management to the client,
// except those for which it has no method.
func TestWebhookRecordings(t *testing.T) {
	t.Parallel()
	for _, e := range recorded.All() {
		// The tests of package webhook use the recorded deliveries.
		if !strings.HasPrefix(e.Name, "webhook") || strings.HasPrefix(e.Name, "webhook_delivery_") {
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			client, mock := recordedClient(t, e)
			var info clawhq.ResponseInfo
			got, err := playWebhooks(t, client.Webhooks, e, clawhq.WithResponseInfo(&info))
			if mock.GetTotalCallCount() != 1 {
				t.Fatalf("%d requests were sent: %v", mock.GetTotalCallCount(), err)
			}
			if info.StatusCode != e.Status {
				t.Errorf("status is %d, want %d", info.StatusCode, e.Status)
			}
			if e.Status >= 400 {
				checkRecordedError(t, e, err)
				return
			}
			checkRecordedReply(t, e, got, err)
		})
	}
}

// playWebhooks makes the call of a recorded request, and returns the result in the
// shape of the wire. If the client would refuse the request, another one is sent
// instead, since only the reply matters here.
func playWebhooks(t *testing.T, s *clawhq.WebhooksService, e recorded.Exchange, opt clawhq.CallOption) (any, error) {
	t.Helper()
	ctx := t.Context()
	parts := strings.Split(strings.TrimPrefix(e.URL, "/api/"), "/") // webhooks, id, deliveries, id, replay
	call := e.Method + " " + parts[len(parts)-1]
	id := ""
	if len(parts) > 1 {
		id = parts[1]
		if len(parts) == 2 && id != "stats" {
			call = e.Method
		}
	}
	switch call {
	case "GET webhooks":
		list, err := s.List(ctx, opt)
		webhooks := []any{}
		for _, w := range list {
			row := wireWebhook(w, "••••••••••••00e6")
			for _, name := range []string{"user_id", "paused_at", "retry_interval_seconds", "retry_max_attempts", "filter_conditions", "transformation", "event_version"} {
				delete(row, name)
			}
			webhooks = append(webhooks, row)
		}
		return map[string]any{"webhooks": webhooks}, err
	case "POST webhooks":
		w, err := s.Create(ctx, clawhq.CreateWebhookRequest{URL: "https://hooks.example.com/", Events: []webhook.EventType{"api.request"}}, opt)
		if err != nil {
			return nil, err
		}
		return map[string]any{"webhook": wireWebhook(w.Webhook, w.Secret.Reveal())}, nil
	case "PATCH":
		w, err := s.Update(ctx, id, clawhq.UpdateWebhookRequest{Description: new(string)}, opt)
		if err != nil {
			return nil, err
		}
		var dropped struct{ Webhook struct{ Secret string } }
		json.Unmarshal([]byte(e.Reply), &dropped)
		if strings.Contains(fmt.Sprintf("%+v", w), dropped.Webhook.Secret) {
			t.Errorf("the secret is in %+v", w)
		}
		row := wireWebhook(*w, dropped.Webhook.Secret)
		if strings.Contains(e.Reply, `"retry_max_attempts":null`) {
			row["retry_max_attempts"] = nil
		}
		return map[string]any{"webhook": row}, nil
	case "DELETE":
		return map[string]any{"success": true}, s.Delete(ctx, id, opt)
	case "POST test":
		return wireResult(s.Test(ctx, id, opt))
	case "POST replay":
		return wireResult(s.Replay(ctx, id, parts[3], opt))
	case "POST bulk-retry":
		r, err := s.RetryFailed(ctx, id, opt)
		if err != nil {
			return nil, err
		}
		return map[string]any{"retried": float64(r.Retried), "succeeded": float64(r.Succeeded), "failed": float64(r.Failed)}, nil
	case "GET deliveries":
		rows, err := s.Deliveries(ctx, id, opt)
		deliveries := []any{}
		for _, d := range rows {
			deliveries = append(deliveries, map[string]any{
				"id": d.ID, "event_type": string(d.Event), "status_code": float64(d.StatusCode), "response_body": d.ResponseBody,
				"latency_ms": float64(d.Latency.Milliseconds()), "success": d.Success, "retry_count": float64(d.RetryCount), "created_at": wireTime(d.CreatedAt),
			})
		}
		return map[string]any{"deliveries": deliveries}, err
	case "GET stats":
		all, err := s.Stats(ctx, opt)
		stats := []any{}
		for _, w := range all {
			stats = append(stats, map[string]any{
				"webhook_id": w.WebhookID, "total_deliveries": float64(w.Total), "successful_deliveries": float64(w.Successful),
				"failed_deliveries": float64(w.Failed), "avg_latency_ms": float64(w.AverageLatency.Milliseconds()), "success_rate": w.SuccessRate,
			})
		}
		return map[string]any{"stats": stats}, err
	}
	t.Fatalf("no call makes the request %s %s", e.Method, e.URL)
	return nil, nil
}

func wireResult(r *clawhq.DeliveryResult, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return map[string]any{"success": r.Success, "status_code": float64(r.StatusCode)}, nil
}

func wireWebhook(w clawhq.Webhook, secret string) map[string]any {
	events := []any{}
	for _, e := range w.Events {
		events = append(events, string(e))
	}
	row := map[string]any{
		"id": w.ID, "url": w.URL, "secret": secret, "events": events, "enabled": w.Enabled, "description": textOrNil(w.Description),
		"last_triggered_at": wireTime(w.LastTriggeredAt), "last_status": textOrNil(string(w.LastStatus)), "last_status_code": nil,
		"failure_count": float64(w.FailureCount), "created_at": wireTime(w.CreatedAt),
		"user_id": w.AccountID, "paused_at": wireTime(w.PausedAt), "retry_interval_seconds": w.RetryInterval.Seconds(),
		"retry_max_attempts": float64(w.MaxAttempts), "filter_conditions": nil, "transformation": textOrNil(w.Transformation), "event_version": w.EventVersion,
	}
	if w.LastStatusCode != 0 {
		row["last_status_code"] = float64(w.LastStatusCode)
	}
	if w.Filters != nil {
		var filters any
		text, _ := json.Marshal(w.Filters)
		json.Unmarshal(text, &filters)
		row["filter_conditions"] = filters
	}
	return row
}

func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func wireTime(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.Format("2006-01-02T15:04:05.999999-07:00")
}
