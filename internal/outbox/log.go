package outbox

import (
	"math"
	"slices"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Deliveries returns the newest rows of a webhook's log, newest first.
func (o *Outbox) Deliveries(id string) ([]wire.Delivery, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h, err := o.find(id)
	if err != nil {
		return nil, err
	}
	rows := []wire.Delivery{}
	for _, r := range slices.Backward(h.log) {
		if len(rows) == wire.MaxDeliveriesListed {
			break
		}
		rows = append(rows, r.Delivery)
	}
	return rows, nil
}

// statsSpan is the time that the statistics cover.
const statsSpan = 7 * 24 * time.Hour

// Stats returns the statistics of each webhook that has rows in the last seven days.
func (o *Outbox) Stats() []wire.WebhookStats {
	o.mu.Lock()
	defer o.mu.Unlock()
	since := o.config.Clock.Now().Add(-statsSpan)
	all := []wire.WebhookStats{}
	for _, h := range o.hooks {
		s := wire.WebhookStats{WebhookID: h.ID}
		latency := 0.0
		for _, r := range h.log {
			if r.CreatedAt.Time().Before(since) {
				continue
			}
			s.TotalDeliveries++
			latency += r.LatencyMS
			if r.Success {
				s.SuccessfulDeliveries++
			}
		}
		if s.TotalDeliveries == 0 {
			continue
		}
		s.FailedDeliveries = s.TotalDeliveries - s.SuccessfulDeliveries
		s.AverageLatencyMS = math.Round(latency / float64(s.TotalDeliveries))
		s.SuccessRate = math.Round(1000*float64(s.SuccessfulDeliveries)/float64(s.TotalDeliveries)) / 10
		all = append(all, s)
	}
	return all
}
