package clawhq

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Usage counts the chats made with an API key, both those that were answered
// and those whose agent failed. The service does not count chats that it
// refused, nor other calls such as threads and batches, and it counts only the
// newest 1,000 chats.
type Usage struct {
	KeyName string
	Period  string     // like "7d"
	Days    []UsageDay // the newest day first; days without chats are missing
	Totals  UsageTotals

	// ByAgent and the tokens are documented, but the live service does not send
	// them.
	ByAgent []AgentUsage
}

// AgentUsage counts the chats with an agent.
type AgentUsage struct {
	Agent    string // the slug of the agent
	Requests int64
	Tokens   int64
}

// UsageDay counts the chats of one day. The earliest day of a period is partial,
// since a period of n days is the last n times 24 hours.
type UsageDay struct {
	Date                string // like "2026-11-24", in UTC
	Requests            int64  // including Errors
	Errors              int64
	AverageResponseTime time.Duration
	Tokens              int64 // see Usage.ByAgent
}

// UsageTotals counts the chats of all days together.
type UsageTotals struct {
	Requests            int64 // including Errors
	Errors              int64
	AverageResponseTime time.Duration
	Tokens              int64 // see Usage.ByAgent
}

// Usage returns the usage of the client's API key in the last days, 1 to 90, or in
// the service's default period if days is 0: 7 days by the live service, 30 by the
// documentation. Other values are refused with an InvalidRequestError before anything
// is sent.
//
// Endpoint: GET /v1/usage
func (c *Client) Usage(ctx context.Context, days int, opts ...CallOption) (*Usage, error) {
	r := to(wire.GetUsage)
	if days != 0 {
		r.query = url.Values{"days": {strconv.Itoa(days)}}
	}
	if days != 0 && (days < wire.MinUsageDays || days > wire.MaxUsageDays) {
		r = r.unless(invalid(CodeInvalidParameter, "days", "days is %d, and must be %d to %d, or 0 for the default", days, wire.MinUsageDays, wire.MaxUsageDays))
	}
	body, _, err := fetch[wire.Usage](ctx, c.core, r, opts)
	if err != nil {
		return nil, err
	}
	t := body.AnyTotals()
	usage := &Usage{
		KeyName: body.KeyName, Period: body.Period, Days: each(body.Usage.Days, usageDayOf),
		Totals: UsageTotals{Requests: t.Requests, Errors: t.Errors, AverageResponseTime: milliseconds(t.AverageResponseMS), Tokens: t.Tokens},
	}
	if page := body.Usage.Page; page != nil {
		for _, a := range page.ByAgent {
			usage.ByAgent = append(usage.ByAgent, AgentUsage(a))
		}
	}
	return usage, nil
}

func usageDayOf(d wire.UsageDay) UsageDay {
	return UsageDay{
		Date: d.Date, Requests: d.Requests, Errors: d.Errors, Tokens: d.Tokens, AverageResponseTime: milliseconds(d.AnyAverageMS()),
	}
}

// milliseconds returns n milliseconds, which may have a fraction.
func milliseconds(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
