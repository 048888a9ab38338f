// Stream prints an agent's answer while it is being made. Ctrl-C ends the request;
// the text that has arrived by then stays on the screen. (The live service lets the
// agent finish.)
//
//	go run ./examples/stream Explain how webhooks work
//
// If CLAWHQ_API_KEY is set, it calls the real service; otherwise it starts the
// reference server in its own process.
package main

import (
	"cmp"
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
	message := cmp.Or(strings.Join(os.Args[1:], " "), "Explain how webhooks work")
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

// show prints the answer, as far as it arrives.
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

// newClient stands for clawhq.NewClient, so that this runs without a key.
func newClient() (*clawhq.Client, error) {
	if os.Getenv(clawhq.EnvAPIKey) != "" {
		return clawhq.NewClient()
	}
	log.Printf("(%s is not set: this is the reference server)", clawhq.EnvAPIKey)
	return clawhqtest.NewServer(clawhqtest.WithAgentDelay(80 * time.Millisecond)).Client(), nil
}
