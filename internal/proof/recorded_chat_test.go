package proof_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
)

// TestRecordings plays each recording to the client, and compares the result with
// what encoding/json decodes from the same bytes.
func TestRecordings(t *testing.T) {
	t.Parallel()
	for _, e := range recorded.All() {
		if !strings.HasPrefix(e.Name, "keys_") && !strings.HasPrefix(e.Name, "chat_") || e.Status == http.StatusMethodNotAllowed {
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			client, mock := recordedClient(t, e)
			var info clawhq.ResponseInfo
			got, err := playRecording(t, client, e, clawhq.WithResponseInfo(&info))
			if mock.GetTotalCallCount() != 1 {
				t.Fatalf("%d requests were sent: %v", mock.GetTotalCallCount(), err)
			}
			if info.StatusCode != e.Status || info.RequestID != e.ReplyHeader.Get("X-Request-Id") ||
				info.Replayed != (e.ReplyHeader.Get("X-Idempotency-Replayed") == "true") {
				t.Errorf("info is %+v", info)
			}
			if limited := e.ReplyHeader.Get("X-Ratelimit-Limit") != ""; limited != (info.RateLimit.Limit > 0) {
				t.Errorf("rate limit is %+v", info.RateLimit)
			} else if limited && info.RateLimit.Reset.Year() != 2026 {
				t.Errorf("reset is %v", info.RateLimit.Reset)
			}

			switch {
			case e.Status >= 400:
				checkRecordedError(t, e, err)
			case strings.HasPrefix(e.ReplyHeader.Get("Content-Type"), "text/event-stream"):
				checkRecordedStream(t, e, got.(string), err)
			default:
				checkRecordedReply(t, e, got, err)
			}
		})
	}
}

// playRecording makes the call of a recorded request, and returns the result in the
// shape of the wire.
func playRecording(t *testing.T, client *clawhq.Client, e recorded.Exchange, opt clawhq.CallOption) (any, error) {
	t.Helper()
	var body map[string]any
	// If the client would refuse the request, another one is sent instead, since
	// only the reply matters here.
	_ = json.Unmarshal(e.Body(), &body)
	text := func(name, otherwise string) string {
		if s, ok := body[name].(string); ok && strings.TrimSpace(s) != "" && len(s) <= wire.MaxMessageChars && !strings.ContainsAny(s, " !") {
			return s
		}
		return otherwise
	}
	_, id, _ := strings.Cut(e.URL, "/api/keys/")
	switch {
	case e.URL == "/api/v1/chat":
		req := clawhq.ChatRequest{Message: text("message", "hi"), Agent: text("agent", ""), SessionID: text("session_id", "")}
		if body["stream"] == true {
			return clawhq.CollectText(client.ChatStream(t.Context(), req, opt))
		}
		resp, err := client.Chat(t.Context(), req, opt)
		if err != nil {
			return nil, err
		}
		return map[string]any{"response": resp.Response, "agent": resp.Agent, "request_id": resp.RequestID}, nil
	case e.Method == "GET":
		keys, err := client.Keys.List(t.Context(), opt)
		list, stats := []any{}, map[string]any{}
		for _, k := range keys {
			list = append(list, wireKey(k))
			stats[k.ID] = map[string]any{"today": float64(k.Stats.Today), "week": float64(k.Stats.Week), "errors": float64(k.Stats.Errors)}
		}
		return map[string]any{"keys": list, "keyStats": stats}, err
	case e.Method == "POST":
		k, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: text("name", "n")}, opt)
		if err != nil {
			return nil, err
		}
		key := wireKey(k.Key)
		delete(key, "usage_count")
		delete(key, "last_used_at")
		key["full_key"] = k.Secret.Reveal()
		return map[string]any{"key": key}, nil
	case e.Method == "PATCH":
		tier := clawhq.RPM300
		k, err := client.Keys.Update(t.Context(), id, clawhq.UpdateKeyRequest{RateLimit: &tier}, opt)
		if err != nil {
			return nil, err
		}
		return map[string]any{"key": map[string]any{"id": k.ID, "name": k.Name, "rate_limit_per_min": float64(k.RateLimit)}}, nil
	case e.Method == "DELETE":
		return map[string]any{"success": true}, client.Keys.Revoke(t.Context(), id, opt)
	}
	t.Fatalf("no call makes the request %s %s", e.Method, e.URL)
	return nil, nil
}

func wireKey(k clawhq.Key) map[string]any {
	key := map[string]any{
		"id": k.ID, "name": k.Name, "key_prefix": k.Prefix, "status": string(k.Status), "usage_count": float64(k.UsageCount),
		"rate_limit_per_min": float64(k.RateLimit), "created_at": k.CreatedAt.Format(time.RFC3339Nano), "last_used_at": nil,
	}
	if !k.LastUsedAt.IsZero() {
		key["last_used_at"] = k.LastUsedAt.Format(time.RFC3339Nano)
	}
	return key
}
