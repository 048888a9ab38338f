package wire_test

import (
	"strings"
	"testing"

	"github.com/clawhq/clawhq-go/internal/wire"
)

func TestRedactEscaped(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`clw\u005fa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6 %`:              `clw\u005fa1b2c3d4… %`,
		`\u0063lw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"`:               `\u0063lw_a1b2c3d4…"`,
		`clw%5Fa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6&x=y`:               `clw%5Fa1b2c3d4…&x=y`,
		`clw%255fa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6`:                 `clw%255fa1b2c3d4…`,
		`clw&#95;a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6&amp;`:            `clw&#95;a1b2c3d4…&amp;`,
		`clw&lowbar;a1b2c3d4%65%35f6g7`:                            `clw&lowbar;a1b2c3d4…`,
		`{"a":"\\u0063lw_a1b2c3d4e5f6","b":"whsec\u005f0123"}`:     `{"a":"\\u0063lw_a1b2c3d4…","b":"whsec\u005f…"}`,
		`%0clw_a1b2c3d4e5f6g7h8 \clw_a1b2c3d4e5f6g7h8`:             `%0clw_a1b2c3d4… \clw_a1b2c3d4…`,
		`100% of a\b & \u00e9 &eacute; &#x; %zz \u12 \ %`:          `100% of a\b & \u00e9 &eacute; &#x; %zz \u12 \ %`,
		`clw_a1b2c3d4 clw%5Fa1b2c3d4`:                              `clw_a1b2c3d4 clw%5Fa1b2c3d4`,
		`clw_a1b2c3d4e5f6 and clw%5Fa1b2c3d4e5 and clw%5Fa1b2c3d4`: `clw_a1b2c3d4… and clw%5Fa1b2c3d4… and clw%5Fa1b2c3d4`,
	} {
		if got := wire.Redact(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// A key is found whatever is around it and however it is escaped. A text without a
// key stays as it is.
func FuzzRedactEscaped(f *testing.F) {
	f.Add(`{"a":"\u00`, `"}`)
	f.Add("%25", "%")
	f.Add("&", ";")
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, s := range []string{key, strings.ReplaceAll(key, "_", `\u005f`), strings.ReplaceAll(key, "_", "%5F")} {
			if out := wire.Redact(before + " " + s + after); strings.Contains(out, key[len(wire.KeyStart):]) {
				t.Errorf("%q is in %q", s, out)
			}
		}
		if in := before + after; !strings.ContainsAny(in, `\%&`) && !strings.Contains(in, "clw_") && !strings.Contains(in, "whsec_") && wire.Redact(in) != in {
			t.Errorf("%q became %q", in, wire.Redact(in))
		}
	})
}
