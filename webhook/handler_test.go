package webhook_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/memnet"
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

// The edges of a delivery: what a printer shows of a Handler, what middlewares and
// function runtimes make of a request, senders that take their time, and a Seen
// that panics. run returns the status and what a person gets to see.
func TestHandlerEdges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		seen   webhook.Seen
		fails  bool // handle
		run    func(*testing.T, http.Handler, delivery) (status int, text string)
		status int
		want   string        // in the text, or in what is logged
		took   time.Duration // at most
	}{
		"printed":                      {run: printed, want: "webhook.handler"},
		"body read by a middleware":    {run: read(1 << 20), status: 401, want: "the body is empty: has a middleware read it?"},
		"begun by a middleware":        {run: read(10), status: 401, want: "the body has 79 bytes, the sender announced 89: has a middleware"},
		"empty body, by itself":        {run: changed(func(d *delivery) { d.body = nil }), status: 401, want: "the body is empty"},
		"names in lower case":          {run: changed(lowerCase), status: 200, want: "ok"},
		"names twice":                  {run: changed(twice), status: 401, want: "given 2 times"},
		"slow sender":                  {run: sent(nil, "POST", 20, false), status: 408, want: "body: ", took: 9 * time.Second},
		"a byte a second":              {run: sent(nil, "POST", 20, true), status: 408, want: "body: ", took: 9 * time.Second},
		"slow sender of nothing":       {run: sent(nil, "POST", 0, false), status: 408, want: "body: ", took: 9 * time.Second},
		"slow sender of a PUT":         {run: sent(nil, "PUT", 20, false), status: 405, want: "POST requests", took: 9 * time.Second},
		"slow sender, wrapped":         {run: sent(bare, "POST", 20, false), status: 408, want: "deadline exceeded", took: 9 * time.Second},
		"a pipe that never ends":       {run: piped, status: 408, want: "deadline exceeded", took: 9 * time.Second},
		"Seen panics in Claim":         {seen: panicking{claim: true}, run: plain, status: 500, want: "Seen.Claim: panic: out of luck"},
		"Seen panics in Done":          {seen: panicking{}, run: plain, status: 200, want: "not settled"},
		"Seen panics in Forget":        {seen: panicking{}, fails: true, run: plain, status: 500, want: "not settled"},
		"no Seen behind the interface": {seen: (*webhook.MemorySeen)(nil), run: plain, status: 500, want: "Seen.Claim: panic: runtime error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				opts, logged := quiet(test.seen)
				start := time.Now()
				status, text := test.run(t, webhook.Handler(opts, func(context.Context, *webhook.Event) error {
					if test.fails {
						return errors.New("not now")
					}
					return nil
				}), signed(start))
				if took := time.Since(start); took > test.took {
					t.Errorf("took %v, want %v at most", took, test.took)
				}
				if status != test.status || !strings.Contains(text+logged.String(), test.want) {
					t.Errorf("got %d %q, logged %q, want %d and %q", status, text, logged, test.status, test.want)
				}
				if strings.Contains(text+logged.String(), secret[6:16]) {
					t.Errorf("a secret is in %q %q", text, logged)
				}
			})
		})
	}
}

func plain(_ *testing.T, h http.Handler, d delivery) (int, string) { return send(h, d) }

func changed(change func(*delivery)) func(*testing.T, http.Handler, delivery) (int, string) {
	return func(_ *testing.T, h http.Handler, d delivery) (int, string) {
		change(&d)
		return send(h, d)
	}
}

func lowerCase(d *delivery) {
	header := http.Header{}
	for name, values := range d.header {
		header[strings.ToLower(name)] = values
	}
	d.header = header
}

func twice(d *delivery) {
	for name, values := range d.header {
		d.header[strings.ToLower(name)] = values
	}
}

// printed returns what printers show of a Handler and of what holds one.
func printed(_ *testing.T, h http.Handler, _ delivery) (int, string) {
	var out strings.Builder
	for _, v := range []any{h, &h, struct{ h http.Handler }{h}, map[string]http.Handler{"/": h}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "h", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "h", v)
	}
	return 0, out.String()
}

// read delivers over a connection to a server with a middleware that reads the
// beginning of the body.
func read(n int64) func(*testing.T, http.Handler, delivery) (int, string) {
	return func(t *testing.T, h http.Handler, d delivery) (int, string) {
		return sent(nil, "POST", len(d.body), false)(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.CopyN(io.Discard, r.Body, n)
			h.ServeHTTP(w, r)
		}), d)
	}
}

// bare is a ResponseWriter that hides the connection.
func bare(w http.ResponseWriter) http.ResponseWriter { return struct{ http.ResponseWriter }{w} }

// sent delivers over a connection: the first n bytes of the body at once and the
// rest never, or a byte a second.
func sent(wrap func(http.ResponseWriter) http.ResponseWriter, method string, n int, drip bool) func(*testing.T, http.Handler, delivery) (int, string) {
	return func(t *testing.T, h http.Handler, d delivery) (int, string) {
		listener := memnet.Listen("hooks.test")
		server := http.Server{ReadTimeout: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if wrap != nil {
				w = wrap(w)
			}
			h.ServeHTTP(w, r)
		})}
		go server.Serve(listener)
		defer server.Close()
		conn, err := listener.Dial(t.Context(), "tcp", "hooks.test:80")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "%s / HTTP/1.1\r\nHost: hooks.test\r\nContent-Length: %d\r\n", method, len(d.body))
		d.header.Write(conn)
		fmt.Fprintf(conn, "\r\n%s", d.body[:n])
		if drip {
			var dripping sync.WaitGroup
			t.Cleanup(dripping.Wait)
			dripping.Go(func() {
				for _, b := range d.body[n:] {
					time.Sleep(time.Second)
					if _, err := conn.Write([]byte{b}); err != nil {
						return
					}
				}
			})
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return resp.StatusCode, string(answer)
	}
}

// piped delivers a body that never ends to a server without deadlines.
func piped(_ *testing.T, h http.Handler, d delivery) (int, string) {
	r, w := request(d)
	body, end := io.Pipe()
	defer end.Close()
	r.Body = body
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

type panicking struct{ claim bool }

func (s panicking) Claim(context.Context, string) (bool, error) {
	if s.claim {
		panic("out of luck")
	}
	return true, nil
}
func (panicking) Done(context.Context, string) error   { panic("out of luck") }
func (panicking) Forget(context.Context, string) error { panic("out of luck") }
