// Observability makes a few calls and prints their OpenTelemetry traces, as trees
// of calls, attempts and HTTP requests, and their metrics, with those of a limit that
// machines share through Redis.
//
//	cd examples/observability && go run .
//
// It is a separate module, since it needs OpenTelemetry. If CLAWHQ_API_KEY is set,
// it calls the real service; otherwise it starts the reference server in its own
// process, which fails now and then. Your program would use an exporter
// (otlptracehttp, prometheus, …) in place of this printer.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/otelclawhq"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	log.SetFlags(0)
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	tracers := trace.NewTracerProvider(trace.WithBatcher(&printer{out: out}))
	reader := metric.NewManualReader()
	meters := metric.NewMeterProvider(metric.WithReader(reader))
	otel.SetTracerProvider(tracers)
	otel.SetMeterProvider(meters)

	limiter, end, err := newLimiter()
	if err != nil {
		return err
	}
	defer end()
	if err := observeLimiter(meters.Meter("observability"), limiter); err != nil {
		return err
	}
	client, err := newClient(otelclawhq.Option(), clawhq.WithLimiter(limiter))
	if err != nil {
		return err
	}
	ctx, span := otel.Tracer("observability").Start(ctx, "two questions")
	if err := ask(ctx, client); err != nil {
		return err
	}
	span.End()
	if err := tracers.Shutdown(ctx); err != nil { // exports what is left
		return err
	}
	return printMetrics(ctx, out, reader)
}

// ask asks one question for its whole answer, and one for a stream.
func ask(ctx context.Context, client *clawhq.Client) error {
	if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: "What are your business hours?"}); err != nil {
		return err
	}
	_, err := clawhq.CollectText(client.ChatStream(ctx, clawhq.ChatRequest{Message: "Explain how webhooks work"}))
	return err
}

// newClient stands for clawhq.NewClient, so that this runs without a key.
func newClient(opts ...clawhq.Option) (*clawhq.Client, error) {
	if os.Getenv(clawhq.EnvAPIKey) != "" {
		return clawhq.NewClient(append(opts, clawhq.WithHTTPClient(&http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)}))...)
	}
	log.Printf("(%s is not set: this is the reference server)", clawhq.EnvAPIKey)
	server := clawhqtest.NewServer(clawhqtest.WithAgentDelay(30 * time.Millisecond))
	server.Inject(clawhqtest.FaultStatus(503, clawhq.CodeAgentOffline), clawhqtest.FaultDelay(50*time.Millisecond), clawhqtest.FaultReset())
	transport := otelhttp.NewTransport(server.HTTPClient().Transport) // as above, but trusts the server's certificate
	return server.Client(append(opts, clawhq.WithHTTPClient(&http.Client{Transport: transport}))...), nil
}

func printMetrics(ctx context.Context, out io.Writer, reader metric.Reader) error {
	lines, err := measured(ctx, reader)
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
	return err
}
