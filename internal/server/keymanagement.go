package server

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/wire"
)

var (
	errTier    = fmt.Sprintf("Rate limit must be one of: %d, %d, %d, %d", wire.Tier30, wire.Tier60, wire.Tier120, wire.Tier300)
	errMaxKeys = fmt.Sprintf("Maximum %d active keys allowed. Revoke an existing key first.", wire.MaxActiveKeys)
)

// listKeys answers GET /keys: all keys, newest first.
func (c *call) listKeys() (any, error) {
	now, p := c.s.clock.Now(), c.profile
	list := wire.KeyList{Keys: []wire.Key{}, KeyStats: map[string]wire.KeyStats{}}
	for _, k := range slices.Backward(c.state.keys.all) {
		shown := wire.Key{
			ID:              k.id,
			Name:            k.name,
			KeyPrefix:       k.prefix,
			UsageCount:      k.usage.calls,
			Status:          wire.KeyActive,
			RateLimitPerMin: k.rpm,
			CreatedAt:       p.time(k.createdAt),
		}
		if k.usage.calls > 0 {
			shown.LastUsedAt = p.time(k.usage.last)
		}
		if k.revoked {
			shown.Status = wire.KeyRevoked
		}
		list.Keys = append(list.Keys, shown)
		if !k.revoked || !p.quirks().countsAnswers {
			list.KeyStats[k.id] = k.usage.stats(now)
		}
	}
	return list, nil
}

// createKey answers POST /keys.
func (c *call) createKey() (any, error) {
	body, err := c.readManagement("Invalid request body")
	if err != nil {
		return nil, err
	}
	p := c.profile
	given, err := p.text(body, "name", flat(http.StatusBadRequest, errKeyNameMissing))
	if err != nil {
		return nil, err
	}
	name, problem := keyName(given)
	if problem != "" {
		return nil, flat(http.StatusBadRequest, problem)
	}
	rpm, present, valid := tier(body)
	if !present || !valid && p.quirks().anyTier {
		rpm = wire.DefaultTier
	} else if !valid {
		return nil, flat(http.StatusBadRequest, errTier)
	}
	switch {
	case c.state.keys.countActive() >= wire.MaxActiveKeys:
		return nil, flat(http.StatusBadRequest, errMaxKeys)
	case p.storable("", name) != nil:
		return nil, flat(http.StatusInternalServerError, "Failed to create key")
	}

	n, secret := generateKey(name, rpm)
	k := c.state.keys.add(n, c.s.clock.Now())
	c.logManagement(wire.AuditKeyCreated, wire.AuditKeys, n.id, map[string]any{"name": n.name, "prefix": n.prefix})
	return wire.KeyReply[wire.CreatedKey]{Key: wire.CreatedKey{
		ID:              n.id,
		Name:            n.name,
		KeyPrefix:       n.prefix,
		Status:          wire.KeyActive,
		RateLimitPerMin: n.rpm,
		CreatedAt:       p.time(k.createdAt),
		FullKey:         secret,
	}}, nil
}

// updateKey answers PATCH /keys/{id}.
func (c *call) updateKey() (any, error) {
	body, err := c.readManagement(errBadJSON)
	if err != nil {
		return nil, err
	}
	badName := flat(http.StatusBadRequest, fmt.Sprintf("Name must be 1-%d characters", wire.MaxKeyNameChars))
	given, err := c.profile.givenText(body, "name", false, badName)
	if err != nil {
		return nil, err
	}
	_, named, _ := field[string](body, "name")
	name, problem := keyName(given)
	rpm, limited, valid := tier(body)
	switch {
	case named && problem != "":
		return nil, badName
	case limited && !valid:
		return nil, flat(http.StatusBadRequest, errTier)
	case !named && !limited:
		return nil, flat(http.StatusBadRequest, "Nothing to update")
	}
	k, ok := c.state.keys.active(c.ids[0])
	if !ok || c.profile.storable("", name) != nil {
		return nil, flat(http.StatusNotFound, "Key not found")
	}
	changed := map[string]any{}
	if named {
		k.name, changed["name"] = name, name
	}
	if limited {
		k.rpm, changed["rate_limit_per_min"] = rpm, rpm
	}
	c.logManagement(wire.AuditKeyUpdated, wire.AuditKeys, k.id, changed)
	return wire.KeyReply[wire.UpdatedKey]{Key: wire.UpdatedKey{ID: k.id, Name: k.name, RateLimitPerMin: k.rpm}}, nil
}

// revokeKey answers DELETE /keys/{id}.
func (c *call) revokeKey() (any, error) {
	k, ok := c.state.keys.active(c.ids[0])
	if !ok {
		return nil, flat(http.StatusNotFound, "Key not found or already revoked")
	}
	k.revoked = true
	c.logManagement(wire.AuditKeyRevoked, wire.AuditKeys, k.id, nil)
	return wire.Success{Success: true}, nil
}

// readManagement reads the JSON object in the body of a call of the dashboard's
// endpoints. badJSON is the error message if there is none.
func (c *call) readManagement(badJSON string) (js.Object, error) {
	if len(c.body) > wire.MaxBodyBytes && !c.profile.quirks().longBodies {
		return nil, flat(http.StatusBadRequest, errBodyTooLarge)
	}
	v, valid := js.Parse(c.body)
	body, ok := v.(js.Object)
	switch anyBody := c.profile.quirks().anyBody; {
	case anyBody && valid && v == nil && c.r.Method == http.MethodPatch:
		return nil, emptyBody(http.StatusInternalServerError)
	case !ok && !(anyBody && v != nil):
		return nil, flat(http.StatusBadRequest, badJSON)
	}
	return body, nil
}

// tier returns the rate limit in a body. valid reports whether it is one of the
// service's tiers.
func tier(body js.Object) (rpm int, present, valid bool) {
	number, present, ok := field[float64](body, "rate_limit_per_min")
	rpm = int(number)
	return rpm, present, ok && float64(rpm) == number && wire.ValidTier(rpm)
}
