package bulk_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// A run that was left at any place is continued by the next, with either kind of
// Store: what was answered comes from the store, and nothing is asked twice.
func TestResume(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) bulk.Store{
		"Load": func(*testing.T) bulk.Store { return new(table) },
		"Find": func(t *testing.T) bulk.Store { return openFile(t, filepath.Join(t.TempDir(), "answers")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				s.SetRateLimit(s.KeyID(), 1000)
				store := open(t)
				const n = 200
				saved, keys := map[string]bool{}, map[string]string{} // by message
				runs := 0
				for ; len(saved) < n; runs++ {
					fresh := 0
					s.ClearRequests()
					for r, err := range bulk.Run(t.Context(), s.Client(), numbered(n), bulk.Options{Job: "resume", Store: store}) {
						if err != nil {
							t.Fatal(err)
						}
						if r.Response == nil || r.Response.Response != r.Request.Message || r.Response.Agent != "support-bot" || r.Response.RequestID == "" {
							t.Errorf("got %+v", r)
						}
						if r.Resumed != saved[r.Request.Message] {
							t.Errorf("run %d: %s: Resumed is %t", runs, r.ID, r.Resumed)
						}
						if !r.Resumed {
							fresh++
						}
						if fresh == 23 {
							break
						}
					}
					for _, r := range s.Requests() {
						var body struct{ Message string }
						err := json.Unmarshal(r.Body, &body)
						if err != nil && r.Status == 0 {
							continue // it was cancelled before its body was read
						}
						if err != nil || saved[body.Message] {
							t.Errorf("run %d asks %q again, %v", runs, body.Message, err)
						}
						if first := keys[body.Message]; first != "" && first != r.Header.Get("X-Idempotency-Key") {
							t.Errorf("run %d asks %q under another key", runs, body.Message)
						}
						keys[body.Message] = r.Header.Get("X-Idempotency-Key")
					}
					for r, err := range store.Load(t.Context(), "resume") {
						if err != nil {
							t.Fatal(err)
						}
						saved[r.Response] = true
					}
				}
				if runs < 2 {
					t.Errorf("it took %d runs", runs)
				}
			}, clawhqtest.WithAgent("support-bot", thinks(time.Second)))
		})
	}
}

// An ID that has another question than in the run before ends the run.
func TestOtherQuestion(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]bulk.Store{"Load": new(table), "Find": openFile(t, filepath.Join(t.TempDir(), "answers"))} {
		opts := bulk.Options{Job: "other", Store: store}
		if _, err := all(t.Context(), chat(echo), numbered(3), opts); err != nil {
			t.Fatal(err)
		}
		changed := item(1)
		changed.Request.Agent = "sales-assistant"
		_, err := all(t.Context(), chat(echo), these(item(0), changed), opts)
		if err == nil || !strings.Contains(err.Error(), `"row-1"`) || !strings.Contains(err.Error(), "another question") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

// A store that fails ends the run with its error.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("no database")
	finds := bulk.Store(struct {
		*table
		finder
	}{new(table), func(context.Context, string, string) (bulk.Record, bool, error) { return bulk.Record{}, false, broken }})
	for name, store := range map[string]bulk.Store{
		"Load": &table{loadErr: broken},
		"Find": finds,
		"Save": &table{save: func(context.Context, bulk.Record) error { return broken }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				results, err := all(t.Context(), chat(echo), numbered(3), bulk.Options{Job: "broken", Store: store})
				if !errors.Is(err, broken) || len(results) > 0 {
					t.Errorf("got %d results, error %v; want 0, %v", len(results), err, broken)
				}
			})
		})
	}
}

type finder func(context.Context, string, string) (bulk.Record, bool, error)

func (f finder) Find(ctx context.Context, job, id string) (bulk.Record, bool, error) {
	return f(ctx, job, id)
}

// Of several records of one ID the last counts.
func TestLastRecordCounts(t *testing.T) {
	t.Parallel()
	opts := bulk.Options{Job: "last", Store: new(table)}
	if _, err := all(t.Context(), chat(echo), numbered(1), opts); err != nil {
		t.Fatal(err)
	}
	first := opts.Store.(*table).records[0]
	second := first
	second.Response = "a later one"
	file := openFile(t, filepath.Join(t.TempDir(), "answers"))
	for _, store := range []bulk.Store{&table{}, file} {
		for _, r := range []bulk.Record{first, second} {
			if err := store.Save(t.Context(), "last", r); err != nil {
				t.Fatal(err)
			}
		}
		results, err := all(t.Context(), chat(echo), numbered(1), bulk.Options{Job: "last", Store: store})
		if err != nil || results["row-0"].Response.Response != second.Response {
			t.Errorf("%T: got %+v, %v", store, results, err)
		}
	}
}

// The record of an answer has all of it, in UTC.
func TestRecord(t *testing.T) {
	t.Parallel()
	store := new(table)
	client := chat(func(context.Context, clawhq.ChatRequest, ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
		return nil, blocked
	})
	if _, err := all(t.Context(), client, numbered(1), bulk.Options{Job: "r", Store: store}); err != nil {
		t.Fatal(err)
	}
	got := store.records[0]
	if got.At.Location() != time.UTC || got.At.IsZero() || len(got.RequestHash) != 64 {
		t.Errorf("got %+v", got)
	}
	got.At, got.RequestHash = time.Time{}, ""
	if want := (bulk.Record{ID: "row-0", Error: "m", Code: clawhq.CodeContentBlocked, RequestID: "req_9", StatusCode: 400}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

var _ interface {
	bulk.Store
	bulk.Finder
} = (*bulk.File)(nil)

var _ iter.Seq2[bulk.Item, error] = endless
