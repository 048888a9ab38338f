package redisclawhq_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/redisclawhq"
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
		limiter, err := redisclawhq.NewLimiter(rdb, server.APIKey())
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
	limiter, err := redisclawhq.NewLimiter(rdb, os.Getenv(clawhq.EnvAPIKey),
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
	limiter, err := redisclawhq.NewLimiter(rdb, "key")
	if err != nil {
		log.Fatal(err)
	}
	defer limiter.Close()
	err = limiter.Wait(context.Background())
	fmt.Println(limiter.Fallback(err) != nil)
	// Output: true
}
