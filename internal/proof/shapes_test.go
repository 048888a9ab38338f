package proof_test

import (
	"encoding/json"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/webhook"
)

// This file turns results of the client into the shape of the wire, to compare them
// with recordings.

type object = map[string]any

// pointed returns the shape function of a pointer.
func pointed[T any](shape func(T) any) func(*T) any {
	return func(v *T) any { return shape(*v) }
}

func shapes[T any](values []T, shape func(T) any) []any {
	all := []any{}
	for _, v := range values {
		all = append(all, shape(v))
	}
	return all
}

func wrapped[T any](name string, shape func(T) any) func(T) any {
	return func(v T) any { return object{name: shape(v)} }
}

func pageShape[T any](name string, shape func(T) any) func(clawhq.Page[T]) any {
	return func(p clawhq.Page[T]) any {
		return object{name: shapes(p.Items, shape), "has_more": p.HasMore, "total": float64(p.Total)}
	}
}

func timeShape(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.RFC3339Nano)
}

func jsonShape(text json.RawMessage) (v any) {
	_ = json.Unmarshal(text, &v)
	return v
}

func usageShape(u clawhq.Usage) any {
	totals := u.Totals
	return object{
		"key_name": u.KeyName, "period": u.Period,
		"usage": shapes(u.Days, func(d clawhq.UsageDay) any {
			return object{"date": d.Date, "requests": float64(d.Requests), "errors": float64(d.Errors), "avg_response_time_ms": float64(d.AverageResponseTime.Milliseconds())}
		}),
		"totals": object{"total_requests": float64(totals.Requests), "total_errors": float64(totals.Errors), "avg_response_time_ms": float64(totals.AverageResponseTime.Milliseconds())},
	}
}

func modelShape(m clawhq.Model) any {
	return object{"id": m.ID, "name": m.Name, "description": m.Description, "context_window": float64(m.ContextWindow)}
}

func agentShape(a clawhq.Agent) any {
	return object{
		"id": a.ID, "name": a.Name, "slug": a.Slug, "description": a.Description, "status": a.Status,
		"model": object{"primary": a.Model.Primary, "fallback": a.Model.Fallback}, "deployed_at": timeShape(a.DeployedAt),
	}
}

func conversationShape(c clawhq.Conversation) any {
	return object{"id": c.ID, "agent_name": c.AgentName, "created_at": timeShape(c.CreatedAt), "last_message_at": timeShape(c.LastMessageAt)}
}

func messageShape(m clawhq.StoredMessage) any {
	return object{"id": m.ID, "role": string(m.Role), "content": m.Content, "created_at": timeShape(m.CreatedAt)}
}

func threadShape(t clawhq.Thread) any {
	return object{"id": t.ID, "agent": t.Agent, "metadata": jsonShape(t.Metadata), "created_at": timeShape(t.CreatedAt), "updated_at": timeShape(t.UpdatedAt)}
}

func batchShape(b clawhq.Batch) any {
	return object{
		"id": b.ID, "status": string(b.Status), "total": float64(b.Total), "completed": float64(b.Completed), "failed": float64(b.Failed),
		"results": shapes(b.Results, func(r clawhq.BatchResult) any {
			return object{"custom_id": r.CustomID, "status": string(r.Status), "response": r.Response, "error": r.Error}
		}),
		"created_at": timeShape(b.CreatedAt), "completed_at": timeShape(b.CompletedAt),
	}
}

func fileShape(f clawhq.File) any {
	return object{
		"file_id": f.ID, "filename": f.Name, "mime_type": f.MIMEType, "purpose": f.Purpose, "status": string(f.Status),
		"size": float64(f.Size), "chunks": float64(f.Chunks), "created_at": timeShape(f.CreatedAt),
	}
}

func auditShape(e clawhq.AuditEntry) any {
	return object{
		"id": e.ID, "action": e.Action, "entity_type": e.EntityType, "entity_id": e.EntityID, "category": e.Category, "ip_address": e.IPAddress,
		"integrity_hash": e.IntegrityHash, "details": jsonShape(e.Details), "created_at": timeShape(e.CreatedAt),
	}
}

func keyShape(k clawhq.Key) any {
	return object{
		"id": k.ID, "name": k.Name, "key_prefix": k.Prefix, "status": string(k.Status), "usage_count": float64(k.UsageCount),
		"rate_limit_per_min": float64(k.RateLimit), "created_at": timeShape(k.CreatedAt), "last_used_at": timeShape(k.LastUsedAt),
	}
}

func webhookShape(w clawhq.Webhook) any {
	shape := object{
		"id": w.ID, "url": w.URL, "events": shapes(w.Events, func(e webhook.EventType) any { return string(e) }), "enabled": w.Enabled, "description": textShape(w.Description),
		"last_triggered_at": databaseTimeShape(w.LastTriggeredAt), "last_status": textShape(string(w.LastStatus)), "last_status_code": nil,
		"failure_count": float64(w.FailureCount), "created_at": databaseTimeShape(w.CreatedAt),
		"user_id": w.AccountID, "paused_at": databaseTimeShape(w.PausedAt), "retry_interval_seconds": w.RetryInterval.Seconds(),
		"retry_max_attempts": float64(w.MaxAttempts), "filter_conditions": nil, "transformation": textShape(w.Transformation), "event_version": w.EventVersion,
	}
	if w.LastStatusCode != 0 {
		shape["last_status_code"] = float64(w.LastStatusCode)
	}
	if w.Filters != nil {
		text, _ := json.Marshal(w.Filters)
		shape["filter_conditions"] = jsonShape(text)
	}
	return shape
}

func deliveryShape(d clawhq.Delivery) any {
	return object{
		"id": d.ID, "event_type": string(d.Event), "status_code": float64(d.StatusCode), "response_body": d.ResponseBody,
		"latency_ms": float64(d.Latency.Milliseconds()), "success": d.Success, "retry_count": float64(d.RetryCount), "created_at": databaseTimeShape(d.CreatedAt),
	}
}

func deliveryResultShape(r *clawhq.DeliveryResult) any {
	return object{"success": r.Success, "status_code": float64(r.StatusCode)}
}

func webhookStatsShape(w clawhq.WebhookStats) any {
	return object{
		"webhook_id": w.WebhookID, "total_deliveries": float64(w.Total), "successful_deliveries": float64(w.Successful),
		"failed_deliveries": float64(w.Failed), "avg_latency_ms": float64(w.AverageLatency.Milliseconds()), "success_rate": w.SuccessRate,
	}
}

func textShape(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// databaseTimeShape returns a time as the service's database writes it.
func databaseTimeShape(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.Format("2006-01-02T15:04:05.999999-07:00")
}
