package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// The two kinds of policies.
var (
	logging = outbox.Policy{
		Retry: func(n int, _ time.Duration) (time.Duration, bool) {
			return time.Duration(n) * time.Minute, n <= 3
		},
		LogRetries: true, Pausing: true,
	}
	rewriting = outbox.Policy{
		Retry: func(n int, interval time.Duration) (time.Duration, bool) {
			if n == 1 {
				return interval, true
			}
			return 2 * time.Minute, true
		},
	}
)

// receiver answers with a status, and records what it gets.
type receiver struct {
	mu     sync.Mutex
	status int
	came   []string // time since the start, event and body
	start  time.Time
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.start.IsZero() {
		r.start = time.Now()
	}
	r.came = append(r.came, fmt.Sprintf("%v %s %s", time.Since(r.start), req.Header.Get(wire.HeaderWebhookEvent), body))
	if r.status == 0 {
		return
	}
	w.WriteHeader(r.status)
	fmt.Fprint(w, "no")
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// bubble runs a test in virtual time, with an Outbox whose deliveries go to a
// receiver, and one webhook for api.request.
func bubble(t *testing.T, policy outbox.Policy, test func(t *testing.T, o *outbox.Outbox, r *receiver, id string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := outbox.New(outbox.Config{Policy: policy})
		defer o.Close()
		r := &receiver{}
		o.DeliverTo(r)
		test(t, o, r, create(t, o, "api.request").ID)
	})
}

func create(t *testing.T, o *outbox.Outbox, events ...string) wire.Webhook {
	t.Helper()
	w, err := o.Create(wire.Webhook{URL: "https://hooks.example.com/ok", Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func emit(o *outbox.Outbox, data string) {
	o.Emit(context.Background(), "api.request", json.RawMessage(data))()
}

// times returns when the events arrived.
func (r *receiver) times() (times []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.came {
		at, _, _ := strings.Cut(c, " ")
		times = append(times, at)
	}
	return times
}

func want(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// rows returns the log: status, retries and reply, newest first.
func rows(t *testing.T, o *outbox.Outbox, id string) (texts []string) {
	t.Helper()
	log, err := o.Deliveries(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range log {
		status := "null"
		if d.StatusCode != nil {
			status = fmt.Sprint(*d.StatusCode)
		}
		texts = append(texts, fmt.Sprintf("%s %s %d %v %s", d.EventType, status, d.RetryCount, d.Success, d.ResponseBody))
	}
	return texts
}

func webhook(t *testing.T, o *outbox.Outbox, id string) wire.Webhook {
	t.Helper()
	for _, w := range o.Webhooks() {
		if w.ID == id {
			return w
		}
	}
	t.Fatalf("no webhook %s", id)
	return wire.Webhook{}
}

// An event is sent, signed, to the webhooks that have subscribed to it.
func TestEmit(t *testing.T) {
	t.Parallel()
	bubble(t, logging, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
		other := create(t, o, "agent.deployed", "api.request")
		create(t, o, "agent.deployed")
		at := time.Now()
		emit(o, `{"agent":"a<b","response_time_ms":63}`)
		body := `{"event":"api.request","data":{"agent":"a<b","response_time_ms":63},"timestamp":"` + string(wire.HandlerTime(at)) + `"}`
		want(t, "what came", []string{"0s api.request " + body, "0s api.request " + body}, r.came)
		for _, a := range o.Attempts() {
			if a.WebhookID != id && a.WebhookID != other.ID {
				t.Errorf("went to %s", a.WebhookID)
			}
			want(t, "header", http.Header{ // as the receiver gets it
				"Accept": {"*/*"}, "Content-Type": {"application/json"}, "User-Agent": {"node"},
				"X-Clawhq-Event":     {"api.request"},
				"X-Clawhq-Timestamp": {string(wire.HandlerTime(at))},
				"X-Clawhq-Signature": {wire.WebhookSignature(webhook(t, o, a.WebhookID).Secret, string(wire.HandlerTime(at)), []byte(body))},
			}, a.Header)
			if a.Number != 1 || a.Status != 200 || !a.Time.Equal(at) || a.URL != "https://hooks.example.com/ok" {
				t.Errorf("attempt is %+v", a)
			}
		}
		w := webhook(t, o, id)
		status := 200
		want(t, "webhook", [3]any{wire.DatabaseTime(at), wire.Text("success"), &status}, [3]any{w.LastTriggeredAt, w.LastStatus, w.LastStatusCode})
	})
}

// A failed delivery is retried as the policy says, with the payload in the database's
// form and a new time in its header.
func TestRetries(t *testing.T) {
	t.Parallel()
	t.Run("each in the log", func(t *testing.T) {
		t.Parallel()
		bubble(t, logging, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
			r.answer(500)
			at := time.Now()
			emit(o, `{"response_time_ms":63,"agent":"a"}`)
			time.Sleep(time.Hour)
			want(t, "times", []string{"0s", "1m0s", "3m0s", "6m0s"}, r.times())
			want(t, "a retry", "1m0s api.request "+`{"data":{"agent":"a","response_time_ms":63},"event":"api.request","timestamp":"`+string(wire.HandlerTime(at))+`"}`, r.came[1])
			a := o.Attempts()[1]
			stamp := string(wire.HandlerTime(at.Add(time.Minute)))
			want(t, "its header's time", stamp, a.Header.Get(wire.HeaderWebhookTimestamp))
			want(t, "its signature", wire.WebhookSignature(webhook(t, o, id).Secret, stamp, a.Body), a.Header.Get(wire.HeaderWebhookSignature))
			want(t, "log", []string{"api.request 500 3 false no", "api.request 500 2 false no", "api.request 500 1 false no", "api.request 500 0 false no"}, rows(t, o, id))
			want(t, "failures", 1, webhook(t, o, id).FailureCount)
		})
	})
	t.Run("one row", func(t *testing.T) {
		t.Parallel()
		bubble(t, rewriting, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
			r.answer(500)
			emit(o, `{}`)
			time.Sleep(7 * time.Minute)
			want(t, "times", []string{"0s", "30s", "2m30s", "4m30s", "6m30s"}, r.times())
			want(t, "log", []string{"api.request 500 1 false no"}, rows(t, o, id))
			r.answer(200)
			time.Sleep(2 * time.Minute)
			want(t, "log", []string{"api.request 200 1 true no"}, rows(t, o, id))
			want(t, "failures", 0, webhook(t, o, id).FailureCount)
			time.Sleep(time.Hour)
			if n := len(r.times()); n != 6 {
				t.Errorf("came %d times, want 6", n)
			}
		})
	})
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		for name, stop := range map[string]func(o *outbox.Outbox, r *receiver, id string){
			"deleted": func(o *outbox.Outbox, _ *receiver, id string) { o.Delete(id) },
			"disabled": func(o *outbox.Outbox, _ *receiver, id string) {
				o.Update(context.Background(), id, false, func(w *wire.Webhook) { w.Enabled = false })
			},
			"private": func(o *outbox.Outbox, _ *receiver, id string) {
				o.Update(context.Background(), id, false, func(w *wire.Webhook) { w.URL = "https://10.0.0.1/" })
			},
			"sent by a bulk retry": func(o *outbox.Outbox, r *receiver, id string) {
				r.answer(200)
				o.RetryFailed(context.Background(), id)
			},
			"reset":  func(o *outbox.Outbox, _ *receiver, _ string) { o.Reset() },
			"closed": func(o *outbox.Outbox, _ *receiver, _ string) { o.Close() },
		} {
			bubble(t, rewriting, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
				r.answer(500)
				emit(o, `{}`)
				stop(o, r, id)
				came := len(r.times())
				time.Sleep(time.Hour)
				if got := r.times(); len(got) != came {
					t.Errorf("%s: came at %v, want %d times", name, got, came)
				}
			})
		}
	})
}

// Ten failures in a row pause a webhook or disable it.
func TestBreaker(t *testing.T) {
	t.Parallel()
	never := func(int, time.Duration) (time.Duration, bool) { return 0, false }
	fail := func(o *outbox.Outbox, r *receiver, n int) {
		r.answer(500)
		for range n {
			emit(o, `{}`)
		}
	}
	t.Run("pausing", func(t *testing.T) {
		t.Parallel()
		bubble(t, outbox.Policy{Retry: never, Pausing: true}, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
			fail(o, r, 9)
			if w := webhook(t, o, id); w.PausedAt != "" || w.FailureCount != 9 {
				t.Errorf("after nine failures: %+v", w)
			}
			r.answer(200)
			emit(o, `{}`)
			want(t, "failures after a success", 0, webhook(t, o, id).FailureCount)
			fail(o, r, 10)
			if w := webhook(t, o, id); w.PausedAt == "" || w.FailureCount != 10 || !w.Enabled {
				t.Errorf("after ten failures: %+v", w)
			}
			came := len(r.times())
			emit(o, `{}`)
			want(t, "newest row", "api.request null 0 false Delivery paused", rows(t, o, id)[0])

			resume := func(w *wire.Webhook) { w.PausedAt = "" }
			if w, err := o.Update(t.Context(), id, true, resume); err != nil || w.PausedAt == "" {
				t.Errorf("resumed though the ping fails: %+v, %v", w, err)
			}
			want(t, "events and pings", came+1, len(r.times()))
			r.answer(200)
			if w, err := o.Update(t.Context(), id, true, resume); err != nil || w.PausedAt != "" || w.FailureCount != 0 {
				t.Errorf("not resumed: %+v, %v", w, err)
			}
			want(t, "events and pings", came+2, len(r.times()))
			emit(o, `{}`)
			want(t, "newest row", "api.request 200 0 true no", rows(t, o, id)[0])
		})
	})
	t.Run("disabling", func(t *testing.T) {
		t.Parallel()
		bubble(t, outbox.Policy{Retry: never}, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
			fail(o, r, 10)
			if w := webhook(t, o, id); !w.Enabled || w.FailureCount != 10 {
				t.Errorf("after ten failures: %+v", w)
			}
			r.answer(200)
			emit(o, `{}`)
			want(t, "events", 10, len(r.times()))
			if w := webhook(t, o, id); w.Enabled {
				t.Error("the eleventh event did not disable it")
			}
			enable := func(w *wire.Webhook) { w.Enabled = true }
			if w, err := o.Update(t.Context(), id, true, enable); err != nil || !w.Enabled || w.FailureCount != 10 {
				t.Errorf("enabled: %+v, %v", w, err)
			}
			emit(o, `{}`)
			want(t, "events", 10, len(r.times()))
			if webhook(t, o, id).Enabled {
				t.Error("the next event did not disable it again")
			}
		})
	})
}

func TestStats(t *testing.T) {
	t.Parallel()
	bubble(t, logging, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
		create(t, o, "agent.deployed")
		want(t, "none", []wire.WebhookStats{}, o.Stats())
		emit(o, `{}`)
		time.Sleep(6 * 24 * time.Hour)
		o.DeliverTo(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(100 * time.Millisecond)
			w.WriteHeader(500)
		}))
		emit(o, `{}`)
		o.DeliverTo(r)
		time.Sleep(time.Hour) // a retry succeeds
		want(t, "of seven days", []wire.WebhookStats{{
			WebhookID: id, TotalDeliveries: 3, SuccessfulDeliveries: 2, FailedDeliveries: 1, AverageLatencyMS: 33, SuccessRate: 66.7,
		}}, o.Stats())
		time.Sleep(24 * time.Hour)
		want(t, "a day later", 2, o.Stats()[0].TotalDeliveries)
	})
}

func TestManaging(t *testing.T) {
	t.Parallel()
	o := outbox.New(outbox.Config{})
	defer o.Close()
	var ids []string
	for range wire.MaxWebhooks {
		w := create(t, o, "api.request")
		if len(w.Secret) != 54 || !strings.HasPrefix(w.Secret, "whsec_") {
			t.Errorf("secret is %q", w.Secret)
		}
		ids = append(ids, w.ID)
	}
	if _, err := o.Create(wire.Webhook{}); !errors.Is(err, outbox.ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	if err := o.Delete(ids[3]); err != nil {
		t.Error(err)
	}
	if err := o.Delete(ids[3]); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := o.Update(t.Context(), ids[3], false, func(*wire.Webhook) {}); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("updated: %v", err)
	}
	if _, err := o.Deliveries(ids[3]); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("deliveries: %v", err)
	}
	first := create(t, o, "api.request")
	first.RetryIntervalSeconds, first.Events[0] = 7, "test" // changes a copy
	if w := webhook(t, o, first.ID); w.RetryIntervalSeconds != 30 || w.Events[0] != "api.request" {
		t.Errorf("changed without Update: %+v", w)
	}
	if got := len(o.Webhooks()); got != wire.MaxWebhooks {
		t.Errorf("%d webhooks", got)
	}
}
