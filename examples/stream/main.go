// Stream prints an agent's answer as it is made. Ctrl-C stops the agent, too.
//
//	go run ./examples/stream Explain how webhooks work
//
// With CLAWHQ_API_KEY set it talks to the real service; without, it starts the
// reference server inside itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	log.SetFlags(0)
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	message := strings.Join(os.Args[1:], " ")
	if message == "" {
		message = "Explain how webhooks work"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err = show(ctx, client, message)
	stop()
	switch {
	case errors.Is(err, context.Canceled):
		log.Print("(stopped)")
		os.Exit(130) // as shells report an interrupt
	case err != nil:
		log.Fatal(err)
	}
}

func show(ctx context.Context, client *clawhq.Client, message string) error {
	defer fmt.Println()
	for chunk, err := range client.ChatStream(ctx, clawhq.ChatRequest{Message: message}) {
		if err != nil {
			return err // what was printed is not the whole answer
		}
		fmt.Print(chunk.Content)
	}
	return nil
}

func newClient() (*clawhq.Client, error) {
	if os.Getenv(clawhq.EnvAPIKey) == "" {
		log.Printf("(%s is not set: this is the reference server)", clawhq.EnvAPIKey)
		return clawhqtest.NewServer(clawhqtest.WithAgentDelay(80 * time.Millisecond)).Client(), nil
	}
	return clawhq.NewClient()
}
