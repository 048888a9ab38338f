package server

import (
	"net/http"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// messages are the texts of errors that are answered without one of their
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

// message returns the text for code.
func message(code string) string {
	if m, ok := messages[code]; ok {
		return m
	}
	return "Request failed"
}

// codeFor returns the code that fits a status best.
func codeFor(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return wire.CodeInvalidAPIKey
	case http.StatusForbidden:
		return wire.CodePlanRequired
	case http.StatusNotFound:
		return wire.CodeNotFound
	case http.StatusConflict:
		return wire.CodeRequestInProgress
	case http.StatusTooManyRequests:
		return wire.CodeRateLimited
	case http.StatusBadGateway:
		return wire.CodeModelError
	case http.StatusServiceUnavailable:
		return wire.CodeAgentOffline
	case http.StatusGatewayTimeout:
		return wire.CodeModelTimeout
	}
	if status < http.StatusInternalServerError {
		return wire.CodeInvalidRequest
	}
	return wire.CodeInternalError
}

// fail answers with an error in the documented envelope, with the status and
// type of its code. An empty message is the code's.
func (c *call) fail(code, message, param string) {
	status := http.StatusInternalServerError
	if known, ok := c.s.cfg.Profile.code(code); ok {
		status = known.Status
	}
	c.failAs(status, code, message, param)
}

// failAs is fail with another status than the code's.
func (c *call) failAs(status int, code, text, param string) {
	known, ok := c.s.cfg.Profile.code(code)
	if !ok {
		known, _ = c.s.cfg.Profile.code(codeFor(status))
	}
	if text == "" {
		text = message(code)
	}
	c.setRequestID()
	c.replyJSON(status, wire.ErrorEnvelope{Error: wire.Error{
		Code:      code,
		Message:   text,
		Type:      known.Type,
		RequestID: c.id,
		Param:     param,
	}})
}

// failFlat answers with an error as key management does.
func (c *call) failFlat(status int, message string) {
	c.replyJSON(status, wire.FlatError{Error: message})
}
