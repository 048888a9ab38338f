package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/webhook"
)

// Receiver is the part of an app that acts on events: here, it prints them.
type Receiver struct {
	mu  sync.Mutex // deliveries come at the same time
	out io.Writer
}

// NewReceiver returns what receives deliveries signed with one of the secrets,
// and prints them to out.
func NewReceiver(secrets []string, out io.Writer) http.Handler {
	r := &Receiver{out: out}
	return webhook.Handler(webhook.Options{
		Secrets: secrets,
		Seen:    new(webhook.MemorySeen), // several processes need one that they share
	}, r.handle)
}

// handle acts on one event. What it returns an error for is sent again.
func (r *Receiver) handle(ctx context.Context, ev *webhook.Event) error {
	switch ev.Type {
	case webhook.EventTest: // no matter what it is a sample of, nothing happened
		r.print(ev, "it works: %s", ev.Data)

	case webhook.EventAPIRequest:
		var data webhook.APIRequest
		if err := ev.Decode(&data); err != nil {
			return err
		}
		r.print(ev, "%s answered in %v", data.Agent, data.ResponseTime)

	case webhook.EventAgentDeployed:
		var data webhook.AgentDeployed
		if err := ev.Decode(&data); err != nil {
			return err
		}
		r.print(ev, "%s is deployed", data.AgentName)

	default: // an event that this app knows nothing of is no failure
		r.print(ev, "%s", ev.Data)
	}
	return nil
}

func (r *Receiver) print(ev *webhook.Event, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "%s %-17s %s\n", ev.Timestamp.Format(time.TimeOnly), ev.Type, fmt.Sprintf(format, args...))
}
