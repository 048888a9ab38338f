package server

import (
	"net/http"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// A refusal is the answer to a call that does not get what it asked for: an
// error in the envelope if it has a code, a flat one as the dashboard's
// endpoints have it if it has none, or a page.
type refusal struct {
	status  int // 0 is the code's
	code    string
	message string // empty is the code's
	param   string
	header  http.Header
	page    *page // in place of an error body
	cause   error // for the journal
}

// page is a reply that is no JSON.
type page struct {
	contentType string // empty for none
	body        string
}

func (r *refusal) Error() string { return r.message }

// refuse returns a refusal with the code's status; an empty message is the
// code's.
func refuse(code, message, param string) *refusal {
	return &refusal{code: code, message: message, param: param}
}

// flat returns a refusal of the dashboard's endpoints.
func flat(status int, message string) *refusal { return &refusal{status: status, message: message} }

// emptyBody returns a refusal without a word.
func emptyBody(status int) *refusal { return &refusal{status: status, page: &page{}} }

// refuse answers with a refusal.
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

// status returns the status that a refusal is answered with.
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
