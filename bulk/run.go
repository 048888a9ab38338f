package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/google/uuid"
)

// A run is what the goroutines of one run share: that of the loop, in deliver; one
// that reads the items, in readItems; one that decides, in dispatch; and one for
// each call, in ask.
type run struct {
	client Client
	items  iter.Seq2[Item, error]
	opts   Options
	own    clawhq.CallOptions // what opts.CallOptions say
	job    string             // part of the idempotency keys: Options.Job or, without one, a name of this run's own

	caller    context.Context
	ctx       context.Context // of reading and of calls: the caller's without its deadline; ends with the run
	cancel    context.CancelCauseFunc
	saving    context.Context // of Store.Save
	endSaving context.CancelFunc

	read    chan *question // what readItems has read
	readErr error          // why it has ended; set before read is closed
	done    chan outcome   // of a call
	woken   chan struct{}  // a call was sent
	out     chan Result    // for the loop
	left    chan struct{}  // closed when the loop was left
	err     error          // why the run has ended; set before out is closed

	started int                // calls; of dispatch alone
	calls   map[*call]struct{} // written by dispatch, with mu held

	mu     sync.Mutex // guards what follows
	unsent int        // calls whose first attempt was not sent yet
	unseen int        // calls that a Client without Trace may have under way
	paused bool       // nothing may be sent but the probe
	held   string     // what is waited for before another call is made
}

// Reasons for which the contexts of a run and of a call are cancelled.
var (
	errLeft     = errors.New("bulk: the loop was left")
	errRecalled = errors.New("bulk: nothing is sent at the moment")
)

// saveFor is how long answers may still be saved after the run has ended.
const saveFor = 10 * time.Second

// A patient context hides its deadline, so that no call is refused because the
// deadline is near. It still ends at the deadline.
type patient struct{ context.Context }

func (patient) Deadline() (time.Time, bool) { return time.Time{}, false }

func newRun(ctx context.Context, client Client, items iter.Seq2[Item, error], opts Options) (*run, error) {
	own, err := check(ctx, client, items, opts)
	if err != nil {
		return nil, err
	}
	opts.Tries = cmp.Or(opts.Tries, defaultTries)
	r := &run{
		client: client,
		items:  items,
		opts:   opts,
		own:    own,
		job:    opts.Job,
		caller: ctx,
		read:   make(chan *question),
		done:   make(chan outcome),
		woken:  make(chan struct{}, 1),
		out:    make(chan Result),
		left:   make(chan struct{}),
		calls:  map[*call]struct{}{},
	}
	if r.job == "" {
		r.job = uuid.NewString()
	}
	r.ctx, r.cancel = context.WithCancelCause(patient{ctx})
	r.saving, r.endSaving = context.WithCancel(context.WithoutCancel(ctx))
	return r, nil
}

// deliver starts the goroutines of the run, hands out the results, and waits
// for the goroutines to end.
func (r *run) deliver(yield func(Result, error) bool) {
	var running sync.WaitGroup
	running.Go(r.readItems)
	running.Go(r.dispatch)
	defer func() {
		close(r.left)
		r.cancel(errLeft)
		running.Wait()
		var p *panicked
		if errors.As(r.err, &p) || errors.As(r.readErr, &p) {
			panic(p.value)
		}
	}()
	report := r.newReport()
	defer report.stop()
	for {
		select {
		case result, open := <-r.out:
			if !open {
				if r.err != nil && !errors.As(r.err, new(*panicked)) {
					yield(Result{}, fmt.Errorf("bulk: %w", r.err))
				}
				return
			}
			report.count(result)
			if !yield(result, nil) {
				return
			}
			report.send()
		case <-report.tick():
			report.send()
		}
	}
}

// dispatch makes the calls and passes their results on, until all items have ended
// or the run must end. Then it waits for the calls that are under way, so that no
// answer is lost.
func (r *run) dispatch() {
	defer close(r.out)
	var finished []Result
	finished, r.err = r.decide()
	r.cancel(r.err)
	late := time.AfterFunc(saveFor, r.endSaving)
	defer r.endSaving()
	defer late.Stop()
	for len(r.calls) > 0 {
		o := <-r.done
		r.forget(o.call)
		if o.fatal != nil && (r.err == nil || errors.As(o.fatal, new(*panicked))) {
			r.err = o.fatal
		}
		finished = o.keep(finished)
	}
	for _, result := range finished {
		select {
		case r.out <- result:
		case <-r.left:
			return
		}
	}
}

// decide makes calls, learns from their outcomes and hands out results until the
// run ends. It returns the results that were not handed out, and why the run has
// ended before all items were asked.
func (r *run) decide() (finished []Result, err error) {
	s := schedule{most: r.opts.Tries}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for reading := true; ; {
		if r.ctx.Err() != nil {
			return finished, r.ended()
		}
		now := time.Now()
		again := r.launch(&s, now, len(finished))
		if !reading && s.empty() && len(r.calls) == 0 && len(finished) == 0 {
			return nil, r.readErr
		}
		var (
			read <-chan *question
			out  chan<- Result
			next Result
		)
		if reading && r.room(len(finished)) && s.hungry(now) {
			read = r.read
		}
		if len(finished) > 0 {
			out, next = r.out, finished[0]
		}
		timer.Stop()
		if !again.IsZero() {
			timer.Reset(again.Sub(now))
		}
		select {
		case q, open := <-read:
			switch {
			case !open:
				reading = false
			case q.stored != nil:
				finished = append(finished, q.stored.result(q.Item))
			default:
				s.add(q)
			}
		case o := <-r.done:
			r.forget(o.call)
			if o.fatal != nil {
				return finished, o.fatal
			}
			if r.ctx.Err() != nil { // the call may have failed for that reason
				return o.keep(finished), r.ended()
			}
			if o.call.recalled && errors.Is(o.err, context.Canceled) {
				s.recalled(o.call.question)
				continue
			}
			result, err := s.ended(time.Now(), o.call.question, o.resp, o.err)
			if err != nil {
				return finished, err
			}
			if result != nil {
				finished = append(finished, *result)
			}
			r.pause(s.suspect != nil)
		case out <- next:
			finished = finished[1:]
		case <-r.woken:
		case <-timer.C:
		case <-r.left:
			return nil, nil
		case <-r.ctx.Done():
			return finished, r.ended()
		}
	}
}

// ended returns the error of a run whose caller's context has ended.
func (r *run) ended() error {
	err, cause := r.caller.Err(), context.Cause(r.caller)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// launch makes calls as long as there is room for them. It returns when to try
// again if nothing happens until then; zero if only an event can make room.
func (r *run) launch(s *schedule, now time.Time, finished int) (again time.Time) {
	why := ""
	for r.room(finished) {
		var q *question
		if q, again, why = s.next(now); q == nil {
			break
		}
		r.start(q, q == s.suspect)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = why
	return again
}

// Bounds of what a run keeps under way by itself.
const (
	spare   = 4   // calls that wait to be sent
	backlog = 128 // results that wait for the loop
)

// room reports whether another call can be made. Without Options.Workers, a few
// calls wait for the client's rate shaping at any time, and each one that is sent
// makes room for the next. A Client that calls no Trace does not say what was
// sent: it gets more calls with each answer.
func (r *run) room(finished int) bool {
	if finished >= backlog {
		return false
	}
	if r.opts.Workers > 0 {
		return len(r.calls) < r.opts.Workers
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.calls) < most && (r.unsent < spare || len(r.calls) < r.unseen)
}
