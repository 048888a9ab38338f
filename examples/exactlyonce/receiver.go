package main

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"time"

	"github.com/clawhq/clawhq-go/webhook"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed schema.sql
var schema string

// keep is how old an event may be. Fingerprints of older events are deleted, so that
// nobody could tell whether such an event was handled.
const keep = 90 * 24 * time.Hour

// Open connects to a PostgreSQL database, by a URL or, if that is empty, by the
// environment variables of libpq (PGHOST and so on), and creates the tables.
func Open(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	// The transaction of a process that was killed ends at once, that of a machine
	// that has lost its power or its network only with this. It is shorter than the
	// 30 seconds until the service delivers the event again.
	if params := config.ConnConfig.RuntimeParams; params["idle_in_transaction_session_timeout"] == "" {
		params["idle_in_transaction_session_timeout"] = "15s"
	}
	db, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(ctx, schema); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// Work does what an event means to the app, in a transaction.
type Work func(ctx context.Context, tx pgx.Tx, ev *webhook.Event) error

// NewReceiver returns what receives deliveries, in any number of processes, and
// does the work of each event exactly once. opts.Seen is not needed. It spares the
// database the repeats that it knows.
func NewReceiver(db *pgxpool.Pool, opts webhook.Options, work Work) http.Handler {
	return webhook.Handler(opts, func(ctx context.Context, ev *webhook.Event) error {
		switch {
		case ev.Test: // nothing happened
			return nil
		case time.Since(ev.Timestamp) > keep:
			return fmt.Errorf("the event of %v is too old to tell whether it was handled", ev.Timestamp)
		}
		return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
			// If another process has inserted the fingerprint, this waits until
			// that transaction has ended, one way or the other.
			inserted, err := tx.Exec(ctx, `INSERT INTO webhook_events (fingerprint, type, happened_at)
				VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, ev.Fingerprint(), string(ev.Type), ev.Timestamp)
			if err != nil || inserted.RowsAffected() == 0 {
				return err // if it is nil, the event was handled before
			}
			return work(ctx, tx, ev)
		})
	})
}

// Count is the work of this program: it adds a chat to the usage of its agent.
func Count(ctx context.Context, tx pgx.Tx, ev *webhook.Event) error {
	if ev.Type != webhook.EventAPIRequest {
		return nil
	}
	var data webhook.APIRequest
	if err := ev.Decode(&data); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO usage (agent, chats) VALUES ($1, 1)
		ON CONFLICT (agent) DO UPDATE SET chats = usage.chats + 1`, data.Agent)
	return err
}

// Forget deletes the fingerprints of events that are too old to be handled. The
// extra day makes up for clocks that differ.
func Forget(ctx context.Context, db *pgxpool.Pool) error {
	_, err := db.Exec(ctx, `DELETE FROM webhook_events WHERE happened_at < $1`, time.Now().Add(-keep-24*time.Hour))
	return err
}
