package dashboard

import (
	"net/http"
	"time"
)

// Attempt is an attempt to send something to a webhook, as the page shows it.
type Attempt struct {
	Time       time.Time   `json:"time"`
	DeliveryID string      `json:"delivery_id"` // id in the webhook's log; empty for a test
	Event      string      `json:"event"`       // as in the header
	Number     int         `json:"number"`      // 1 for the first attempt at a delivery, 2 for its first retry; 0 for tests, replays and bulk retries
	URL        string      `json:"url"`
	Header     http.Header `json:"header"`
	Body       string      `json:"body"`

	Status      int         `json:"status"` // of the reply; 0 if there was none
	ReplyHeader http.Header `json:"reply_header"`
	Reply       string      `json:"reply"`
	LatencyMS   int64       `json:"latency_ms"`
	Error       string      `json:"error"` // why there was no reply
}

const maxAttempts = 50 // shown at most, the newest

// attempts answers GET /dashboard/attempts?webhook=id: the newest attempts, oldest
// first.
func (d *Dashboard) attempts(w http.ResponseWriter, r *http.Request) {
	list := d.config.Attempts(r.URL.Query().Get("webhook"))
	if n := len(list); n > maxAttempts {
		list = list[n-maxAttempts:]
	}
	writeJSON(w, http.StatusOK, map[string][]Attempt{"attempts": append([]Attempt{}, list...)})
}
