package relay

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// A sender writes events, and heartbeats while there are none. Heartbeats are
// written by the goroutine of a timer; the mutex makes sure that only one
// goroutine writes at a time.
type sender struct {
	w       http.ResponseWriter
	control *http.ResponseController
	opts    Options
	timer   *time.Timer // to the next heartbeat

	mu       sync.Mutex
	begun    bool // the status has been sent
	closed   bool
	buffered bool  // w cannot flush
	events   int   // how many the browser was sent, including those of earlier connections
	err      error // of the first write that failed
	panicked any   // what a heartbeat panicked with
}

func newSender(w http.ResponseWriter, opts Options, events int) *sender {
	s := &sender{w: w, control: http.NewResponseController(w), opts: opts, events: events}
	s.deadline(time.Time{}) // instead of the WriteTimeout of http.Server
	s.mu.Lock()
	defer s.mu.Unlock()
	if opts.Heartbeat > 0 {
		s.timer = time.AfterFunc(opts.Heartbeat, s.heartbeat)
	}
	return s
}

// close ends the heartbeats. Nothing is written after it has returned.
func (s *sender) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

// claim reports whether nothing has been sent yet. If so, the caller writes the
// response, and the sender writes nothing any more.
func (s *sender) claim() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		return false
	}
	s.closed = true
	return true
}

// event sends an event. An event without a name is a message.
func (s *sender) event(name string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.panicked != nil {
		panic(s.panicked)
	}
	s.events++
	text := fmt.Sprintf("id: %d\n", s.events)
	if name != "" {
		text += "event: " + name + "\n"
	}
	return s.send(text + "data: " + string(data) + "\n\n")
}

// heartbeat sends a comment. If the ResponseWriter panics, the next event panics
// with the same value in the handler's goroutine, where net/http recovers it.
func (s *sender) heartbeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			s.panicked, s.closed = p, true
		}
	}()
	if !s.closed {
		s.send(": heartbeat\n\n")
	}
}

// send writes and flushes a text.
func (s *sender) send(text string) error {
	if s.err != nil {
		return s.err
	}
	if !s.begun {
		s.begun = true
		writeHeader(s.w)
	}
	if s.timer != nil {
		s.timer.Reset(s.opts.Heartbeat)
	}
	if s.opts.WriteTimeout > 0 {
		s.deadline(time.Now().Add(s.opts.WriteTimeout))
		defer s.deadline(time.Time{}) // HTTP/2 ends a stream at its deadline, whether or not it is written to
	}
	if _, s.err = io.WriteString(s.w, text); s.err != nil || s.buffered {
		return s.err
	}
	err := s.control.Flush()
	if s.buffered = errors.Is(err, http.ErrNotSupported); s.buffered {
		_, err = io.WriteString(s.w, ": the server's ResponseWriter cannot flush: events may come late, or all at once\n\n")
	}
	s.err = err
	return s.err
}

// deadline sets the deadline for writing if w supports one. It ignores errors:
// if the connection is closed, the next write returns an error.
func (s *sender) deadline(t time.Time) { s.control.SetWriteDeadline(t) }
