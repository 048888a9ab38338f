package server

import (
	"net/http"
	"strconv"

	"github.com/clawhq/clawhq-go/internal/window"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// rateLimit is what a success says about its window. The zero value says
// nothing.
type rateLimit struct {
	limit, remaining int
	reset            string
}

// set writes the X-RateLimit headers.
func (l rateLimit) set(h http.Header) {
	if l.limit == 0 {
		return
	}
	h.Set(wire.HeaderRateLimitLimit, strconv.Itoa(l.limit))
	h.Set(wire.HeaderRateLimitRemaining, strconv.Itoa(l.remaining))
	h.Set(wire.HeaderRateLimitReset, l.reset)
}

// window returns the calls in a window, the key's or the account's, and its
// size.
func (s *state) window(w wire.Window, k *key) (log *window.Log, limit int) {
	if w == wire.KeyWindow {
		return &k.window, k.rpm
	}
	log = s.windows[w.Name]
	if log == nil {
		log = new(window.Log)
		s.windows[w.Name] = log
	}
	return log, w.Limit
}
