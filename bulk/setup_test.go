package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// item returns the n-th item of numbered.
func item(n int) bulk.Item {
	return bulk.Item{ID: fmt.Sprintf("row-%d", n), Request: clawhq.ChatRequest{Message: fmt.Sprintf("question %d", n)}}
}

// numbered is n items.
func numbered(n int) iter.Seq2[bulk.Item, error] {
	return func(yield func(bulk.Item, error) bool) {
		for i := range n {
			if !yield(item(i), nil) {
				return
			}
		}
	}
}

// these are the given items.
func these(items ...bulk.Item) iter.Seq2[bulk.Item, error] {
	return func(yield func(bulk.Item, error) bool) {
		for _, it := range items {
			if !yield(it, nil) {
				return
			}
		}
	}
}

// endless is items without end.
func endless(yield func(bulk.Item, error) bool) {
	for i := 0; yield(item(i), nil); i++ {
	}
}

// all runs a job to its end. It returns the results by ID, and the error that has
// ended the run.
func all(ctx context.Context, client bulk.Client, items iter.Seq2[bulk.Item, error], opts bulk.Options) (map[string]bulk.Result, error) {
	results := map[string]bulk.Result{}
	for r, err := range bulk.Run(ctx, client, items, opts) {
		if err != nil {
			return results, err
		}
		if _, twice := results[r.ID]; twice {
			return results, errors.New(r.ID + " was handed out twice")
		}
		results[r.ID] = r
	}
	return results, nil
}

// A chat is a Client of its own.
type chat func(ctx context.Context, req clawhq.ChatRequest, opts ...clawhq.CallOption) (*clawhq.ChatResponse, error)

func (f chat) Chat(ctx context.Context, req clawhq.ChatRequest, opts ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
	return f(ctx, req, opts...)
}

// echo answers every question with itself.
func echo(_ context.Context, req clawhq.ChatRequest, _ ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
	return &clawhq.ChatResponse{Response: req.Message, Agent: "echo", RequestID: "req_1"}, nil
}

// thinks is an agent that takes its time, and then answers with the message.
func thinks(d time.Duration) clawhqtest.AgentFunc {
	return func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			select {
			case <-time.After(d):
				yield(m.Text, nil)
			case <-ctx.Done():
			}
		}
	}
}

// A table is a Store in memory that is no Finder.
type table struct {
	mu      sync.Mutex
	records []bulk.Record
	save    func(context.Context, bulk.Record) error // called by Save, if not nil
	loadErr error
}

func (s *table) Load(context.Context, string) iter.Seq2[bulk.Record, error] {
	return func(yield func(bulk.Record, error) bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, r := range s.records {
			if !yield(r, nil) {
				return
			}
		}
		if s.loadErr != nil {
			yield(bulk.Record{}, s.loadErr)
		}
	}
}

func (s *table) Save(ctx context.Context, _ string, r bulk.Record) error {
	if s.save != nil {
		if err := s.save(ctx, r); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, r)
	return nil
}

// openFile opens a File that is closed when the test ends.
func openFile(t *testing.T, path string) *bulk.File {
	t.Helper()
	f, err := bulk.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
