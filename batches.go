package clawhq

import (
	"context"
	"fmt"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// BatchesService sends up to 50 messages to agents in one call. The service
// processes a batch in the background, three messages at a time and in order;
// they count neither against a rate limit nor in Usage. Use Client.Batches.
type BatchesService struct{ core *core }

// BatchStatus is the state of a batch or of one of its requests.
type BatchStatus string

// The states. A batch is never pending; a request is pending, completed or
// failed.
const (
	BatchPending    BatchStatus = wire.BatchPending
	BatchProcessing BatchStatus = wire.BatchProcessing
	BatchCompleted  BatchStatus = wire.BatchCompleted // no request failed
	BatchPartial    BatchStatus = wire.BatchPartial   // some requests failed
	BatchFailed     BatchStatus = wire.BatchFailed    // all requests failed, or the customer's server was not running
)

// CreateBatchRequest describes a new batch.
type CreateBatchRequest struct {
	// Requests has 1 to 50 requests, but not more than the rate tier of the API
	// key. The JSON of the whole batch may have 102,400 bytes.
	Requests []BatchRequest

	// WebhookURL is a public http or https URL to which the service posts the
	// state of the batch when it is done. The post is unsigned and has no
	// results. Empty means no post.
	WebhookURL string
}

// BatchRequest is a message of a batch.
type BatchRequest struct {
	CustomID string // identifies the result: 1 to 128 letters, digits, underscores and hyphens; should be unique in the batch
	Message  string // required, 10,000 characters at most, counted in UTF-16 units
	Agent    string // slug of the agent; empty means the default agent, which also answers, without a word, if there is no such agent
}

// Batch is a batch and its state.
type Batch struct {
	ID                       string
	Status                   BatchStatus
	Total, Completed, Failed int

	// Results has the results of the requests that are done. Until the first
	// one is, and if the service attempted none, it has all requests, with
	// Status BatchPending.
	Results []BatchResult

	CreatedAt   time.Time
	CompletedAt time.Time // zero until the batch is done, and if the service attempted no request
}

// BatchResult is the result of a request of a batch.
type BatchResult struct {
	CustomID string
	Status   BatchStatus
	Response string // the agent's answer, if Status is BatchCompleted
	Error    string // description for people, if Status is BatchFailed
}

// Done reports whether the service has finished the batch.
func (b Batch) Done() bool {
	return b.Status != "" && b.Status != BatchProcessing && b.Status != BatchPending
}

// Result returns the first result with the given custom id. ok is false if there
// is none yet.
func (b Batch) Result(customID string) (result BatchResult, ok bool) {
	for _, r := range b.Results {
		if r.CustomID == customID {
			return r, true
		}
	}
	return BatchResult{}, false
}

// Create starts a batch and returns it without results; Wait waits for them.
// Since repeating the request would start another batch, it is retried only if
// the failure proves that nothing happened (see RetryPolicy).
//
// An account may have three batches in progress. Create returns a RateLimitError
// for a fourth one, and for a batch with more requests than the rate tier of
// the API key. It does not retry in these cases, since waiting for the rate
// limit would not help.
//
// Endpoint: POST /v1/chat/batch
func (s *BatchesService) Create(ctx context.Context, req CreateBatchRequest, opts ...CallOption) (*Batch, error) {
	out := wire.CreateBatchRequest{WebhookURL: req.WebhookURL, Requests: each(req.Requests, func(r BatchRequest) wire.BatchRequest {
		return wire.BatchRequest{CustomID: r.CustomID, Message: r.Message, Agent: r.Agent}
	})}
	body, _, err := fetch[wire.CreatedBatch](ctx, s.core, to(wire.CreateBatch).carry(out, s.check(req)), opts)
	if err != nil {
		return nil, err
	}
	return &Batch{
		ID: body.BatchID, Status: BatchStatus(body.Status), Total: body.Total, Completed: body.Completed, Failed: body.Failed,
		CreatedAt: body.CreatedAt.Time(),
	}, nil
}

// Get returns a batch in its present state. It returns a NotFoundError if there
// is no such batch.
//
// Endpoint: GET /v1/chat/batch/{id}
func (s *BatchesService) Get(ctx context.Context, id string, opts ...CallOption) (*Batch, error) {
	body, _, err := fetch[wire.BatchReply](ctx, s.core, to(wire.GetBatch, id), opts)
	if err != nil {
		return nil, err
	}
	b := body.Batch
	return &Batch{
		ID: b.ID, Status: BatchStatus(b.Status), Total: b.Total, Completed: b.Completed, Failed: b.Failed,
		Results: each(b.Results, batchResultOf), CreatedAt: b.CreatedAt.Time(), CompletedAt: b.CompletedAt.Time(),
	}, nil
}

// The pauses between two requests of Wait.
const (
	firstBatchPause   = time.Second
	longestBatchPause = 15 * time.Second
)

// Wait waits until a batch is done, whatever its Status, and returns it. It calls
// Get at once, again after a second, and then after pauses that grow to 15
// seconds.
//
// ctx should have a deadline: a restart of the service leaves a batch in
// progress forever. If Wait returns an error, it also returns the batch as Get
// last returned it, nil if Get never did.
func (s *BatchesService) Wait(ctx context.Context, id string, opts ...CallOption) (*Batch, error) {
	var last *Batch
	for pause := firstBatchPause; ; pause = min(pause*3/2, longestBatchPause) {
		batch, err := s.Get(ctx, id, opts...)
		if err != nil {
			return last, err
		}
		if last = batch; batch.Done() {
			return batch, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			text := fmt.Sprintf("clawhq: batch %s is still %s, %d of %d done: %v",
				s.core.redact(id), batch.Status, batch.Completed+batch.Failed, batch.Total, oneLine(s.core.redact(context.Cause(ctx).Error())))
			return last, newCallError(text, ctx.Err(), context.Cause(ctx))
		}
	}
}

// check returns the reason why the service would refuse a batch, or nil.
func (s *BatchesService) check(req CreateBatchRequest) *InvalidRequestError {
	switch n := len(req.Requests); {
	case n == 0:
		return invalid(CodeMissingParameter, "requests", "requests is empty; it must have 1 to %d entries", wire.MaxBatchRequests)
	case n > wire.MaxBatchRequests:
		return invalid(CodeBatchTooLarge, "requests", "requests has %d entries, at most %d are allowed", n, wire.MaxBatchRequests)
	}
	for i, r := range req.Requests {
		if problem := r.problem(); problem != "" {
			return invalid(CodeInvalidParameter, "requests", "requests[%d]: %s", i, problem)
		}
	}
	if req.WebhookURL != "" {
		return s.core.checkTarget("webhook_url", req.WebhookURL)
	}
	return nil
}

// problem returns the reason why the service would refuse a request of a batch,
// or an empty text.
func (r BatchRequest) problem() string {
	if !wire.ValidCustomID(r.CustomID) {
		return fmt.Sprintf("custom_id is not 1 to %d letters, digits, underscores and hyphens", wire.MaxCustomIDChars)
	}
	if r.Message == "" {
		return "message is required"
	}
	if n := wire.UTF16Len(r.Message); n > wire.MaxMessageChars {
		return fmt.Sprintf("message has %d characters, at most %d are allowed", n, wire.MaxMessageChars)
	}
	for field, text := range map[string]string{"message": r.Message, "agent": r.Agent} {
		if err := checkText(field, text); err != nil {
			return err.Message
		}
	}
	return ""
}

func batchResultOf(r wire.BatchResult) BatchResult {
	return BatchResult{CustomID: r.CustomID, Status: BatchStatus(r.Status), Response: r.Response, Error: r.Error}
}
