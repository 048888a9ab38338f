package server

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/clock"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// slow is an agent that takes as long as the message says.
func slow(ctx context.Context, m Message) iter.Seq2[string, error] {
	d, err := time.ParseDuration(m.Text)
	if err != nil {
		return saysThen(err)
	}
	return func(yield func(string, error) bool) {
		if clock.New().Sleep(ctx, d) == nil {
			yield(m.Text, nil)
		}
	}
}

func newBatch(t *testing.T, s service, body string) string {
	t.Helper()
	w := s.send(request{path: "/api/v1/chat/batch", body: body})
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return decode[wire.CreatedBatch](t, w.Body).BatchID
}

// Three requests are asked at a time, and the results so far replace the pending
// ones.
func TestBatchInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		s.HandleAgent("slow", slow)
		start := time.Now()
		id := newBatch(t, s,
			`{"requests":[{"custom_id":"a","message":"10s","agent":"slow"},{"custom_id":"b","message":"5s","agent":"SLOW"},{"custom_id":"c","message":"oops","agent":"slow"},{"custom_id":"d","message":"90s","agent":"slow"}]}`)
		for _, step := range []struct {
			at                time.Duration
			status            string
			completed, failed int
			results           string
		}{
			{0, "processing", 0, 0, "a pending, b pending, c pending, d pending"},
			{9 * time.Second, "processing", 0, 0, "a pending, b pending, c pending, d pending"},
			{11 * time.Second, "processing", 2, 1, "a completed 10s, b completed 5s, c failed Failed to get response from agent"},
			{69 * time.Second, "processing", 2, 1, "a completed 10s, b completed 5s, c failed Failed to get response from agent"},
			{71 * time.Second, "partial", 2, 2, "a completed 10s, b completed 5s, c failed Failed to get response from agent, d failed Request timed out"},
		} {
			time.Sleep(time.Until(start.Add(step.at)))
			b := get[wire.BatchReply](t, s, "/v1/chat/batch/"+id).Batch
			var results []string
			for _, r := range b.Results {
				results = append(results, strings.TrimSpace(r.CustomID+" "+r.Status+" "+r.Response+r.Error))
			}
			if b.Status != step.status || b.Completed != step.completed || b.Failed != step.failed || b.Total != 4 {
				t.Errorf("at %v: %s, %d of %d completed, %d failed; want %s, %d, %d", step.at, b.Status, b.Completed, b.Total, b.Failed, step.status, step.completed, step.failed)
			}
			if got := strings.Join(results, ", "); got != step.results {
				t.Errorf("at %v: results %s, want %s", step.at, got, step.results)
			}
		}
	})
}

// A server that closes leaves a batch as it is, and waits for its agents.
func TestBatchOfAClosingServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		s.HandleAgent("slow", slow)
		id := newBatch(t, s, `{"requests":[{"custom_id":"a","message":"30s","agent":"slow"}]}`)
		time.Sleep(time.Second)
		start := time.Now()
		s.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("Close took %v", took)
		}
		if got := s.state.batches[id].status; got != wire.BatchProcessing {
			t.Errorf("the batch is %s", got)
		}
	})
}

// Batches without an agent, and with an agent whose answer is empty.
func TestBatchAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		s.HandleAgent("silent", agentOf(says()))
		id := newBatch(t, s, `{"requests":[{"custom_id":"a","message":"hi","agent":"silent"}]}`)
		synctest.Wait()
		want := []wire.BatchResult{{CustomID: "a", Status: "completed", Response: "No response"}}
		if diff := cmp.Diff(want, get[wire.BatchReply](t, s, "/v1/chat/batch/"+id).Batch.Results); diff != "" {
			t.Errorf("a silent agent (-want +got):\n%s", diff)
		}
		for _, a := range s.state.agents {
			a.undeployed = true
		}
		id = newBatch(t, s, `{"requests":[{"custom_id":"a","message":"hi"}]}`)
		synctest.Wait()
		if b := get[wire.BatchReply](t, s, "/v1/chat/batch/"+id).Batch; b.Status != "failed" || b.Failed != 1 {
			t.Errorf("no agent: %+v", b)
		}
	})
}

// A callback that fails, takes too long or cannot be called does not change the
// batch.
func TestBatchCallbackFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rt  roundTripper
		url string
	}{
		"error":   {func(*http.Request) (*http.Response, error) { return nil, errors.New("no") }, "http://hooks.example.com"},
		"silence": {func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }, "http://hooks.example.com"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t, Config{Transport: tc.rt})
			id := newBatch(t, s, `{"requests":[{"custom_id":"a","message":"hi"}],"webhook_url":"`+tc.url+`"}`)
			synctest.Wait()
			if got := get[wire.BatchReply](t, s, "/v1/chat/batch/"+id).Batch.Status; got != "completed" {
				t.Errorf("%s: the batch is %s", name, got)
			}
			start := time.Now()
			s.running.Wait()
			if took, most := time.Since(start), wire.DeliveryTimeout; took > most {
				t.Errorf("%s: given up after %v, want %v", name, took, most)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
