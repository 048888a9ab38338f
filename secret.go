package clawhq

import (
	"log/slog"
	"strings"
	"unsafe"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// A Secret is an API key or a webhook's secret that cannot be printed by
// accident. When it is formatted, logged or marshaled, it shows only its first
// characters, which the dashboard shows as well; Reveal returns all of it.
//
// A Secret and its copy are equal by == and for reflect.DeepEqual. To compare
// the texts of two secrets, use Equal. The zero value is an empty secret.
type Secret struct {
	shown string
	whole hidden[string]
}

// NewSecret returns a Secret that reveals s, for fakes of a Client in tests. The
// client itself returns the secrets of CreatedKey and CreatedWebhook.
func NewSecret(s string) Secret { return Secret{shownOf(s), hide(s)} }

// shownOf returns the part of a secret that may be shown: the first 12
// characters of an API key, and the prefix of another secret, like whsec_.
func shownOf(s string) string {
	if strings.HasPrefix(s, wire.KeyStart) {
		return wire.Redact(s)
	}
	kind, _, found := strings.Cut(s, "_")
	if !found || len(kind) > len("whsec") {
		return "…"
	}
	return kind + "_…"
}

// Reveal returns the whole secret. It is empty for the zero value.
func (s Secret) Reveal() string { return s.whole.get() }

// String returns the beginning of the secret, like clw_a1b2c3d4….
func (s Secret) String() string { return s.shown }

// GoString returns the same as String. It is used by %#v.
func (s Secret) GoString() string { return s.shown }

// MarshalText returns the same as String. It is used by encoding/json.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.shown), nil }

// LogValue returns the same as String. It is used by log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.shown) }

// Equal reports whether s and t reveal the same text.
func (s Secret) Equal(t Secret) bool { return s.Reveal() == t.Reveal() }

// hidden keeps a value from being printed as part of a struct, even by packages
// that print unexported fields by reflection: reflection cannot look behind an
// unsafe.Pointer. Unlike a func, a hidden value is comparable, and equal to its
// copy.
type hidden[T any] struct{ p unsafe.Pointer }

func hide[T any](v T) hidden[T] { return hidden[T]{unsafe.Pointer(&v)} }

// get returns the value; the zero value if nothing was hidden.
func (h hidden[T]) get() (v T) {
	if h.p != nil {
		v = *(*T)(h.p)
	}
	return v
}
