package server

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

var (
	errTier    = fmt.Sprintf("Rate limit must be one of: %d, %d, %d, %d", wire.Tier30, wire.Tier60, wire.Tier120, wire.Tier300)
	errMaxKeys = fmt.Sprintf("Maximum of %d active API keys reached", wire.MaxActiveKeys)
)

// listKeys answers GET /keys: all keys, newest first.
func (c *call) listKeys() {
	if !c.authorizeSession() {
		return
	}
	now := time.Now()
	list := wire.KeyList{Keys: []wire.Key{}, KeyStats: map[string]wire.KeyStats{}}
	c.s.mu.Lock()
	for _, k := range slices.Backward(c.state.keys.all) {
		shown := wire.Key{
			ID:              k.id,
			Name:            k.name,
			KeyPrefix:       k.prefix,
			UsageCount:      k.usage.calls,
			Status:          wire.KeyActive,
			RateLimitPerMin: k.rpm,
			CreatedAt:       wire.HandlerTime(k.createdAt),
		}
		if k.usage.calls > 0 {
			shown.LastUsedAt = wire.HandlerTime(k.usage.last)
		}
		if k.revoked {
			shown.Status = wire.KeyRevoked
		}
		list.Keys = append(list.Keys, shown)
		list.KeyStats[k.id] = k.usage.stats(now)
	}
	c.s.mu.Unlock()
	c.succeed(list)
}

// createKey answers POST /keys.
func (c *call) createKey() {
	body, ok := c.readManagement()
	if !ok {
		return
	}
	given, _, _ := field[string](body, "name")
	name, problem := keyName(given)
	if problem != "" {
		c.failFlat(http.StatusBadRequest, problem)
		return
	}
	rpm, present, valid := tier(body)
	if !present || !valid && c.s.cfg.Profile == Live {
		rpm = wire.DefaultTier
	} else if !valid {
		c.failFlat(http.StatusBadRequest, errTier)
		return
	}

	n, secret := generateKey(name, rpm)
	c.s.mu.Lock()
	full := c.state.keys.countActive() >= wire.MaxActiveKeys
	var createdAt time.Time
	if !full {
		createdAt = c.state.keys.add(n, time.Now()).createdAt
	}
	c.s.mu.Unlock()
	if full {
		c.failFlat(http.StatusBadRequest, errMaxKeys)
		return
	}
	c.succeed(wire.KeyReply[wire.CreatedKey]{Key: wire.CreatedKey{
		ID:              n.id,
		Name:            n.name,
		KeyPrefix:       n.prefix,
		Status:          wire.KeyActive,
		RateLimitPerMin: n.rpm,
		CreatedAt:       wire.HandlerTime(createdAt),
		FullKey:         secret,
	}})
}

// updateKey answers PATCH /keys/{id}.
func (c *call) updateKey(id string) {
	body, ok := c.readManagement()
	if !ok {
		return
	}
	given, named, _ := field[string](body, "name")
	name, problem := keyName(given)
	rpm, limited, valid := tier(body)
	switch {
	case named && problem != "":
		c.failFlat(http.StatusBadRequest, problem)
		return
	case limited && !valid:
		c.failFlat(http.StatusBadRequest, errTier)
		return
	case !named && !limited:
		c.failFlat(http.StatusBadRequest, "Nothing to update")
		return
	}

	c.s.mu.Lock()
	k, ok := c.state.keys.active(id)
	var updated wire.UpdatedKey
	if ok {
		if named {
			k.name = name
		}
		if limited {
			k.rpm = rpm
		}
		updated = wire.UpdatedKey{ID: k.id, Name: k.name, RateLimitPerMin: k.rpm}
	}
	c.s.mu.Unlock()
	if !ok {
		c.keyNotFound()
		return
	}
	c.succeed(wire.KeyReply[wire.UpdatedKey]{Key: updated})
}

// revokeKey answers DELETE /keys/{id}.
func (c *call) revokeKey(id string) {
	if !c.authorizeSession() {
		return
	}
	c.s.mu.Lock()
	k, ok := c.state.keys.active(id)
	if ok {
		k.revoked = true
	}
	c.s.mu.Unlock()
	if !ok {
		c.keyNotFound()
		return
	}
	c.succeed(wire.Success{Success: true})
}

func (c *call) keyNotFound() {
	c.failFlat(http.StatusNotFound, "Key not found or already revoked")
}

// readManagement authorizes and reads the JSON object of a write.
func (c *call) readManagement() (object, bool) {
	if !c.authorizeSession() {
		return nil, false
	}
	if len(c.body) > wire.MaxBodyBytes {
		c.failFlat(http.StatusBadRequest, errBodyTooLarge)
		return nil, false
	}
	body, ok := parseObject(c.body)
	if !ok {
		c.failFlat(http.StatusBadRequest, errBadJSON)
	}
	return body, ok
}

// tier returns the rate tier in a body of key management.
func tier(body object) (rpm int, present, valid bool) {
	number, present, ok := field[float64](body, "rate_limit_per_min")
	rpm = int(number)
	return rpm, present, ok && float64(rpm) == number && wire.ValidTier(rpm)
}
