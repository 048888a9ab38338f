package relay_test

import (
	"context"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/memnet"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/clawhq/clawhq-go/relay"
)

type answer = iter.Seq2[clawhq.ChatChunk, error]

// says is an answer of these chunks that ends with err.
func says(err error, chunks ...string) answer {
	return func(yield func(clawhq.ChatChunk, error) bool) {
		for _, c := range chunks {
			if !yield(clawhq.ChatChunk{Content: c}, nil) {
				return
			}
		}
		if err != nil {
			yield(clawhq.ChatChunk{}, err)
		}
	}
}

// slowly is an answer whose agent thinks before each chunk, and before its end.
func slowly(pause time.Duration, chunks ...string) answer {
	return func(yield func(clawhq.ChatChunk, error) bool) {
		for _, c := range chunks {
			time.Sleep(pause)
			if !yield(clawhq.ChatChunk{Content: c}, nil) {
				return
			}
		}
		time.Sleep(pause)
	}
}

// ask has an answer relayed to a recorder.
func ask(t *testing.T, seq answer, opts relay.Options) (*httptest.ResponseRecorder, error) {
	t.Helper()
	rec := httptest.NewRecorder()
	err := relay.SSE(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/ask?q=hi", nil), seq, opts)
	return rec, err
}

// events are the events of an answer of these chunks, to its end.
const twoChunks = "id: 1\ndata: {\"content\":\"one\"}\n\nid: 2\ndata: {\"content\":\"two\"}\n\nid: 3\nevent: done\ndata: [DONE]\n\n"

// An app is a backend on a network in memory, in front of a service in memory.
type app struct {
	service *clawhqtest.Server
	browser *http.Client
	ended   chan error // what SSE returned
}

// bubble runs f with an app in virtual time. The bubble fails if a goroutine
// is left.
func bubble(t *testing.T, opts relay.Options, f func(t *testing.T, a *app)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := &app{service: clawhqtest.NewTestServer(t, clawhqtest.WithInMemory()), ended: make(chan error, 1)}
		client := a.service.Client(testkit.OneAttempt)
		a.browser = listen(t, &http.Server{
			WriteTimeout: 5 * time.Second, // which must not bound an answer
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				a.ended <- relay.SSE(w, r, client.ChatStream(r.Context(), clawhq.ChatRequest{Message: "hi"}), opts)
			}),
		})
		f(t, a)
	})
}

// listen starts a server in memory and returns a client of it.
func listen(t *testing.T, server *http.Server) *http.Client {
	listener := memnet.Listen("app.test")
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(listener)
	}()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return listener.Dial(ctx, network, address)
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		listener.Close()
		server.Close()
		<-served
	})
	return &http.Client{Transport: transport}
}

// waits is an agent that says these chunks, then nothing until it is stopped,
// when it closes stopped.
func waits(stopped chan struct{}, chunks ...string) clawhqtest.AgentFunc {
	return func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for _, c := range chunks {
				yield(c, nil)
			}
			<-ctx.Done()
			close(stopped)
		}
	}
}
