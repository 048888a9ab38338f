package clawhq

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Usage counts the chats of the calling key: those that were answered, and
// those whose agent failed. The service leaves out what it refused, threads,
// batches and reads, and counts the newest 1,000 calls at most.
type Usage struct {
	KeyName string
	Period  string     // like "7d"
	Days    []UsageDay // newest first; days without calls are missing
	Totals  UsageTotals
}

// UsageDay counts the calls of a day. The first day of a period is partial: a
// period is so many times 24 hours back from now.
type UsageDay struct {
	Date                string // like "2026-11-24", in UTC
	Requests            int64  // Errors included
	Errors              int64
	AverageResponseTime time.Duration
}

// UsageTotals counts the calls of all days together.
type UsageTotals struct {
	Requests            int64 // Errors included
	Errors              int64
	AverageResponseTime time.Duration
}

// Usage returns what the calling key was used for in the last days, 1 to 90.
func (c *Client) Usage(ctx context.Context, days int, opts ...CallOption) (*Usage, error) {
	r := to(wire.GetUsage)
	r.query = url.Values{"days": {strconv.Itoa(days)}}
	if days < wire.MinUsageDays || days > wire.MaxUsageDays {
		r = r.unless(invalid(CodeInvalidParameter, "days", "days is %d, and must be %d to %d", days, wire.MinUsageDays, wire.MaxUsageDays))
	}
	body, _, err := fetch[wire.Usage](ctx, c.core, r, opts)
	if err != nil {
		return nil, err
	}
	t := body.Totals
	return &Usage{
		KeyName: body.KeyName, Period: body.Period, Days: each(body.Days, usageDayOf),
		Totals: UsageTotals{Requests: t.Requests, Errors: t.Errors, AverageResponseTime: milliseconds(t.AverageResponseMS)},
	}, nil
}

func usageDayOf(d wire.UsageDay) UsageDay {
	return UsageDay{Date: d.Date, Requests: d.Requests, Errors: d.Errors, AverageResponseTime: milliseconds(d.AverageResponseMS)}
}

// milliseconds returns so many of them, which may have a fraction.
func milliseconds(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
