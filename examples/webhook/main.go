// Webhook receives the events of ClawHQ's webhooks. It verifies them, drops repeats,
// and prints the events; tests are marked. To count or bill by events, see
// examples/exactlyonce.
//
//	go run ./examples/webhook
//	CLAWHQ_WEBHOOK_SECRET=whsec_… go run ./examples/webhook
//
// Without a secret it starts the reference server in its own process, creates a
// webhook there, and makes the server deliver the event of a chat and a test. To
// use another webhook, take the secret that the dashboard or
// Client.Webhooks.Create shows when the webhook is created. For example, run
// go run ./cmd/clawhq-server, create a webhook for
// http://127.0.0.1:8090/hooks/clawhq on its Webhooks page, start this program
// with the secret, and click Test.
//
// Ctrl-C stops it after the events that it is handling have been answered.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/webhook"
)

func main() {
	log.SetFlags(0)
	addr := flag.String("addr", "127.0.0.1:8090", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	url := fmt.Sprintf("http://%s/hooks/clawhq", listener.Addr())
	fmt.Println(url)

	// One secret, or several with commas between, as while one webhook takes
	// over from another.
	secrets := os.Getenv("CLAWHQ_WEBHOOK_SECRET")
	if secrets == "" {
		log.Print("(CLAWHQ_WEBHOOK_SECRET is not set: this is the reference server)")
		if secrets, err = deliverFromReference(ctx, url); err != nil {
			log.Fatal(err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/hooks/clawhq", NewReceiver(strings.Split(secrets, ","), os.Stdout))
	if err := serve(ctx, listener, mux); err != nil {
		log.Fatal(err)
	}
}

// serve serves until ctx ends, and then lets the deliveries under way finish:
// one that is cut off would be sent again.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:      handler,
		ReadTimeout:  10 * time.Second, // the service gives up after as long
		WriteTimeout: 15 * time.Second,
		IdleTimeout:  time.Minute,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// deliverFromReference starts a reference server with a webhook for url, makes
// it deliver something, and returns the webhook's secret.
func deliverFromReference(ctx context.Context, url string) (secret string, err error) {
	client := clawhqtest.NewServer().Client()
	created, err := client.Webhooks.Create(ctx, clawhq.CreateWebhookRequest{
		URL: url, Events: []webhook.EventType{webhook.EventAPIRequest},
	})
	if err != nil {
		return "", err
	}
	go func() { // which wait for an answer
		_, err := client.Chat(ctx, clawhq.ChatRequest{Message: "What are your business hours?"})
		if err == nil {
			_, err = client.Webhooks.Test(ctx, created.ID)
		}
		if err != nil && ctx.Err() == nil {
			log.Print(err)
		}
	}()
	return created.Secret.Reveal(), nil
}
