package wire

import (
	"strings"
)

// Limits of batches.
const (
	MaxBatchRequests = 50
	MaxCustomIDChars = 128
	MaxActiveBatches = 3 // of an account, being processed at once
	BatchConcurrency = 3 // requests of a batch, answered at once
)

// The statuses of batches and of their results. A batch is never BatchPending, and a
// result never BatchProcessing or BatchPartial.
const (
	BatchProcessing = "processing"
	BatchCompleted  = "completed"
	BatchPartial    = "partial"
	BatchFailed     = "failed"
	BatchPending    = "pending"
)

// POST /v1/chat/batch has two errors that are 429 rate_limited but do not come from
// the rate limit. These are their messages.
const (
	MessageTooManyBatches = "Maximum 3 concurrent batches per user. Wait for existing batches to complete."
	MessageBatchOverTier  = "Batch size (%d) exceeds your rate limit (%d RPM)"
)

// IsBatchLimit reports whether the message of a 429 is one of these.
func IsBatchLimit(message string) bool {
	return strings.Contains(message, "concurrent batches") || IsBatchOverTier(message)
}

// IsBatchOverTier reports whether the message of a 429 says that a batch has more
// requests than the key's tier allows. Such a batch never succeeds, however long one
// waits.
func IsBatchOverTier(message string) bool { return strings.HasPrefix(message, "Batch size (") }

// CreateBatchRequest is the body of POST /v1/chat/batch.
type CreateBatchRequest struct {
	Requests   []BatchRequest `json:"requests"`
	WebhookURL string         `json:"webhook_url,omitempty"`
}

// BatchRequest is one message of a batch.
type BatchRequest struct {
	CustomID string `json:"custom_id"`
	Message  string `json:"message"`
	Agent    string `json:"agent,omitempty"`
}

// CreatedBatch is the reply of POST /v1/chat/batch.
type CreatedBatch struct {
	BatchID   string `json:"batch_id"`
	Status    string `json:"status"`
	Total     int    `json:"total"`
	Completed int    `json:"completed"`
	Failed    int    `json:"failed"`
	CreatedAt Time   `json:"created_at"`
}

// Check returns an error if the batch is missing.
func (b CreatedBatch) Check() error { return need(member{"batch_id", b.BatchID != ""}) }

// Batch is the batch in the reply of GET /v1/chat/batch/{id}. While it is processing,
// Results has either all requests, with status pending, or the results so far.
type Batch struct {
	ID          string        `json:"id"`
	Status      string        `json:"status"`
	Total       int           `json:"total"`
	Completed   int           `json:"completed"`
	Failed      int           `json:"failed"`
	Results     []BatchResult `json:"results"`
	CreatedAt   Time          `json:"created_at"`
	CompletedAt Time          `json:"completed_at"`
}

// BatchResult is the state of one request. A pending one has its message and agent, a
// completed one its response, and a failed one its error.
type BatchResult struct {
	CustomID string `json:"custom_id"`
	Status   string `json:"status"`
	Message  string `json:"message,omitempty"`
	Agent    string `json:"agent,omitempty"`
	Response string `json:"response,omitempty"`
	Error    string `json:"error,omitempty"`
}

// BatchReply is the reply of GET /v1/chat/batch/{id}.
type BatchReply struct {
	Batch Batch `json:"batch"`
}

// Check returns an error if the batch is missing.
func (r BatchReply) Check() error {
	return need(member{"batch id", r.Batch.ID != ""}, member{"batch status", r.Batch.Status != ""})
}

// BatchCallback is the body that is posted to the webhook_url of a batch when the
// batch ends.
type BatchCallback struct {
	BatchID     string `json:"batch_id"`
	Status      string `json:"status"`
	Total       int    `json:"total"`
	Completed   int    `json:"completed"`
	Failed      int    `json:"failed"`
	CompletedAt Time   `json:"completed_at"`
}
