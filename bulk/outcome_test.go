package bulk_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// What the service or the client refuses is a result, saved and not asked again.
func TestRefusedQuestion(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		store := new(table)
		s.Inject(clawhqtest.FaultStatus(400, clawhq.CodeContentBlocked).On(clawhqtest.Nth(2)))
		items := func() []bulk.Item {
			long := bulk.Item{ID: "long", Request: clawhq.ChatRequest{Message: string(make([]rune, 10_001))}}
			return []bulk.Item{item(0), item(1), long}
		}()
		opts := bulk.Options{Job: "refused", Store: store, Workers: 1}
		first, err := all(t.Context(), s.Client(), these(items...), opts)
		if err != nil {
			t.Fatal(err)
		}
		asked := len(s.Requests())
		second, err := all(t.Context(), s.Client(), these(items...), opts)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(s.Requests()); asked != 2 || n != asked {
			t.Errorf("made %d requests in the first run, %d in both; want 2, 2", asked, n)
		}
		for _, it := range items {
			a, b := first[it.ID], second[it.ID]
			if a.Resumed || !b.Resumed {
				t.Errorf("%s: Resumed is %t, then %t", it.ID, a.Resumed, b.Resumed)
			}
			var was, is *clawhq.InvalidRequestError
			if it.ID == "row-0" {
				if a.Err != nil || b.Err != nil || *a.Response != *b.Response {
					t.Errorf("%s: got %+v, then %+v", it.ID, a, b)
				}
				continue
			}
			if !errors.As(a.Err, &was) || !errors.As(b.Err, &is) {
				t.Errorf("%s: got %v, then %v", it.ID, a.Err, b.Err)
				continue
			}
			if was.Code != is.Code || was.Message != is.Message || was.RequestID != is.RequestID || was.StatusCode != is.StatusCode {
				t.Errorf("%s: got %+v, then %+v", it.ID, was.APIError, is.APIError)
			}
		}
	})
}

// Failures that would come again, but are not the question's, are results at once
// and not saved.
func TestOtherFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, fail := range []error{
			&tls.CertificateVerificationError{Err: errors.New("expired")},
			errors.New("a bug"),
			context.Canceled, // of a wrapper's own context
		} {
			store := new(table)
			client := &script{fail: func(string, int, time.Duration) error { return fail }}
			results, err := all(t.Context(), client, numbered(3), bulk.Options{Job: "other", Store: store})
			if err != nil || len(results) != 3 || len(store.records) != 0 || client.total != 3 {
				t.Errorf("%v: got %d results, %d records, %d calls, error %v", fail, len(results), len(store.records), client.total, err)
			}
		}
		client := chat(func(context.Context, clawhq.ChatRequest, ...clawhq.CallOption) (*clawhq.ChatResponse, error) {
			return nil, nil
		})
		results, err := all(t.Context(), client, numbered(1), bulk.Options{})
		if err != nil || results["row-0"].Err == nil {
			t.Errorf("neither answer nor error: got %+v, %v", results, err)
		}
	})
}

// Calls that a client's own shaping refuses are no tries.
func TestThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &script{fail: func(_ string, n int, _ time.Duration) error {
			if n <= 20 {
				return fmt.Errorf("my deadline: %w: %w", clawhq.ErrThrottled, context.DeadlineExceeded)
			}
			return nil
		}}
		results, err := all(t.Context(), client, numbered(3), bulk.Options{Tries: 1})
		if err != nil || len(results) != 3 {
			t.Errorf("got %d results, %v", len(results), err)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Error(r.Err)
			}
		}
	})
}
