package server

import "github.com/clawhq/clawhq-go/internal/wire"

// messages holds the message of each error code, for errors that have none of their
// own.
var messages = map[string]string{
	wire.CodeInvalidRequest:      "Invalid request",
	wire.CodeMissingParameter:    "A required parameter is missing",
	wire.CodeInvalidParameter:    "A parameter is invalid",
	wire.CodeContentBlocked:      "Content blocked",
	wire.CodeFileTooLarge:        "File too large",
	wire.CodeUnsupportedFileType: "Unsupported file type",
	wire.CodeBatchTooLarge:       "Maximum 50 requests per batch",
	wire.CodeInvalidAPIKey:       "Invalid API key",
	wire.CodeRevokedAPIKey:       "API key has been revoked",
	wire.CodePlanRequired:        "API access requires the Pro plan",
	wire.CodeAgentNotFound:       "Agent not found or not deployed",
	wire.CodeThreadNotFound:      "Thread not found",
	wire.CodeNotFound:            "Not found",
	wire.CodeRequestInProgress:   "A request with this idempotency key is in progress",
	wire.CodeRateLimited:         "Rate limit exceeded.",
	wire.CodeInternalError:       "Internal server error",
	wire.CodeModelError:          "Failed to get response from agent",
	wire.CodeAgentOffline:        "Agent is offline",
	wire.CodeModelTimeout:        "The agent took too long to respond",
	wire.CodeStreamError:         "Stream error occurred",
}

// message returns the message of an error code.
func message(code string) string {
	if m, ok := messages[code]; ok {
		return m
	}
	return "Request failed"
}
