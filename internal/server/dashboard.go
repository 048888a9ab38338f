package server

import (
	"context"
	"net/http"
)

type fromDashboardKey struct{}

// FromDashboard marks a request as one of the server's own dashboard. Such a request
// must not disturb the tests of other programs: it gets no fault, does not count
// against the limits of key and webhook management, and appears neither in the
// journal nor in the log. For the dashboard, the list of webhooks has whole secrets.
func FromDashboard(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), fromDashboardKey{}, true))
}

// fromDashboard reports whether the call was marked by FromDashboard.
func (c *call) fromDashboard() bool { return c.r.Context().Value(fromDashboardKey{}) != nil }
