package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// batch is a batch and its progress.
type batch struct {
	id, status             string
	requests               []batchItem
	callback               string
	results                []wire.BatchResult // in the order of the requests; all pending until the first requests are done
	completed, failed      int
	createdAt, completedAt time.Time
	item                   *ledger.Item
}

// createBatch answers POST /v1/chat/batch. The batch is processed after the reply.
func (c *call) createBatch() (any, error) {
	body, err := c.readObject()
	if err != nil {
		return nil, err
	}
	requests, err := c.readBatch(body)
	if err != nil {
		return nil, err
	}
	if active := c.state.activeBatches(); active >= wire.MaxActiveBatches {
		return nil, tooMany(wire.MessageTooManyBatches)
	}
	callback := ""
	if v := member(body, "webhook_url"); js.Truthy(v) {
		callback = js.String(v)
	}
	if callback != "" && !c.s.outbox.Allowed(callback) {
		return nil, refuse(wire.CodeInvalidParameter, "webhook_url must not point to a private or internal address", "webhook_url")
	}
	if n := len(requests); n > c.key.rpm {
		return nil, tooMany(fmt.Sprintf(wire.MessageBatchOverTier, n, c.key.rpm))
	}

	for _, r := range requests {
		if err := c.profile.storable("Failed to create batch", r.message, r.agent); err != nil {
			return nil, err
		}
	}

	b := &batch{
		id:        "batch_" + hexID(),
		status:    wire.BatchProcessing,
		requests:  requests,
		callback:  callback,
		createdAt: c.s.clock.Now().UTC(),
	}
	for _, r := range requests {
		b.results = append(b.results, wire.BatchResult{CustomID: r.customID, Status: wire.BatchPending, Message: r.message, Agent: r.agent})
	}
	state := c.state
	state.batches[b.id] = b
	b.item = state.kept.Keep(2*len(c.body)+messageBytes*len(requests), func() { delete(state.batches, b.id) })
	c.s.background(func(ctx context.Context) { c.s.process(ctx, state, b) })
	return wire.CreatedBatch{BatchID: b.id, Status: b.status, Total: len(requests), CreatedAt: wire.HandlerTime(b.createdAt)}, nil
}

// tooMany returns a 429 for a batch. Its code is rate_limited, but it has nothing to
// do with the rate limit.
func tooMany(message string) *refusal {
	refused := refuse(wire.CodeRateLimited, message, "")
	refused.header = http.Header{wire.HeaderRetryAfter: {"60"}}
	return refused
}

// batchItem is a request of a batch.
type batchItem struct {
	customID, message, agent string
	badAgent                 bool // agent was not a string, which makes the request fail in profile Live
}

// readBatch reads and checks the requests of a batch.
func (c *call) readBatch(body js.Object) (requests []batchItem, err error) {
	items, _ := member(body, "requests").([]any)
	switch {
	case len(items) == 0:
		return nil, refuse(wire.CodeMissingParameter, "requests array is required", "requests")
	case len(items) > wire.MaxBatchRequests:
		return nil, refuse(wire.CodeBatchTooLarge, "", "")
	}
	for _, item := range items {
		o, ok := item.(js.Object)
		customID, _, isText := field[string](o, "custom_id")
		message, _, _ := field[string](o, "message")
		agent := c.profile.batchAgent(member(o, "agent"))
		badID := refuse(wire.CodeInvalidParameter, fmt.Sprintf("custom_id must be alphanumeric with underscores/hyphens, max %d chars", wire.MaxCustomIDChars), "requests")
		switch {
		case !ok && item == nil:
			return nil, c.profile.wrongTypeCaught(badID)
		case !isText || !wire.ValidCustomID(customID):
			return nil, badID
		case message == "" || wire.UTF16Len(message) > wire.MaxMessageChars:
			return nil, refuse(wire.CodeInvalidParameter, fmt.Sprintf("message must be a non-empty string, max %d characters", wire.MaxMessageChars), "requests")
		}
		agent.customID, agent.message = customID, message
		requests = append(requests, agent)
	}
	return requests, nil
}

func (s *state) activeBatches() (n int) {
	for _, b := range s.batches {
		if b.status == wire.BatchProcessing {
			n++
		}
	}
	return n
}

// getBatch answers GET /v1/chat/batch/{id}.
func (c *call) getBatch() (any, error) {
	b, ok := c.state.batches[c.ids[0]]
	if !ok {
		return nil, refuse(wire.CodeNotFound, "Batch not found", "")
	}
	p := c.profile
	return wire.BatchReply{Batch: wire.Batch{
		ID:          b.id,
		Status:      b.status,
		Total:       len(b.requests),
		Completed:   b.completed,
		Failed:      b.failed,
		Results:     append([]wire.BatchResult{}, b.results...),
		CreatedAt:   p.time(b.createdAt),
		CompletedAt: p.time(b.completedAt),
	}}, nil
}

// process asks the agents for the answers to a batch, in the order of the requests,
// wire.BatchConcurrency at a time. If the server closes, the batch remains in status
// processing, as it does when the service is restarted.
func (s *Server) process(ctx context.Context, state *state, b *batch) {
	s.mu.Lock()
	if state.offline {
		b.status = wire.BatchFailed
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()

	var results []wire.BatchResult
	for begin := 0; begin < len(b.requests); begin += wire.BatchConcurrency {
		requests := b.requests[begin:min(begin+wire.BatchConcurrency, len(b.requests))]
		done := make([]wire.BatchResult, len(requests))
		var asking sync.WaitGroup
		for i, r := range requests {
			part, end := s.clock.Begin(ctx)
			asking.Go(func() {
				defer end()
				done[i] = s.result(part, state, r)
			})
		}
		asking.Wait()
		if ctx.Err() != nil {
			return
		}
		results = append(results, done...)
		s.mu.Lock()
		for _, r := range done {
			state.kept.Grow(b.item, len(r.Response))
		}
		b.tally(results)
		s.mu.Unlock()
	}
	s.mu.Lock()
	callback := b.finish(s.clock.Now().UTC())
	s.mu.Unlock()
	if b.callback != "" {
		s.outbox.Call(ctx, b.callback, encodeJSON(callback)) // one attempt, whose result does not matter
	}
}

// result asks the agent of one request and returns the result.
func (s *Server) result(ctx context.Context, state *state, r batchItem) wire.BatchResult {
	s.mu.Lock()
	a := state.any(s.cfg.Profile, lookUp(r.agent))
	s.mu.Unlock()
	result := wire.BatchResult{CustomID: r.customID, Status: wire.BatchFailed, Error: message(wire.CodeModelError)}
	if a == nil || r.badAgent {
		return result
	}
	p := s.cfg.Profile
	text, err := a.askAll(ctx, Message{Text: r.message}, p.quirks().plainLimit)
	switch {
	case errors.Is(err, errAgentTimeout):
		result.Error = "Request timed out"
	case err == nil:
		return wire.BatchResult{CustomID: r.customID, Status: wire.BatchCompleted, Response: cmp.Or(p.cleaned(text), noItemAnswer)}
	}
	return result
}

// tally stores the results so far and counts them.
func (b *batch) tally(results []wire.BatchResult) {
	b.results, b.completed, b.failed = results, 0, 0
	for _, r := range results {
		if r.Status == wire.BatchCompleted {
			b.completed++
		} else {
			b.failed++
		}
	}
}

// finish ends the batch and returns the body for its callback.
func (b *batch) finish(now time.Time) wire.BatchCallback {
	b.completedAt = now
	switch {
	case b.failed == 0:
		b.status = wire.BatchCompleted
	case b.completed == 0:
		b.status = wire.BatchFailed
	default:
		b.status = wire.BatchPartial
	}
	return wire.BatchCallback{
		BatchID: b.id, Status: b.status, Total: len(b.requests), Completed: b.completed, Failed: b.failed,
		CompletedAt: wire.HandlerTime(now),
	}
}
