package clawhq

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// BatchesService asks agents many things at once. The service works on three
// requests of a batch at a time, in their order; they count against no rate
// limit and in no usage. A Client's is Client.Batches.
type BatchesService struct{ core *core }

// BatchStatus says how far a batch, or one of its requests, is.
type BatchStatus string

// The statuses. A request is pending, completed or failed; a batch is anything
// but pending.
const (
	BatchPending    BatchStatus = wire.BatchPending
	BatchProcessing BatchStatus = wire.BatchProcessing
	BatchCompleted  BatchStatus = wire.BatchCompleted // none failed
	BatchPartial    BatchStatus = wire.BatchPartial   // some failed
	BatchFailed     BatchStatus = wire.BatchFailed    // all failed, or the customer's server was not running
)

// CreateBatchRequest describes a new batch.
type CreateBatchRequest struct {
	// Requests are 1 to 50, and not more than the key's rate tier. The whole
	// batch may have 102,400 bytes as JSON.
	Requests []BatchRequest

	// WebhookURL is where the service posts the batch's state, without its
	// results and unsigned, once it is done: a public http or https URL. Empty
	// means nowhere.
	WebhookURL string
}

// BatchRequest is one of the messages of a batch.
type BatchRequest struct {
	CustomID string // the caller's own: 1 to 128 letters, digits, underscores and hyphens; better unique
	Message  string // required, 10,000 characters at most, counted in UTF-16 units
	Agent    string // the slug of the agent; empty means an agent named "default"
}

// Batch is a batch and its state.
type Batch struct {
	ID                       string
	Status                   BatchStatus
	Total, Completed, Failed int

	// Results are those of the requests that are done. Before the first is,
	// and where none was tried, all requests stand here as pending.
	Results []BatchResult

	CreatedAt   time.Time
	CompletedAt time.Time // zero until the batch is done, and where none was tried
}

// BatchResult is what became of a request.
type BatchResult struct {
	CustomID string
	Status   BatchStatus
	Response string // the agent's answer, if Status is BatchCompleted
	Error    string // for people, if Status is BatchFailed
}

// Done reports whether the service has ended its work on the batch.
func (b Batch) Done() bool {
	return b.Status != "" && b.Status != BatchProcessing && b.Status != BatchPending
}

// Result returns the result of the first request with a custom id, if there is
// one by now.
func (b Batch) Result(customID string) (BatchResult, bool) {
	for _, r := range b.Results {
		if r.CustomID == customID {
			return r, true
		}
	}
	return BatchResult{}, false
}

// Create has the service begin with a batch, and returns without results. A
// creation is retried only if the failure proves that nothing happened.
//
// An account may have three batches in work: a fourth is a RateLimitError at
// once, since nothing but the end of another makes room for it, and so is a
// batch with more requests than the key's rate tier, which none does.
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

// Get returns a batch as it is now. An unknown one is a NotFoundError.
func (s *BatchesService) Get(ctx context.Context, id string, opts ...CallOption) (*Batch, error) {
	body, _, err := fetch[wire.BatchReply](ctx, s.core, to(wire.GetBatch, id).unless(checkID(id)), opts)
	if err != nil {
		return nil, err
	}
	b := body.Batch
	return &Batch{
		ID: b.ID, Status: BatchStatus(b.Status), Total: b.Total, Completed: b.Completed, Failed: b.Failed,
		Results: each(b.Results, batchResultOf), CreatedAt: b.CreatedAt.Time(), CompletedAt: b.CompletedAt.Time(),
	}, nil
}

// The pauses between two looks of Wait.
const (
	firstBatchPause   = time.Second
	longestBatchPause = 15 * time.Second
)

// Wait returns a batch once it is done, however it ended: see Batch.Status. It
// looks after a second, and then after pauses that grow to 15 seconds.
//
// Give ctx a deadline: a restart of the service leaves a batch processing for
// ever. Beside an error stands the batch as it was last seen, nil if it never
// was.
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

// check returns why the service would refuse a batch, if it would.
func (s *BatchesService) check(req CreateBatchRequest) *InvalidRequestError {
	switch n := len(req.Requests); {
	case n == 0:
		return invalid(CodeMissingParameter, "requests", "requests is empty, and must hold 1 to %d", wire.MaxBatchRequests)
	case n > wire.MaxBatchRequests:
		return invalid(CodeBatchTooLarge, "requests", "requests holds %d, at most %d are allowed", n, wire.MaxBatchRequests)
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

// problem is why the service would refuse a request of a batch, empty if it
// would not.
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

// checkTarget refuses a URL that the service would not send anything to. A
// server that is none of the internet's, as the reference server, may be given
// a URL on this machine. (The domain test is for such: RFC 6761 §6.2.)
func (c *core) checkTarget(field, url string) *InvalidRequestError {
	host := c.base.Hostname()
	local := loopback(host) || strings.HasSuffix(host, ".test")
	if wire.PublicURL(url) || local && wire.LoopbackURL(url) {
		return nil
	}
	return invalid(CodeInvalidParameter, field, "%s is not an http or https URL of a public host", field)
}

func batchResultOf(r wire.BatchResult) BatchResult {
	return BatchResult{CustomID: r.CustomID, Status: BatchStatus(r.Status), Response: r.Response, Error: r.Error}
}
