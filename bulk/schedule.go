package bulk

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go"
)

// The pauses of a run.
const (
	firstPause   = 5 * time.Second // before a question's first repeat; each further one is twice as long
	longestPause = time.Minute

	outageAfter  = 3                // failures without an answer that make an outage
	firstProbe   = time.Second      // into an outage; each further one comes after twice the time
	longestProbe = 15 * time.Second // between two of them
	outageTry    = 5 * time.Minute  // in an outage, one try of a question counts in this time

	secondLook = time.Minute // until a key, plan or agent that was refused is tried again
)

// A schedule decides which question is asked next, and when. It is used by one
// goroutine.
type schedule struct {
	most int // how often a question is tried

	ready  []*question
	later  []*question            // failed, and waiting for their repeat
	talks  map[string][]*question // by SessionID: the questions that wait for the one under way; an entry exists as long as that one has not ended
	behind int                    // how many questions wait in talks

	answeredAt time.Time     // when a question was last answered
	failing    int           // tries that have failed since
	probe      time.Duration // the pause after the next probe into an outage
	probeAt    time.Time     // when the next probe comes
	limited    time.Time     // until when the rate limit asks to wait

	suspect   *question // was refused in a way that may concern all; nothing else is asked meanwhile
	suspectAt time.Time // when it is asked again; zero if it is being asked
}

// add adds a question that was read.
func (s *schedule) add(q *question) {
	id := q.Request.SessionID
	if id == "" {
		s.ready = append(s.ready, q)
		return
	}
	if s.talks == nil {
		s.talks = map[string][]*question{}
	}
	if waiting, busy := s.talks[id]; busy {
		s.talks[id] = append(waiting, q)
		s.behind++
		return
	}
	s.talks[id] = nil
	s.ready = append(s.ready, q)
}

// release ends a question. The next one of its conversation may be asked.
func (s *schedule) release(q *question) {
	id := q.Request.SessionID
	if id == "" {
		return
	}
	waiting := s.talks[id]
	if len(waiting) == 0 {
		delete(s.talks, id)
		return
	}
	s.talks[id] = waiting[1:]
	s.behind--
	s.ready = append(s.ready, waiting[0])
}

// empty reports whether no question waits.
func (s *schedule) empty() bool {
	return len(s.ready)+len(s.later)+s.behind == 0 && s.suspect == nil
}

// hungry reports whether another item should be read.
func (s *schedule) hungry(now time.Time) bool {
	switch {
	case len(s.ready) > 0 || s.suspect != nil || now.Before(s.limited):
		return false
	case s.failing >= outageAfter:
		return len(s.later) == 0 && !now.Before(s.probeAt)
	}
	return len(s.later)+s.behind < most
}

// next returns the question that is to be asked now. If there is none, it returns
// when to ask again, zero if that depends on a call or an item, and what is waited
// for.
func (s *schedule) next(now time.Time) (q *question, again time.Time, why string) {
	switch {
	case s.suspect != nil && s.suspectAt.IsZero():
		return nil, time.Time{}, "refused: the same question is asked again"
	case s.suspect != nil && now.Before(s.suspectAt):
		return nil, s.suspectAt, "refused: the same question is asked again after a minute"
	case s.suspect != nil:
		s.suspectAt = time.Time{}
		return s.suspect, time.Time{}, ""
	case now.Before(s.limited):
		return nil, s.limited, "the rate limit asks to wait"
	case s.failing >= outageAfter && now.Before(s.probeAt):
		return nil, s.probeAt, "no question is answered: they are asked one by one"
	}
	if len(s.ready) > 0 {
		q, s.ready = s.ready[0], s.ready[1:]
	} else if q, again = s.repeat(now); q == nil {
		if !again.IsZero() {
			why = "failed questions are asked again after a pause"
		}
		return nil, again, why
	}
	if s.failing >= outageAfter {
		s.probeAt = now.Add(s.probe)
		s.probe = min(2*s.probe, longestProbe)
	}
	return q, time.Time{}, ""
}

// repeat takes the question whose repeat is due first. If none is due, it returns
// when one will be. An outage is probed by the first that the service allows,
// whatever its pause.
func (s *schedule) repeat(now time.Time) (q *question, again time.Time) {
	best := -1
	for i, q := range s.later {
		at := q.due
		if s.failing >= outageAfter {
			at = q.least
		}
		if best < 0 || at.Before(again) {
			best, again = i, at
		}
	}
	if best < 0 || now.Before(again) {
		return nil, again
	}
	q = s.later[best]
	s.later = slices.Delete(s.later, best, best+1)
	return q, time.Time{}
}

// recalled takes a question back that was not sent.
func (s *schedule) recalled(q *question) { s.ready = slices.Insert(s.ready, 0, q) }

// ended takes the outcome of a call. It returns the question's result, nil if it
// is asked again; or the reason why the run must end.
func (s *schedule) ended(now time.Time, q *question, resp *clawhq.ChatResponse, err error) (*Result, error) {
	verdict, why, after := judge(err)
	if q == s.suspect && verdict != suspected && verdict != throttled {
		s.suspect = nil
	}
	switch verdict {
	case throttled:
		q.due = now.Add(max(after, time.Second))
		if q == s.suspect {
			s.suspectAt = q.due
		} else {
			s.later = append(s.later, q)
		}
		return nil, nil
	case suspected:
		return nil, s.refused(now, q, why, err)
	case transient:
		if !s.failed(now, q, after, err) {
			return nil, nil
		}
	case answered:
		s.alive(now)
	case refused:
		if fromService(err) {
			s.alive(now)
		}
	}
	s.release(q)
	return &Result{Item: q.Item, Response: resp, Err: err}, nil
}

// alive notes that the service answers.
func (s *schedule) alive(now time.Time) { s.answeredAt, s.failing = now, 0 }

// refused plans to ask a question again that was refused. If it was refused
// for the same reason a minute before, refused returns the error that ends
// the run.
func (s *schedule) refused(now time.Time, q *question, why suspicion, err error) error {
	if q.refusal == why && now.Sub(q.refusedAt) >= secondLook {
		return fmt.Errorf("item %q, asked twice: %w", q.ID, err)
	}
	if q.refusal != why {
		q.refusal, q.refusedAt = why, now
	}
	if s.suspect == nil || s.suspect == q {
		s.suspect, s.suspectAt = q, now.Add(secondLook)
	} else {
		s.recalled(q)
	}
	return nil
}

// failed plans the repeat of a question that has failed for a reason that may
// pass. It reports whether the question has no tries left.
func (s *schedule) failed(now time.Time, q *question, after time.Duration, err error) (final bool) {
	if s.failing++; s.failing == outageAfter {
		s.probe, s.probeAt = 2*firstProbe, now.Add(firstProbe)
	}
	var limit *clawhq.RateLimitError
	if until := now.Add(after); errors.As(err, &limit) && until.After(s.limited) {
		s.limited = until
	}
	q.failures++
	if q.tries == 0 || s.answeredAt.After(q.counted) || now.Sub(q.counted) >= outageTry {
		q.tries++
		q.counted = now
	}
	if q.tries >= s.most {
		return true
	}
	pause := min(firstPause<<min(q.failures-1, 10), longestPause)
	pause = pause/2 + rand.N(pause/2)
	q.least = now.Add(after)
	q.due = now.Add(max(after, pause))
	s.later = append(s.later, q)
	return false
}
