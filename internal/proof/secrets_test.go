package proof_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// sentinelSession is not a session of the service, and renewedSession is its
// renewal.
const (
	sentinelSession = "s3ss10n-that-nobody-may-see"
	renewedSession  = "r3n3wed-by-the-service-itself"
)

// TestSecrets passes a key and a session wherever it can, and searches everything
// that the client and the reference server return or log, in every printed form,
// for them. Only the first 12 characters of a key may appear. The text of an
// answer is the agent's, and is not searched.
func TestSecrets(t *testing.T) {
	t.Parallel()
	x := &exhibition{t: t, types: map[string]bool{}, seen: map[string]bool{}}
	x.secret(testkit.Key[12:])
	x.secret(sentinelSession)
	x.secret(renewedSession)
	for _, format := range []string{"text", "JSON"} {
		t.Run("client/"+format, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { exhibitClient(t, x, format) })
		})
	}
	t.Run("server/text", func(t *testing.T) { exhibitServer(t, x, clawhqtest.Documented, "text") })
	t.Run("server/JSON", func(t *testing.T) { exhibitServer(t, x, clawhqtest.Live, "JSON") })
	t.Run("webhooks", func(t *testing.T) { exhibitWebhooks(t, x) })
	t.Run("trace", func(t *testing.T) { exhibitTrace(t, x) })
	t.Run("values", func(t *testing.T) { exhibitValues(t, x) })
	t.Run("panics", func(t *testing.T) { exhibitPanics(t, x) })

	// A new exported type must be added to the values that are shown.
	want := map[string]bool{}
	for _, dir := range []string{"../..", "../../clawhqtest"} {
		maps.Copy(want, exportedTypes(t, dir))
	}
	for name := range want {
		if !x.types[name] {
			t.Errorf("no value of type %s was shown", name)
		}
	}
	if len(want) < 35 {
		t.Errorf("only %d exported types were found", len(want))
	}
	t.Logf("%d values of %d types searched in %d texts, %d MB", x.values, len(x.types), x.texts, x.size>>20)
	if x.redacted < 1000 {
		t.Errorf("the key was to be met, redacted, in 1000 texts at least, and was in %d", x.redacted)
	}
}

// The search finds a secret that is not redacted, in every printed form.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	x := &exhibition{}
	x.secret(sentinelSession)
	type bare struct{ v any }
	type open struct{ V any }
	for _, v := range []any{
		sentinelSession, []byte(sentinelSession), sentinelSession[:20], sentinelSession[7:], bare{sentinelSession}, &bare{[]byte(sentinelSession)},
		open{sentinelSession}, &open{[]byte("x" + sentinelSession)}, errors.New(sentinelSession), map[string]any{sentinelSession: 1},
	} {
		for how, text := range renderings(v) {
			_, unexported := strings.CutSuffix(fmt.Sprintf("%T", v), "bare")
			_, isError := v.(error)
			if how == "%T" || how == "%p" || how == "JSON" && (unexported || isError) || how == "slog JSON" && unexported {
				continue // does not print the value
			}
			if x.find(how, text) == "" {
				t.Errorf("%T with %s is not found in %s", v, how, text)
			}
		}
	}
	found := false
	reach(reflect.ValueOf(&bare{&clawhq.APIError{Message: sentinelSession}}), map[uintptr]bool{}, func(s string) { found = found || x.find("", s) != "" })
	if !found {
		t.Error("the secret behind an unexported field is not reached")
	}
}
