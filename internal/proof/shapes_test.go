package proof_test

import (
	"encoding/json"
	"time"

	"github.com/clawhq/clawhq-go"
)

// This file turns results of the client into the shape of the wire, to compare them
// with recordings.

type object = map[string]any

// shaped returns the shape of a result, nil for none.
func shaped[T any](v *T, err error, shape func(T) any) (any, error) {
	if v == nil || err != nil {
		return nil, err
	}
	return shape(*v), nil
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
