package otelclawhq

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// An observer makes spans and measurements from the events of a clawhq.Trace.
type observer struct {
	tracer trace.Tracer
	instruments
}

// A call is the state that the events of one call share. The events come one after
// another.
type call struct {
	start   time.Time
	span    trace.Span
	attempt trace.Span               // the current attempt, or the last one
	what    []attribute.KeyValue     // attributes: method and template
	about   metric.MeasurementOption // the same attributes, for measurements
}

// call returns the call that callStart put into the context. The observer is the
// key, so that several observers of a client do not disturb each other.
func (o *observer) call(ctx context.Context) *call { return ctx.Value(o).(*call) }

func (o *observer) callStart(ctx context.Context, e clawhq.TraceCallStart) context.Context {
	c := &call{start: time.Now(), what: []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(e.Method)}}
	name := e.Method
	if e.Path != "" {
		c.what = append(c.what, semconv.URLTemplate(e.Path))
		name += " " + e.Path
	}
	c.about = metric.WithAttributeSet(attribute.NewSet(c.what...))
	ctx, c.span = o.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(c.start), trace.WithAttributes(c.what...),
		trace.WithAttributes(semconv.ServerAddress(e.ServerAddress), semconv.ServerPort(e.ServerPort)))
	return context.WithValue(ctx, o, c)
}

func (o *observer) callEnd(ctx context.Context, e clawhq.TraceCallEnd) {
	c := o.call(ctx)
	outcome := outcome(e.StatusCode, e.Err)
	o.duration.Record(ctx, time.Since(c.start).Seconds(), c.about, metric.WithAttributes(outcome...))
	end(c.span, e.RequestID, e.Err, outcome)
}

func (o *observer) waiting(ctx context.Context, e clawhq.TraceWaiting) {
	attributes := []attribute.KeyValue{attribute.String("clawhq.reason", e.Reason)}
	if !e.Until.IsZero() {
		attributes = append(attributes, attribute.Float64("clawhq.wait", time.Until(e.Until).Seconds()))
	}
	o.call(ctx).span.AddEvent("rate_limit.waiting", trace.WithAttributes(attributes...))
}

func (o *observer) limiterDown(ctx context.Context, _ clawhq.TraceLimiterDown) {
	o.call(ctx).span.AddEvent("limiter_down")
}

// noWait is the longest wait for which there is no rate_limit.admitted event.
const noWait = time.Millisecond

func (o *observer) admitted(ctx context.Context, e clawhq.TraceAdmitted) {
	c := o.call(ctx)
	o.wait.Record(ctx, e.Waited.Seconds(), c.about)
	if e.Waited > noWait && e.Err == nil {
		c.span.AddEvent("rate_limit.admitted", trace.WithAttributes(attribute.Float64("clawhq.wait", e.Waited.Seconds())))
	}
}

func (o *observer) attemptStart(ctx context.Context, e clawhq.TraceAttemptStart) context.Context {
	c := o.call(ctx)
	options := []trace.SpanStartOption{trace.WithAttributes(c.what...)}
	if c.attempt != nil {
		options = append(options,
			trace.WithLinks(trace.Link{SpanContext: c.attempt.SpanContext()}),
			trace.WithAttributes(semconv.HTTPRequestResendCount(e.Attempt-1)))
	}
	ctx, c.attempt = o.tracer.Start(ctx, "attempt", options...)
	return ctx
}

func (o *observer) attemptEnd(ctx context.Context, e clawhq.TraceAttemptEnd) {
	c := o.call(ctx)
	outcome := outcome(e.StatusCode, e.Err)
	o.attempts.Add(ctx, 1, c.about, metric.WithAttributes(outcome...))
	if e.StatusCode == http.StatusTooManyRequests {
		o.rejections.Add(ctx, 1, c.about)
	}
	if e.RateLimit.Limit > 0 {
		o.remaining.Record(ctx, int64(e.RateLimit.Remaining), c.about)
	}
	end(c.attempt, e.RequestID, e.Err, outcome)
}

func (o *observer) retry(ctx context.Context, e clawhq.TraceRetry) {
	o.call(ctx).span.AddEvent("retry", trace.WithAttributes(
		semconv.ErrorTypeKey.String(errorType(e.Err)),
		attribute.Float64("clawhq.wait", e.Wait.Seconds())))
}

func (o *observer) firstChunk(ctx context.Context, _ clawhq.TraceFirstChunk) {
	c := o.call(ctx)
	o.instruments.firstChunk.Record(ctx, time.Since(c.start).Seconds(), c.about)
	c.attempt.AddEvent("first_chunk")
}

// end ends the span of a call or an attempt with its outcome.
func end(span trace.Span, requestID string, err error, outcome []attribute.KeyValue) {
	span.SetAttributes(outcome...)
	if requestID != "" {
		span.SetAttributes(attribute.String("clawhq.request_id", requestID))
	}
	if err != nil {
		span.SetStatus(codes.Error, errorType(err))
	}
	span.End()
}

// outcome returns attributes for the status and the type of the error, if there are
// any.
func outcome(status int, err error) (attributes []attribute.KeyValue) {
	if status > 0 {
		attributes = append(attributes, semconv.HTTPResponseStatusCode(status))
	}
	if err != nil {
		attributes = append(attributes, semconv.ErrorTypeKey.String(errorType(err)))
	}
	return attributes
}

// errorType returns a short name for an error. There are few such names, since they
// are attributes of metrics.
func errorType(err error) string {
	var api *clawhq.APIError
	switch {
	case errors.As(err, &api) && isCode(api.Code):
		return string(api.Code)
	case errors.Is(err, clawhq.ErrThrottled):
		return "throttled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case api != nil && api.StatusCode > 0:
		return strconv.Itoa(api.StatusCode)
	default:
		return semconv.ErrorTypeOther.Value.AsString()
	}
}

// isCode reports whether a code looks like one of the service's. Any other text that
// a reply has in its place must not become an attribute.
func isCode(code clawhq.ErrorCode) bool {
	return code != "" && len(code) <= 40 && strings.Trim(string(code), "abcdefghijklmnopqrstuvwxyz_") == ""
}
