package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/clawhq/clawhq-go/internal/window"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// newKey is a key without its history. Of the secret, only the hash and the prefix
// are stored.
type newKey struct {
	id, name, prefix string
	hash             [sha256.Size]byte
	rpm              int
}

// generateKey returns a new key and its secret.
func generateKey(name string, rpm int) (k newKey, secret string) {
	secret = wire.KeyStart + hexID()
	return hashedKey(uuid.NewString(), name, rpm, secret), secret
}

func hashedKey(id, name string, rpm int, secret string) newKey {
	return newKey{id, name, wire.KeyPrefix(secret), sha256.Sum256([]byte(secret)), rpm}
}

// key is an API key of the account.
type key struct {
	newKey
	revoked   bool
	createdAt time.Time
	callLog   window.Log // the calls in its rate limit window
	usage     usage
}

// keyring holds the account's keys, revoked ones included.
type keyring struct {
	all      []*key // in the order of creation
	byID     map[string]*key
	byPrefix map[string][]*key // the prefix is no secret, so the time of a lookup by it betrays nothing
}

func (r *keyring) add(n newKey, now time.Time) *key {
	if r.byID == nil {
		r.byID, r.byPrefix = map[string]*key{}, map[string][]*key{}
	}
	k := &key{newKey: n, createdAt: now.UTC().Truncate(time.Millisecond)}
	r.all = append(r.all, k)
	r.byID[k.id] = k
	r.byPrefix[k.prefix] = append(r.byPrefix[k.prefix], k)
	return k
}

// find returns the key with that secret, or nil.
func (r *keyring) find(secret string) *key {
	hash := sha256.Sum256([]byte(secret))
	for _, k := range r.byPrefix[wire.KeyPrefix(secret)] {
		if subtle.ConstantTimeCompare(k.hash[:], hash[:]) == 1 {
			return k
		}
	}
	return nil
}

// active returns the key with that id. ok is false if it is unknown or revoked.
func (r *keyring) active(id string) (k *key, ok bool) {
	k, ok = r.byID[id]
	return k, ok && !k.revoked
}

func (r *keyring) countActive() (n int) {
	for _, k := range r.all {
		if !k.revoked {
			n++
		}
	}
	return n
}

// CreateKey adds a key to the account. Unlike POST /keys, it allows any positive
// limit, and any number of keys.
func (s *Server) CreateKey(name string, rpm int) (id, secret string) {
	name, problem := keyName(name)
	if problem == "" && rpm < 1 {
		problem = fmt.Sprintf("rate limit of %d calls a minute", rpm)
	}
	if problem != "" {
		panic("clawhqtest: CreateKey: " + problem)
	}
	n, secret := generateKey(name, rpm)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.keys.add(n, s.clock.Now())
	return n.id, secret
}

// AddKey adds a key whose secret the caller chooses. The key's id depends only on the
// secret. If the account has the key already, the key takes the name and the limit,
// and is active again.
func (s *Server) AddKey(name, secret string, rpm int) (id string) {
	name, problem := keyName(name)
	switch {
	case problem == "" && rpm < 1:
		problem = fmt.Sprintf("rate limit of %d calls a minute", rpm)
	case problem == "" && !wire.ValidKey(secret):
		problem = fmt.Sprintf("a key is %s and %d letters or digits", wire.KeyStart, wire.KeyLen-len(wire.KeyStart))
	}
	if problem != "" {
		panic("clawhqtest: AddKey: " + problem)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.state.keys.find(secret)
	if k == nil {
		id := uuid.NewSHA1(uuid.Nil, []byte(secret)).String()
		k = s.state.keys.add(hashedKey(id, name, rpm, secret), s.clock.Now())
	}
	k.name, k.rpm, k.revoked = name, rpm, false
	return k.id
}

// FindKey returns the id of the key with that id or secret, even if it is revoked. It
// returns an empty string if there is none.
func (s *Server) FindKey(key string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.state.keys.byID[key]; ok {
		return k.id
	}
	if k := s.state.keys.find(key); k != nil {
		return k.id
	}
	return ""
}

// A KeyInfo is what may be shown of a key.
type KeyInfo struct {
	ID, Name, Prefix string
	RPM              int
	Revoked          bool
}

// Keys returns the account's keys in the order of creation.
func (s *Server) Keys() (keys []KeyInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.state.keys.all {
		keys = append(keys, KeyInfo{k.id, k.name, k.prefix, k.rpm, k.revoked})
	}
	return keys
}

// RevokeKey revokes a key. Requests that begin after it returns are refused.
func (s *Server) RevokeKey(id string) {
	s.withKey("RevokeKey", id, func(k *key) { k.revoked = true })
}

// SetRateLimit changes a key's limit, for requests that come later.
func (s *Server) SetRateLimit(id string, rpm int) {
	if rpm < 1 {
		panic(fmt.Sprintf("clawhqtest: SetRateLimit: rate limit of %d calls a minute", rpm))
	}
	s.withKey("SetRateLimit", id, func(k *key) { k.rpm = rpm })
}

// FirstKeyID returns the id of the key that New returned.
func (s *Server) FirstKeyID() string { return s.firstKey.id }

func (s *Server) withKey(method, id string, change func(*key)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.state.keys.byID[id]
	if !ok {
		panic(fmt.Sprintf("clawhqtest: %s: no key has the id %q", method, wire.Redact(id)))
	}
	change(k)
}

const errKeyNameMissing = "Key name is required"

// keyName returns the name of a key as it is stored, or what is wrong with it.
func keyName(name string) (trimmed, problem string) {
	name = wire.Trim(name)
	switch n := wire.UTF16Len(name); {
	case n == 0:
		return "", errKeyNameMissing
	case n > wire.MaxKeyNameChars:
		return "", fmt.Sprintf("Key name must be %d characters or less", wire.MaxKeyNameChars)
	}
	return name, ""
}
