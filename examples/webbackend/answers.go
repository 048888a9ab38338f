package main

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go"
)

// keep is how long an answer is kept after its end, for a page that comes back.
const keep = time.Minute

// answers has the latest answer of each conversation. An answer is made once, by a
// goroutine of its own, whether or not a page listens; pages read what there is.
type answers struct {
	ctx      context.Context // of the app
	patience time.Duration   // how long an answer may take

	mu     sync.Mutex
	latest map[string]*answer // by conversation
}

// begin begins an answer and stops the one before it. If a page asks again under
// the same id, since its connection was lost, that is the same answer.
func (s *answers) begin(conversation, id string, ask func(context.Context) iter.Seq2[clawhq.ChatChunk, error]) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.latest[conversation]; a != nil {
		if a.id == id && id != "" {
			return a
		}
		a.stop()
	}
	ctx, stop := context.WithTimeout(s.ctx, s.patience)
	a := &answer{id: id, stop: stop, news: make(chan struct{})}
	s.latest[conversation] = a
	go func() {
		defer stop()
		for chunk, err := range ask(ctx) {
			a.add(chunk, err, err != nil)
		}
		a.add(clawhq.ChatChunk{}, nil, true)
		time.AfterFunc(keep, func() { s.forget(conversation, a) })
	}()
	return a
}

// find returns the answer with this id, nil if it is not known any more.
func (s *answers) find(conversation, id string) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.latest[conversation]; a != nil && a.id == id {
		return a
	}
	return nil
}

// stop ends the call of the conversation's latest answer.
func (s *answers) stop(conversation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.latest[conversation]; a != nil {
		a.stop()
	}
}

func (s *answers) forget(conversation string, a *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest[conversation] == a {
		delete(s.latest, conversation)
	}
}

// An answer is what an agent has said so far.
type answer struct {
	id   string
	stop context.CancelFunc

	mu     sync.Mutex
	chunks []clawhq.ChatChunk
	ended  bool
	err    error
	news   chan struct{} // closed when something is added
}

// add adds a chunk, or the end.
func (a *answer) add(chunk clawhq.ChatChunk, err error, end bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.ended:
		return
	case end:
		a.ended, a.err = true, err
	default:
		a.chunks = append(a.chunks, chunk)
	}
	close(a.news)
	a.news = make(chan struct{})
}

// from returns the answer after its first n chunks, as it comes; nil if there are
// not so many.
func (a *answer) from(ctx context.Context, n int) iter.Seq2[clawhq.ChatChunk, error] {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n > len(a.chunks) {
		return nil
	}
	return func(yield func(clawhq.ChatChunk, error) bool) {
		for n := n; ; {
			a.mu.Lock()
			chunks, ended, err, news := a.chunks[n:], a.ended, a.err, a.news
			a.mu.Unlock()
			for _, chunk := range chunks {
				if !yield(chunk, nil) {
					return
				}
				n++
			}
			switch {
			case ended && err != nil:
				yield(clawhq.ChatChunk{}, err)
				return
			case ended:
				return
			}
			select {
			case <-news:
			case <-ctx.Done():
				yield(clawhq.ChatChunk{}, context.Cause(ctx))
				return
			}
		}
	}
}
