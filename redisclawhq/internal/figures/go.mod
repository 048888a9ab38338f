module github.com/clawhq/clawhq-go/redisclawhq/internal/figures

go 1.25.0

require (
	github.com/clawhq/clawhq-go v0.2.0
	github.com/clawhq/clawhq-go/redisclawhq v0.2.0
	github.com/go-redis/redis_rate/v10 v10.0.1
	github.com/redis/go-redis/v9 v9.22.0
	github.com/throttled/throttled/v2 v2.15.0
	github.com/ulule/limiter/v3 v3.11.2
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	go.uber.org/atomic v1.11.0 // indirect
	golang.org/x/sys v0.30.0 // indirect
	golang.org/x/time v0.15.0 // indirect
)

replace (
	github.com/clawhq/clawhq-go => ../../..
	github.com/clawhq/clawhq-go/redisclawhq => ../..
)
