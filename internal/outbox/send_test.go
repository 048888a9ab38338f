package outbox_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// The ways in which a receiver can fail, and what the log has then.
func TestBadReceivers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		receiver http.HandlerFunc
		row, err string
		took     time.Duration
	}{
		"slow":       {func(http.ResponseWriter, *http.Request) { time.Sleep(9 * time.Second) }, "200 0 true", "", 9 * time.Second},
		"too slow":   {func(http.ResponseWriter, *http.Request) { time.Sleep(time.Minute) }, "0 0 false Connection failed or timed out", "no reply within 10s", 10 * time.Second},
		"panics":     {func(http.ResponseWriter, *http.Request) { panic("out of luck") }, "0 0 false Connection failed or timed out", "the handler panicked: out of luck", 0},
		"exits":      {func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, "0 0 false Connection failed or timed out", "the handler ended its goroutine", 0},
		"redirects":  {func(w http.ResponseWriter, r *http.Request) { redirect(w, r, 307) }, "200 0 true POST {", "", 0},
		"302":        {func(w http.ResponseWriter, r *http.Request) { redirect(w, r, 302) }, "200 0 true GET", "", 0},
		"long reply": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 9999)) }, "200 0 true " + strings.Repeat("x", 1024), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, logging, func(t *testing.T, o *outbox.Outbox, _ *receiver, id string) {
				o.DeliverTo(test.receiver)
				start := time.Now()
				emit(o, `{}`)
				if took := time.Since(start); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				row := strings.TrimSpace(strings.TrimPrefix(rows(t, o, id)[0], "api.request "))
				if !strings.HasPrefix(row, test.row) || len(row) > len("200 0 true ")+1024 {
					t.Errorf("row is %q, want %q", row, test.row)
				}
				if got := o.Attempts()[0]; got.Err != test.err {
					t.Errorf("error is %q, want %q", got.Err, test.err)
				}
			})
		})
	}
}

func redirect(w http.ResponseWriter, r *http.Request, status int) {
	if r.URL.Path == "/ok" {
		http.Redirect(w, r, "/there", status)
		return
	}
	body := make([]byte, 1)
	n, _ := r.Body.Read(body)
	fmt.Fprintf(w, "%s %s", r.Method, body[:n])
}

// Close ends attempts and waits for receivers.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := outbox.New(outbox.Config{Policy: logging})
		create(t, o, "api.request")
		var ended time.Time
		o.DeliverTo(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			time.Sleep(time.Second)
			ended = time.Now()
		}))
		o.Emit(context.Background(), "api.request", []byte(`{}`))
		synctest.Wait()
		start := time.Now()
		o.Close()
		if ended.Sub(start) != time.Second || time.Since(start) != time.Second {
			t.Errorf("the receiver ended after %v, Close after %v", ended.Sub(start), time.Since(start))
		}
		emit(o, `{}`)
		o.Close()
	})
}

// Over real connections, loopback addresses can be reached, and a connection that is
// refused is a failure. A callback is not signed, and belongs to no webhook.
func TestNetwork(t *testing.T) {
	t.Parallel()
	o := outbox.New(outbox.Config{Policy: logging})
	defer o.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("User-Agent"), r.Header.Get("Accept"), r.Header.Get("Content-Type"), r.Header[wire.HeaderWebhookSignature])
	}))
	defer server.Close()
	o.Call(t.Context(), server.URL, []byte(`{}`))
	server.Close()
	o.Call(t.Context(), server.URL, []byte(`{}`))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	o.Call(gone, "https://hooks.example.com", nil)
	all := o.Attempts()
	want(t, "reply", "node*/*application/json[]", string(all[0].Reply))
	if all[0].Status != 200 || all[0].WebhookID != "" || all[1].Err == "" || all[2].Err != context.Canceled.Error() {
		t.Errorf("got %+v", all)
	}
}

// A reply whose body does not end counts as a reply, after ten more seconds.
func TestEndlessReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := outbox.New(outbox.Config{Policy: logging, Transport: endless{}})
		defer o.Close()
		id := create(t, o, "api.request").ID
		start := time.Now()
		emit(o, `{}`)
		want(t, "log", []string{"api.request 200 0 true"}, trimmed(rows(t, o, id)))
		if took := time.Since(start); took != 19*time.Second {
			t.Errorf("took %v, want 9 s for the header, and 10 s more", took)
		}
	})
}

// endless is a transport, and the body of all its replies.
type endless struct{ ctx context.Context }

func (endless) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(9 * time.Second)
	return &http.Response{StatusCode: 200, Body: endless{r.Context()}, Request: r}, nil
}

func (e endless) Read([]byte) (int, error) {
	<-e.ctx.Done()
	return 0, e.ctx.Err()
}

func (endless) Close() error { return nil }
