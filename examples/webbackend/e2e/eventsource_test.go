package e2e

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/relay"
)

// page is what the comment of package relay gives for a page.
const page = `<!doctype html><title>relay</title><output></output><p></p>
<script>
	const output = document.querySelector("output"), note = document.querySelector("p");
	const source = new EventSource("/ask");
	source.onmessage = (e) => { output.textContent += JSON.parse(e.data).content };
	source.addEventListener("done", () => { source.close(); note.textContent = "done" });
	source.addEventListener("failure", (e) => { source.close(); note.textContent = JSON.parse(e.data).error.message });
	source.onerror = () => { if (source.readyState === EventSource.CLOSED) note.textContent = "closed" };
</script>`

// relayed opens the page in front of a service. gone gets what SSE returned.
func relayed(t *testing.T, service *clawhqtest.Server, opts relay.Options, cut bool) (b tab, gone chan error) {
	client := service.Client()
	gone = make(chan error, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page) })
	mux.HandleFunc("GET /ask", func(w http.ResponseWriter, r *http.Request) {
		answer := client.ChatStream(r.Context(), clawhq.ChatRequest{Message: "hi"})
		if cut {
			answer = cutAfter(answer, 2)
		}
		gone <- relay.SSE(w, r, answer, opts)
	})
	app := httptest.NewServer(mux)
	t.Cleanup(app.Close)
	return openTab(t, app.URL), gone
}

// cutAfter breaks the browser's connection after so many chunks.
func cutAfter(answer iter.Seq2[clawhq.ChatChunk, error], chunks int) iter.Seq2[clawhq.ChatChunk, error] {
	return func(yield func(clawhq.ChatChunk, error) bool) {
		n := 0
		for chunk, err := range answer {
			if n++; n > chunks {
				panic(http.ErrAbortHandler)
			}
			if !yield(chunk, err) {
				return
			}
		}
	}
}

func TestEventSource(t *testing.T) {
	service := clawhqtest.NewTestServer(t)
	service.HandleAgent("support-bot", clawhqtest.Reply("one\n", "two \u2028 é ", `"three"`))
	b, gone := relayed(t, service, relay.Options{}, false)
	b.wantText("p", "done")
	b.wantText("output", "one\ntwo \u2028 é \"three\"")
	if err := <-gone; err != nil {
		t.Errorf("SSE returned %v", err)
	}
}

// Comments are no messages, and an error after them is an event.
func TestEventSourceHeartbeatsAndFailure(t *testing.T) {
	service := clawhqtest.NewTestServer(t)
	service.HandleAgent("support-bot", func(context.Context, clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			time.Sleep(100 * time.Millisecond)
			if yield("one", nil) {
				yield("", errors.New("out of cheese"))
			}
		}
	})
	b, _ := relayed(t, service, relay.Options{Heartbeat: 10 * time.Millisecond}, false)
	b.wantText("p", "The answer could not be made. Please try again.")
	b.wantText("output", "one")
}

// An EventSource whose connection breaks asks again, is told that there is no
// more, and gives up; the agent is asked once.
func TestEventSourceReconnects(t *testing.T) {
	service := clawhqtest.NewTestServer(t)
	service.HandleAgent("support-bot", clawhqtest.Reply("one ", "two ", "three"))
	b, gone := relayed(t, service, relay.Options{}, true)
	b.wantText("p", "closed")
	b.wantText("output", "one two ")
	if err := <-gone; !errors.Is(err, relay.ErrReconnected) { // the first one panicked
		t.Errorf("SSE returned %v, want %v", err, relay.ErrReconnected)
	}
	if n := len(service.Requests()); n != 1 {
		t.Errorf("the agent was asked %d times, want 1", n)
	}
}
