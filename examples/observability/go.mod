module github.com/clawhq/clawhq-go/examples/observability

go 1.25.0

require (
	github.com/alicebob/miniredis/v2 v2.40.0
	github.com/clawhq/clawhq-go v0.2.0
	github.com/clawhq/clawhq-go/otelclawhq v0.2.0
	github.com/clawhq/clawhq-go/redisclawhq v0.2.0
	github.com/redis/go-redis/v9 v9.22.0
	go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp v0.71.0
	go.opentelemetry.io/otel v1.46.0
	go.opentelemetry.io/otel/metric v1.46.0
	go.opentelemetry.io/otel/sdk v1.46.0
	go.opentelemetry.io/otel/sdk/metric v1.46.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/felixge/httpsnoop v1.1.0 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/yuin/gopher-lua v1.1.1 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel/trace v1.46.0 // indirect
	go.uber.org/atomic v1.11.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/time v0.15.0 // indirect
)

replace (
	github.com/clawhq/clawhq-go => ../..
	github.com/clawhq/clawhq-go/otelclawhq => ../../otelclawhq
	github.com/clawhq/clawhq-go/redisclawhq => ../../redisclawhq
)
