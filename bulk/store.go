package bulk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"time"

	"github.com/clawhq/clawhq-go"
)

// A Store keeps what became of the questions of jobs. Its methods are called by
// several goroutines at once.
type Store interface {
	// Load returns what was saved for a job, in any order. If an ID comes
	// several times, the last one counts. A pair with an error is the last.
	Load(ctx context.Context, job string) iter.Seq2[Record, error]

	// Save returns when the record outlives a crash. An error ends the run. ctx
	// outlives the run for up to 10 seconds, so that an answer that is there
	// when the run ends is saved.
	Save(ctx context.Context, job string, r Record) error
}

// A Finder is a Store that can look up one record. Run calls Find for each
// item, in place of Load.
type Finder interface {
	Find(ctx context.Context, job, id string) (r Record, found bool, err error)
}

// A Record is what a Store keeps of a question: an answer, or a refusal, which has
// an Error.
type Record struct {
	ID          string `json:"id"`
	RequestHash string `json:"request_hash"` // identifies the question, in hexadecimal

	Response  string `json:"response,omitempty"`
	Agent     string `json:"agent,omitempty"`      // the slug of the agent that answered
	RequestID string `json:"request_id,omitempty"` // the server's id of the request

	Error      string           `json:"error,omitempty"` // the message of an *clawhq.InvalidRequestError; empty for an answer
	Code       clawhq.ErrorCode `json:"code,omitempty"`
	StatusCode int              `json:"status_code,omitempty"` // of the refusal; 0 if the client refused to send the request

	At time.Time `json:"at"` // when the answer or the refusal came
}

// record returns what is saved of a question that was answered with resp or
// refused by err.
func (q *question) record(resp *clawhq.ChatResponse, err error) Record {
	r := Record{ID: q.ID, RequestHash: q.hash, At: time.Now().UTC().Round(0)}
	var refused *clawhq.InvalidRequestError
	if errors.As(err, &refused) {
		r.Error = err.Error()
		if api := refused.APIError; api != nil {
			r.Code, r.RequestID, r.StatusCode = api.Code, api.RequestID, api.StatusCode
			if api.Message != "" {
				r.Error = api.Message
			}
		}
		return r
	}
	r.Response, r.Agent, r.RequestID = resp.Response, resp.Agent, resp.RequestID
	return r
}

// result returns the result of an item that r is the record of.
func (r Record) result(item Item) Result {
	if r.Error != "" || r.Code != "" {
		return Result{Item: item, Resumed: true, Err: &clawhq.InvalidRequestError{APIError: &clawhq.APIError{
			StatusCode: r.StatusCode, Code: r.Code, Message: r.Error, RequestID: r.RequestID,
		}}}
	}
	return Result{Item: item, Resumed: true, Response: &clawhq.ChatResponse{Response: r.Response, Agent: r.Agent, RequestID: r.RequestID}}
}

// requestHash identifies a question.
func requestHash(req clawhq.ChatRequest) string {
	return digest(req.Message, req.Agent, req.SessionID)
}

// idempotencyKey returns the key of a question in a job: 64 characters, which is
// the most that the service takes.
func idempotencyKey(job, id, requestHash string) string { return digest(job, id, requestHash) }

// digest returns a hash of the texts in hexadecimal.
func digest(texts ...string) string {
	h := sha256.New()
	for _, s := range texts {
		writeText(h, s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeText writes s with its length, so that two different lists of texts
// never look the same.
func writeText(h hash.Hash, s string) {
	fmt.Fprintf(h, "%d:", len(s))
	io.WriteString(h, s)
}

// A shortID stands for an ID in memory. The probability that two of a million
// IDs have the same shortID is 1 in 10²⁶.
type shortID [16]byte

func shorten(id string) shortID {
	sum := sha256.Sum256([]byte(id))
	return shortID(sum[:])
}
