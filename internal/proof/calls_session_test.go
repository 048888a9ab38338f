package proof_test

import (
	"encoding/json"
	"strings"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/webhook"
)

// keyCalls and webhookCalls are the calls that the dashboard's session authenticates.
var keyCalls = []endpointCall{
	returning(wire.ListKeys, func(a arguments) ([]clawhq.Key, error) {
		return a.client.Keys.List(a.ctx, a.opts...)
	}, func(keys []clawhq.Key) any {
		stats := object{}
		for _, k := range keys {
			stats[k.ID] = object{"today": float64(k.Stats.Today), "week": float64(k.Stats.Week), "errors": float64(k.Stats.Errors)}
		}
		return object{"keys": shapes(keys, keyShape), "keyStats": stats}
	}, &clawhq.KeysService{}, clawhq.Key{ID: "1"}, clawhq.KeyStats{Today: 1}, clawhq.KeyActive).exactly(),
	returning(wire.CreateKey, func(a arguments) (*clawhq.CreatedKey, error) {
		return a.client.Keys.Create(a.ctx, clawhq.CreateKeyRequest{Name: a.text("name", "n")}, a.opts...)
	}, func(k *clawhq.CreatedKey) any {
		shape := keyShape(k.Key).(object)
		delete(shape, "usage_count")
		delete(shape, "last_used_at")
		shape["full_key"] = k.Secret.Reveal()
		return object{"key": shape}
	}, clawhq.CreateKeyRequest{Name: "n", RateLimit: clawhq.RPM60}, clawhq.RPM60, clawhq.Secret{}).exactly(),
	returning(wire.UpdateKey, func(a arguments) (*clawhq.Key, error) {
		return a.client.Keys.Update(a.ctx, a.id(), updateKey, a.opts...)
	}, func(k *clawhq.Key) any {
		return object{"key": object{"id": k.ID, "name": k.Name, "rate_limit_per_min": float64(k.RateLimit)}}
	}, updateKey).exactly(),
	done(wire.RevokeKey, func(a arguments) error {
		return a.client.Keys.Revoke(a.ctx, a.id(), a.opts...)
	}, object{"success": true}).exactly(),
}

var webhookCalls = []endpointCall{
	returning(wire.ListWebhooks, func(a arguments) ([]clawhq.Webhook, error) {
		return a.client.Webhooks.List(a.ctx, a.opts...)
	}, func(list []clawhq.Webhook) any { return object{"webhooks": shapes(list, webhookShape)} }, &clawhq.WebhooksService{}).
		completed(func(shape object, _ arguments) { // a list has fewer members, and a masked secret
			for _, row := range shape["webhooks"].([]any) {
				row.(object)["secret"] = "••••••••••••00e6"
				for _, name := range []string{"user_id", "paused_at", "retry_interval_seconds", "retry_max_attempts", "filter_conditions", "transformation", "event_version"} {
					delete(row.(object), name)
				}
			}
		}).exactly(),
	returning(wire.CreateWebhook, func(a arguments) (*clawhq.CreatedWebhook, error) {
		return a.client.Webhooks.Create(a.ctx, createWebhook, a.opts...)
	}, func(w *clawhq.CreatedWebhook) any {
		shape := webhookShape(w.Webhook).(object)
		shape["secret"] = w.Secret.Reveal()
		return object{"webhook": shape}
	}, createWebhook, webhook.EventTest).exactly(),
	returning(wire.UpdateWebhook, func(a arguments) (*clawhq.Webhook, error) {
		return a.client.Webhooks.Update(a.ctx, a.id(), updateWebhook, a.opts...)
	}, pointed(wrapped("webhook", webhookShape)), updateWebhook, clawhq.WebhookFilter{}, clawhq.Webhook{}, clawhq.WebhookSucceeded).
		completed(func(shape object, a arguments) { // the client drops the secret, and reads null as 0
			var dropped struct{ Webhook struct{ Secret string } }
			_ = json.Unmarshal([]byte(a.reply), &dropped)
			row := shape["webhook"].(object)
			row["secret"] = dropped.Webhook.Secret
			if strings.Contains(a.reply, `"retry_max_attempts":null`) {
				row["retry_max_attempts"] = nil
			}
		}).exactly(),
	done(wire.DeleteWebhook, func(a arguments) error {
		return a.client.Webhooks.Delete(a.ctx, a.id(), a.opts...)
	}, object{"success": true}).exactly(),
	returning(wire.TestWebhook, func(a arguments) (*clawhq.DeliveryResult, error) {
		return a.client.Webhooks.Test(a.ctx, a.id(), a.opts...)
	}, deliveryResultShape).exactly(),
	returning(wire.ListDeliveries, func(a arguments) ([]clawhq.Delivery, error) {
		return a.client.Webhooks.Deliveries(a.ctx, a.id(), a.opts...)
	}, func(list []clawhq.Delivery) any { return object{"deliveries": shapes(list, deliveryShape)} }, clawhq.Delivery{}).exactly(),
	returning(wire.ReplayDelivery, func(a arguments) (*clawhq.DeliveryResult, error) {
		return a.client.Webhooks.Replay(a.ctx, a.id(), a.ids[1], a.opts...)
	}, deliveryResultShape).exactly(),
	returning(wire.RetryDeliveries, func(a arguments) (*clawhq.RetryResult, error) {
		return a.client.Webhooks.RetryFailed(a.ctx, a.id(), a.opts...)
	}, func(r *clawhq.RetryResult) any {
		return object{"retried": float64(r.Retried), "succeeded": float64(r.Succeeded), "failed": float64(r.Failed)}
	}).exactly(),
	returning(wire.GetWebhookStats, func(a arguments) ([]clawhq.WebhookStats, error) {
		return a.client.Webhooks.Stats(a.ctx, a.opts...)
	}, func(list []clawhq.WebhookStats) any { return object{"stats": shapes(list, webhookStatsShape)} }, clawhq.WebhookStats{}).exactly(),
}

var (
	newName, newTier = "n", clawhq.RPM300

	updateKey     = clawhq.UpdateKeyRequest{Name: &newName, RateLimit: &newTier}
	createWebhook = clawhq.CreateWebhookRequest{URL: "https://hooks.example.com/", Events: []webhook.EventType{webhook.EventAPIRequest}}
	updateWebhook = clawhq.UpdateWebhookRequest{Description: &newName, Filters: &[]clawhq.WebhookFilter{{Field: "agent"}}}
)
