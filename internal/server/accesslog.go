package server

import (
	"context"
	"log/slog"
)

// log writes the call's line to the access log, from the call's entry in the journal.
// The line has no credentials, bodies or query strings.
func (c *call) log(e Request) {
	attrs := []slog.Attr{
		slog.String("method", e.Method),
		slog.String("path", e.Path),
		slog.Int("status", e.Status),
		slog.Duration("duration", e.Duration),
		slog.String("request_id", e.RequestID),
	}
	if c.key != nil {
		attrs = append(attrs, slog.String("key", c.key.prefix))
	}
	if e.Fault != "" {
		attrs = append(attrs, slog.String("fault", e.Fault))
	}
	if e.Err != "" {
		attrs = append(attrs, slog.String("error", e.Err))
	}
	c.s.cfg.Logger.LogAttrs(context.WithoutCancel(c.r.Context()), slog.LevelInfo, "request", attrs...)
}
