package main

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// again asks for the rest of an answer, and returns the status and the body of the
// response.
func (v visitor) again(t *testing.T, id, last string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("POST", v.url+"/ask", strings.NewReader(url.Values{"q": {"hi"}, "id": {id}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := v.Do(req)
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

// A page that has lost its connection, or was loaded again, gets the rest of the
// answer, which the agent has made once. Nobody else does.
func TestComeBack(t *testing.T) {
	t.Parallel()
	v, service := visit(t, time.Minute)
	goOn := make(chan struct{})
	service.HandleAgent("support-bot", func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			yield("one", nil)
			<-goOn
			yield("two", nil)
		}
	})
	v.ask(t, " ") // so that there is a cookie
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, "POST", v.url+"/ask", strings.NewReader("q=hi&id=first"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := v.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, len("id: 1\ndata: {\"content\":\"one\"}\n\n"))); err != nil {
		t.Fatal(err)
	}
	leave()
	resp.Body.Close()
	close(goOn)

	const rest = "id: 2\ndata: {\"content\":\"two\"}\n\nid: 3\nevent: done\ndata: [DONE]\n\n"
	for range 2 {
		if status, body := v.again(t, "first", "1"); status != 200 || body != rest {
			t.Errorf("got %d %s, want 200 %s", status, body, rest)
		}
	}
	if status, body := v.again(t, "first", ""); status != 200 || !strings.HasSuffix(body, rest) {
		t.Errorf("from the start: got %d %s", status, body)
	}
	for _, gone := range []struct {
		who      visitor
		id, last string
	}{{v, "second", "1"}, {v, "first", "3"}, {newVisitor(t, v.url), "first", "1"}} {
		if status, body := gone.who.again(t, gone.id, gone.last); status != 204 {
			t.Errorf("%s after %s: got %d %s, want 204", gone.id, gone.last, status, body)
		}
	}
	if n := len(service.Requests()); n != 1 {
		t.Errorf("the agent was asked %d times, want 1", n)
	}
}

// An answer is kept for a minute after its end.
func TestKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := &answers{ctx: t.Context(), patience: time.Minute, latest: map[string]*answer{}}
		slow := func(context.Context) iter.Seq2[clawhq.ChatChunk, error] {
			return func(yield func(clawhq.ChatChunk, error) bool) {
				time.Sleep(30 * time.Second)
				yield(clawhq.ChatChunk{Content: "one"}, nil)
			}
		}
		kept.begin("c", "1", slow)
		time.Sleep(89 * time.Second)
		if kept.find("c", "1") == nil {
			t.Error("the answer is gone 59 s after its end")
		}
		time.Sleep(2 * time.Second)
		if kept.find("c", "1") != nil {
			t.Error("the answer is kept 61 s after its end")
		}
		// A newer answer stays.
		kept.begin("c", "2", slow)
		time.Sleep(60 * time.Second)
		kept.begin("c", "3", slow)
		time.Sleep(35 * time.Second)
		if kept.find("c", "2") != nil || kept.find("c", "3") == nil {
			t.Error("the latest answer is not the one that is kept")
		}
		time.Sleep(2 * time.Minute)
	})
}
