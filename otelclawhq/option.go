package otelclawhq

import (
	"github.com/clawhq/clawhq-go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Scope is the name of the instrumentation scope of all spans and metrics.
const Scope = "github.com/clawhq/clawhq-go/otelclawhq"

// A Setting configures [Option].
type Setting func(*settings)

type settings struct {
	tracers trace.TracerProvider
	meters  metric.MeterProvider
}

// WithTracerProvider sets the provider for spans. Default:
// otel.GetTracerProvider().
func WithTracerProvider(p trace.TracerProvider) Setting { return func(s *settings) { s.tracers = p } }

// WithMeterProvider sets the provider for metrics. Default:
// otel.GetMeterProvider().
func WithMeterProvider(p metric.MeterProvider) Setting { return func(s *settings) { s.meters = p } }

// Option returns a clawhq.Option that records the client's calls, as the package
// comment describes. It can be combined with clawhq.WithTrace.
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
