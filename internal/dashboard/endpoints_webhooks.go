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
		fmt.Sprintf("Creates a webhook. Only this reply contains the secret that its deliveries are signed with. An account can have up to %d webhooks.", wire.MaxWebhooks),
		wire.CreateWebhook, []parameter{
			{Name: "url", In: inBody, Type: typeString, Required: true, MaxLength: wire.MaxWebhookURLChars, Description: "The server posts events to this URL: https://, or http:// for a receiver on this machine."},
			{Name: "events", In: inBody, Type: typeJSON, Required: true, Default: `["api.request"]`, Description: "The events to deliver, as a list."},
			{Name: "description", In: inBody, Type: typeString, MaxLength: wire.MaxWebhookDescriptionChars, Description: "For your reference only."},
		}},
	{"webhooks.update", groupWebhooks, "Change a webhook", "Changes the fields that are given and keeps the others.",
		wire.UpdateWebhook, []parameter{
			{Name: "url", In: inBody, Type: typeString, MaxLength: wire.MaxWebhookURLChars, Description: "The server posts events to this URL."},
			{Name: "events", In: inBody, Type: typeJSON, Description: "The events to deliver, as a list."},
			{Name: "enabled", In: inBody, Type: typeJSON, Description: "true to deliver events, false to stop."},
			{Name: "description", In: inBody, Type: typeString, Description: "For your reference only."},
			{Name: "filter_conditions", In: inBody, Type: typeJSON, Description: "Deliver only events that meet all of these conditions: a list of {field, operator, value}."},
			{Name: "transformation", In: inBody, Type: typeString, Multiline: true, Description: "A template for the body, such as {\"text\": \"{{event.type}}\"}."},
			{Name: "retry_max_attempts", In: inBody, Type: typeInteger, Description: fmt.Sprintf("Attempts for each event, 1 to %d.", wire.MaxRetryAttempts)},
			{Name: "retry_interval_seconds", In: inBody, Type: typeInteger, Options: wire.WebhookRetryIntervals, Description: "Seconds between two attempts."},
			{Name: "paused_at", In: inBody, Type: typeJSON, Description: "A time in quotes pauses the webhook, null resumes it."},
		}},
	{"webhooks.delete", groupWebhooks, "Delete a webhook", "Deletes a webhook and its delivery log.",
		wire.DeleteWebhook, nil},
	{"webhooks.test", groupWebhooks, "Test a webhook", "Sends a test event and returns the receiver's status.",
		wire.TestWebhook, nil},
	{"webhooks.deliveries", groupWebhooks, "List deliveries", fmt.Sprintf("Lists a webhook's latest deliveries, up to %d.", wire.MaxDeliveriesListed),
		wire.ListDeliveries, nil},
	{"webhooks.replay", groupWebhooks, "Replay a delivery", "Sends a delivery again.",
		wire.ReplayDelivery, nil},
	{"webhooks.retry", groupWebhooks, "Retry failed deliveries", "Sends a webhook's failed deliveries again.",
		wire.RetryDeliveries, nil},
	{"webhooks.stats", groupWebhooks, "Statistics", "Counts each webhook's deliveries over the last seven days.",
		wire.GetWebhookStats, nil},
}
