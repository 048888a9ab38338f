package bulk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go"
)

// An Item is a question of a job.
type Item struct {
	// ID is unique within the job, and the same in every run, like the key of a
	// row. It must be valid UTF-8 and not empty.
	ID string

	Request clawhq.ChatRequest
}

// A Result is what became of an Item.
type Result struct {
	Item
	Response *clawhq.ChatResponse // nil if Err is not

	// Err is why there is no answer. If it comes from the store, it is a
	// *clawhq.InvalidRequestError with the message, code, status and request id
	// of the earlier run.
	Err error

	Resumed bool // the result comes from the store: an earlier run has asked
}

// Options configure [Run]. The zero value asks without a store.
type Options struct {
	// Job names the job. Together with an item's ID and question it makes the
	// idempotency key. The service stores answers under these keys per account,
	// so two jobs of one account need different names. Required with a Store.
	// Without a Store, each run with an empty Job is a job of its own.
	Job string

	// Store has what earlier runs have answered, and keeps what this one does.
	// Nil: nothing is kept.
	Store Store

	// Workers is how many questions may be under way, including those that wait
	// for the rate limit. 0: as many as the key's rate and the agent's pace need,
	// at most 1,024.
	Workers int

	// Tries is how often a question is asked at most, if it fails each time for
	// a reason that may pass (see clawhq.Retryable). Each try is a call with the
	// client's own attempts. Default: 5.
	Tries int

	Total int // how many items there will be, for Progress; 0: not known

	// Progress is called after each result that was handed out, and every second
	// while there is none. It is called in the goroutine of the loop, so never
	// twice at once, and not while the loop's body runs.
	Progress func(Progress)

	// Foreground makes calls without clawhq.WithBackground: they wait in line with
	// the other calls of the client.
	Foreground bool

	// CallOptions are used for every call. WithIdempotencyKey and WithResponseInfo
	// belong to a single call and are refused.
	CallOptions []clawhq.CallOption
}

// A Client asks one question. *clawhq.Client is one.
type Client interface {
	Chat(ctx context.Context, req clawhq.ChatRequest, opts ...clawhq.CallOption) (*clawhq.ChatResponse, error)
}

const (
	defaultTries = 5
	most         = 1024 // questions that are under way, or that wait for a repeat or their conversation
)

// Run asks the items and hands out their results as they come. Asking begins when
// the loop begins, and ends with it.
//
// A pair with an error is the last. The reason may be that the context has ended,
// the items sequence has failed, two items have the same ID, an ID is empty or
// not valid UTF-8, the store knows an ID with another question, the store has
// failed, or the key, the plan or an agent was refused twice, a minute apart. If
// the items are at fault, what is under way is first finished and handed out. A
// deadline of ctx ends the run when it comes, and refuses no question before
// that.
//
// Leaving the loop cancels the calls that are under way, waits for their end, and
// saves what they have answered by then. If the items sequence blocks, leaving the
// loop waits for it: so the sequence should end with ctx, or on a signal of its
// own. Run reads items, and calls the Store, in other goroutines than that of the
// loop. A panic there is raised again in the loop.
//
// Memory grows by at most 100 bytes with each item, for finding duplicates and,
// with a [File], the records of earlier runs.
func Run(ctx context.Context, client Client, items iter.Seq2[Item, error], opts Options) iter.Seq2[Result, error] {
	opts.CallOptions = slices.Clone(opts.CallOptions)
	return func(yield func(Result, error) bool) {
		r, err := newRun(ctx, client, items, opts)
		if err != nil {
			yield(Result{}, fmt.Errorf("bulk: %w", err))
			return
		}
		r.deliver(yield)
	}
}

// check returns what the call options say, and what is wrong with the
// arguments of Run.
func check(ctx context.Context, client Client, items iter.Seq2[Item, error], opts Options) (own clawhq.CallOptions, err error) {
	for _, opt := range opts.CallOptions {
		if opt != nil {
			opt(&own)
		}
	}
	switch {
	case ctx == nil:
		err = errors.New("the context is nil")
	case client == nil:
		err = errors.New("the client is nil")
	case items == nil:
		err = errors.New("the items are nil")
	case opts.Store != nil && opts.Job == "":
		err = errors.New("options: Job is empty: a Store needs the job's name")
	case opts.Workers < 0:
		err = fmt.Errorf("options: Workers is %d, which is negative", opts.Workers)
	case opts.Tries < 0:
		err = fmt.Errorf("options: Tries is %d, which is negative", opts.Tries)
	case own.IdempotencyKey != nil:
		err = errors.New("options: CallOptions: WithIdempotencyKey belongs to a single call")
	case own.Info != nil:
		err = errors.New("options: CallOptions: WithResponseInfo belongs to a single call")
	}
	return own, err
}

// A question is an item that is to be asked. It belongs to one goroutine at a time.
type question struct {
	Item
	hash   string  // of the request
	stored *Record // what an earlier run has saved; nil if it is to be asked

	failures  int       // how often it failed for a reason that may pass
	tries     int       // how many of them count
	counted   time.Time // when the last of these failed
	due       time.Time // when it is to be asked again
	least     time.Time // when it may be asked again, as the service said
	refusal   suspicion // the kind of its latest refusal
	refusedAt time.Time // when it was first refused for that
}
