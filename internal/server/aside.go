package server

import (
	"context"
	"net/http"
)

type asideKey struct{}

// Aside marks a request as a call of the server's own dashboard, which looks
// on while a program is tested: no fault is meant for it, the limits of key
// management do not count it, and neither the journal nor the log tells of it.
func Aside(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), asideKey{}, true))
}

// aside reports whether the call was marked by Aside.
func (c *call) aside() bool { return c.r.Context().Value(asideKey{}) != nil }
