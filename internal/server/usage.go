package server

import (
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// usage answers GET /v1/usage. It counts the key's chats in the journal.
func (c *call) usage() (any, error) {
	p := c.profile
	days := p.quirks().usageDays
	if asked := c.query("days"); asked != "" {
		if _, ok := js.ParseInt(asked); !ok {
			return nil, p.wrongTypeCaught(refuse(wire.CodeInvalidParameter, "days must be a number", "days"))
		}
		days = min(max(c.queryInt("days", 0), wire.MinUsageDays), wire.MaxUsageDays)
	}
	if c.lookupFails(LookupList) {
		return nil, refuse(wire.CodeInternalError, "Failed to fetch usage", "")
	}

	now := c.s.clock.Now()
	since := now.AddDate(0, 0, -days)
	usage := wire.Usage{KeyName: c.key.name, Period: strconv.Itoa(days) + "d", Usage: wire.UsageFigure{Days: []wire.UsageDay{}}}
	var day, all tally
	date := ""
	flush := func() {
		if date != "" {
			usage.Usage.Days = append(usage.Usage.Days, wire.UsageDay{Date: date, Requests: day.calls, Errors: day.errors, AverageResponseMS: day.average(), Tokens: day.tokens})
		}
		day = tally{}
	}
	byAgent := map[string]tally{}
	for _, e := range c.chats(since, p.quirks().usageCalls) {
		if d := e.Time.UTC().Format(time.DateOnly); d != date {
			flush()
			date = d
		}
		ofAgent := byAgent[e.Agent]
		for _, t := range []*tally{&day, &all, &ofAgent} {
			t.add(e)
		}
		byAgent[e.Agent] = ofAgent
	}
	flush()
	usage.Totals = wire.UsageTotals{Requests: all.calls, Errors: all.errors, AverageResponseMS: all.average(), Tokens: all.tokens}
	if p.quirks().pageFields {
		usage = withPage(usage, byAgent, since, now)
	}
	return usage, nil
}

// withPage adds the fields of the reference pages.
func withPage(shown wire.Usage, byAgent map[string]tally, since, now time.Time) wire.Usage {
	page := &wire.UsagePage{Requests: shown.Totals.Requests, Tokens: shown.Totals.Tokens, PeriodStart: wire.HandlerTime(since), PeriodEnd: wire.HandlerTime(now),
		ByAgent: wire.AgentUsages{}}
	for _, agent := range slices.Sorted(maps.Keys(byAgent)) {
		page.ByAgent = append(page.ByAgent, wire.AgentUsage{Agent: agent, Requests: byAgent[agent].calls, Tokens: byAgent[agent].tokens})
	}
	for i := range shown.Usage.Days {
		shown.Usage.Days[i].AverageLatencyMS = shown.Usage.Days[i].AverageResponseMS
	}
	shown.Usage.Page = page
	return shown
}

// chats returns the key's chats after since that reached an agent and whose reply has
// begun: at most limit of them, newest first. The duration of a chat that is under
// way is the time so far.
func (c *call) chats(since time.Time, limit int) (chats []entry) {
	underWay := map[*entry]bool{}
	for other := range c.s.live {
		underWay[other.entry] = true
	}
	for _, e := range slices.Backward(c.state.journal) {
		if e.KeyID != c.key.id || e.Agent == "" || e.Status == 0 || !e.Time.After(since) || e.Path != wire.BasePath+wire.Chat.Path {
			continue
		}
		one := *e
		if underWay[e] {
			one.Duration = c.s.clock.Since(e.Time)
		}
		if chats = append(chats, one); len(chats) == limit {
			break
		}
	}
	return chats
}

// tokenBytes is how many bytes of a message or an answer count as one token.
const tokenBytes = 4

// tally counts chats.
type tally struct {
	calls, errors, tokens int64
	time                  time.Duration
}

func (t *tally) add(e entry) {
	t.calls++
	t.tokens += e.tokens
	t.time += e.Duration
	if e.Err != "" || e.Status != http.StatusOK {
		t.errors++
	}
}

// average returns the average duration in whole milliseconds.
func (t *tally) average() float64 {
	if t.calls == 0 {
		return 0
	}
	return math.Round(float64(t.time) / float64(t.calls) / float64(time.Millisecond))
}
