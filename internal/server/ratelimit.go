package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// rateLimit is what a success says about the key's limit. The zero value says
// nothing.
type rateLimit struct {
	limit, remaining int
	reset            string
}

// set writes the X-RateLimit headers.
func (l rateLimit) set(h http.Header) {
	if l.limit == 0 {
		return
	}
	h.Set(wire.HeaderRateLimitLimit, strconv.Itoa(l.limit))
	h.Set(wire.HeaderRateLimitRemaining, strconv.Itoa(l.remaining))
	h.Set(wire.HeaderRateLimitReset, l.reset)
}

// admit counts a call in the key's sliding window and its statistics, or
// returns how long to wait until there is room.
func (k *key) admit(now time.Time, p Profile) (l rateLimit, wait time.Duration) {
	remaining, wait := k.window.Admit(now, wire.RateWindow, k.rpm)
	if wait > 0 {
		return rateLimit{}, wait
	}
	k.usage.called(now)
	return rateLimit{k.rpm, remaining, p.rateLimitReset(now, k.window.At(0))}, 0
}

// managementLimits are the account's limits on key management, in calls a
// minute.
var managementLimits = map[string]int{
	http.MethodGet:    wire.ListKeysPerMinute,
	http.MethodPost:   wire.CreateKeysPerMinute,
	http.MethodPatch:  wire.UpdateKeysPerMinute,
	http.MethodDelete: wire.RevokeKeysPerMinute,
}

// admitManagement counts a call of key management and reports whether it was
// within the limit.
func (c *call) admitManagement() bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	log := c.state.managed[c.r.Method]
	if log == nil {
		log = new(window.Log)
		c.state.managed[c.r.Method] = log
	}
	_, wait := log.Admit(time.Now(), wire.RateWindow, managementLimits[c.r.Method])
	return wait == 0
}
