package otelclawhq_test

import (
	"cmp"
	"context"
	"fmt"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/otelclawhq"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// This program keeps its spans in memory. Other programs set up their own exporter.
func ExampleOption() {
	spans := tracetest.NewInMemoryExporter()
	provider := trace.NewTracerProvider(trace.WithSyncer(spans))
	server := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer server.Close()
	client := server.Client(otelclawhq.Option(otelclawhq.WithTracerProvider(provider))) // or clawhq.NewClient(otelclawhq.Option())

	server.Inject(clawhqtest.FaultStatus(503, clawhq.CodeAgentOffline))
	if _, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: "hi"}); err != nil {
		fmt.Println(err)
	}
	for _, s := range spans.GetSpans() { // in the order in which they ended
		fmt.Printf("%s (%s)\n", s.Name, cmp.Or(s.Status.Description, "ok"))
	}
	// Output:
	// attempt (agent_offline)
	// attempt (ok)
	// POST /v1/chat (ok)
}
