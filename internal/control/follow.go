package control

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// Limits of what follows the journal: how many of the requests that are there are
// shown first, how often a sign of life is given, and how long a reader may not read,
// in real time.
const (
	maxFollowed = 10_000
	heartbeat   = 15 * time.Second
	readTimeout = 10 * time.Second
)

// followRequests answers with server-sent events: each has a request of the journal in
// short, and comes again when the request has changed.
func (c *Control) followRequests(r *http.Request) (any, error) {
	query := r.URL.Query()
	matches, err := c.filter(query)
	if err != nil {
		return nil, err
	}
	limit, err := number(query, "limit", 0, maxFollowed, maxShown)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	return streamed(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", wire.ContentTypeEventStream)
		if r.Method == http.MethodHead {
			return
		}
		found := make(chan clawhqtest.Request, 64)
		go func() {
			defer close(found)
			for r := range c.server.FollowRequests(ctx, limit, matches) {
				select {
				case found <- r:
				case <-ctx.Done():
					return
				}
			}
		}()
		follow(w, found)
	}), nil
}

// follow writes an event for each request until there are no more, or nobody reads.
func follow(w http.ResponseWriter, found <-chan clawhqtest.Request) {
	conn := http.NewResponseController(w)
	events := json.NewEncoder(w)
	events.SetEscapeHTML(false)
	alive := time.NewTicker(heartbeat)
	defer alive.Stop()
	for err := conn.Flush(); err == nil; {
		select {
		case r, more := <-found:
			if !more {
				return
			}
			conn.SetWriteDeadline(time.Now().Add(readTimeout))
			w.Write([]byte("data: "))
			events.Encode(summarize(r))
			_, err = w.Write([]byte("\n"))
			if len(found) > 0 {
				continue
			}
		case <-alive.C:
			conn.SetWriteDeadline(time.Now().Add(readTimeout))
			_, err = w.Write([]byte(":\n\n"))
		}
		if err == nil {
			err = conn.Flush()
		}
		conn.SetWriteDeadline(time.Time{}) // HTTP/2 ends a stream at its deadline, whether or not it is written to
	}
}
