package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
)

// A printer is an exporter that prints traces as trees when it is shut down.
type printer struct {
	out   io.Writer
	spans []trace.ReadOnlySpan
}

// ExportSpans keeps spans.
func (p *printer) ExportSpans(_ context.Context, spans []trace.ReadOnlySpan) error {
	p.spans = append(p.spans, spans...)
	return nil
}

// Shutdown prints them.
func (p *printer) Shutdown(context.Context) error {
	slices.SortFunc(p.spans, func(a, b trace.ReadOnlySpan) int {
		return cmp.Or(a.StartTime().Compare(b.StartTime()), -a.EndTime().Compare(b.EndTime()))
	})
	for _, s := range p.spans {
		if !s.Parent().IsValid() {
			p.tree(s, s.StartTime(), 0)
		}
	}
	return nil
}

func (p *printer) tree(s trace.ReadOnlySpan, began time.Time, depth int) {
	indent := strings.Repeat("│  ", depth)
	status := ""
	if s.Status().Description != "" {
		status = " ✗ " + s.Status().Description
	}
	fmt.Fprintf(p.out, "%s%s%s  %s  %s\n", indent, s.Name(), status, since(began, s.StartTime(), s.EndTime()), attributes(s.Attributes()))
	for _, e := range s.Events() {
		fmt.Fprintf(p.out, "%s│  · %s  %s  %s\n", indent, e.Name, since(began, e.Time, e.Time), attributes(e.Attributes))
	}
	for _, child := range p.spans {
		if child.Parent().SpanID() == s.SpanContext().SpanID() {
			p.tree(child, began, depth+1)
		}
	}
}

// since prints when something began and how long it took.
func since(began, from, to time.Time) string {
	at := "+" + from.Sub(began).Round(time.Millisecond).String()
	if d := to.Sub(from); d > 0 {
		at += " " + d.Round(time.Millisecond).String()
	}
	return at
}

// attributes prints those that differ from span to span, of all that there are.
func attributes(all []attribute.KeyValue) string {
	var texts []string
	for _, a := range all {
		switch a.Key {
		case "http.response.status_code", "http.request.resend_count", "clawhq.wait", "clawhq.request_id":
			texts = append(texts, string(a.Key)+"="+a.Value.Emit())
		}
	}
	return strings.Join(texts, " ")
}

// measured returns a line for each metric of the client.
func measured(ctx context.Context, reader metric.Reader) ([]string, error) {
	var all metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &all); err != nil {
		return nil, err
	}
	var lines []string
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				n, sum := uint64(0), 0.0
				for _, p := range d.DataPoints {
					n, sum = n+p.Count, sum+p.Sum
				}
				lines = append(lines, fmt.Sprintf("%s: %d, together %.3f %s", m.Name, n, sum, m.Unit))
			case metricdata.Sum[int64]:
				n := int64(0)
				for _, p := range d.DataPoints {
					n += p.Value
				}
				lines = append(lines, fmt.Sprintf("%s: %d %s", m.Name, n, m.Unit))
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					lines = append(lines, fmt.Sprintf("%s: %d %s", m.Name, p.Value, m.Unit))
				}
			}
		}
	}
	slices.Sort(lines)
	return lines, nil
}
