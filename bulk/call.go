package bulk

import (
	"context"
	"errors"
	"fmt"

	"github.com/clawhq/clawhq-go"
)

// A call asks one question once.
type call struct {
	question *question
	ctx      context.Context
	cancel   context.CancelCauseFunc
	number   int  // in the order of the calls
	probe    bool // it may be sent although the run is paused

	// Guarded by run.mu.
	sent     bool   // its first attempt was sent
	waiting  bool   // to be sent, or to be repeated
	recalled bool   // it was cancelled while it waited
	reason   string // why it waits, as the client says; empty if it does not
}

// An outcome says what became of a call.
type outcome struct {
	call  *call
	resp  *clawhq.ChatResponse
	err   error
	fatal error // ends the run
}

// keep adds the result to results if it is final. It is for a run that has
// ended.
func (o outcome) keep(results []Result) []Result {
	if v, _, _ := judge(o.err); o.fatal == nil && (v == answered || v == refused) {
		return append(results, Result{Item: o.call.question.Item, Response: o.resp, Err: o.err})
	}
	return results
}

// start makes a call.
func (r *run) start(q *question, probe bool) {
	r.started++
	c := &call{question: q, number: r.started, probe: probe, waiting: true}
	c.ctx, c.cancel = context.WithCancelCause(r.ctx)
	r.mu.Lock()
	r.calls[c] = struct{}{}
	r.unsent++
	r.mu.Unlock()
	go r.ask(c)
}

// forget removes a call that has ended.
func (r *run) forget(c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.calls, c)
	if !c.sent {
		r.unsent--
	}
}

// errExit is the error of user code that has ended its goroutine.
var errExit = errors.New("the goroutine was ended by runtime.Goexit")

// A panicked is a panic of user code, on its way to the goroutine of the loop.
type panicked struct{ value any }

func (p *panicked) Error() string { return fmt.Sprint("panic: ", p.value) }

// ask asks the question of a call, saves what is final, and reports the outcome.
func (r *run) ask(c *call) {
	o := outcome{call: c, fatal: errExit}
	defer func() {
		if p := recover(); p != nil {
			o.fatal = &panicked{p}
		}
		c.cancel(nil)
		r.done <- o
	}()
	o.resp, o.err = r.client.Chat(c.ctx, c.question.Request, r.options(c)...)
	if o.err == nil && o.resp == nil {
		o.err = errors.New("the client has returned no answer")
	}
	o.fatal = r.save(o)
	if o.err == nil {
		r.answeredUnseen(c)
	}
}

// save saves an answer or a refusal.
func (r *run) save(o outcome) error {
	if v, _, _ := judge(o.err); r.opts.Store == nil || v != answered && v != refused {
		return nil
	}
	if err := r.opts.Store.Save(r.saving, r.opts.Job, o.call.question.record(o.resp, o.err)); err != nil {
		return fmt.Errorf("item %q is not saved: %w", o.call.question.ID, err)
	}
	return nil
}

// options returns the options of a call.
func (r *run) options(c *call) []clawhq.CallOption {
	opts := make([]clawhq.CallOption, 0, len(r.opts.CallOptions)+3)
	if !r.opts.Foreground {
		opts = append(opts, clawhq.WithBackground())
	}
	opts = append(opts, r.opts.CallOptions...)
	return append(opts, clawhq.WithIdempotencyKey(idempotencyKey(r.job, c.question.ID, c.question.hash)), clawhq.WithCallTrace(r.trace(c)))
}

// trace returns a Trace that follows the call, and calls the Trace of
// Options.CallOptions.
func (r *run) trace(c *call) *clawhq.Trace {
	var t clawhq.Trace
	if r.own.Trace != nil {
		t = *r.own.Trace
	}
	waiting, start, retry := t.Waiting, t.AttemptStart, t.Retry
	t.Waiting = func(ctx context.Context, e clawhq.TraceWaiting) {
		r.waits(c, e.Reason)
		if waiting != nil {
			waiting(ctx, e)
		}
	}
	t.AttemptStart = func(ctx context.Context, e clawhq.TraceAttemptStart) context.Context {
		r.sends(c)
		if start != nil {
			return start(ctx, e)
		}
		return ctx
	}
	t.Retry = func(ctx context.Context, e clawhq.TraceRetry) {
		r.waits(c, "")
		if retry != nil {
			retry(ctx, e)
		}
	}
	return &t
}

// waits learns that a call waits to be sent or repeated.
func (r *run) waits(c *call, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.waiting, c.reason = true, reason
	if r.paused {
		c.recall()
	}
}

// sends learns that a call is about to be sent.
func (r *run) sends(c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.waiting, c.reason = false, ""
	if !c.sent {
		c.sent = true
		r.unsent--
		select {
		case r.woken <- struct{}{}:
		default:
		}
	}
}

// answeredUnseen makes room for more calls if the Client calls no Trace: only
// answers then show that calls were sent.
func (r *run) answeredUnseen(c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !c.sent {
		r.unseen = max(r.unseen, spare) + 1
	}
}

// pause sets whether the run is paused. While it is, calls that wait are
// recalled.
func (r *run) pause(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.paused = on; !on {
		return
	}
	for c := range r.calls {
		if c.waiting {
			c.recall()
		}
	}
}

// recall cancels a call that waits, unless it is the probe.
func (c *call) recall() {
	if !c.probe {
		c.recalled = true
		c.cancel(errRecalled)
	}
}
