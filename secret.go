package clawhq

import (
	"log/slog"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Secret is an API key that cannot be printed by accident: formatted, logged
// or marshaled it shows its first 12 characters, which the dashboard shows
// too. Reveal is the only way to the whole. The zero value is no key.
type Secret struct {
	// Held by a function, the key is out of reach of print verbs even where
	// they skip methods, as for an unexported field.
	reveal func() string
}

func newSecret(key string) Secret { return Secret{func() string { return key }} }

// Reveal returns the whole key, empty for the zero value.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// String returns the key redacted: clw_a1b2c3d4….
func (s Secret) String() string { return wire.Redact(s.Reveal()) }

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String, for encoding/json and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Equal reports whether both are the same key.
func (s Secret) Equal(t Secret) bool { return s.Reveal() == t.Reveal() }
