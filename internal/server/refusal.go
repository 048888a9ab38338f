package server

import (
	"net/http"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// A refusal is an error reply. One with a page is that page. One with a code is the
// error envelope of /v1. Any other is the flat error of the dashboard's endpoints.
type refusal struct {
	status  int // 0 means that of the code
	code    string
	message string // empty means that of the code
	param   string
	header  http.Header
	page    *page // instead of an error body
	cause   error // goes to the journal, not to the client
}

// page is a body that is sent as it is.
type page struct {
	contentType string // empty means no Content-Type
	body        string
}

func (r *refusal) Error() string { return r.message }

// refuse returns a refusal with the code's status. An empty message means that of the
// code.
func refuse(code, message, param string) *refusal {
	return &refusal{code: code, message: message, param: param}
}

// flat returns a refusal of one of the dashboard's endpoints.
func flat(status int, message string) *refusal { return &refusal{status: status, message: message} }

// emptyBody returns a refusal with an empty body.
func emptyBody(status int) *refusal { return &refusal{status: status, page: &page{}} }

// refuse answers the call with a refusal.
func (c *call) refuse(r *refusal) {
	for name, values := range r.header {
		c.w.Header()[name] = values
	}
	if r.cause != nil {
		c.failed(r.cause)
	}
	status := c.status(r)
	if r.page != nil {
		c.write(status, r.page.contentType, []byte(r.page.body))
		return
	}
	if r.code == "" {
		c.writeJSON(status, wire.FlatError{Error: r.message})
		return
	}
	c.identify()
	known, ok := c.profile.code(r.code)
	if !ok {
		known, _ = c.profile.code(codeFor(status))
	}
	text := r.message
	if text == "" {
		text = c.profile.message(r.code)
	}
	c.writeJSON(status, wire.ErrorEnvelope{Error: wire.Error{
		Code:      r.code,
		Message:   text,
		Type:      known.Type,
		RequestID: c.id,
		Param:     r.param,
	}})
}

// status returns the status of a refusal.
func (c *call) status(r *refusal) int {
	if r.status != 0 {
		return r.status
	}
	if known, ok := c.profile.code(r.code); ok {
		return known.Status
	}
	return http.StatusInternalServerError
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
