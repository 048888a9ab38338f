package main

import (
	"bufio"
	"context"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// handler returns the app in front of a service, without retries, so that each
// fault shows.
func handler(ctx context.Context, service *clawhqtest.Server, patience time.Duration) http.Handler {
	return NewHandler(ctx, service.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1})), patience)
}

// A visitor is a browser at the app.
type visitor struct {
	*http.Client
	url string
}

// visit starts the app in front of a reference server.
func visit(t *testing.T, patience time.Duration) (visitor, *clawhqtest.Server) {
	t.Helper()
	service := clawhqtest.NewTestServer(t)
	app := httptest.NewServer(handler(t.Context(), service, patience))
	t.Cleanup(app.Close)
	return newVisitor(t, app.URL), service
}

func newVisitor(t *testing.T, url string) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return visitor{&http.Client{Jar: jar}, url}
}

// ask asks a question and returns the status and the body of the response.
func (v visitor) ask(t *testing.T, question string) (int, string) {
	t.Helper()
	resp, err := v.PostForm(v.url+"/ask", url.Values{"q": {question}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestAsk(t *testing.T) {
	t.Parallel()
	v, service := visit(t, time.Minute)
	service.HandleAgent("support-bot", clawhqtest.Reply("one\n", `"two"`))
	status, body := v.ask(t, "hi")
	want := `id: 1
data: {"content":"one\n"}

id: 2
data: {"content":"\"two\""}

id: 3
event: done
data: [DONE]

`
	if status != 200 || body != want {
		t.Errorf("got %d\n%s\nwant 200\n%s", status, body, want)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	v, _ := visit(t, time.Minute)
	for path, want := range map[string]string{"/": "<title>Ask an agent</title>", "/chat.js": "events(response)", "/style.css": ".agent"} {
		resp, err := v.Get(v.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: got %s, %v; want %q in\n%s", path, resp.Status, err, want, body)
		}
	}
}

// A visitor's questions share a history, until a new conversation is begun;
// nobody else's do.
func TestConversations(t *testing.T) {
	t.Parallel()
	v, service := visit(t, time.Minute)
	service.HandleAgent("support-bot", func(_ context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) { yield(strings.Repeat("I", len(m.History))+".", nil) }
	})
	asks := func(who visitor, want string) {
		t.Helper()
		if _, body := who.ask(t, "hi"); !strings.Contains(body, `{"content":"`+want+`"}`) {
			t.Errorf("got %s, want %q", body, want)
		}
	}
	other := newVisitor(t, v.url)
	asks(v, ".")
	asks(v, "II.")
	asks(other, ".")
	asks(v, "IIII.")
	if resp, err := v.Post(v.url+"/new", "", nil); err != nil || resp.StatusCode != 204 {
		t.Errorf("new conversation: got %v, %v; want 204", resp, err)
	}
	asks(v, ".")
	asks(other, "II.")

	// A cookie that is not ours names no conversation.
	app, err := url.Parse(v.url)
	if err != nil {
		t.Fatal(err)
	}
	v.Jar.SetCookies(app, []*http.Cookie{{Name: cookie, Value: "guess"}})
	asks(v, ".")
}

func TestRefused(t *testing.T) {
	t.Parallel()
	t.Run("no question", func(t *testing.T) {
		t.Parallel()
		v, service := visit(t, time.Minute)
		if status, body := v.ask(t, " "); status != 400 {
			t.Errorf("got %d %s, want 400", status, body)
		}
		if n := len(service.Requests()); n != 0 {
			t.Errorf("the service was asked %d times, want 0", n)
		}
	})
	t.Run("a question of another site", func(t *testing.T) {
		t.Parallel()
		v, service := visit(t, time.Minute)
		req, err := http.NewRequest("POST", v.url+"/ask", strings.NewReader("q=hi"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		resp, err := v.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 403 {
			t.Errorf("got %s, want 403", resp.Status)
		}
		if n := len(service.Requests()); n != 0 {
			t.Errorf("the service was asked %d times, want 0", n)
		}
	})
	t.Run("an agent that takes too long", func(t *testing.T) {
		t.Parallel()
		v, service := visit(t, 100*time.Millisecond)
		service.HandleAgent("support-bot", func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
			return func(func(string, error) bool) { <-ctx.Done() }
		})
		if status, body := v.ask(t, "hi"); status != 504 {
			t.Errorf("got %d %s, want 504", status, body)
		}
	})
	t.Run("an answer that is cut off", func(t *testing.T) {
		t.Parallel()
		v, service := visit(t, time.Minute)
		service.Inject(clawhqtest.FaultStreamCut(2))
		status, body := v.ask(t, "hi")
		if want := "event: failure\n"; status != 200 || !strings.Contains(body, want) || strings.Contains(body, "done") {
			t.Errorf("got %d %s, want 200 and %q", status, body, want)
		}
	})
}

// begun asks a question whose agent says one word and then waits to be
// stopped. It returns the rest of the answer, and stopped is closed when the
// agent has been stopped.
func (v visitor) begun(ctx context.Context, t *testing.T, service *clawhqtest.Server) (rest *bufio.Reader, stopped chan struct{}) {
	t.Helper()
	stopped = make(chan struct{})
	service.HandleAgent("support-bot", func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			yield("one", nil)
			<-ctx.Done()
			close(stopped)
		}
	})
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "POST", v.url+"/ask", strings.NewReader("q=hi"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := v.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	rest = bufio.NewReader(resp.Body)
	for _, want := range []string{"id: 1\n", "data: {\"content\":\"one\"}\n", "\n"} {
		if line, err := rest.ReadString('\n'); line != want {
			t.Fatalf("got %q, %v; want %q", line, err, want)
		}
	}
	return rest, stopped
}

func wait(t *testing.T, stopped chan struct{}) {
	t.Helper()
	select {
	case <-stopped:
	case <-time.After(10 * time.Second):
		t.Error("the agent was not stopped")
	}
}

// The call ends when the visitor says so.
func TestStop(t *testing.T) {
	t.Parallel()
	v, service := visit(t, time.Minute)
	_, stopped := v.begun(t.Context(), t, service)
	req, err := http.NewRequest("DELETE", v.url+"/ask", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := v.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	wait(t, stopped)
}

// When the app stops, the agent does, and the browser is told that the answer
// is not whole.
func TestShutdown(t *testing.T) {
	t.Parallel()
	service := clawhqtest.NewTestServer(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- serve(ctx, listener, handler(ctx, service, time.Minute)) }()
	rest, stopped := newVisitor(t, "http://"+listener.Addr().String()).begun(t.Context(), t, service)
	stop()
	wait(t, stopped)
	if events, err := io.ReadAll(rest); err != nil || !strings.HasPrefix(string(events), "id: 2\nevent: failure\n") {
		t.Errorf("got %q, %v; want a failure", events, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
