package dashboard

import (
	"fmt"

	"github.com/clawhq/clawhq-go/internal/wire"
)

const groupWebhooks = "Webhooks"

var webhookOperations = []operation{
	{"webhooks.list", groupWebhooks, "List webhooks", "Lists the account's webhooks, with only the end of each secret.",
		wire.ListWebhooks, nil},
	{"webhooks.create", groupWebhooks, "Create a webhook",
		fmt.Sprintf("Creates a webhook. The reply has the secret with which deliveries are signed. An account has at most %d.", wire.MaxWebhooks),
		wire.CreateWebhook, []parameter{
			{Name: "url", In: inBody, Type: typeString, Required: true, MaxLength: wire.MaxWebhookURLChars, Description: "Where events are posted: HTTPS, or http:// on this machine."},
			{Name: "events", In: inBody, Type: typeJSON, Required: true, Default: `["api.request"]`, Description: "The events that are posted."},
			{Name: "description", In: inBody, Type: typeString, MaxLength: wire.MaxWebhookDescriptionChars, Description: "For your reference only."},
		}},
	{"webhooks.update", groupWebhooks, "Change a webhook", "Changes only the values that are given.",
		wire.UpdateWebhook, []parameter{
			{Name: "url", In: inBody, Type: typeString, MaxLength: wire.MaxWebhookURLChars, Description: "Where events are posted."},
			{Name: "events", In: inBody, Type: typeJSON, Description: "The events that are posted."},
			{Name: "enabled", In: inBody, Type: typeJSON, Description: "true or false."},
			{Name: "description", In: inBody, Type: typeString, Description: "For your reference only."},
			{Name: "filter_conditions", In: inBody, Type: typeJSON, Description: "Conditions that an event must meet: a list of {field, operator, value}."},
			{Name: "transformation", In: inBody, Type: typeString, Multiline: true, Description: "A template for the body, such as {\"text\": \"{{event.type}}\"}."},
			{Name: "retry_max_attempts", In: inBody, Type: typeInteger, Description: fmt.Sprintf("1 to %d.", wire.MaxRetryAttempts)},
			{Name: "retry_interval_seconds", In: inBody, Type: typeInteger, Options: wire.WebhookRetryIntervals, Description: "Seconds before a failed delivery is retried."},
			{Name: "paused_at", In: inBody, Type: typeJSON, Description: "A time, in quotes, to pause; null to resume."},
		}},
	{"webhooks.delete", groupWebhooks, "Delete a webhook", "Deletes a webhook and the log of its deliveries.",
		wire.DeleteWebhook, nil},
	{"webhooks.test", groupWebhooks, "Test a webhook", "Sends a test and returns the status of the receiver's reply.",
		wire.TestWebhook, nil},
	{"webhooks.deliveries", groupWebhooks, "List deliveries", fmt.Sprintf("Lists a webhook's newest deliveries, at most %d.", wire.MaxDeliveriesListed),
		wire.ListDeliveries, nil},
	{"webhooks.replay", groupWebhooks, "Replay a delivery", "Sends a delivery again.",
		wire.ReplayDelivery, nil},
	{"webhooks.retry", groupWebhooks, "Retry the failed", "Sends a webhook's failed deliveries again.",
		wire.RetryDeliveries, nil},
	{"webhooks.stats", groupWebhooks, "Statistics", "Counts each webhook's deliveries of the last seven days.",
		wire.GetWebhookStats, nil},
}
