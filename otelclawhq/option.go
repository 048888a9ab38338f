package otelclawhq

import (
	"github.com/clawhq/clawhq-go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Scope is the name of the instrumentation scope of all spans and metrics.
const Scope = "github.com/clawhq/clawhq-go/otelclawhq"

// A Setting changes what [Option] uses.
type Setting func(*settings)

type settings struct {
	tracers trace.TracerProvider
	meters  metric.MeterProvider
}

// WithTracerProvider sets where spans go. Default: otel.GetTracerProvider().
func WithTracerProvider(p trace.TracerProvider) Setting { return func(s *settings) { s.tracers = p } }

// WithMeterProvider sets where metrics go. Default: otel.GetMeterProvider().
func WithMeterProvider(p metric.MeterProvider) Setting { return func(s *settings) { s.meters = p } }

// Option returns the option that shows a client's calls; the package comment
// says how. A client may have other traces beside.
func Option(with ...Setting) clawhq.Option {
	s := settings{tracers: otel.GetTracerProvider(), meters: otel.GetMeterProvider()}
	for _, set := range with {
		set(&s)
	}
	o := &observer{
		tracer:      s.tracers.Tracer(Scope, trace.WithInstrumentationVersion(clawhq.Version)),
		instruments: newInstruments(s.meters.Meter(Scope, metric.WithInstrumentationVersion(clawhq.Version))),
	}
	return clawhq.WithTrace(&clawhq.Trace{
		CallStart:    o.callStart,
		CallEnd:      o.callEnd,
		Waiting:      o.waiting,
		LimiterDown:  o.limiterDown,
		Admitted:     o.admitted,
		AttemptStart: o.attemptStart,
		AttemptEnd:   o.attemptEnd,
		Retry:        o.retry,
		FirstChunk:   o.firstChunk,
	})
}
