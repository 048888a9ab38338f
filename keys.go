package clawhq

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// KeysService manages the account's API keys (product page, "API Key
// Management"). Use Client.Keys.
//
// An API key cannot manage keys: these endpoints belong to the dashboard and
// are authenticated by the session of WithSession. Without a session, every
// method returns an AuthenticationError and sends nothing. The calls neither
// count against the rate limit of a key nor wait for it; the service allows an
// account 20 lists, 5 creations, 10 updates and 10 revocations per minute.
type KeysService struct{ core *core }

// RateTier is the number of calls per minute that a key allows (product page,
// "Per-Key Rate Limits"). Only the four values below are valid; others are
// refused with an InvalidRequestError before anything is sent.
type RateTier int

// The rate tiers.
const (
	RPM30  RateTier = wire.Tier30  // development and testing
	RPM60  RateTier = wire.Tier60  // the default
	RPM120 RateTier = wire.Tier120 // high throughput
	RPM300 RateTier = wire.Tier300 // the highest
)

// String returns the tier in the form "60 RPM".
func (t RateTier) String() string { return fmt.Sprintf("%d RPM", int(t)) }

// KeyStatus tells whether a key can be used.
type KeyStatus string

// The states of a key. A revoked key cannot be activated again.
const (
	KeyActive  KeyStatus = wire.KeyActive
	KeyRevoked KeyStatus = wire.KeyRevoked
)

// Key describes an API key. It does not have the key itself.
type Key struct {
	ID         string
	Name       string
	Prefix     string // the first 12 characters of the key
	RateLimit  RateTier
	Status     KeyStatus
	UsageCount int64
	Stats      KeyStats
	CreatedAt  time.Time
	LastUsedAt time.Time // zero if the key was never used
}

// KeyStats counts the calls made with a key.
type KeyStats struct {
	Today  int64 // calls since midnight, by the service's clock
	Week   int64 // calls in the last seven days
	Errors int64 // how many of the calls in Week failed
}

// CreateKeyRequest describes a new key.
type CreateKeyRequest struct {
	Name      string   // 1 to 100 characters; spaces around them are removed
	RateLimit RateTier // 0 means RPM60
}

// UpdateKeyRequest has the changes of a key. A nil field is not changed.
type UpdateKeyRequest struct {
	Name      *string
	RateLimit *RateTier
}

// CreatedKey is a new key. Secret is the key itself, which the service does not
// show again.
type CreatedKey struct {
	Key
	Secret Secret
}

// Create creates a key. An account may have five active keys.
//
// Since repeating the request would create another key, it is retried only if
// the failure proves that nothing happened (see RetryPolicy). If the reply has
// the key but is otherwise malformed, Create returns the key nevertheless.
//
// Endpoint: POST /keys
func (s *KeysService) Create(ctx context.Context, req CreateKeyRequest, opts ...CallOption) (*CreatedKey, error) {
	if req.RateLimit == 0 {
		req.RateLimit = RPM60
	}
	name, refused := checkName(req.Name)
	if refused == nil {
		refused = checkTier(req.RateLimit)
	}
	body, _, err := fetch[wire.KeyReply[wire.CreatedKey]](ctx, s.core, to(wire.CreateKey).carry(wire.CreateKeyRequest{Name: name, RateLimitPerMin: int(req.RateLimit)}, refused), opts)
	if err != nil {
		return nil, err
	}
	k := body.Key
	return &CreatedKey{
		Key: Key{
			ID: k.ID, Name: k.Name, Prefix: k.KeyPrefix, RateLimit: RateTier(k.RateLimitPerMin),
			Status: KeyStatus(k.Status), CreatedAt: k.CreatedAt.Time(),
		},
		Secret: NewSecret(k.FullKey),
	}, nil
}

// List returns all keys of the account, including revoked ones, the newest
// first.
//
// Endpoint: GET /keys
func (s *KeysService) List(ctx context.Context, opts ...CallOption) ([]Key, error) {
	body, _, err := fetch[wire.KeyList](ctx, s.core, to(wire.ListKeys), opts)
	if err != nil {
		return nil, err
	}
	keys := make([]Key, len(body.Keys))
	for i, k := range body.Keys {
		keys[i] = Key{
			ID: k.ID, Name: k.Name, Prefix: k.KeyPrefix, RateLimit: RateTier(k.RateLimitPerMin),
			Status: KeyStatus(k.Status), UsageCount: k.UsageCount, Stats: KeyStats(body.KeyStats[k.ID]),
			CreatedAt: k.CreatedAt.Time(), LastUsedAt: k.LastUsedAt.Time(),
		}
	}
	return keys, nil
}

// Update changes the name or the rate tier of a key. A new rate tier applies
// from the next request on. The returned Key has only ID, Name and RateLimit,
// since the service returns no more. Update returns a NotFoundError if there is
// no such key or it is revoked.
//
// Endpoint: PATCH /keys/{id}
func (s *KeysService) Update(ctx context.Context, id string, req UpdateKeyRequest, opts ...CallOption) (*Key, error) {
	var change wire.UpdateKeyRequest
	var refused *InvalidRequestError
	if req.Name == nil && req.RateLimit == nil {
		refused = invalid(CodeMissingParameter, "", "nothing to change: Name and RateLimit are both nil")
	}
	if refused == nil && req.Name != nil {
		var name string
		name, refused = checkName(*req.Name)
		change.Name = &name
	}
	if refused == nil && req.RateLimit != nil {
		rpm := int(*req.RateLimit)
		refused = checkTier(*req.RateLimit)
		change.RateLimitPerMin = &rpm
	}
	r := to(wire.UpdateKey, id).carry(change, refused)
	r.repeat = freely // setting the same values again changes nothing
	body, _, err := fetch[wire.KeyReply[wire.UpdatedKey]](ctx, s.core, r, opts)
	if err != nil {
		return nil, err
	}
	return &Key{ID: body.Key.ID, Name: body.Key.Name, RateLimit: RateTier(body.Key.RateLimitPerMin)}, nil
}

// Revoke makes a key invalid, immediately and permanently. It returns a
// NotFoundError if there is no such key or it is already revoked, which can
// also mean that an earlier attempt revoked it but its reply was lost.
//
// Endpoint: DELETE /keys/{id}
func (s *KeysService) Revoke(ctx context.Context, id string, opts ...CallOption) error {
	return drop[wire.Success](ctx, s.core, to(wire.RevokeKey, id), opts)
}

// checkName returns the name without the blanks around it that the service removes,
// or the reason why the service would refuse it. Characters are UTF-16 units.
func checkName(name string) (string, *InvalidRequestError) {
	name = wire.Trim(name)
	if n := wire.UTF16Len(name); n == 0 || n > wire.MaxKeyNameChars || !utf8.ValidString(name) {
		return "", invalid(CodeInvalidParameter, "name", "name has %d characters; it must have 1 to %d and be valid UTF-8", n, wire.MaxKeyNameChars)
	}
	return name, nil
}

func checkTier(t RateTier) *InvalidRequestError {
	if !wire.ValidTier(int(t)) {
		return invalid(CodeInvalidParameter, "rate_limit_per_min", "rate limit %d is not one of %d, %d, %d and %d",
			int(t), RPM30, RPM60, RPM120, RPM300)
	}
	return nil
}
