package wire

// Limits of the days parameter of GET /v1/usage.
const (
	MinUsageDays = 1
	MaxUsageDays = 90
)

// Usage is the reply of GET /v1/usage: what the calling key's chats came to.
type Usage struct {
	KeyName string      `json:"key_name"`
	Period  string      `json:"period"` // the days, as in 7d
	Days    []UsageDay  `json:"usage"`  // newest first; days without calls are missing
	Totals  UsageTotals `json:"totals"`
}

// Check tells whether the days are there.
func (u Usage) Check() error { return need(member{"usage", u.Days != nil}) }

// UsageDay counts a day (UTC).
type UsageDay struct {
	Date              string  `json:"date"` // 2026-11-24
	Requests          int64   `json:"requests"`
	Errors            int64   `json:"errors"`
	AverageResponseMS float64 `json:"avg_response_time_ms"`
}

// UsageTotals counts all days together.
type UsageTotals struct {
	Requests          int64   `json:"total_requests"`
	Errors            int64   `json:"total_errors"`
	AverageResponseMS float64 `json:"avg_response_time_ms"`
}
