package outbox_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A paused webhook logs what it does not deliver, and a bulk retry sends it.
func TestPaused(t *testing.T) {
	t.Parallel()
	bubble(t, rewriting, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
		o.Update(t.Context(), id, false, func(w *wire.Webhook) { w.PausedAt = wire.DatabaseTime(time.Now()) })
		emit(o, `{"n":1}`)
		emit(o, `{"n":2}`)
		want(t, "log", []string{"api.request null 0 false Delivery paused", "api.request null 0 false Delivery paused"}, rows(t, o, id))
		retried, succeeded, err := o.RetryFailed(t.Context(), id)
		if retried != 2 || succeeded != 2 || err != nil {
			t.Errorf("retried %d, succeeded %d, %v", retried, succeeded, err)
		}
		want(t, "log", []string{"api.request 200 0 true", "api.request 200 0 true"}, trimmed(rows(t, o, id)))
		retried, _, _ = o.RetryFailed(t.Context(), id)
		want(t, "retried again", 0, retried)
	})
}

// According to the product page, a pause also ends the retries that are due. The live
// service makes them all the same.
func TestPausedRetries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy outbox.Policy
		times  []string
	}{
		"logging":   {logging, []string{"0s"}},
		"rewriting": {rewriting, []string{"0s", "30s"}},
	} {
		bubble(t, test.policy, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
			r.answer(500)
			emit(o, `{}`)
			o.Update(t.Context(), id, false, func(w *wire.Webhook) { w.PausedAt = wire.DatabaseTime(time.Now()) })
			time.Sleep(2 * time.Minute)
			want(t, name, test.times, r.times())
		})
	}
}

func trimmed(texts []string) []string {
	for i := range texts {
		texts[i] = strings.TrimSpace(texts[i])
	}
	return texts
}

// A bulk retry sends the newest fifty, five at a time, and each event once.
func TestRetryFailed(t *testing.T) {
	t.Parallel()
	bubble(t, logging, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
		r.answer(500)
		for range 3 {
			emit(o, `{}`)
		}
		time.Sleep(time.Hour) // until all retries have been made: twelve rows
		var mu sync.Mutex
		var running, most int
		o.DeliverTo(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			running--
			mu.Unlock()
		}))
		start := time.Now()
		retried, succeeded, err := o.RetryFailed(t.Context(), id)
		if retried != 3 || succeeded != 3 || err != nil || time.Since(start) != time.Second {
			t.Errorf("retried %d, succeeded %d in %v, %v", retried, succeeded, time.Since(start), err)
		}

		o.Update(t.Context(), id, false, func(w *wire.Webhook) { w.PausedAt = wire.DatabaseTime(time.Now()) })
		for range 60 {
			emit(o, `{}`)
		}
		start = time.Now()
		retried, succeeded, err = o.RetryFailed(t.Context(), id)
		if retried != 50 || succeeded != 50 || err != nil || time.Since(start) != 10*time.Second || most != 5 {
			t.Errorf("retried %d, succeeded %d, at most %d at once in %v, %v", retried, succeeded, most, time.Since(start), err)
		}
	})
}

// A test repeats the newest delivery, and is not itself a delivery.
func TestTest(t *testing.T) {
	t.Parallel()
	bubble(t, rewriting, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
		at := func(ms int) string {
			return string(wire.HandlerTime(time.Now().Add(time.Duration(ms) * time.Millisecond)))
		}
		got, err := o.Test(t.Context(), id)
		if err != nil || !got.OK() || got.Status != 200 {
			t.Errorf("got %+v, %v", got, err)
		}
		emit(o, `{"response_time_ms":63,"agent":"a"}`)
		r.answer(500)
		got, err = o.Test(t.Context(), id)
		if err != nil || got.OK() || got.Status != 500 {
			t.Errorf("got %+v, %v", got, err)
		}
		want(t, "what came", []string{
			`0s test {"event":"test","data":{"message":"This is a test event from ClawHQ","webhook_id":"` + id + `"},"timestamp":"` + at(0) + `"}`,
			`0s api.request {"event":"api.request","data":{"response_time_ms":63,"agent":"a"},"timestamp":"` + at(1) + `"}`,
			`0s test {"event":"api.request","data":{"agent":"a","response_time_ms":63},"timestamp":"` + at(2) + `"}`,
		}, r.came)
		want(t, "log", 1, len(rows(t, o, id)))
		w := webhook(t, o, id)
		want(t, "webhook", [2]any{wire.Text("failed"), 0}, [2]any{w.LastStatus, w.FailureCount})
		if _, err := o.Test(t.Context(), "nobody"); !errors.Is(err, outbox.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

func TestReplay(t *testing.T) {
	t.Parallel()
	bubble(t, rewriting, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
		emit(o, `{"n":1}`)
		log, _ := o.Deliveries(id)
		r.answer(404)
		time.Sleep(time.Minute)
		got, err := o.Replay(t.Context(), id, log[0].ID)
		if err != nil || got.OK() || got.Status != 404 {
			t.Errorf("got %+v, %v", got, err)
		}
		want(t, "log", []string{"api.request 404 0 false no", "api.request 200 0 true"}, trimmed(rows(t, o, id)))
		want(t, "failures", 0, webhook(t, o, id).FailureCount)
		time.Sleep(time.Hour)
		want(t, "times", []string{"0s", "1m0s"}, r.times())
		for _, ids := range [][2]string{{id, "none"}, {"nobody", log[0].ID}} {
			if _, err := o.Replay(t.Context(), ids[0], ids[1]); !errors.Is(err, outbox.ErrNotFound) && !errors.Is(err, outbox.ErrNoDelivery) {
				t.Errorf("replay of %v: got %v", ids, err)
			}
		}
	})
}

// Private URLs get nothing, and calls that would send to them return an error.
func TestPrivate(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			o := outbox.New(outbox.Config{Policy: rewriting, Strict: strict})
			defer o.Close()
			r := &receiver{}
			o.DeliverTo(r)
			w, _ := o.Create(wire.Webhook{URL: "http://127.0.0.1:8090/", Events: []string{"api.request"}})
			emit(o, `{}`)
			_, testErr := o.Test(t.Context(), w.ID)
			_, _, retryErr := o.RetryFailed(t.Context(), w.ID)
			if private := errors.Is(testErr, outbox.ErrPrivate); private != strict || errors.Is(retryErr, outbox.ErrPrivate) != strict {
				t.Errorf("strict %v: test %v, retry %v", strict, testErr, retryErr)
			}
			if came := len(r.times()) > 0; came == strict {
				t.Errorf("strict %v: came is %v", strict, came)
			}
		})
	}
}
