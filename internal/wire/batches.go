package wire

import (
	"strings"
)

// Limits of batches.
const (
	MaxBatchRequests = 50
	MaxCustomIDChars = 128
	MaxActiveBatches = 3 // an account's, processing at once
	BatchConcurrency = 3 // of a batch's requests, asked at once
)

// The statuses of batches and, except BatchProcessing and BatchPartial, of
// their results, which also have BatchPending.
const (
	BatchProcessing = "processing"
	BatchCompleted  = "completed"
	BatchPartial    = "partial"
	BatchFailed     = "failed"
	BatchPending    = "pending"
)

// The messages of the two 429 of POST /v1/chat/batch that are not the rate
// limit's, though their code is.
const (
	MessageTooManyBatches = "Maximum 3 concurrent batches per user. Wait for existing batches to complete."
	MessageBatchOverTier  = "Batch size (%d) exceeds your rate limit (%d RPM)"
)

// IsBatchLimit reports whether a 429 with a message is one of those.
func IsBatchLimit(message string) bool {
	return strings.Contains(message, "concurrent batches") || IsBatchOverTier(message)
}

// IsBatchOverTier reports whether a 429 with a message is that of a batch with
// more requests than the key's tier. No waiting helps.
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

// Check tells whether there is a batch.
func (b CreatedBatch) Check() error { return need(member{"batch_id", b.BatchID != ""}) }

// Batch is a batch as GET /v1/chat/batch/{id} shows it. While it is
// processing, Results holds either every request, pending, or what is done so
// far.
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

// BatchResult is what became of a request: a pending one has its message and
// agent, a completed one a response, a failed one an error.
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

// Check tells whether there is a batch.
func (r BatchReply) Check() error {
	return need(member{"batch id", r.Batch.ID != ""}, member{"batch status", r.Batch.Status != ""})
}

// BatchCallback is what a batch's webhook_url is sent once the batch is done.
type BatchCallback struct {
	BatchID     string `json:"batch_id"`
	Status      string `json:"status"`
	Total       int    `json:"total"`
	Completed   int    `json:"completed"`
	Failed      int    `json:"failed"`
	CompletedAt Time   `json:"completed_at"`
}
