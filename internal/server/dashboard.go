package server

import (
	"context"
	"net/http"
)

type asideKey struct{}

// Aside marks a request as a call of the server's own dashboard, which must not
// disturb the test of another program: it gets no fault, does not count against
// the limits of key management, and is neither in the journal nor in the log.
func Aside(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), asideKey{}, true))
}

// aside reports whether the call was marked by Aside.
func (c *call) aside() bool { return c.r.Context().Value(asideKey{}) != nil }
