// Ratelimit sends a list of prompts from a pool of workers at the full rate of the
// API key. The workers do not know the rate: the client that they share sends
// their calls in order, as fast as the server's window allows.
//
//	go run ./examples/ratelimit
//	go run ./examples/ratelimit -prompts 150 # the last 30 wait for the window, a minute
//
// If CLAWHQ_API_KEY is set, it calls the real service, once for each prompt;
// otherwise it starts the reference server in its own process, with a key of 120
// calls a minute.
package main

import (
	"context"
	"errors"
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
	count := flag.Uint("prompts", 100, "how many prompts there are")
	workers := flag.Uint("workers", 16, "how many of them are worked on at once")
	flag.Parse()
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	prompts := make([]string, *count)
	for i := range prompts {
		prompts[i] = fmt.Sprintf("Summarize ticket %d.", i+1)
	}
	if done := follow(client, answer(ctx, client, prompts, *workers), len(prompts)); done < len(prompts) {
		log.Fatalf("%d of %d prompts have no answer", len(prompts)-done, len(prompts))
	}
}

// result is what became of a prompt.
type result struct {
	prompt string
	resp   *clawhq.ChatResponse
	err    error
}

// answer has workers answer the prompts until all are done or ctx ends, and
// then closes the channel.
func answer(ctx context.Context, client *clawhq.Client, prompts []string, workers uint) <-chan result {
	queue := make(chan string)
	go func() {
		defer close(queue)
		for _, prompt := range prompts {
			select {
			case queue <- prompt:
			case <-ctx.Done():
				return
			}
		}
	}()
	results := make(chan result)
	var wg sync.WaitGroup
	for range max(workers, 1) {
		wg.Go(func() {
			for prompt := range queue {
				resp, err := client.Chat(ctx, clawhq.ChatRequest{Message: prompt})
				results <- result{prompt, resp, err}
			}
		})
	}
	go func() {
		wg.Wait()
		close(results)
	}()
	return results
}

// follow draws a line of progress, prints what failed, and returns how many
// prompts were answered.
func follow(client *clawhq.Client, results <-chan result, total int) (done int) {
	start, failed := time.Now(), 0
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case r, open := <-results:
			switch {
			case !open:
				fmt.Println()
				return done
			case r.err == nil:
				done++ // here a program would keep r.resp.Response
			case !errors.Is(r.err, context.Canceled):
				failed++
				fmt.Printf("\r%-79s\n", fmt.Sprint(r.prompt, " ", r.err))
			}
		case <-tick.C: // the line lives on while all wait
		}
		limit, took := client.RateLimit(), time.Since(start)
		fmt.Printf("\r%-79s", fmt.Sprintf("%d of %d done, %d failed, %.1f/s, %d of %d calls a minute left, %.1fs",
			done, total, failed, float64(done)/took.Seconds(), limit.Remaining, limit.Limit, took.Seconds()))
	}
}

// newClient stands for clawhq.NewClient, so that this runs without a key.
func newClient() (*clawhq.Client, error) {
	if os.Getenv(clawhq.EnvAPIKey) != "" {
		return clawhq.NewClient()
	}
	log.Printf("(%s is not set: this is the reference server)", clawhq.EnvAPIKey)
	server := clawhqtest.NewServer(clawhqtest.WithAgentDelay(20 * time.Millisecond))
	server.SetRateLimit(server.KeyID(), 120)
	return server.Client(), nil
}
