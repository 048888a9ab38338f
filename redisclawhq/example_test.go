package redisclawhq_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/clawhq/clawhq-go/webhook"
	"github.com/redis/go-redis/v9"
)

// Two machines share a key of 60 calls a minute.
func Example() {
	store, err := miniredis.Run() // in place of the Redis that they share
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	server := clawhqtest.NewServer() // in place of the service
	defer server.Close()

	for machine := range 2 {
		rdb := redis.NewClient(&redis.Options{Addr: store.Addr()})
		defer rdb.Close()
		limiter, err := redisclawhq.NewLimiter(rdb, "production")
		if err != nil {
			log.Fatal(err)
		}
		defer limiter.Close()
		client := server.Client(clawhq.WithLimiter(limiter))
		for range 30 {
			if _, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: "hi"}); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Printf("machine %d: %d of %d left\n", machine+1, client.RateLimit().Remaining, client.RateLimit().Limit)
	}
	// Output:
	// machine 1: 30 of 60 left
	// machine 2: 0 of 60 left
}

// This program shares its Redis with other programs, and leaves a part of the
// key's limit to them.
func ExampleNewLimiter() {
	rdb := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{"redis:6379"}})
	defer rdb.Close()
	limiter, err := redisclawhq.NewLimiter(rdb, "production",
		redisclawhq.WithPrefix("support:clawhq:"),
		redisclawhq.WithMaxRate(100),
		redisclawhq.WithTimeout(50*time.Millisecond),
		redisclawhq.WithLogger(slog.Default()),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer limiter.Close()
}

// Without Redis, the client shapes its calls by itself.
func ExampleLimiter_Fallback() {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // nothing listens there
	defer rdb.Close()
	limiter, err := redisclawhq.NewLimiter(rdb, "production")
	if err != nil {
		log.Fatal(err)
	}
	defer limiter.Close()
	err = limiter.Wait(context.Background())
	fmt.Println(limiter.Fallback(err) != nil)
	// Output: true
}

// Stats are for metrics and health checks.
func ExampleLimiter_Stats() {
	store, err := miniredis.Run() // in place of the Redis that machines share
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	rdb := redis.NewClient(&redis.Options{Addr: store.Addr()})
	defer rdb.Close()
	limiter, err := redisclawhq.NewLimiter(rdb, "production", redisclawhq.WithRateLimit(60))
	if err != nil {
		log.Fatal(err)
	}
	defer limiter.Close()
	if err := limiter.Wait(context.Background()); err != nil {
		log.Fatal(err)
	}
	s := limiter.Stats()
	fmt.Println(s.Available, s.Limit, s.Waiting, s.RoundTrips, s.Fallbacks)
	// Output: true 60 0 1 0
}

// Two receivers share the webhook events that were handled. An event that one of
// them gets again is not handled again.
func ExampleNewSeen() {
	store, err := miniredis.Run() // in place of the Redis that they share
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	secret := "whsec_example"
	receiver := func(name string) http.Handler {
		rdb := redis.NewClient(&redis.Options{Addr: store.Addr()})
		seen := redisclawhq.NewSeen(rdb, redisclawhq.SeenOptions{Lease: 20 * time.Second})
		return webhook.Handler(webhook.Options{Secrets: []string{secret}, Seen: seen}, func(_ context.Context, e *webhook.Event) error {
			fmt.Println(name, "handles", e.Type)
			return nil
		})
	}
	a, b := receiver("a"), receiver("b")
	body := []byte(`{"event":"ticket.created","timestamp":"2026-11-29T12:00:00.000Z","data":{}}`)
	for _, h := range []http.Handler{a, b, a} {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		webhook.Sign(r.Header, body, secret, webhook.EventTicketCreated, time.Now())
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// a handles ticket.created
	// 200
	// 200
	// 200
}
