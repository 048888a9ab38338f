package control

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// keyInfo is what a reply shows of a key.
type keyInfo struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Prefix  string `json:"prefix"`
	RPM     int    `json:"rpm"`
	Revoked bool   `json:"revoked"`
}

// addKey adds a key. If it has no value, it gets a new one.
func (c *Control) addKey(k Key) Key {
	if k.Key == "" {
		k.Key = wire.KeyStart + strings.ReplaceAll(uuid.NewString(), "-", "")
	}
	k.ID = c.server.AddKey(k.Name, k.Key, k.RPM)
	return k
}

func (c *Control) listKeys(*http.Request) (any, error) {
	keys := []keyInfo{}
	for _, k := range c.server.Keys() {
		keys = append(keys, keyInfo(k))
	}
	return map[string][]keyInfo{"keys": keys}, nil
}

func (c *Control) changeKey(r *http.Request) (any, error) {
	var body struct {
		RPM int `json:"rpm"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	if err := checkRPM(body.RPM); err != nil {
		return nil, err
	}
	return c.withKey(r, func(id string) { c.server.SetRateLimit(id, body.RPM) })
}

func (c *Control) revokeKey(r *http.Request) (any, error) { return c.withKey(r, c.server.RevokeKey) }

// withKey changes the key whose id is in the path, and returns it.
func (c *Control) withKey(r *http.Request, change func(id string)) (any, error) {
	c.mu.Lock() // otherwise a reset could remove the key in between
	defer c.mu.Unlock()
	find := func() int {
		return slices.IndexFunc(c.server.Keys(), func(k clawhqtest.KeyInfo) bool { return k.ID == r.PathValue("id") })
	}
	if find() < 0 {
		return nil, failure{http.StatusNotFound, fmt.Errorf("no key has the id %q", wire.Redact(r.PathValue("id")))}
	}
	change(r.PathValue("id"))
	return keyInfo(c.server.Keys()[find()]), nil
}
