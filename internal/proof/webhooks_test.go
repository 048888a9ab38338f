package proof_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/clawhq/clawhq-go/webhook"
	"github.com/google/go-cmp/cmp"
)

const hookURL = "https://hooks.example.com/clawhq"

func newWebhook(t *testing.T, s *clawhqtest.Server, events ...webhook.EventType) *clawhq.CreatedWebhook {
	t.Helper()
	created, err := s.Client().Webhooks.Create(t.Context(), clawhq.CreateWebhookRequest{URL: hookURL, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// A tally counts how often each event was handled, by its data.
type tally struct {
	mu      sync.Mutex
	handled map[string]int
}

func (y *tally) handle(_ context.Context, ev *webhook.Event) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.handled == nil {
		y.handled = map[string]int{}
	}
	if !ev.Test {
		y.handled[string(ev.Data)]++
	}
	return nil
}

func receiver(seen webhook.Seen, handle func(context.Context, *webhook.Event) error, secrets ...clawhq.Secret) http.Handler {
	opts := webhook.Options{Seen: seen, Logger: slog.New(slog.DiscardHandler)}
	for _, s := range secrets {
		opts.Secrets = append(opts.Secrets, s.Reveal())
	}
	return webhook.Handler(opts, handle)
}

// However many events happen in one instant of virtual time, a receiver that
// drops repeats handles every one.
func TestEventsOfOneInstant(t *testing.T) {
	t.Parallel()
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
			created := newWebhook(t, s, webhook.EventAPIRequest, webhook.EventAgentDeployed)
			var got tally
			s.DeliverTo(receiver(new(webhook.MemorySeen), got.handle, created.Secret))
			start := time.Now()
			const chats, emitted = 40, 3000
			for range chats {
				if _, err := s.Client().Chat(t.Context(), testkit.Hi); err != nil {
					t.Fatal(err)
				}
			}
			var all sync.WaitGroup
			for range emitted {
				all.Go(func() { s.Emit(webhook.EventAgentDeployed, webhook.AgentDeployed{AgentID: "a"}) })
			}
			all.Wait()
			synctest.Wait()
			if took := time.Since(start); took != 0 {
				t.Errorf("%v: took %v of virtual time", profile, took)
			}
			total := 0
			for _, n := range got.handled {
				total += n
			}
			if total != chats+emitted {
				t.Errorf("%v: %d events handled, want %d", profile, total, chats+emitted)
			}
		}, clawhqtest.WithProfile(profile))
	}
}

// A leasedSeen is a store as the documentation of Seen asks for, for several
// processes, each of which has a value of its own. Claims of others are not waited
// for.
type leasedSeen struct {
	rows  map[string]leasedRow // of all processes
	lease time.Duration
	own   map[string]int // tokens
}

type leasedRow struct {
	token int
	until time.Time
	done  bool
}

func (s leasedSeen) Claim(_ context.Context, fingerprint string) (bool, error) {
	row := s.rows[fingerprint]
	switch {
	case row.done:
		return false, nil
	case time.Now().Before(row.until):
		return false, errors.New("another process is handling the event")
	}
	row.token++
	s.own[fingerprint] = row.token
	s.rows[fingerprint] = leasedRow{token: row.token, until: time.Now().Add(s.lease)}
	return true, nil
}

func (s leasedSeen) end(fingerprint string, row leasedRow) error {
	if s.rows[fingerprint].token != s.own[fingerprint] {
		return errors.New("another process has claimed the event")
	}
	row.token = s.own[fingerprint]
	s.rows[fingerprint] = row
	return nil
}

func (s leasedSeen) Done(_ context.Context, fingerprint string) error {
	return s.end(fingerprint, leasedRow{done: true})
}

func (s leasedSeen) Forget(_ context.Context, fingerprint string) error {
	return s.end(fingerprint, leasedRow{})
}

// killed is the Seen of a process that is killed while it handles an event.
type killed struct{ webhook.Seen }

func (killed) Done(context.Context, string) error { return nil }

func (killed) Forget(context.Context, string) error { return nil }

// A lease of 15 to 25 seconds lets the first retry handle the event of a process
// that was killed. A longer one outlives that retry.
func TestLeases(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		profile  clawhqtest.Profile
		interval time.Duration // the webhook's
		lease    time.Duration
		handled  time.Duration // after the event
	}{
		{clawhqtest.Documented, 30 * time.Second, 15 * time.Second, 30 * time.Second},
		{clawhqtest.Documented, 30 * time.Second, 25 * time.Second, 30 * time.Second},
		{clawhqtest.Documented, 30 * time.Second, time.Minute, 5*time.Minute + 30*time.Second},
		{clawhqtest.Live, 30 * time.Second, 15 * time.Second, 30 * time.Second},
		{clawhqtest.Live, 30 * time.Second, 25 * time.Second, 30 * time.Second},
		{clawhqtest.Live, 30 * time.Second, time.Minute, 2*time.Minute + 30*time.Second},
		{clawhqtest.Live, 10 * time.Second, 15 * time.Second, 2*time.Minute + 10*time.Second},
	} {
		testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
			created := newWebhook(t, s, webhook.EventAgentDeployed)
			update := clawhq.UpdateWebhookRequest{RetryInterval: &tt.interval}
			if _, err := s.Client().Webhooks.Update(t.Context(), created.ID, update); err != nil {
				t.Fatal(err)
			}
			rows := map[string]leasedRow{}
			process := func() leasedSeen { return leasedSeen{rows, tt.lease, map[string]int{}} }
			start := time.Now()
			var handled []time.Duration
			s.DeliverTo(receiver(killed{process()}, func(context.Context, *webhook.Event) error {
				return errors.New("killed")
			}, created.Secret))
			s.Emit(webhook.EventAgentDeployed, webhook.AgentDeployed{AgentID: "a"})
			s.DeliverTo(receiver(process(), func(context.Context, *webhook.Event) error {
				handled = append(handled, time.Since(start))
				return nil
			}, created.Secret))
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			if diff := cmp.Diff([]time.Duration{tt.handled}, handled); diff != "" {
				t.Errorf("%v, lease of %v: handled (-want +got):\n%s", tt.profile, tt.lease, diff)
			}
		}, clawhqtest.WithProfile(tt.profile))
	}
}

// down is a receiver that is being restarted.
var down = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })

func emit(s *clawhqtest.Server, from, to int) {
	for i := from; i <= to; i++ {
		s.Emit(webhook.EventAgentDeployed, webhook.AgentDeployed{AgentID: fmt.Sprint(i)})
	}
}

// missing returns which of the first n events were not handled once.
func (y *tally) missing(n int) (all []string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for i := 1; i <= n; i++ {
		if times := y.handled[fmt.Sprintf(`{"agent_id":"%d"}`, i)]; times != 1 {
			all = append(all, fmt.Sprintf("%d: %d times", i, times))
		}
	}
	return all
}

// What docs/webhooks.md says of a receiver that was down for ten first attempts,
// where the service does as documented: events wait in the log, and come when the
// webhook is resumed and the failed deliveries are sent again.
func TestReceiverDown(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		hooks := s.Client().Webhooks
		created := newWebhook(t, s, webhook.EventAgentDeployed)
		var got tally
		s.DeliverTo(down)
		emit(s, 1, 130)
		list, err := hooks.List(t.Context())
		if err != nil || list[0].FailureCount != 10 || !list[0].Enabled {
			t.Fatalf("got %+v, %v, want ten failures", list, err)
		}
		if n := len(s.Deliveries()); n != 10 {
			t.Errorf("%d events were sent, want 10", n)
		}

		resume := false
		update := clawhq.UpdateWebhookRequest{Paused: &resume}
		if hook, err := hooks.Update(t.Context(), created.ID, update); err != nil || hook.PausedAt.IsZero() {
			t.Errorf("resumed while the receiver is down: %+v, %v", hook, err)
		}
		s.DeliverTo(receiver(new(webhook.MemorySeen), got.handle, created.Secret))
		time.Sleep(24 * time.Hour) // retries of a paused webhook are not made
		if n := len(got.handled); n != 0 {
			t.Errorf("%d events were handled before it was resumed", n)
		}
		if hook, err := hooks.Update(t.Context(), created.ID, update); err != nil || !hook.PausedAt.IsZero() || hook.FailureCount != 0 {
			t.Errorf("not resumed: %+v, %v", hook, err)
		}
		for {
			result, err := hooks.RetryFailed(t.Context(), created.ID)
			if err != nil {
				t.Fatal(err)
			}
			if result.Retried == 0 {
				break
			}
			time.Sleep(time.Minute) // it may be called three times a minute
		}
		emit(s, 131, 131)
		if diff := cmp.Diff([]string(nil), got.missing(131)); diff != "" {
			t.Errorf("not handled once (-want +got):\n%s", diff)
		}
	})
}

// The same on the live service: the eleventh event disables the webhook for good,
// and events are lost until there is another webhook.
func TestReceiverDownLive(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		hooks := s.Client().Webhooks
		old := newWebhook(t, s, webhook.EventAgentDeployed)
		var got tally
		s.DeliverTo(down)
		emit(s, 1, 11)
		list, err := hooks.List(t.Context())
		if err != nil || list[0].FailureCount != 10 || list[0].Enabled {
			t.Fatalf("got %+v, %v, want a disabled webhook", list, err)
		}
		seen := new(webhook.MemorySeen)
		s.DeliverTo(receiver(seen, got.handle, old.Secret))
		enable := true
		if _, err := hooks.Update(t.Context(), old.ID, clawhq.UpdateWebhookRequest{Enabled: &enable}); err != nil {
			t.Fatal(err)
		}
		emit(s, 12, 12)
		if list, err = hooks.List(t.Context()); err != nil || list[0].Enabled || len(got.handled) != 0 {
			t.Errorf("enabling it has helped: %+v, %v, %d events handled", list, err, len(got.handled))
		}

		// Another webhook, at first for an event that is rare; then the receiver
		// gets its secret, and the webhook its events.
		other := newWebhook(t, s, webhook.EventVPSStatusChanged)
		s.DeliverTo(receiver(seen, got.handle, old.Secret, other.Secret))
		if _, err := hooks.Update(t.Context(), other.ID, clawhq.UpdateWebhookRequest{Events: old.Events}); err != nil {
			t.Fatal(err)
		}
		emit(s, 13, 13)
		if result, err := hooks.RetryFailed(t.Context(), old.ID); err != nil || *result != (clawhq.RetryResult{Retried: 10, Succeeded: 10}) {
			t.Errorf("the old webhook's failed deliveries: %+v, %v", result, err)
		}
		if err := hooks.Delete(t.Context(), old.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		if diff := cmp.Diff([]string{"11: 0 times", "12: 0 times"}, got.missing(13)); diff != "" {
			t.Errorf("not handled once (-want +got):\n%s", diff)
		}
	}, clawhqtest.WithProfile(clawhqtest.Live))
}

// A receiver that is back before the service has stopped the webhook, documented at
// the tenth failure and live at the next event, needs no help: the retries put the
// count of failures back.
func TestReceiverBackInTime(t *testing.T) {
	t.Parallel()
	for profile, failures := range map[clawhqtest.Profile]int{clawhqtest.Documented: 9, clawhqtest.Live: 10} {
		testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
			created := newWebhook(t, s, webhook.EventAgentDeployed)
			var got tally
			s.DeliverTo(down)
			emit(s, 1, failures)
			s.DeliverTo(receiver(new(webhook.MemorySeen), got.handle, created.Secret))
			time.Sleep(time.Minute)
			s.DeliverTo(down)
			emit(s, failures+1, 2*failures)
			s.DeliverTo(receiver(new(webhook.MemorySeen), got.handle, created.Secret))
			time.Sleep(time.Minute)
			if diff := cmp.Diff([]string(nil), got.missing(2*failures)); diff != "" {
				t.Errorf("%v: not handled once (-want +got):\n%s", profile, diff)
			}
		}, clawhqtest.WithProfile(profile))
	}
}

// A webhook takes over from another while events happen: each is handled once.
func TestRotation(t *testing.T) {
	t.Parallel()
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
			hooks := s.Client().Webhooks
			old := newWebhook(t, s, webhook.EventAgentDeployed)
			var got tally
			seen := new(webhook.MemorySeen)
			s.DeliverTo(receiver(seen, got.handle, old.Secret))
			emit(s, 1, 10)
			other := newWebhook(t, s, webhook.EventAgentUndeployed)
			emit(s, 11, 20)
			s.DeliverTo(receiver(seen, got.handle, old.Secret, other.Secret))
			emit(s, 21, 30)
			if _, err := hooks.Update(t.Context(), other.ID, clawhq.UpdateWebhookRequest{Events: old.Events}); err != nil {
				t.Fatal(err)
			}
			emit(s, 31, 40)
			if err := hooks.Delete(t.Context(), old.ID); err != nil {
				t.Fatal(err)
			}
			emit(s, 41, 50)
			s.DeliverTo(receiver(seen, got.handle, other.Secret))
			emit(s, 51, 60)
			if diff := cmp.Diff([]string(nil), got.missing(60)); diff != "" {
				t.Errorf("%v: not handled once (-want +got):\n%s", profile, diff)
			}
			if n := len(s.Deliveries()); n != 70 {
				t.Errorf("%v: %d deliveries, want 70", profile, n)
			}
		}, clawhqtest.WithProfile(profile))
	}
}

// How rare it is on the service that two events look the same: as docs/webhooks.md
// says, 1 event in 100,000 looks like one before it, at 20 chats a second with one
// agent whose times are spread evenly over a second.
func TestEventsThatLookTheSame(t *testing.T) {
	t.Parallel()
	const events = 10_000_000
	random := rand.New(rand.NewPCG(1, 2))
	ended, same := 0.0, 0
	var took []int // in milliseconds, of the chats that have ended in this millisecond
	for range events {
		before := int(ended)
		ended += random.ExpFloat64() * 1000 / 20
		if int(ended) != before {
			took = took[:0]
		}
		ms := random.IntN(1000)
		if slices.Contains(took, ms) {
			same++
		}
		took = append(took, ms)
	}
	if same < 70 || same > 130 {
		t.Errorf("%d of %d events look like one before, want about 100", same, events)
	}
}
