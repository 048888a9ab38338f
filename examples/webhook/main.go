// Webhook receives ClawHQ's webhooks: it prints the events that arrive, each
// once, verified, and tests apart from the real ones.
//
//	CLAWHQ_WEBHOOK_SECRET=whsec_… go run ./examples/webhook
//
// The secret is shown when the webhook is created, in the dashboard or by
// Client.Webhooks.Create. To try it without the real service, start the
// reference server (go run ./cmd/clawhq-server), create a webhook for
// http://127.0.0.1:8090/hooks/clawhq in its dashboard, start this with the
// secret, and click Test. Ctrl-C stops it, after the events that it is handling
// have been answered.
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
)

func main() {
	log.SetFlags(0)
	addr := flag.String("addr", "127.0.0.1:8090", "address to listen on")
	flag.Parse()
	secrets := os.Getenv("CLAWHQ_WEBHOOK_SECRET")
	if secrets == "" {
		log.Fatal("CLAWHQ_WEBHOOK_SECRET is not set: it is the secret that was shown when the webhook was created, or several with commas between")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/hooks/clawhq", NewReceiver(strings.Split(secrets, ","), os.Stdout))
	fmt.Printf("http://%s/hooks/clawhq\n", listener.Addr())
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
