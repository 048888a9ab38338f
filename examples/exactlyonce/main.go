// Exactlyonce counts the chats of each agent in a PostgreSQL database, by the
// events of a webhook. Each event counts once, however often it is delivered, and
// however many processes of this program receive deliveries and are killed.
//
//	cd examples/exactlyonce && DATABASE_URL=postgres://localhost/app go run .
//	CLAWHQ_WEBHOOK_SECRET=whsec_… DATABASE_URL=… go run .
//
// It is a separate module, since it needs a driver for the database. Without a
// secret it starts the reference server in its own process, makes it deliver the
// events of three chats, one of them twice, and prints what was counted. To use
// another webhook, take the secret that the dashboard or Client.Webhooks.Create
// shows when the webhook is created.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

func main() {
	log.SetFlags(0)
	addr := flag.String("addr", "127.0.0.1:8090", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	db, err := Open(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	if secrets := os.Getenv("CLAWHQ_WEBHOOK_SECRET"); secrets != "" {
		err = serve(ctx, listener, db, strings.Split(secrets, ","))
	} else {
		log.Print("(CLAWHQ_WEBHOOK_SECRET is not set: this is the reference server)")
		err = show(ctx, listener, db, os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// serve receives deliveries until ctx ends, and then answers those under way.
func serve(ctx context.Context, listener net.Listener, db *pgxpool.Pool, secrets []string) error {
	mux := http.NewServeMux()
	mux.Handle("/hooks/clawhq", NewReceiver(db, webhook.Options{Secrets: secrets, Seen: new(webhook.MemorySeen)}, Count))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	for daily := time.NewTicker(24 * time.Hour); ; {
		if err := Forget(ctx, db); err != nil && ctx.Err() == nil {
			log.Print(err)
		}
		select {
		case <-daily.C:
		case err := <-served:
			return err
		case <-ctx.Done():
			grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			err := server.Shutdown(grace)
			if served := <-served; !errors.Is(served, http.ErrServerClosed) {
				return served
			}
			return err
		}
	}
}

// show receives the events of a reference server, and prints what was counted.
func show(ctx context.Context, listener net.Listener, db *pgxpool.Pool, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	service := clawhqtest.NewServer()
	defer service.Close()
	client := service.Client()
	hook, err := client.Webhooks.Create(ctx, clawhq.CreateWebhookRequest{
		URL: fmt.Sprintf("http://%s/hooks/clawhq", listener.Addr()), Events: []webhook.EventType{webhook.EventAPIRequest},
	})
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- serve(ctx, listener, db, []string{hook.Secret.Reveal()}) }()

	for range 3 { // as if three chats had been answered
		service.Emit(webhook.EventAPIRequest, webhook.APIRequest{Agent: "support-bot", ResponseTime: 63 * time.Millisecond})
	}
	deliveries, err := client.Webhooks.Deliveries(ctx, hook.ID)
	if err != nil {
		return err
	}
	if _, err := client.Webhooks.Replay(ctx, hook.ID, deliveries[0].ID); err != nil {
		return err
	}
	if err := print(ctx, db, out); err != nil {
		return err
	}
	stop()
	return <-served
}

func print(ctx context.Context, db *pgxpool.Pool, out io.Writer) error {
	rows, err := db.Query(ctx, `SELECT agent, chats FROM usage ORDER BY agent`)
	if err != nil {
		return err
	}
	var agent string
	var chats int
	_, err = pgx.ForEachRow(rows, []any{&agent, &chats}, func() error {
		_, err := fmt.Fprintf(out, "%s: %d chats\n", agent, chats)
		return err
	})
	return err
}
