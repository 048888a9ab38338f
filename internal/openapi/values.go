package openapi

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// tiers are the tiers of a key.
var tiers = []int{wire.Tier30, wire.Tier60, wire.Tier120, wire.Tier300}

// apiValues returns what the templates of the API can name.
func apiValues() map[string]any {
	errorTypes := map[string]bool{}
	for _, code := range wire.Codes {
		errorTypes[code.Type] = true
	}
	return map[string]any{
		"AgentSeconds":               int(wire.AgentTimeout.Seconds()),
		"BatchStatuses":              []string{wire.BatchProcessing, wire.BatchCompleted, wire.BatchPartial, wire.BatchFailed},
		"CustomIDPattern":            word(wire.MaxCustomIDChars),
		"DefaultRetryInterval":       wire.DefaultRetryInterval,
		"DefaultTier":                wire.DefaultTier,
		"DeliverySeconds":            int(wire.DeliveryTimeout.Seconds()),
		"ErrorCodes":                 slices.Sorted(maps.Keys(wire.Codes)),
		"ErrorTypes":                 slices.Sorted(maps.Keys(errorTypes)),
		"FileStatuses":               wire.FileStatuses,
		"IdempotencyHours":           int(wire.IdempotencyTTL.Hours()),
		"KeyPattern":                 "^" + wire.KeyPattern + "$",
		"KeyPrefixPattern":           fmt.Sprintf("^%s[A-Za-z0-9]{%d}$", wire.KeyStart, wire.KeyPrefixLen-len(wire.KeyStart)),
		"LiveWebhookEvents":          wire.LiveWebhookEvents,
		"MaxActiveBatches":           wire.MaxActiveBatches,
		"MaxActiveKeys":              wire.MaxActiveKeys,
		"MaxBatchRequests":           wire.MaxBatchRequests,
		"MaxBodyBytes":               wire.MaxBodyBytes,
		"MaxDeliveriesListed":        wire.MaxDeliveriesListed,
		"MaxFileBytes":               wire.MaxFileBytes,
		"MaxIdempotencyKeyChars":     wire.MaxIdempotencyKeyChars,
		"MaxKeyNameChars":            wire.MaxKeyNameChars,
		"MaxMessageChars":            wire.MaxMessageChars,
		"MaxMetadataChars":           wire.MaxMetadataChars,
		"MaxMetadataCharsPlain":      strconv.Itoa(wire.MaxMetadataChars),
		"MaxMetadataLevels":          wire.MaxMetadataLevels,
		"MaxResponseExcerpt":         wire.MaxResponseExcerpt,
		"MaxRetryAttempts":           wire.MaxRetryAttempts,
		"MaxUploadBodyBytes":         wire.MaxUploadBodyBytes,
		"MaxUsageDays":               wire.MaxUsageDays,
		"MaxWebhookDescriptionChars": wire.MaxWebhookDescriptionChars,
		"MaxWebhookURLChars":         wire.MaxWebhookURLChars,
		"MaxWebhookURLCharsPlain":    strconv.Itoa(wire.MaxWebhookURLChars),
		"MaxWebhooks":                wire.MaxWebhooks,
		"MessageTooManyBatches":      wire.MessageTooManyBatches,
		"MinUsageDays":               wire.MinUsageDays,
		"Plans":                      wire.Plans,
		"RateSeconds":                int(wire.RateWindow.Seconds()),
		"SessionCookie":              wire.SessionCookie,
		"SessionIDPattern":           word(wire.MaxSessionIDChars),
		"StreamDone":                 wire.StreamDone,
		"SupportedFileTypes":         wire.SupportedFileTypes(),
		"Tiers":                      tiers,
		"WebhookEvents":              wire.WebhookEvents,
		"WebhookRetryIntervals":      wire.WebhookRetryIntervals,
		"WebhookSecretPattern":       "^" + wire.WebhookSecretStart + "[0-9a-f]{48}$",
	}
}

// word is the pattern of one to so many letters, digits, underscores and hyphens.
func word(most int) string { return fmt.Sprintf("^[A-Za-z0-9_-]{1,%d}$", most) }
