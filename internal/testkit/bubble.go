package testkit

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// Bubble runs f with a server in memory inside a synctest bubble, which fails if f
// leaves a goroutine behind.
func Bubble(t *testing.T, f func(t *testing.T, s *clawhqtest.Server), opts ...clawhqtest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, clawhqtest.NewTestServer(t, append([]clawhqtest.Option{clawhqtest.WithInMemory()}, opts...)...))
	})
}

// EachProfile runs f in a Bubble for each profile of the reference server.
func EachProfile(t *testing.T, f func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client), opts ...clawhqtest.Option) {
	t.Helper()
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		t.Run(profile.String(), func(t *testing.T) {
			t.Parallel()
			Bubble(t, func(t *testing.T, s *clawhqtest.Server) { f(t, s, s.Client()) },
				append([]clawhqtest.Option{clawhqtest.WithProfile(profile)}, opts...)...)
		})
	}
}

// Talker returns an agent that sends a chunk every second until its context ends. It
// then sends the context's error to left.
func Talker(left chan<- error) clawhqtest.AgentFunc {
	return func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			defer func() { left <- ctx.Err() }()
			for i := 0; ; i++ {
				if !yield(fmt.Sprint(i, " "), nil) {
					return
				}
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
					return
				}
			}
		}
	}
}
