package otelclawhq

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
)

// instruments are the metrics of the package comment.
type instruments struct {
	duration   metric.Float64Histogram
	attempts   metric.Int64Counter
	wait       metric.Float64Histogram
	rejections metric.Int64Counter
	remaining  metric.Int64Gauge
	firstChunk metric.Float64Histogram
}

// seconds are the bucket boundaries of durations: an agent takes between
// milliseconds and minutes to answer.
var seconds = metric.WithExplicitBucketBoundaries(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)

func newInstruments(m metric.Meter) (i instruments) {
	var errs [6]error
	i.duration, errs[0] = m.Float64Histogram("clawhq.client.call.duration", metric.WithUnit("s"), seconds,
		metric.WithDescription("Duration of calls, waits and retries included."))
	i.attempts, errs[1] = m.Int64Counter("clawhq.client.attempts", metric.WithUnit("{attempt}"),
		metric.WithDescription("Requests that were sent."))
	i.wait, errs[2] = m.Float64Histogram("clawhq.client.rate_limit.wait", metric.WithUnit("s"), seconds,
		metric.WithDescription("How long attempts waited for the rate limit."))
	i.rejections, errs[3] = m.Int64Counter("clawhq.client.rate_limit.rejections", metric.WithUnit("{attempt}"),
		metric.WithDescription("Attempts that the service rejected with 429."))
	i.remaining, errs[4] = m.Int64Gauge("clawhq.client.rate_limit.remaining", metric.WithUnit("{call}"),
		metric.WithDescription("Calls left of the window, as of the last reply."))
	i.firstChunk, errs[5] = m.Float64Histogram("clawhq.client.stream.time_to_first_chunk", metric.WithUnit("s"), seconds,
		metric.WithDescription("Time from the beginning of a call to the first chunk of its stream."))
	for _, err := range errs {
		if err != nil { // the instrument is then a no-op
			otel.Handle(err)
		}
	}
	return i
}
