package server

import (
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// authorize checks what every /v1 endpoint asks for, in the service's order:
// header, format, hash, status, plan, rate limit. If something is amiss it
// answers and returns false. Otherwise the call has been counted.
func (c *call) authorize() bool {
	scheme, secret, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		c.fail(wire.CodeInvalidAPIKey, "Missing Authorization: Bearer <api_key> header", "")
		return false
	}
	if !wire.ValidKey(secret) {
		c.fail(wire.CodeInvalidAPIKey, "Invalid API key format", "")
		return false
	}

	pro := strings.EqualFold(c.s.cfg.Plan, wire.PlanPro)
	c.s.mu.Lock()
	k := c.state.keys.find(secret)
	active := k != nil && !k.revoked
	now := time.Now()
	var wait time.Duration
	if k != nil {
		c.entry.KeyID = k.id
	}
	if active && pro {
		if c.limit, wait = k.admit(now, c.s.cfg.Profile); wait == 0 {
			c.key = k
		}
	}
	c.s.mu.Unlock()

	switch {
	case k == nil:
		c.fail(wire.CodeInvalidAPIKey, "", "")
	case !active:
		c.fail(wire.CodeRevokedAPIKey, "", "")
	case !pro:
		c.fail(wire.CodePlanRequired, "", "")
	case wait > 0:
		retryAfter, message := c.s.cfg.Profile.rateLimited(now, wait)
		c.w.Header().Set(wire.HeaderRetryAfter, retryAfter)
		c.fail(wire.CodeRateLimited, message, "")
	default:
		return true
	}
	return false
}

// authorizeSession is authorize for key management, whose credential is the
// session cookie and whose limits go by method.
func (c *call) authorizeSession() bool {
	cookie, err := c.r.Cookie(wire.SessionCookie)
	if err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(c.s.session())) != 1 {
		c.failFlat(http.StatusUnauthorized, "Unauthorized")
		return false
	}
	if !c.admitManagement() {
		c.failFlat(http.StatusTooManyRequests, "Too many requests")
		return false
	}
	return true
}
