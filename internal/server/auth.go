package server

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/window"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// bearer returns the API key of a request, or an empty string. The case of the scheme
// does not matter.
func bearer(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

var errUnauthorized = flat(http.StatusUnauthorized, "Unauthorized")

// known reports whether the call has an active key or, if it has no key that the
// server knows, the account's session.
func (c *call) known() (good bool) {
	c.locked(func() {
		if k := c.state.keys.find(bearer(c.r)); k != nil {
			good = !k.revoked
		} else {
			good = c.inSession()
		}
	})
	return good
}

// inSession reports whether the call has the account's session cookie.
func (c *call) inSession() bool {
	cookie, err := c.r.Cookie(wire.SessionCookie)
	return err == nil && subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(c.s.session())) == 1
}

// authenticate checks the credential that the route requires, and the account's plan.
// For a key it checks, in the order of the service, the header, the format, the hash,
// the status and the plan.
func (c *call) authenticate() error {
	q := c.profile.quirks()
	pro := slices.Contains(wire.Plans, strings.ToLower(c.s.cfg.Plan)) && !c.lookupFails(LookupPlan)
	if c.route.Auth == wire.SessionAuth {
		switch {
		case !c.inSession():
			return errUnauthorized
		case !pro:
			return flat(http.StatusForbidden, "Pro plan required")
		}
		return nil
	}

	secret := bearer(c.r)
	switch {
	case secret == "" || q.exactScheme && !strings.HasPrefix(c.r.Header.Get("Authorization"), "Bearer "):
		return refuse(wire.CodeInvalidAPIKey, "Missing Authorization: Bearer <api_key> header", "")
	case !q.keyFormat(secret):
		return refuse(wire.CodeInvalidAPIKey, "Invalid API key format", "")
	}
	k := c.state.keys.find(secret)
	if k == nil || c.lookupFails(LookupKey) {
		return refuse(wire.CodeInvalidAPIKey, "", "")
	}
	switch {
	case k.revoked:
		return refuse(wire.CodeRevokedAPIKey, "", "")
	case !pro:
		return refuse(wire.CodePlanRequired, "", "")
	}
	c.key = k
	return nil
}

// count counts the call in its rate limit window, or refuses it if the window is
// full.
func (c *call) count() error {
	if c.route.Window == (wire.Window{}) || c.fromDashboard() {
		return nil
	}
	now := c.s.clock.Now()
	p := c.profile
	counts := c.route.Window
	if c.route.Auth == wire.KeyAuth && !p.quirks().endpointWindows {
		counts = wire.KeyWindow
	}
	log, limit := c.state.callLog(counts, c.key)
	remaining, wait := log.Admit(window.Unix(now), wire.RateWindow, limit)
	if c.route.Auth == wire.SessionAuth {
		if wait > 0 {
			return flat(http.StatusTooManyRequests, "Too many requests")
		}
		return nil
	}
	if wait > 0 {
		retryAfter, message := p.rateLimited(now, wait)
		refused := refuse(wire.CodeRateLimited, message, "")
		refused.header = http.Header{wire.HeaderRetryAfter: {retryAfter}}
		return refused
	}
	if !p.quirks().countsAnswers {
		c.key.usage.called(now)
	}
	c.limit = rateLimit{limit, remaining, p.rateLimitReset(now, time.Unix(0, int64(log.At(0))))}
	return nil
}
