package clawhq

import (
	"log/slog"
	"strings"
	"unsafe"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Secret is an API key, or a webhook's secret, that cannot be printed by
// accident: formatted, logged, marshaled or dumped it shows its first
// characters, which the dashboard shows too. Reveal is the only way to the
// whole. A copy is equal to what it was copied from, by == as well as for
// reflect.DeepEqual; Equal compares what two secrets reveal. The zero value is
// no secret.
type Secret struct {
	shown string
	whole hidden[string]
}

func newSecret(s string) Secret { return Secret{shownOf(s), hide(s)} }

// shownOf returns what may be shown of a secret: of a key its first 12
// characters, of another what says of which kind it is.
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

// Reveal returns the whole secret, empty for the zero value.
func (s Secret) Reveal() string { return s.whole.get() }

// String returns the secret cut short: clw_a1b2c3d4….
func (s Secret) String() string { return s.shown }

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.shown }

// MarshalText is String, for encoding/json and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.shown), nil }

// LogValue is String, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.shown) }

// Equal reports whether both are the same secret.
func (s Secret) Equal(t Secret) bool { return s.Reveal() == t.Reveal() }

// hidden keeps a value out of sight of all that prints what a struct holds,
// by whatever means: an unsafe.Pointer is where reflection ends. Unlike a func
// it is comparable, and equal to its copy.
type hidden[T any] struct{ p unsafe.Pointer }

func hide[T any](v T) hidden[T] { return hidden[T]{unsafe.Pointer(&v)} }

// get returns the value, or none where nothing was hidden.
func (h hidden[T]) get() (v T) {
	if h.p != nil {
		v = *(*T)(h.p)
	}
	return v
}
