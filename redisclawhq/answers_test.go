package redisclawhq_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/relay"
	"github.com/redis/go-redis/v9"
)

// How long an answer is kept in the recipe of package relay: there a minute.
const kept = 800 * ms

// tell makes an answer for all processes, as the recipe of package relay has it.
func tell(ctx context.Context, rdb *redis.Client, id string, seq iter.Seq2[clawhq.ChatChunk, error]) {
	answer := "answer:" + id
	add := func(kind, text string) {
		rdb.XAdd(ctx, &redis.XAddArgs{Stream: answer, Values: []string{kind, text}})
		rdb.PExpire(ctx, answer, kept)
	}
	add("begun", "")
	told := make(chan struct{})
	defer close(told)
	go func() {
		for {
			select {
			case <-told:
				return
			case <-time.After(kept / 4):
				rdb.PExpire(ctx, answer, kept)
			}
		}
	}()
	for chunk, err := range seq {
		if err != nil {
			add("failed", err.Error())
			return
		}
		add("content", chunk.Content)
	}
	add("done", "")
}

// told is what a connection reads of an answer, after some of its chunks.
func told(ctx context.Context, rdb *redis.Client, id string, after int) iter.Seq2[clawhq.ChatChunk, error] {
	return func(yield func(clawhq.ChatChunk, error) bool) {
		for last := "0"; ; {
			got, err := rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{"answer:" + id, last}, Block: kept / 4}).Result()
			if errors.Is(err, redis.Nil) {
				if n, err := rdb.Exists(ctx, "answer:"+id).Result(); n == 0 {
					yield(clawhq.ChatChunk{}, errors.Join(errors.New("the answer is lost"), err))
					return
				}
				continue
			}
			if err != nil {
				yield(clawhq.ChatChunk{}, err)
				return
			}
			for _, entry := range got[0].Messages {
				last = entry.ID
				for kind, text := range entry.Values {
					switch {
					case kind == "done":
						return
					case kind == "failed":
						yield(clawhq.ChatChunk{}, errors.New(text.(string)))
						return
					case kind == "content" && after > 0:
						after--
					case kind == "content" && !yield(clawhq.ChatChunk{Content: text.(string)}, nil):
						return
					}
				}
			}
		}
	}
}

// A browser that comes back to another process gets the rest of the answer, however
// long the agent was silent. If the process that makes the answer is killed, the
// browser is told.
func TestAnswersInRedis(t *testing.T) {
	t.Parallel()
	store := startRedis(t)
	connect := func() *redis.Client {
		rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: store.Socket()})
		t.Cleanup(func() { rdb.Close() })
		return rdb
	}
	for name, want := range map[string]string{
		"resumed": "id: 2\ndata: {\"content\":\"two\"}\n\nid: 3\nevent: done\ndata: [DONE]\n\n",
		"killed":  `{"error":{"status":502,"message":"The answer could not be made. Please try again."}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			maker, other := connect(), connect()
			silence := make(chan struct{})
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				tell(context.Background(), maker, name, func(yield func(clawhq.ChatChunk, error) bool) {
					_ = yield(clawhq.ChatChunk{Content: "one"}, nil) && func() bool { <-silence; return true }() && yield(clawhq.ChatChunk{Content: "two"}, nil)
				})
			}()
			for chunk, err := range told(t.Context(), connect(), name, 0) { // the first connection, which breaks
				if err != nil || chunk.Content != "one" {
					t.Errorf("got %v, %v", chunk, err)
				}
				break
			}
			if name == "killed" {
				maker.Close() // nothing of that process reaches Redis any more
			} else {
				time.AfterFunc(2*kept, func() { close(silence) })
			}
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/ask?ask="+name, nil)
			r.Header.Set("Last-Event-ID", "1")
			w := httptest.NewRecorder()
			relay.SSE(w, r, nil, relay.Options{Resume: func(r *http.Request, after int) iter.Seq2[clawhq.ChatChunk, error] {
				return told(r.Context(), other, r.FormValue("ask"), after)
			}})
			if got := strings.TrimPrefix(w.Body.String(), ": heartbeat\n\n"); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if name == "killed" {
				close(silence)
			}
			<-ended
		})
	}
}
