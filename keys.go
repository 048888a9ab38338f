package clawhq

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// KeysService manages the account's API keys (product page, "API Key
// Management"). Its endpoints are the dashboard's own, authenticated by the
// session cookie of WithSession; an API key cannot manage keys, and without a
// session every method fails before anything is sent, with an
// AuthenticationError. The calls do not count against the rate limit of a key
// and do not wait for it; the service allows an account 20 lists, 5 creations,
// 10 updates and 10 revocations a minute.
type KeysService struct{ core *core }

// RateTier is how many calls a minute a key allows (product page, "Per-Key
// Rate Limits"). There are four; any other is refused before it is sent.
type RateTier int

// The rate tiers.
const (
	RPM30  RateTier = wire.Tier30  // development and testing
	RPM60  RateTier = wire.Tier60  // the default
	RPM120 RateTier = wire.Tier120 // high throughput
	RPM300 RateTier = wire.Tier300 // the most there is
)

// String returns the tier like "60 RPM".
func (t RateTier) String() string { return fmt.Sprintf("%d RPM", int(t)) }

// KeyStatus says whether a key can be used.
type KeyStatus string

// The statuses of a key. A revoked one stays so.
const (
	KeyActive  KeyStatus = wire.KeyActive
	KeyRevoked KeyStatus = wire.KeyRevoked
)

// Key is an API key as its account sees it, without the key itself.
type Key struct {
	ID         string
	Name       string
	Prefix     string // the first 12 characters
	RateLimit  RateTier
	Status     KeyStatus
	UsageCount int64
	Stats      KeyStats
	CreatedAt  time.Time
	LastUsedAt time.Time // zero if it never was
}

// KeyStats counts the calls made with a key.
type KeyStats struct {
	Today  int64 // since midnight, by the service's clock
	Week   int64 // in the last seven days
	Errors int64 // of those, how many failed
}

// CreateKeyRequest describes a new key.
type CreateKeyRequest struct {
	Name      string   // 1 to 100 characters, without the spaces around them
	RateLimit RateTier // 0 means RPM60
}

// UpdateKeyRequest says what to change of a key. What is nil stays.
type UpdateKeyRequest struct {
	Name      *string
	RateLimit *RateTier
}

// CreatedKey is a new key. Its Secret is shown this once.
type CreatedKey struct {
	Key
	Secret Secret
}

// Create makes a key. An account may have five active ones.
//
// A creation cannot be told from its repetition by the server, so it is
// retried only if the failure proves that nothing happened, as RetryPolicy
// says. The new key is handed out whatever else is wrong with the reply.
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
		Secret: newSecret(k.FullKey),
	}, nil
}

// List returns the account's keys, the newest first, revoked ones included.
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

// Update renames a key or changes its rate tier, which takes effect on the
// very next request. The Key that comes back has ID, Name and RateLimit only:
// the service says no more of it. An unknown or revoked key is a NotFoundError.
func (s *KeysService) Update(ctx context.Context, id string, req UpdateKeyRequest, opts ...CallOption) (*Key, error) {
	var change wire.UpdateKeyRequest
	refused := checkID(id)
	if refused == nil && req.Name == nil && req.RateLimit == nil {
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
	body, _, err := fetch[wire.KeyReply[wire.UpdatedKey]](ctx, s.core, to(wire.UpdateKey, id).carry(change, refused), opts)
	if err != nil {
		return nil, err
	}
	return &Key{ID: body.Key.ID, Name: body.Key.Name, RateLimit: RateTier(body.Key.RateLimitPerMin)}, nil
}

// Revoke ends a key, at once and for good. An unknown key, or one that is
// revoked already, is a NotFoundError; so may be a revocation that succeeded
// though its reply was lost, after the retry.
func (s *KeysService) Revoke(ctx context.Context, id string, opts ...CallOption) error {
	_, _, err := fetch[wire.Success](ctx, s.core, to(wire.RevokeKey, id).unless(checkID(id)), opts)
	return err
}

func checkID(id string) *InvalidRequestError {
	if strings.TrimSpace(id) == "" || id == "." || id == ".." {
		return invalid(CodeInvalidParameter, "id", "%q is not an id", id)
	}
	return nil
}

// checkName returns the name as the service would trim it.
func checkName(name string) (string, *InvalidRequestError) {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > wire.MaxKeyNameChars || !utf8.ValidString(name) {
		return "", invalid(CodeInvalidParameter, "name", "name has %d characters, and must have 1 to %d of valid UTF-8", n, wire.MaxKeyNameChars)
	}
	return name, nil
}

func checkTier(t RateTier) *InvalidRequestError {
	if !wire.ValidTier(int(t)) {
		return invalid(CodeInvalidParameter, "rate_limit_per_min", "rate limit %d is none of %d, %d, %d and %d",
			int(t), RPM30, RPM60, RPM120, RPM300)
	}
	return nil
}
