package clawhq_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

func TestBatchesRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	ok := clawhq.BatchRequest{CustomID: "a", Message: "m"}
	const idLimit = "custom_id is not 1 to 128 letters, digits, underscores and hyphens"
	for what, tc := range map[string]struct {
		req     clawhq.CreateBatchRequest
		code    clawhq.ErrorCode
		param   string
		message string
	}{
		"empty":           {clawhq.CreateBatchRequest{}, clawhq.CodeMissingParameter, "requests", "requests is empty; it must have 1 to 50 entries"},
		"too many":        {clawhq.CreateBatchRequest{Requests: make([]clawhq.BatchRequest, 51)}, clawhq.CodeBatchTooLarge, "requests", "requests has 51 entries, at most 50 are allowed"},
		"no id":           {batchOf(ok, clawhq.BatchRequest{Message: "m"}), clawhq.CodeInvalidParameter, "requests", "requests[1]: " + idLimit},
		"id with a blank": {batchOf(clawhq.BatchRequest{CustomID: "a b", Message: "m"}), clawhq.CodeInvalidParameter, "requests", "requests[0]: " + idLimit},
		"long id":         {batchOf(clawhq.BatchRequest{CustomID: strings.Repeat("a", 129), Message: "m"}), clawhq.CodeInvalidParameter, "requests", "requests[0]: " + idLimit},
		"no message":      {batchOf(ok, ok, clawhq.BatchRequest{CustomID: "c"}), clawhq.CodeInvalidParameter, "requests", "requests[2]: message is required"},
		"long message": {batchOf(clawhq.BatchRequest{CustomID: "a", Message: strings.Repeat("😀", 5001)}), clawhq.CodeInvalidParameter, "requests",
			"requests[0]: message has 10002 characters, at most 10000 are allowed"},
		"agent not UTF-8": {batchOf(clawhq.BatchRequest{CustomID: "a", Message: "m", Agent: "\xff"}), clawhq.CodeInvalidParameter, "requests", "requests[0]: agent is not valid UTF-8"},
		"private URL": {clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{ok}, WebhookURL: "https://10.0.0.1/"}, clawhq.CodeInvalidParameter, "webhook_url",
			"webhook_url is not an http or https URL of a public host"},
		"loopback": {clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{ok}, WebhookURL: "http://127.0.0.1:80/"}, clawhq.CodeInvalidParameter, "webhook_url",
			"webhook_url is not an http or https URL of a public host"},
		"large body": {batchOf(slicesOf(11, clawhq.BatchRequest{CustomID: "a", Message: strings.Repeat("x", 10_000)})...), clawhq.CodeInvalidRequest, "",
			"request has 110355 bytes, at most 102400 are allowed"},
	} {
		mock := httpmock.NewMockTransport()
		_, err := testkit.Client(t, mock).Batches.Create(t.Context(), tc.req)
		wantRefusal(t, what, err, refusal{tc.code, tc.param, "/v1/chat/batch", tc.message})
		if n := mock.GetTotalCallCount(); n != 0 {
			t.Errorf("%s: %d requests were sent", what, n)
		}
	}

	// Escapes that JSON does not need do not count towards the limit.
	client, got := catch(t, anyReply)
	markup := batchOf(slicesOf(10, clawhq.BatchRequest{CustomID: "a", Message: strings.Repeat("<", 9000)})...)
	if _, err := client.Batches.Create(t.Context(), markup); err != nil || !strings.Contains(got.Body, "<<<") {
		t.Errorf("markup: %v", err)
	}

	// A server on this machine may call a webhook on this machine.
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(httpmock.NewStringResponder(200, anyReply))
	for _, base := range []string{"https://127.0.0.1:8787/api", "https://clawhq.test/api"} {
		client := testkit.Client(t, mock, clawhq.WithBaseURL(base))
		if _, err := client.Batches.Create(t.Context(), clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{ok}, WebhookURL: "http://localhost/"}); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}

func batchOf(requests ...clawhq.BatchRequest) clawhq.CreateBatchRequest {
	return clawhq.CreateBatchRequest{Requests: requests}
}

func slicesOf[T any](n int, v T) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = v
	}
	return s
}

// Two kinds of 429 are not about the rate limit: the client returns them at once, and
// other calls go on. A 429 of the rate limit stops other calls for a while.
func TestBatchLimits(t *testing.T) {
	t.Parallel()
	for message, atOnce := range map[string]bool{
		"Maximum 3 concurrent batches per user. Wait for existing batches to complete.": true,
		"Batch size (31) exceeds your rate limit (30 RPM)":                              true,
		"Rate limit exceeded. Try again later.":                                         false,
	} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
				if n++; n > 1 {
					return testkit.Reply(200, anyReply), nil
				}
				return testkit.Reply(429, fmt.Sprintf(`{"error":{"code":"rate_limited","message":%q,"type":"api_error","request_id":"req_1"}}`, message), "Retry-After", "60"), nil
			})
			start := time.Now()
			batch := batchOf(clawhq.BatchRequest{CustomID: "a", Message: "m"})
			_, err := client.Batches.Create(t.Context(), batch)
			var limited *clawhq.RateLimitError
			if got := errors.As(err, &limited); got != atOnce {
				t.Fatalf("%s: got %v", message, err)
			}
			if atOnce && (limited.Message != message || limited.RetryAfter != time.Minute || limited.Attempts != 1) {
				t.Errorf("got %+v", limited.APIError)
			}
			if _, err := client.Batches.Create(t.Context(), batch); err != nil {
				t.Error(err)
			}
			if waited := time.Since(start) > 0; waited == atOnce {
				t.Errorf("%s: held up for %v", message, time.Since(start))
			}
		})
	}
}

// batchStates returns a client that gets the given states of a batch one after
// another, and then the last one for ever. It also returns the times of the
// requests.
func batchStates(t *testing.T, states ...string) (*clawhq.Client, *[]time.Duration) {
	start, looks := time.Now(), &[]time.Duration{}
	client := testkit.ClientFunc(t, func(r *http.Request) (*http.Response, error) {
		*looks = append(*looks, time.Since(start))
		state := states[min(len(*looks), len(states))-1]
		if state == "" {
			return testkit.Reply(500, ""), nil
		}
		return testkit.Reply(200, `{"batch":`+state+`}`), nil
	}, testkit.OneAttempt)
	return client, looks
}

func TestBatchWait(t *testing.T) {
	t.Parallel()
	const (
		pending    = `{"id":"b","status":"processing","total":2,"completed":0,"failed":0,"results":[{"custom_id":"1","status":"pending","message":"m"},{"custom_id":"2","status":"pending","message":"m"}],"completed_at":null}`
		half       = `{"id":"b","status":"processing","total":2,"completed":1,"failed":0,"results":[{"custom_id":"1","status":"completed","response":"r"}],"completed_at":null}`
		done       = `{"id":"b","status":"partial","total":2,"completed":1,"failed":1,"results":[{"custom_id":"1","status":"completed","response":"r"},{"custom_id":"2","status":"failed","error":"e"}],"completed_at":"2026-11-24T17:21:35.245Z"}`
		notRunning = `{"id":"b","status":"failed","total":1,"completed":0,"failed":0,"results":[{"custom_id":"1","status":"pending","message":"m"}],"completed_at":null}`
	)
	r1 := clawhq.BatchResult{CustomID: "1", Status: clawhq.BatchCompleted, Response: "r"}
	halfBatch := &clawhq.Batch{ID: "b", Status: clawhq.BatchProcessing, Total: 2, Completed: 1, Results: []clawhq.BatchResult{r1}}
	for name, tc := range map[string]struct {
		states []string
		want   *clawhq.Batch
		err    string
		took   time.Duration
	}{
		"done at once": {[]string{done}, &clawhq.Batch{ID: "b", Status: clawhq.BatchPartial, Total: 2, Completed: 1, Failed: 1,
			Results:     []clawhq.BatchResult{r1, {CustomID: "2", Status: clawhq.BatchFailed, Error: "e"}},
			CompletedAt: time.Date(2026, 11, 24, 17, 21, 35, 245_000_000, time.UTC)}, "", 0},
		"results vanish, and come back": {[]string{pending, half, done}, &clawhq.Batch{ID: "b", Status: clawhq.BatchPartial, Total: 2, Completed: 1, Failed: 1,
			Results:     []clawhq.BatchResult{r1, {CustomID: "2", Status: clawhq.BatchFailed, Error: "e"}},
			CompletedAt: time.Date(2026, 11, 24, 17, 21, 35, 245_000_000, time.UTC)}, "", 2500 * time.Millisecond},
		"failed without a failure": {[]string{notRunning}, &clawhq.Batch{ID: "b", Status: clawhq.BatchFailed, Total: 1,
			Results: []clawhq.BatchResult{{CustomID: "1", Status: clawhq.BatchPending}}}, "", 0},
		"for ever":             {[]string{half}, halfBatch, "clawhq: batch b is still processing, 1 of 2 done: context deadline exceeded", time.Hour},
		"an error":             {[]string{pending, half, ""}, halfBatch, "clawhq: GET /v1/chat/batch/b: 500 Internal Server Error", 2500 * time.Millisecond},
		"an error at first":    {[]string{""}, nil, "clawhq: GET /v1/chat/batch/b: 500 Internal Server Error", 0},
		"a status of tomorrow": {[]string{`{"id":"b","status":"cancelled"}`}, &clawhq.Batch{ID: "b", Status: "cancelled", Results: []clawhq.BatchResult{}}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, looks := batchStates(t, tc.states...)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				start := time.Now()
				got, err := client.Batches.Wait(ctx, "b")
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				wantErrorText(t, err, tc.err)
				if took := time.Since(start); took != tc.took {
					t.Errorf("took %v, want %v", took, tc.took)
				}
				if name != "for ever" {
					return
				}
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v does not match the context's error", err)
				}
				pauses := []time.Duration{}
				for i, at := range (*looks)[1:] {
					pauses = append(pauses, at-(*looks)[i])
				}
				want := []time.Duration{1000 * time.Millisecond, 1500 * time.Millisecond, 2250 * time.Millisecond, 3375 * time.Millisecond, 5062500 * time.Microsecond, 7593750 * time.Microsecond, 11390625 * time.Microsecond, 15 * time.Second, 15 * time.Second}
				if diff := cmp.Diff(want, pauses[:len(want)]); diff != "" {
					t.Errorf("pauses (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A caller whose context ends gets the last known batch, and the cause of the
// context.
func TestBatchWaitCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, _ := batchStates(t, `{"id":"b","status":"processing","total":1}`)
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("that is enough of " + testkit.Key)
		time.AfterFunc(10*time.Second, func() { cancel(enough) })
		batch, err := client.Batches.Wait(ctx, "b")
		if !errors.Is(err, enough) || !errors.Is(err, context.Canceled) || batch == nil || batch.Total != 1 {
			t.Errorf("got %+v, %v", batch, err)
		}
		wantErrorText(t, err, "batch b is still processing, 0 of 1 done: that is enough of clw_a1b2c3d4…")
	})
}

func TestBatchResult(t *testing.T) {
	t.Parallel()
	first := clawhq.BatchResult{CustomID: "a", Response: "1"}
	b := clawhq.Batch{Results: []clawhq.BatchResult{first, {CustomID: "a", Response: "2"}}}
	if got, ok := b.Result("a"); !ok || got != first {
		t.Errorf("got %+v, %v", got, ok)
	}
	if got, ok := b.Result("b"); ok || got != (clawhq.BatchResult{}) {
		t.Errorf("got %+v, %v", got, ok)
	}
	for status, want := range map[clawhq.BatchStatus]bool{
		"": false, clawhq.BatchPending: false, clawhq.BatchProcessing: false,
		clawhq.BatchCompleted: true, clawhq.BatchPartial: true, clawhq.BatchFailed: true,
	} {
		if got := (clawhq.Batch{Status: status}).Done(); got != want {
			t.Errorf("%q: done is %v, want %v", status, got, want)
		}
	}
}

// Three batches run at once. A fourth is refused, and chats go on.
func TestBatches(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
		ctx := t.Context()
		release := make(chan struct{})
		s.HandleAgent("slow", clawhqtest.Reply("Done."))
		s.HandleAgent("stuck", func(context.Context, clawhqtest.Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				<-release
				yield("At last.", nil)
			}
		})
		request := func(id, agent string) clawhq.BatchRequest {
			return clawhq.BatchRequest{CustomID: id, Message: "m", Agent: agent}
		}
		var ids []string
		for range 3 {
			batch, err := client.Batches.Create(ctx, batchOf(request("a", "slow"), request("b", "stuck")))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, batch.ID)
		}

		// A fourth batch is refused at once, and chats are not affected.
		start := time.Now()
		var limited *clawhq.RateLimitError
		if _, err := client.Batches.Create(ctx, batchOf(request("a", "slow"))); !errors.As(err, &limited) || limited.Attempts != 1 {
			t.Errorf("a fourth batch: %v", err)
		}
		if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: "hi", Agent: "greeter"}); err != nil || time.Since(start) != 0 {
			t.Errorf("a chat took %v, %v", time.Since(start), err)
		}

		bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		batch, err := client.Batches.Wait(bounded, ids[0])
		if !errors.Is(err, context.DeadlineExceeded) || batch == nil || batch.Done() {
			t.Errorf("got %+v, %v", batch, err)
		}
		close(release)
		for _, id := range ids {
			batch, err := client.Batches.Wait(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if r, ok := batch.Result("b"); batch.Status != clawhq.BatchCompleted || !ok || r.Response != "At last." {
				t.Errorf("got %+v", batch)
			}
		}
	}, clawhqtest.WithAgent("greeter", clawhqtest.Reply("Hello.")))
}

func TestBatchRequests(t *testing.T) {
	t.Parallel()
	wantRequests(t, []requestCase{
		{"POST", "/v1/chat/batch", `{"requests":[{"custom_id":"a","message":"hi","agent":"b"},{"custom_id":"b","message":" "}],"webhook_url":"http://example.com/"}`, func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Batches.Create(ctx, clawhq.CreateBatchRequest{
				Requests: []clawhq.BatchRequest{{CustomID: "a", Message: "hi", Agent: "b"}, {CustomID: "b", Message: " "}}, WebhookURL: "http://example.com/",
			})
			return err
		}},
		{"GET", "/v1/chat/batch/b1", "", func(ctx context.Context, c *clawhq.Client) error { _, err := c.Batches.Get(ctx, "b1"); return err }},
	})
}
