package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

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

// Items that wait for their conversation are held up to a number; then reading goes
// on as they end.
func TestReadsOneLongConversation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var read, answered atomic.Int32
		items := func(yield func(bulk.Item, error) bool) {
			for i := range 3000 {
				read.Add(1)
				it := item(i)
				it.Request.SessionID = "one"
				if !yield(it, nil) {
					return
				}
			}
		}
		client := chat(func(ctx context.Context, req clawhq.ChatRequest, opts ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
			time.Sleep(time.Second)
			if most := answered.Load() + 1024 + 2; read.Load() > most {
				t.Errorf("%d items were read when %d were answered, want at most %d", read.Load(), answered.Load(), most)
			}
			answered.Add(1)
			return echo(ctx, req, opts...)
		})
		results, err := all(t.Context(), client, items, bulk.Options{})
		if err != nil || len(results) != 3000 {
			t.Errorf("got %d results, error %v; want 3000", len(results), err)
		}
	})
}
