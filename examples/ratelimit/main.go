// Ratelimit has a pool of workers finish a list of prompts at the key's full
// rate. The workers need not know the rate: the client that they share admits
// their calls in order, as fast as the server's window allows.
//
//	go run ./examples/ratelimit
//
// With CLAWHQ_API_KEY set it talks to the real service; without, it starts the
// reference server inside itself, with a key of 120 calls a minute.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	log.SetFlags(0)
	prompts := flag.Int("prompts", 100, "how many prompts there are")
	workers := flag.Int("workers", 16, "how many of them are worked on at once")
	flag.Parse()
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	queue := make(chan string)
	results := make(chan error)
	var wg sync.WaitGroup
	for range *workers {
		wg.Go(func() {
			for prompt := range queue {
				_, err := client.Chat(ctx, clawhq.ChatRequest{Message: prompt})
				results <- err
			}
		})
	}
	go func() {
		for i := range *prompts {
			queue <- fmt.Sprintf("Summarize ticket %d.", i+1)
		}
		close(queue)
		wg.Wait()
		close(results)
	}()

	start, done, failed := time.Now(), 0, 0
	var first error
	for err := range results {
		done++
		if err != nil {
			failed++
			if first == nil {
				first = err
			}
		}
		limit := client.RateLimit()
		fmt.Printf("\r%d of %d done, %d failed, %d of %d calls a minute left, %s   ",
			done, *prompts, failed, limit.Remaining, limit.Limit, time.Since(start).Round(100*time.Millisecond))
	}
	fmt.Println()
	if first != nil {
		log.Fatal(first)
	}
}

func newClient() (*clawhq.Client, error) {
	if os.Getenv(clawhq.EnvAPIKey) != "" {
		return clawhq.NewClient()
	}
	log.Printf("(%s is not set: this is the reference server)", clawhq.EnvAPIKey)
	server := clawhqtest.NewServer(clawhqtest.WithAgentDelay(20 * time.Millisecond))
	server.SetRateLimit(server.KeyID(), 120)
	return server.Client(), nil
}
