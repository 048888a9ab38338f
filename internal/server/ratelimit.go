package server

import (
	"net/http"
	"strconv"

	"github.com/clawhq/clawhq-go/internal/window"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// rateLimit holds the values of a reply's X-RateLimit headers. The zero value sends
// none.
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

// callLog returns the log of the calls in a window, and the window's limit. The
// window belongs to the key or to the account.
func (s *state) callLog(w wire.Window, k *key) (log *window.Log, limit int) {
	if w == wire.KeyWindow {
		return &k.callLog, k.rpm
	}
	log = s.callLogs[w.Name]
	if log == nil {
		log = new(window.Log)
		s.callLogs[w.Name] = log
	}
	return log, w.Limit
}
