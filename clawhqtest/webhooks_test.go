package clawhqtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/webhook"
)

// inBubble runs a test with a server in memory.
func inBubble(t *testing.T, profile clawhqtest.Profile, test func(t *testing.T, s *clawhqtest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithProfile(profile)))
	})
}

func createWebhook(t *testing.T, s *clawhqtest.Server, events ...webhook.EventType) *clawhq.CreatedWebhook {
	t.Helper()
	w, err := s.Client().Webhooks.Create(t.Context(), clawhq.CreateWebhookRequest{URL: "https://hooks.example.com/clawhq", Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func quietly(w *clawhq.CreatedWebhook) webhook.Options {
	return webhook.Options{Secrets: []string{w.Secret.Reveal()}, Seen: new(webhook.MemorySeen), Logger: slog.New(slog.DiscardHandler)}
}

var hello = clawhq.ChatRequest{Message: "hi"}

// A handler fails twice for the event of a chat. It gets the event again after the
// times that are documented, or that the live service takes, until it has handled it,
// once.
func TestWebhookEndToEnd(t *testing.T) {
	t.Parallel()
	for profile, want := range map[clawhqtest.Profile]struct {
		handled []time.Duration // when the handler ran
		agent   string
		rows    []int // retry counts in the log, newest first
	}{
		clawhqtest.Documented: {[]time.Duration{0, 30 * time.Second, 5*time.Minute + 30*time.Second}, "support-bot", []int{2, 1, 0}},
		clawhqtest.Live:       {[]time.Duration{0, 30 * time.Second, 2*time.Minute + 30*time.Second}, "sales-assistant", []int{1}},
	} {
		t.Run(profile.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, profile, func(t *testing.T, s *clawhqtest.Server) {
				created := createWebhook(t, s, webhook.EventAPIRequest)
				start := time.Now()
				var handled []time.Duration
				var data webhook.APIRequest
				s.DeliverTo(webhook.Handler(quietly(created), func(_ context.Context, ev *webhook.Event) error {
					handled = append(handled, time.Since(start))
					if err := ev.Decode(&data); err != nil || ev.Type != webhook.EventAPIRequest || ev.Test || !ev.Timestamp.Equal(start) {
						t.Errorf("got %+v, %v", ev, err)
					}
					if len(handled) < 3 {
						return errors.New("not now")
					}
					return nil
				}))
				if _, err := s.Client().Chat(t.Context(), hello); err != nil {
					t.Fatal(err)
				}
				time.Sleep(24 * time.Hour)
				synctest.Wait()
				if diff := cmp.Diff(want.handled, handled); diff != "" {
					t.Errorf("handled (-want +got):\n%s", diff)
				}
				if data.Agent != want.agent {
					t.Errorf("agent is %q, want %q", data.Agent, want.agent)
				}

				rows, err := s.Client().Webhooks.Deliveries(t.Context(), created.ID)
				if err != nil {
					t.Fatal(err)
				}
				var retries []int
				for _, d := range rows {
					retries = append(retries, d.RetryCount)
				}
				if diff := cmp.Diff(want.rows, retries); diff != "" || !rows[0].Success || rows[0].Event != webhook.EventAPIRequest {
					t.Errorf("newest row is %+v, retry counts (-want +got):\n%s", rows[0], diff)
				}

				sent := s.Deliveries()
				if sent[2].ID != rows[0].ID || sent[2].Attempt != 3 {
					t.Errorf("the third attempt is %+v, want the newest row's", sent[2])
				}

				// A replay is a repeat, which the handler does not see.
				got, err := s.Client().Webhooks.Replay(t.Context(), created.ID, rows[0].ID)
				if err != nil || !got.Success || len(handled) != 3 {
					t.Errorf("replay: %+v, %v, handled %d times", got, err, len(handled))
				}
				if last := s.Deliveries()[3]; strings.TrimSpace(string(last.Reply)) != "handled before" {
					t.Errorf("the replay was answered %q", last.Reply)
				}
			})
		})
	}
}

// Chats that succeed, streamed or not, make an api.request event, and nothing else
// does.
func TestWebhookEvents(t *testing.T) {
	t.Parallel()
	inBubble(t, clawhqtest.Documented, func(t *testing.T, s *clawhqtest.Server) {
		createWebhook(t, s, webhook.EventAPIRequest, webhook.EventTicketCreated)
		var mu sync.Mutex
		var came []string
		s.DeliverTo(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			came = append(came, string(body))
		}))
		client := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))
		ctx := t.Context()
		if _, err := client.Chat(ctx, hello, clawhq.WithIdempotencyKey("once")); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Chat(ctx, hello, clawhq.WithIdempotencyKey("once")); err != nil { // replayed
			t.Fatal(err)
		}
		synctest.Wait() // deliveries overtake each other
		if _, err := clawhq.CollectText(client.ChatStream(ctx, hello)); err != nil {
			t.Fatal(err)
		}
		client.Chat(ctx, clawhq.ChatRequest{Message: "hi", Agent: "nobody"})
		s.Inject(clawhqtest.FaultStreamCut(1), clawhqtest.FaultStatus(502, clawhq.CodeModelError))
		clawhq.CollectText(client.ChatStream(ctx, hello))
		client.Chat(ctx, hello)
		client.Keys.List(ctx)
		thread, err := client.Threads.Create(ctx, clawhq.CreateThreadRequest{Agent: "support-bot"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Threads.Send(ctx, thread.ID, "hi"); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Batches.Create(ctx, clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{{CustomID: "a", Message: "hi"}}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.Emit(webhook.EventTicketCreated, webhook.TicketCreated{TicketID: "tkt_1"})
		s.Emit(webhook.EventAgentDeployed, webhook.AgentDeployed{AgentName: "nobody listens"})

		at := func(ms int) string { // each event has its own millisecond
			return `"timestamp":"` + time.Now().Add(time.Duration(ms)*time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z") + `"}`
		}
		chat := `{"event":"api.request","data":{"agent":"support-bot","api_key_name":"default","latency_ms":0,"method":"POST","path":"/v1/chat","response_time_ms":0,"status_code":200},`
		want := []string{chat + at(0), chat + at(1), `{"event":"ticket.created","data":{"ticket_id":"tkt_1"},` + at(2)}
		if diff := cmp.Diff(want, came); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// An advance of the clock makes the retries due, as soon as the first attempt has
// ended.
func TestAdvanceClockRetries(t *testing.T) {
	t.Parallel()
	inBubble(t, clawhqtest.Documented, func(t *testing.T, s *clawhqtest.Server) {
		createWebhook(t, s, webhook.EventAPIRequest)
		var came []time.Duration
		start := s.Now()
		s.DeliverTo(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			came = append(came, s.Now().Sub(start))
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusInternalServerError)
		}))
		if _, err := s.Client().Chat(t.Context(), hello); err != nil {
			t.Fatal(err)
		}
		s.AdvanceClock(time.Hour)
		// Each attempt takes a second of real time, in which the clock goes on by
		// itself.
		want := []time.Duration{0, 31 * time.Second, 5*time.Minute + 32*time.Second, 35*time.Minute + 33*time.Second}
		if diff := cmp.Diff(want, came); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		if took := s.Now().Sub(start); took != time.Hour+4*time.Second {
			t.Errorf("it is %v later", took)
		}
	})
}

// A handler recognizes a test, whatever event the test repeats.
func TestWebhookTest(t *testing.T) {
	t.Parallel()
	inBubble(t, clawhqtest.Live, func(t *testing.T, s *clawhqtest.Server) {
		created := createWebhook(t, s, webhook.EventAgentDeployed)
		var came []string
		s.DeliverTo(webhook.Handler(quietly(created), func(_ context.Context, ev *webhook.Event) error {
			came = append(came, fmt.Sprint(ev.Type, " of ", ev.Sample))
			return nil
		}))
		s.Emit(webhook.EventAgentDeployed, webhook.AgentDeployed{AgentName: "a"})
		got, err := s.Client().Webhooks.Test(t.Context(), created.ID)
		if err != nil || !got.Success || got.StatusCode != 200 {
			t.Errorf("got %+v, %v", got, err)
		}
		if diff := cmp.Diff([]string{"agent.deployed of ", "test of agent.deployed"}, came); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}

		s.DeliverTo(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		start := time.Now()
		_, err = s.Client().Webhooks.Test(t.Context(), created.ID)
		var failed *clawhq.ServerError
		if !errors.As(err, &failed) || failed.StatusCode != 502 || time.Since(start) != 10*time.Second {
			t.Errorf("no answer: %v after %v", err, time.Since(start))
		}
	})
}

// All methods of webhook management, through the client.
func TestWebhookManagement(t *testing.T) {
	t.Parallel()
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		t.Run(profile.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, profile, func(t *testing.T, s *clawhqtest.Server) {
				ctx, hooks := t.Context(), s.Client().Webhooks
				created, err := hooks.Create(ctx, clawhq.CreateWebhookRequest{
					URL: "https://hooks.example.com/1", Description: " Production ", Events: []webhook.EventType{webhook.EventAPIRequest},
				})
				if err != nil {
					t.Fatal(err)
				}
				want := clawhq.Webhook{
					ID: created.ID, URL: "https://hooks.example.com/1", Description: "Production", Events: []webhook.EventType{webhook.EventAPIRequest},
					Enabled: true, CreatedAt: time.Now().UTC(), AccountID: s.AccountID(), RetryInterval: 30 * time.Second, MaxAttempts: 3, EventVersion: "v1",
				}
				if diff := cmp.Diff(want, created.Webhook); diff != "" {
					t.Errorf("created (-want +got):\n%s", diff)
				}

				second := createWebhook(t, s, webhook.EventSessionStarted)
				list, err := hooks.List(ctx)
				if err != nil || len(list) != 2 || list[0].ID != second.ID || list[1].AccountID != "" {
					t.Errorf("list is %+v, %v", list, err)
				}

				url, off, paused := "https://hooks.example.com/2", false, true
				interval, attempts, transformation := time.Minute, 10, `{"e":"{{event.type}}"}`
				filters := []clawhq.WebhookFilter{{Field: "agent", Operator: "equals", Value: "a"}}
				updated, err := hooks.Update(ctx, created.ID, clawhq.UpdateWebhookRequest{
					URL: &url, Events: []webhook.EventType{webhook.EventAgentDeployed, webhook.EventVPSStatusChanged}, Enabled: &off, Paused: &paused,
					RetryInterval: &interval, MaxAttempts: &attempts, Filters: &filters, Transformation: &transformation,
				})
				if err != nil {
					t.Fatal(err)
				}
				want.URL, want.Enabled, want.PausedAt, want.RetryInterval, want.MaxAttempts = url, off, time.Now().UTC(), interval, attempts
				want.Filters, want.Transformation = filters, transformation
				want.Events = []webhook.EventType{webhook.EventAgentDeployed, webhook.EventVPSStatusChanged}
				if diff := cmp.Diff(&want, updated); diff != "" {
					t.Errorf("updated (-want +got):\n%s", diff)
				}

				on, none := true, ""
				paused = false
				updated, err = hooks.Update(ctx, created.ID, clawhq.UpdateWebhookRequest{
					Enabled: &on, Paused: &paused, Filters: &[]clawhq.WebhookFilter{}, Transformation: &none,
				})
				want.Enabled, want.PausedAt, want.Filters, want.Transformation = on, time.Time{}, nil, ""
				if diff := cmp.Diff(&want, updated); diff != "" || err != nil {
					t.Errorf("updated again: %v (-want +got):\n%s", err, diff)
				}

				if err := hooks.Delete(ctx, second.ID); err != nil {
					t.Error(err)
				}
				var gone *clawhq.NotFoundError
				if err := hooks.Delete(ctx, second.ID); !errors.As(err, &gone) {
					t.Errorf("deleted twice: %v", err)
				}
				var logged []string
				var log wire.AuditLog
				ask(t, s, "GET", "/v1/audit-log?category=webhook", s.APIKey(), "", &log)
				for _, e := range log.Entries {
					logged = append(logged, e.Action)
				}
				slices.Sort(logged)
				if diff := cmp.Diff([]string{"webhook_created", "webhook_created", "webhook_deleted", "webhook_updated", "webhook_updated"}, logged); diff != "" {
					t.Errorf("audit log (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Ten failures in a row pause a webhook, and a successful test resumes it.
func TestWebhookBreaker(t *testing.T) {
	t.Parallel()
	inBubble(t, clawhqtest.Documented, func(t *testing.T, s *clawhqtest.Server) {
		created := createWebhook(t, s, webhook.EventAPIRequest)
		status := 500
		s.DeliverTo(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		for range 10 {
			s.Emit(webhook.EventAPIRequest, webhook.APIRequest{Agent: "a"})
		}
		resume := false
		for _, status = range []int{500, 204} {
			w, err := s.Client().Webhooks.Update(t.Context(), created.ID, clawhq.UpdateWebhookRequest{Paused: &resume})
			if err != nil || w.PausedAt.IsZero() != (status == 204) {
				t.Errorf("the test is answered %d: %+v, %v", status, w, err)
			}
		}
		r, err := s.Client().Webhooks.RetryFailed(t.Context(), created.ID)
		if diff := cmp.Diff(&clawhq.RetryResult{Retried: 10, Succeeded: 10}, r); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		stats, err := s.Client().Webhooks.Stats(t.Context())
		if diff := cmp.Diff([]clawhq.WebhookStats{{WebhookID: created.ID, Total: 10, Successful: 10, SuccessRate: 100}}, stats); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}

// Receivers on this machine can be reached over the network, unless the server is
// strict.
func TestWebhookTargets(t *testing.T) {
	t.Parallel()
	came := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { came <- r.Header.Get("X-ClawHQ-Event") }))
	defer receiver.Close()
	req := clawhq.CreateWebhookRequest{URL: receiver.URL, Events: []webhook.EventType{webhook.EventAPIRequest}}

	s := clawhqtest.NewTestServer(t)
	if _, err := s.Client().Webhooks.Create(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	s.Emit(webhook.EventAPIRequest, webhook.APIRequest{Agent: "a"})
	if event := <-came; event != "api.request" {
		t.Errorf("got %q", event)
	}

	strict := clawhqtest.NewTestServer(t, clawhqtest.WithStrictWebhookTargets())
	var refused *clawhq.InvalidRequestError
	if _, err := strict.Client().Webhooks.Create(t.Context(), req); !errors.As(err, &refused) || refused.StatusCode != 400 {
		t.Errorf("strict: %v", err)
	}
	req.URL = strings.Replace(receiver.URL, "http://", "https://", 1)
	if _, err := strict.Client().Webhooks.Create(t.Context(), req); !errors.As(err, &refused) || refused.Message != "URL must point to a public endpoint" {
		t.Errorf("strict: %v", err)
	}
}

// Reset removes webhooks and deliveries, but not the receiver.
func TestWebhooksReset(t *testing.T) {
	t.Parallel()
	inBubble(t, clawhqtest.Documented, func(t *testing.T, s *clawhqtest.Server) {
		calls := 0
		s.DeliverTo(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
		createWebhook(t, s, webhook.EventAPIRequest)
		s.Emit(webhook.EventAPIRequest, struct{}{})
		s.Reset()
		s.Emit(webhook.EventAPIRequest, struct{}{})
		if list, err := s.Client().Webhooks.List(t.Context()); err != nil || len(list) != 0 || len(s.Deliveries()) != 0 || calls != 1 {
			t.Errorf("%d webhooks, %v, %d deliveries, %d calls", len(list), err, len(s.Deliveries()), calls)
		}
		createWebhook(t, s, webhook.EventAPIRequest)
		s.Emit(webhook.EventAPIRequest, struct{}{})
		if calls != 2 {
			t.Errorf("%d calls, want 2", calls)
		}
	})
	defer func() {
		if recover() == nil {
			t.Error("an event that is no JSON does not panic")
		}
	}()
	clawhqtest.NewTestServer(t).Emit(webhook.EventAPIRequest, func() {})
}
