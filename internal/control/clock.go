package control

import (
	"fmt"
	"net/http"
	"time"
)

// instant is the server's time.
type instant struct {
	Now       time.Time `json:"now"`
	AheadMS   int64     `json:"ahead_ms"`            // of real time
	NextRetry time.Time `json:"next_retry,omitzero"` // of a delivery to a webhook, if one waits
}

// clock returns the server's time.
func (c *Control) clock(*http.Request) (any, error) {
	now := c.server.Now()
	return instant{now.UTC(), max(0, time.Until(now).Milliseconds()), c.server.NextRetry().UTC()}, nil
}

// maxAdvance bounds each advance and each delay, and maxAhead all advances together:
// a time.Duration cannot be longer than 292 years.
const (
	maxAdvance = 366 * 24 * time.Hour
	maxAhead   = 100 * maxAdvance
)

// advance advances the server's time.
func (c *Control) advance(r *http.Request) (any, error) {
	var body struct {
		Advance string `json:"advance"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	d, err := parseWait("advance", body.Advance)
	switch {
	case err != nil:
		return nil, err
	case d == 0:
		return nil, fmt.Errorf("advance is missing: it must be a duration up to %v, for example 60s", maxAdvance)
	case time.Until(c.server.Now())+d > maxAhead:
		return nil, fmt.Errorf("advance %q: the clock would be more than %v ahead", body.Advance, maxAhead)
	}
	c.server.AdvanceClock(d)
	return advanced{c.server.Now().UTC(), c.server.PendingDeliveries()}, nil
}

// advanced is the reply to an advance of the clock.
type advanced struct {
	Now     time.Time `json:"now"`
	Pending int       `json:"pending"` // number of deliveries that are under way
}
