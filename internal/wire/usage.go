package wire

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
)

// Limits of the days parameter of GET /v1/usage.
const (
	MinUsageDays = 1
	MaxUsageDays = 90
)

// Usage is the reply of GET /v1/usage about the chats of the calling key. Its member
// usage is a list of days or, on the reference pages, an object.
type Usage struct {
	KeyName string      `json:"key_name"`
	Period  string      `json:"period"` // number of days, as in 7d
	Usage   UsageFigure `json:"usage"`
	Totals  UsageTotals `json:"totals"`
}

// Check returns an error if the figures are missing.
func (u Usage) Check() error { return need(member{"usage", u.Usage.Days != nil}) }

// AnyTotals returns the totals of either form.
func (u Usage) AnyTotals() UsageTotals {
	t := u.Totals
	if page := u.Usage.Page; page != nil {
		t.Requests, t.Tokens = cmp.Or(t.Requests, page.Requests), cmp.Or(t.Tokens, page.Tokens)
	}
	return t
}

// UsageFigure is the member usage of a Usage.
type UsageFigure struct {
	Days []UsageDay // newest first; days without calls are missing
	Page *UsagePage // the other fields of the reference pages; nil if usage is a list
}

// UsagePage is the object that the reference pages have in place of the list of days.
type UsagePage struct {
	Requests    int64       `json:"total_requests"`
	Tokens      int64       `json:"total_tokens"`
	PeriodStart Time        `json:"period_start"`
	PeriodEnd   Time        `json:"period_end"`
	Daily       []UsageDay  `json:"daily"`
	ByAgent     AgentUsages `json:"by_agent"`
}

// MarshalJSON writes an object if there is a Page, and a list otherwise.
func (f UsageFigure) MarshalJSON() ([]byte, error) {
	if f.Page == nil {
		return json.Marshal(f.Days)
	}
	page := *f.Page
	page.Daily = f.Days
	return json.Marshal(page)
}

// UnmarshalJSON accepts both forms, and fails for anything else.
func (f *UsageFigure) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		f.Page = new(UsagePage)
		err := json.Unmarshal(b, f.Page)
		f.Days, f.Page.Daily = append([]UsageDay{}, f.Page.Daily...), nil
		return err
	}
	return json.Unmarshal(b, &f.Days)
}

// UsageDay counts the chats of one day (UTC). On the reference pages the average is
// called avg_latency_ms.
type UsageDay struct {
	Date              string  `json:"date"` // 2026-11-24
	Requests          int64   `json:"requests"`
	Errors            int64   `json:"errors"`
	AverageResponseMS float64 `json:"avg_response_time_ms"`

	Tokens           int64   `json:"tokens,omitempty"`
	AverageLatencyMS float64 `json:"avg_latency_ms,omitempty"`
}

// AnyAverageMS returns the average time of an answer under either name.
func (d UsageDay) AnyAverageMS() float64 { return cmp.Or(d.AverageResponseMS, d.AverageLatencyMS) }

// UsageTotals counts the chats of all days.
type UsageTotals struct {
	Requests          int64   `json:"total_requests"`
	Errors            int64   `json:"total_errors"`
	AverageResponseMS float64 `json:"avg_response_time_ms"`

	Tokens int64 `json:"total_tokens,omitempty"`
}

// AgentUsage counts the chats with an agent.
type AgentUsage struct {
	Agent    string `json:"agent"`
	Requests int64  `json:"requests"`
	Tokens   int64  `json:"tokens"`
}

// AgentUsages counts the chats by agent.
type AgentUsages []AgentUsage

// UnmarshalJSON never fails. It accepts a list, or an object with the figures of each
// agent by name, and leaves other values out.
func (u *AgentUsages) UnmarshalJSON(b []byte) error {
	var list []AgentUsage
	if json.Unmarshal(b, &list) == nil {
		*u = list
		return nil
	}
	var byName map[string]json.RawMessage
	_ = json.Unmarshal(b, &byName)
	*u = nil
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		a := AgentUsage{}
		if json.Unmarshal(byName[name], &a) == nil || json.Unmarshal(byName[name], &a.Requests) == nil {
			a.Agent = name
			*u = append(*u, a)
		}
	}
	return nil
}
