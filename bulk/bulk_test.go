package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

// Every item has a result, against either profile of the service.
func TestRun(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
		results, err := all(t.Context(), client, numbered(100), bulk.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			r := results[item(i).ID]
			if r.Err != nil || r.Response == nil || r.Response.Response != r.Request.Message || r.Response.RequestID == "" || r.Resumed {
				t.Errorf("item %d: got %+v", i, r)
			}
		}
		if len(results) != 100 {
			t.Errorf("got %d results, want 100", len(results))
		}
		for _, r := range s.Requests() {
			if key := r.Header.Get("X-Idempotency-Key"); len(key) != 64 {
				t.Errorf("idempotency key is %q", key)
			}
		}
	}, clawhqtest.WithAgent("support-bot", thinks(time.Second)), clawhqtest.WithAgent("sales-assistant", thinks(time.Second)))
}

// Bad arguments and bad items end the run, with an error that names them; what was
// under way is handed out before.
func TestBadInput(t *testing.T) {
	t.Parallel()
	info := new(clawhq.ResponseInfo)
	broken := errors.New("the table is gone")
	for name, tt := range map[string]struct {
		items   iter.Seq2[bulk.Item, error]
		opts    bulk.Options
		want    string
		results int
	}{
		"no job":             {numbered(1), bulk.Options{Store: new(table)}, "Job is empty", 0},
		"no items":           {nil, bulk.Options{}, "items are nil", 0},
		"workers":            {numbered(1), bulk.Options{Workers: -1}, "Workers is -1", 0},
		"tries":              {numbered(1), bulk.Options{Tries: -1}, "Tries is -1", 0},
		"one key for all":    {numbered(1), bulk.Options{CallOptions: []clawhq.CallOption{clawhq.WithIdempotencyKey("k")}}, "WithIdempotencyKey", 0},
		"one info for all":   {numbered(1), bulk.Options{CallOptions: []clawhq.CallOption{clawhq.WithResponseInfo(info)}}, "WithResponseInfo", 0},
		"empty ID":           {these(item(0), bulk.Item{Request: testkit.Hi}), bulk.Options{}, "item 2 has no ID", 1},
		"ID that is no text": {these(item(0), bulk.Item{ID: "\xff", Request: testkit.Hi}), bulk.Options{}, `"\xff" is not valid UTF-8`, 1},
		"ID twice":           {these(item(0), item(1), item(0)), bulk.Options{}, `"row-0" has come before`, 2},
		"unreadable items": {func(yield func(bulk.Item, error) bool) {
			if yield(item(0), nil) && yield(item(1), nil) {
				yield(bulk.Item{}, broken)
			}
		}, bulk.Options{}, "the table is gone", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				slow := chat(func(ctx context.Context, req clawhq.ChatRequest, opts ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
					time.Sleep(time.Minute)
					return echo(ctx, req)
				})
				results, err := all(t.Context(), slow, tt.items, tt.opts)
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "bulk: ") {
					t.Errorf("got error %v, want %q", err, tt.want)
				}
				if len(results) != tt.results {
					t.Errorf("got %d results, want %d", len(results), tt.results)
				}
				if tt.want == broken.Error() && !errors.Is(err, broken) {
					t.Errorf("%v does not match the sequence's error", err)
				}
			})
		})
	}
}

// Items of one session are asked in order, one at a time, through failures too;
// those of others go on.
func TestSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		busy := map[string]bool{}
		asked := map[string][]string{}
		failed := map[string]bool{}
		client := chat(func(ctx context.Context, req clawhq.ChatRequest, _ ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
			mu.Lock()
			if busy[req.SessionID] {
				t.Errorf("two questions of session %s at once", req.SessionID)
			}
			busy[req.SessionID] = true
			fail := strings.HasSuffix(req.Message, "3") && !failed[req.Message]
			failed[req.Message] = true
			if !fail {
				asked[req.SessionID] = append(asked[req.SessionID], req.Message)
			}
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			busy[req.SessionID] = false
			mu.Unlock()
			if fail {
				return nil, &clawhq.AgentError{APIError: &clawhq.APIError{StatusCode: 502, Code: clawhq.CodeModelError}}
			}
			return echo(ctx, req)
		})
		want := map[string][]string{}
		items := func(yield func(bulk.Item, error) bool) {
			for i := range 200 {
				session := fmt.Sprint("s", i%7)
				text := fmt.Sprint("q", i)
				want[session] = append(want[session], text)
				if !yield(bulk.Item{ID: text, Request: clawhq.ChatRequest{Message: text, SessionID: session}}, nil) {
					return
				}
			}
		}
		results, err := all(t.Context(), client, items, bulk.Options{Workers: 16})
		if err != nil || len(results) != 200 {
			t.Errorf("got %d results, error %v", len(results), err)
		}
		if d := cmp.Diff(want, asked); d != "" {
			t.Errorf("asked in another order (-want +got):\n%s", d)
		}
	})
}

// A sequence keeps the options it was made with, and can be ranged over again.
func TestOptionsAreValues(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	client := chat(func(ctx context.Context, req clawhq.ChatRequest, opts ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
		o := clawhqtest.OptionsOf(opts...)
		mu.Lock()
		defer mu.Unlock()
		seen[fmt.Sprintln(o.Header.Get("X-Tenant"), o.Background, o.IdempotencyKey != nil)]++
		return echo(ctx, req)
	})
	opts := []clawhq.CallOption{clawhq.WithHeader("X-Tenant", "a"), nil}
	run := bulk.Run(t.Context(), client, numbered(2), bulk.Options{CallOptions: opts})
	front := bulk.Run(t.Context(), client, numbered(3), bulk.Options{CallOptions: opts, Foreground: true})
	opts[0] = clawhq.WithHeader("X-Tenant", "b")
	for _, seq := range []iter.Seq2[bulk.Result, error]{run, run, front} {
		for _, err := range seq {
			if err != nil {
				t.Error(err)
			}
		}
	}
	if d := cmp.Diff(map[string]int{"a true true\n": 4, "a false true\n": 3}, seen); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
