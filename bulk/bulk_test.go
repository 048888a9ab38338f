package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

// Leaving the loop ends what is under way, and leaves nothing behind: the bubble
// would notice.
func TestLeave(t *testing.T) {
	t.Parallel()
	leave := map[string]func(cancel func()) bool{
		"break":           func(func()) bool { return false },
		"context's end":   func(cancel func()) bool { cancel(); return true },
		"panic in a loop": func(func()) bool { panic("mine") },
	}
	for name, leave := range leave {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				s.HandleAgent("support-bot", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
					return thinks(time.Duration(len(m.Text))*time.Second)(ctx, m)
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				store := openFile(t, filepath.Join(t.TempDir(), "answers"))
				handed, got := 0, error(nil)
				func() {
					defer func() {
						if p := recover(); p != nil && p != "mine" {
							panic(p)
						}
					}()
					for _, err := range bulk.Run(ctx, s.Client(), endless, bulk.Options{Job: "leave", Store: store}) {
						if got = err; err != nil {
							continue
						}
						if handed++; !leave(cancel) {
							break
						}
					}
				}()
				saved := 0
				for _, err := range store.Load(t.Context(), "leave") {
					if err != nil {
						t.Error(err)
					}
					saved++
				}
				if saved < handed || handed == 0 {
					t.Errorf("%d answers are saved, %d were handed out", saved, handed)
				}
				if wantErr := name == "context's end"; wantErr != (got != nil) || wantErr && !errors.Is(got, context.Canceled) {
					t.Errorf("got error %v", got)
				}
			})
		})
	}
}

// A deadline ends the run with its error and refuses no question ahead of it: no
// result has one.
func TestDeadline(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		cause := errors.New("the night is over")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 90*time.Second, cause)
		defer cancel()
		start := time.Now()
		results, err := all(ctx, s.Client(), numbered(1000), bulk.Options{})
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cause) {
			t.Errorf("got error %v", err)
		}
		if took := time.Since(start); took != 90*time.Second {
			t.Errorf("took %v, want 90 s", took)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Errorf("%s: %v", r.ID, r.Err)
			}
		}
		if len(results) < 85 {
			t.Errorf("got %d results in 90 s at 60 RPM", len(results))
		}
	})
}

// A call that the client gives up because a retry would come after the deadline is no
// result either.
func TestDeadlineOfRetries(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultRateLimit("60").On(clawhqtest.Nth(3)))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start := time.Now()
		results, err := all(ctx, s.Client(), numbered(10), bulk.Options{Tries: 1, Workers: 1})
		if !errors.Is(err, context.DeadlineExceeded) || len(results) != 2 || time.Since(start) != 30*time.Second {
			t.Errorf("got %d results, error %v after %v; want 2, after 30 s", len(results), err, time.Since(start))
		}
	})
}

// Answers that have arrived when the context ends are saved and handed out.
func TestNothingIsLostAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		store := &table{save: func(ctx context.Context, r bulk.Record) error {
			cancel() // while it is saved
			time.Sleep(time.Second)
			return ctx.Err()
		}}
		results, err := all(ctx, chat(echo), numbered(3), bulk.Options{Job: "end", Store: store, Workers: 1})
		if !errors.Is(err, context.Canceled) || len(results) != 1 || len(store.records) != 1 {
			t.Errorf("got %d results, %d records, error %v; want 1, 1, context.Canceled", len(results), len(store.records), err)
		}
	})
	// A Store that hangs holds the run up for a moment only.
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		store := &table{save: func(ctx context.Context, r bulk.Record) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		for _, err := range bulk.Run(ctx, chat(echo), numbered(3), bulk.Options{Job: "end", Store: store}) {
			if err == nil {
				t.Error("an answer that is not saved was handed out")
			}
		}
		if took := time.Since(start); took != 11*time.Second {
			t.Errorf("took %v, want 11 s", took)
		}
	})
}

// A panic of the caller's code, and what ends a goroutine, arrive in the loop.
func TestPanics(t *testing.T) {
	t.Parallel()
	failing := func(yield func(bulk.Item, error) bool) {
		yield(item(0), nil)
		panic("items")
	}
	for want, run := range map[string]func(t *testing.T) iter.Seq2[bulk.Result, error]{
		"items": func(t *testing.T) iter.Seq2[bulk.Result, error] {
			return bulk.Run(t.Context(), chat(echo), failing, bulk.Options{})
		},
		"client": func(t *testing.T) iter.Seq2[bulk.Result, error] {
			return bulk.Run(t.Context(), chat(func(context.Context, clawhq.ChatRequest, ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
				panic("client")
			}), numbered(3), bulk.Options{})
		},
		"store": func(t *testing.T) iter.Seq2[bulk.Result, error] {
			store := &table{save: func(context.Context, bulk.Record) error { panic("store") }}
			return bulk.Run(t.Context(), chat(echo), numbered(3), bulk.Options{Job: "p", Store: store})
		},
		"progress": func(t *testing.T) iter.Seq2[bulk.Result, error] {
			return bulk.Run(t.Context(), chat(echo), numbered(3), bulk.Options{Progress: func(bulk.Progress) { panic("progress") }})
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				defer func() {
					if got := recover(); got != want {
						t.Errorf("recovered %v, want %q", got, want)
					}
				}()
				for range run(t) {
				}
				t.Error("no panic")
			})
		})
	}
}

// Without Workers, a client that tells nothing of its calls gets more of them with
// each answer; with Workers, as many as were asked for.
func TestWorkers(t *testing.T) {
	t.Parallel()
	for workers, want := range map[int]int32{0: 1024, 1: 1, 8: 8, 2000: 2000} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var now, peak atomic.Int32
				client := chat(func(ctx context.Context, req clawhq.ChatRequest, _ ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
					for n := now.Add(1); n > peak.Load(); {
						peak.Store(n)
					}
					defer now.Add(-1)
					time.Sleep(time.Minute)
					return echo(ctx, req)
				})
				if _, err := all(t.Context(), client, numbered(4000), bulk.Options{Workers: workers}); workers > 1 && err != nil {
					t.Error(err)
				}
				if got := peak.Load(); got != want {
					t.Errorf("%d questions at once, want %d", got, want)
				}
			})
		})
	}
}

// Items are read as they are needed, and a slow loop holds up reading.
func TestReadsAsNeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		read := 0
		items := func(yield func(bulk.Item, error) bool) {
			for read = 1; yield(item(read), nil); read++ {
			}
		}
		for range bulk.Run(t.Context(), chat(echo), items, bulk.Options{Workers: 2}) {
			time.Sleep(time.Hour)
			break
		}
		if most := 1 + 128 + 2 + 1; read > most {
			t.Errorf("%d items were read for one result, want at most %d", read, most)
		}
	})
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

// The caller's own Trace is called beside the run's.
func TestTrace(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		s.Inject(clawhqtest.FaultStatus(503, ""))
		var waits, starts, retries, ends atomic.Int32
		trace := &clawhq.Trace{
			Waiting: func(context.Context, clawhq.TraceWaiting) { waits.Add(1) },
			AttemptStart: func(ctx context.Context, _ clawhq.TraceAttemptStart) context.Context {
				starts.Add(1)
				return ctx
			},
			Retry:   func(context.Context, clawhq.TraceRetry) { retries.Add(1) },
			CallEnd: func(context.Context, clawhq.TraceCallEnd) { ends.Add(1) },
		}
		if _, err := all(t.Context(), s.Client(), numbered(70), bulk.Options{CallOptions: []clawhq.CallOption{clawhq.WithCallTrace(trace)}}); err != nil {
			t.Fatal(err)
		}
		if waits.Load() == 0 || starts.Load() != 71 || retries.Load() != 1 || ends.Load() != 70 {
			t.Errorf("%d waits, %d attempts, %d retries, %d calls; want some, 71, 1, 70", waits.Load(), starts.Load(), retries.Load(), ends.Load())
		}
	})
}

// The idempotency key depends on the job, the ID and the question, and on nothing
// else.
func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	keys := func(job string, it bulk.Item) string {
		var key string
		client := chat(func(ctx context.Context, req clawhq.ChatRequest, opts ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
			key = *clawhqtest.OptionsOf(opts...).IdempotencyKey
			return echo(ctx, req)
		})
		if _, err := all(t.Context(), client, these(it), bulk.Options{Job: job}); err != nil {
			t.Error(err)
		}
		return key
	}
	ask := func(id, message, agent, session string) bulk.Item {
		return bulk.Item{ID: id, Request: clawhq.ChatRequest{Message: message, Agent: agent, SessionID: session}}
	}
	seen := map[string]bool{}
	for _, key := range []string{
		keys("job", ask("1", "m", "a", "s")), keys("job2", ask("1", "m", "a", "s")), keys("job", ask("2", "m", "a", "s")),
		keys("job", ask("1", "n", "a", "s")), keys("job", ask("1", "m", "b", "s")), keys("job", ask("1", "m", "a", "t")),
		keys("jo", ask("b1", "m", "a", "s")), keys("", ask("1", "m", "a", "s")), keys("", ask("1", "m", "a", "s")),
	} {
		seen[key] = true
	}
	if len(seen) != 9 {
		t.Errorf("got %d keys, want 9: %q", len(seen), slices.Collect(maps.Keys(seen)))
	}
	if again := keys("job", ask("1", "m", "a", "s")); !seen[again] {
		t.Error("the key is another one in another run")
	}
}
