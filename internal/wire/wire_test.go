package wire_test

import (
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
)

const (
	key    = "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"
	secret = "whsec_00112233445566778899aabbccddeeff0011223344556677"
)

func TestValidKey(t *testing.T) {
	t.Parallel()
	for k, want := range map[string]bool{
		key: true, strings.ToUpper(key): false, key[:35]: false, key + "7": false, "": false,
		key[:35] + "-": false, "sk_" + key[3:]: false, "clw_" + strings.Repeat("é", 16): false,
	} {
		if got := wire.ValidKey(k); got != want {
			t.Errorf("%q: got %v", k, got)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                           "",
		"nothing here":               "nothing here",
		key:                          "clw_a1b2c3d4…",
		"Bearer " + key + "!":        "Bearer clw_a1b2c3d4…!",
		key + key:                    "clw_a1b2c3d4…clw_a1b2c3d4…",
		key + " and " + key[:20]:     "clw_a1b2c3d4… and clw_a1b2c3d4…",
		"the prefix clw_a1b2c3d4 is": "the prefix clw_a1b2c3d4 is",
		"clw_":                       "clw_",
		"clw_0123456789" + key:       "clw_01234567…clw_a1b2c3d4…",
		"clw_clw_" + key[4:]:         "clw_clw_a1b2c3d4…",
		secret:                       "whsec_…",
		`"secret":"` + secret + `"`:  `"secret":"whsec_…"`,
		secret + key + secret:        "whsec_…clw_a1b2c3d4…whsec_…",
		"whsec_":                     "whsec_",
		"whsec_00":                   "whsec_…",
	} {
		if got := wire.Redact(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("x", "y")
	f.Add("clw_", "_")
	f.Add(key, key)
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, s := range []string{key, secret} {
			if out := wire.Redact(before + s + after); strings.Contains(out, s) {
				t.Errorf("%q is in %q", s, out)
			}
		}
	})
}

func TestValidTier(t *testing.T) {
	t.Parallel()
	for rpm, want := range map[int]bool{30: true, 60: true, 120: true, 300: true, 0: false, 45: false, -30: false} {
		if got := wire.ValidTier(rpm); got != want {
			t.Errorf("%d: got %v, want %v", rpm, got, want)
		}
	}
}

func TestValidSessionID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"user_123": true, "A-z_0": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "a b": false, "é": false, "a\n": false,
	} {
		if got := wire.ValidSessionID(id); got != want {
			t.Errorf("session %q: got %v, want %v", id, got, want)
		}
		if got := wire.ValidCustomID(id); got != want {
			t.Errorf("custom id %q: got %v, want %v", id, got, want)
		}
	}
}
