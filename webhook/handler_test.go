package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/webhook"
)

// count returns a handle that counts its calls.
func count(calls *int) func(context.Context, *webhook.Event) error {
	return func(context.Context, *webhook.Event) error {
		*calls++
		return nil
	}
}

func request(d delivery) (*http.Request, *httptest.ResponseRecorder) {
	r := httptest.NewRequest(http.MethodPost, "/hooks", bytes.NewReader(d.body))
	r.Header = d.header
	return r, httptest.NewRecorder()
}

// signed returns a delivery of an event that happened at a time, sent now.
func signed(happened time.Time) delivery {
	body := `{"event":"api.request","data":{"agent":"support_bot"},"timestamp":"` + happened.UTC().Format(time.RFC3339Nano) + `"}`
	d := delivery{make(http.Header), []byte(body)}
	webhook.Sign(d.header, d.body, secret, webhook.EventAPIRequest, time.Now())
	return d
}

// quiet are options that log into a buffer.
func quiet(seen webhook.Seen) (webhook.Options, *bytes.Buffer) {
	var logged bytes.Buffer
	return webhook.Options{
		Secrets: []string{secret}, Seen: seen, Logger: slog.New(slog.NewTextHandler(&logged, nil)),
	}, &logged
}

func TestHandlerStatus(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*http.Request, *webhook.Options)
		err    error // of handle
		status int
		answer string // part of it
		logged string // part of it
	}{
		"handled":        {nil, nil, 200, "ok", ""},
		"failed":         {nil, errors.New("database is down"), 500, "failed to handle", "database is down"},
		"GET":            {func(r *http.Request, _ *webhook.Options) { r.Method = http.MethodGet }, nil, 405, "POST", ""},
		"unsigned":       {func(r *http.Request, _ *webhook.Options) { r.Header.Del(headerSignature) }, nil, 401, "signature: the header", "status=401"},
		"another secret": {func(_ *http.Request, o *webhook.Options) { o.Secrets[0] += "0" }, nil, 401, "none of the secrets", "status=401"},
		"old": {func(_ *http.Request, o *webhook.Options) {
			o.Now = func() time.Time { return time.Now().Add(time.Hour) }
		}, nil, 401, "old", "status=401"},
		"no event": {func(r *http.Request, _ *webhook.Options) { r.Header.Del(headerEvent) }, nil, 400, "event: the header", "status=400"},
		"no body":  {func(r *http.Request, _ *webhook.Options) { r.Body = nil }, nil, 401, "none of the secrets", "status=401"},
		"not JSON": {func(r *http.Request, _ *webhook.Options) {
			webhook.Sign(r.Header, []byte("{"), secret, webhook.EventAPIRequest, time.Now())
			r.Body = io.NopCloser(strings.NewReader("{"))
		}, nil, 400, "not JSON", "status=400"},
		"empty": {func(r *http.Request, _ *webhook.Options) {
			webhook.Sign(r.Header, nil, secret, webhook.EventAPIRequest, time.Now())
			r.Body = http.NoBody
		}, nil, 400, "empty", "status=400"},
		"too large": {func(r *http.Request, _ *webhook.Options) {
			r.Body = io.NopCloser(strings.NewReader(strings.Repeat(" ", webhook.MaxBodyBytes+1)))
		}, nil, 413, "more than 1048576 bytes", "status=413"},
		"cut short": {func(r *http.Request, _ *webhook.Options) {
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), errorReader{}))
		}, nil, 400, "unexpected EOF", "status=400"},
		"no secret": {func(_ *http.Request, o *webhook.Options) { o.Secrets = nil }, nil, 500, "not set up", "level=ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts, logged := quiet(nil)
			r, w := request(signed(time.Now()))
			if test.change != nil {
				test.change(r, &opts)
			}
			calls := 0
			webhook.Handler(opts, func(context.Context, *webhook.Event) error { calls++; return test.err }).ServeHTTP(w, r)
			if w.Code != test.status {
				t.Errorf("status is %d, want %d", w.Code, test.status)
			}
			if !strings.Contains(w.Body.String(), test.answer) {
				t.Errorf("answer is %q, want %q in it", w.Body, test.answer)
			}
			if test.err != nil && strings.Contains(w.Body.String(), test.err.Error()) {
				t.Errorf("answer %q tells the service %q", w.Body, test.err)
			}
			if test.logged == "" && logged.Len() > 0 || !strings.Contains(logged.String(), test.logged) {
				t.Errorf("logged %q, want %q", logged, test.logged)
			}
			if allowed := w.Header().Get("Allow"); (allowed == "POST") != (test.status == 405) {
				t.Errorf("Allow is %q", allowed)
			}
			if want := test.status == 200 || test.err != nil; (calls == 1) != want {
				t.Errorf("%d calls of handle", calls)
			}
		})
	}
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A body of exactly 1 MiB reaches handle.
func TestHandlerLargeBody(t *testing.T) {
	t.Parallel()
	d := delivery{make(http.Header), []byte(`"` + strings.Repeat("x", webhook.MaxBodyBytes-2) + `"`)}
	webhook.Sign(d.header, d.body, secret, webhook.EventAPIRequest, time.Now())
	opts, logged := quiet(nil)
	var got *webhook.Event
	status, answer := send(webhook.Handler(opts, func(_ context.Context, e *webhook.Event) error { got = e; return nil }), d)
	if status != 200 || got == nil || !bytes.Equal(got.Data, d.body) {
		t.Errorf("got %d %s, %s", status, answer, logged)
	}
}

// Only what is handled while the service waits is answered 200, and handle can
// tell when that ends.
func TestHandlerInTime(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]int{
		8 * time.Second: 200, 9999 * time.Millisecond: 200, 10 * time.Second: 500, time.Minute: 500,
	} {
		synctest.Test(t, func(t *testing.T) {
			opts, logged := quiet(nil)
			start := time.Now()
			status, _ := send(webhook.Handler(opts, func(ctx context.Context, _ *webhook.Event) error {
				if end, ok := ctx.Deadline(); !ok || end.Sub(start) != 9*time.Second {
					t.Errorf("the context ends %v, %v", end, ok)
				}
				time.Sleep(took) // does not heed its context
				return nil
			}), signed(start))
			if status != want {
				t.Errorf("handled in %v: got %d, want %d", took, status, want)
			}
			if want == 500 && !strings.Contains(logged.String(), "no longer waited") {
				t.Errorf("logged %q", logged)
			}
		})
	}
}

// Where the service has hung up, the event counts as undelivered, and the
// store is told all the same.
func TestHandlerHungUp(t *testing.T) {
	t.Parallel()
	opts, logged := quiet(new(brokenSeen))
	r, w := request(signed(time.Now()))
	ctx, hangUp := context.WithCancel(t.Context())
	webhook.Handler(opts, func(ctx context.Context, _ *webhook.Event) error {
		hangUp()
		<-ctx.Done()
		return nil
	}).ServeHTTP(w, r.WithContext(ctx))
	if w.Code != 500 || strings.Contains(logged.String(), "not settled") {
		t.Errorf("got %d, want 500; logged %s", w.Code, logged)
	}
}

func TestHandlerPanic(t *testing.T) {
	t.Parallel()
	opts, logged := quiet(new(webhook.MemorySeen))
	calls := 0
	h := webhook.Handler(opts, func(context.Context, *webhook.Event) error {
		if calls++; calls == 1 {
			panic("out of luck")
		}
		return nil
	})
	d := signed(time.Now())
	if status, answer := send(h, d); status != 500 || strings.Contains(answer, "luck") {
		t.Errorf("got %d %q, want 500", status, answer)
	}
	if !strings.Contains(logged.String(), "out of luck") || !strings.Contains(logged.String(), "handler_test.go") {
		t.Errorf("logged %q, want the panic and its stack", logged)
	}
	if status, _ := send(h, d); status != 200 || calls != 2 {
		t.Errorf("the retry: got %d after %d calls, want 200 after 2", status, calls)
	}
}

// A handle that ends its goroutine, as a failing test does, claims nothing.
func TestHandlerGoexit(t *testing.T) {
	t.Parallel()
	opts, _ := quiet(new(webhook.MemorySeen))
	calls := 0
	h := webhook.Handler(opts, func(context.Context, *webhook.Event) error {
		if calls++; calls == 1 {
			runtime.Goexit()
		}
		return nil
	})
	d := signed(time.Now())
	var first sync.WaitGroup
	first.Go(func() { send(h, d) })
	first.Wait()
	if status, answer := send(h, d); status != 200 || answer != "ok" {
		t.Errorf("the retry: got %d %q, want 200 ok", status, answer)
	}
}

// An event that is delivered, and delivered again, is handled once; one whose
// handling failed is handled again.
func TestHandlerRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts, _ := quiet(new(webhook.MemorySeen))
		var failing bool
		var calls int
		h := webhook.Handler(opts, func(context.Context, *webhook.Event) error {
			if calls++; failing {
				return errors.New("not now")
			}
			return nil
		})
		happened := time.Now()
		for i, step := range []struct {
			happened time.Time
			failing  bool
			status   int
			answer   string
			calls    int
		}{
			{happened, true, 500, "the receiver failed to handle the event", 1},
			{happened, true, 500, "the receiver failed to handle the event", 2},
			{happened, false, 200, "ok", 3},
			{happened, false, 200, "handled before", 3},
			{happened.Add(time.Millisecond), false, 200, "ok", 4},
			{happened, true, 200, "handled before", 4},
		} {
			time.Sleep(time.Minute)
			failing = step.failing
			status, answer := send(h, signed(step.happened))
			if status != step.status || answer != step.answer || calls != step.calls {
				t.Errorf("step %d: got %d %q after %d calls, want %+v", i, status, answer, calls, step)
			}
		}
	})
}

// Repeats that come while the event is being handled wait for how that ends.
func TestHandlerConcurrentRepeats(t *testing.T) {
	t.Parallel()
	for name, failures := range map[string]int32{"succeeds": 0, "fails twice": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				opts, _ := quiet(new(webhook.MemorySeen))
				opts.Logger = slog.New(slog.DiscardHandler)
				var calls, running atomic.Int32
				h := webhook.Handler(opts, func(context.Context, *webhook.Event) error {
					if running.Add(1) > 1 {
						t.Error("the event is handled twice at a time")
					}
					defer running.Add(-1)
					time.Sleep(time.Second)
					if calls.Add(1) <= failures {
						return errors.New("not now")
					}
					return nil
				})
				var statuses [600]atomic.Int32
				var all sync.WaitGroup
				happened := time.Now()
				for range 20 {
					all.Go(func() {
						status, _ := send(h, signed(happened))
						statuses[status].Add(1)
					})
				}
				all.Wait()
				if got := calls.Load(); got != failures+1 {
					t.Errorf("%d calls, want %d", got, failures+1)
				}
				if ok, failed := statuses[200].Load(), statuses[500].Load(); failed != failures || ok != 20-failures {
					t.Errorf("%d answers of 200 and %d of 500, want %d and %d", ok, failed, 20-failures, failures)
				}
			})
		})
	}
}

// A repeat does not wait for longer than the service does, and an event that
// was handled too late is not handled again.
func TestHandlerSlowThenRepeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts, _ := quiet(new(webhook.MemorySeen))
		opts.Logger = slog.New(slog.DiscardHandler)
		calls := 0
		h := webhook.Handler(opts, func(context.Context, *webhook.Event) error {
			calls++
			time.Sleep(time.Minute)
			return nil
		})
		happened := time.Now()
		var first sync.WaitGroup
		first.Go(func() {
			if status, _ := send(h, signed(happened)); status != 500 {
				t.Errorf("the first delivery: got %d, want 500", status)
			}
		})
		time.Sleep(30 * time.Second)
		if status, _ := send(h, signed(happened)); status != 500 || time.Since(happened) != 39*time.Second {
			t.Errorf("the repeat: got %d after %v, want 500 after 39s", status, time.Since(happened))
		}
		first.Wait()
		if status, answer := send(h, signed(happened)); status != 200 || answer != "handled before" || calls != 1 {
			t.Errorf("the next repeat: got %d %q after %d calls", status, answer, calls)
		}
	})
}

// What a store cannot do is answered so that the event comes again, unless it
// was handled.
func TestHandlerSeenFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		seen   brokenSeen
		status int
		calls  int
	}{
		"Claim":  {brokenSeen{claim: errors.New("broken pipe")}, 500, 0},
		"Done":   {brokenSeen{done: errors.New("broken pipe")}, 200, 1},
		"Forget": {brokenSeen{handle: errors.New("not now"), forget: errors.New("broken pipe")}, 500, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts, logged := quiet(&test.seen)
			calls := 0
			status, _ := send(webhook.Handler(opts, func(context.Context, *webhook.Event) error { calls++; return test.seen.handle }), signed(time.Now()))
			if status != test.status || calls != test.calls {
				t.Errorf("got %d after %d calls, want %d after %d", status, calls, test.status, test.calls)
			}
			if !strings.Contains(logged.String(), "broken pipe") {
				t.Errorf("logged %q", logged)
			}
		})
	}
}

type brokenSeen struct{ claim, done, forget, handle error }

func (s *brokenSeen) Claim(context.Context, string) (bool, error) { return s.claim == nil, s.claim }
func (s *brokenSeen) Done(ctx context.Context, _ string) error    { return settled(ctx, s.done) }
func (s *brokenSeen) Forget(ctx context.Context, _ string) error  { return settled(ctx, s.forget) }

// settled returns err, unless there is no time to settle anything, or no end
// to it.
func settled(ctx context.Context, err error) error {
	if _, ok := ctx.Deadline(); !ok {
		return errors.New("without a deadline")
	}
	return errors.Join(ctx.Err(), err)
}
