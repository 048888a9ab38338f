package wire

import "net/http"

// Error codes of the /v1 API.
const (
	CodeInvalidRequest      = "invalid_request"
	CodeMissingParameter    = "missing_parameter"
	CodeInvalidParameter    = "invalid_parameter"
	CodeContentBlocked      = "content_blocked"
	CodeFileTooLarge        = "file_too_large"
	CodeUnsupportedFileType = "unsupported_file_type"
	CodeBatchTooLarge       = "batch_too_large"
	CodeInvalidAPIKey       = "invalid_api_key"
	CodeRevokedAPIKey       = "revoked_api_key"
	CodePlanRequired        = "plan_required"
	CodeAgentNotFound       = "agent_not_found"
	CodeThreadNotFound      = "thread_not_found"
	CodeNotFound            = "not_found"
	CodeRequestInProgress   = "request_in_progress"
	CodeRateLimited         = "rate_limited"
	CodeInternalError       = "internal_error"
	CodeModelError          = "model_error"
	CodeAgentOffline        = "agent_offline"
	CodeModelTimeout        = "model_timeout"
	CodeStreamError         = "stream_error" // only in an event of a stream
)

// Error types of the /v1 API.
const (
	TypeValidation     = "validation_error"
	TypeAuthentication = "authentication_error"
	TypeAuthorization  = "authorization_error"
	TypeAgent          = "agent_error"
	TypeAPI            = "api_error"
	TypeRateLimit      = "rate_limit_error"
	TypeModel          = "model_error"
)

// Code has the status and the type of errors with one code.
type Code struct {
	Status int
	Type   string
}

// Codes has the status and type of every error code, according to the product page.
var Codes = map[string]Code{
	CodeInvalidRequest:      {http.StatusBadRequest, TypeValidation},
	CodeMissingParameter:    {http.StatusBadRequest, TypeValidation},
	CodeInvalidParameter:    {http.StatusBadRequest, TypeValidation},
	CodeContentBlocked:      {http.StatusBadRequest, TypeValidation},
	CodeFileTooLarge:        {http.StatusBadRequest, TypeValidation},
	CodeUnsupportedFileType: {http.StatusBadRequest, TypeValidation},
	CodeBatchTooLarge:       {http.StatusBadRequest, TypeValidation},
	CodeInvalidAPIKey:       {http.StatusUnauthorized, TypeAuthentication},
	CodeRevokedAPIKey:       {http.StatusUnauthorized, TypeAuthentication},
	CodePlanRequired:        {http.StatusForbidden, TypeAuthorization},
	CodeAgentNotFound:       {http.StatusNotFound, TypeAgent},
	CodeThreadNotFound:      {http.StatusNotFound, TypeValidation},
	CodeNotFound:            {http.StatusNotFound, TypeValidation},
	CodeRequestInProgress:   {http.StatusConflict, TypeAPI},
	CodeRateLimited:         {http.StatusTooManyRequests, TypeRateLimit},
	CodeInternalError:       {http.StatusInternalServerError, TypeAPI},
	CodeModelError:          {http.StatusBadGateway, TypeModel},
	CodeAgentOffline:        {http.StatusServiceUnavailable, TypeAgent},
	CodeModelTimeout:        {http.StatusGatewayTimeout, TypeModel},
}

// LiveCodes has the codes for which the live service differs from Codes.
var LiveCodes = map[string]Code{
	CodeRevokedAPIKey: {http.StatusForbidden, TypeAuthentication},
	CodeRateLimited:   {http.StatusTooManyRequests, TypeAPI},
}

// LegacyCodes maps the upper-case codes of the reference pages to those of Codes.
var LegacyCodes = map[string]string{
	"BAD_REQUEST":     CodeInvalidRequest,
	"INVALID_KEY":     CodeInvalidAPIKey,
	"PLAN_REQUIRED":   CodePlanRequired,
	"AGENT_NOT_FOUND": CodeAgentNotFound,
	"RATE_LIMITED":    CodeRateLimited,
	"AGENT_ERROR":     CodeModelError,
	"TIMEOUT":         CodeModelTimeout,
}
