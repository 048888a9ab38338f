// Webbackend relays an agent's answer to a browser as it is made.
//
//	go run ./examples/webbackend
//
// and open http://127.0.0.1:8080. With CLAWHQ_API_KEY set it talks to the real
// service; without, it starts the reference server inside itself.
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
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	log.SetFlags(0)
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *addr, NewHandler(client)); err != nil {
		log.Fatal(err)
	}
}

// serve serves until ctx ends, and then tells live streams to end too.
func serve(ctx context.Context, addr string, handler http.Handler) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func newClient() (*clawhq.Client, error) {
	if os.Getenv(clawhq.EnvAPIKey) == "" {
		log.Printf("(%s is not set: this is the reference server)", clawhq.EnvAPIKey)
		return clawhqtest.NewServer(clawhqtest.WithAgentDelay(60 * time.Millisecond)).Client(), nil
	}
	return clawhq.NewClient()
}
