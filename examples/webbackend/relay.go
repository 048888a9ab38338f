package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/clawhq/clawhq-go"
)

//go:embed index.html
var index []byte

// NewHandler serves a page with a question box at / and relays answers at
// /ask?q=…, as server-sent events: data events with pieces of text, and at the
// end one named done, or one named failure. An answer may take as long as
// patience, the wait for the rate limit included.
func NewHandler(client *clawhq.Client, patience time.Duration) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(index)
	})
	mux.HandleFunc("GET /ask", func(w http.ResponseWriter, r *http.Request) {
		// The request's context ends when the browser leaves, and the stream
		// with it, and so the agent.
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		relay(ctx, w, client, clawhq.ChatRequest{Message: r.FormValue("q"), SessionID: r.FormValue("session")})
	})
	return mux
}

func relay(ctx context.Context, w http.ResponseWriter, client *clawhq.Client, req clawhq.ChatRequest) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	begun := false
	for chunk, err := range client.ChatStream(ctx, req) {
		switch {
		case err != nil && !begun:
			refuse(w, err)
			return
		case err != nil:
			log.Print(err)
			send(w, "failure", "The answer was cut off. Please ask again.")
			return
		}
		begun = true
		if err := send(w, "message", chunk.Content); err != nil {
			return // the browser has left
		}
	}
	send(w, "done", "")
}

// send writes an event, its text as JSON so that it fits in a line, and gives
// the browser 10 seconds to take it.
func send(w http.ResponseWriter, event, text string) error {
	data, err := json.Marshal(text)
	if err != nil {
		return err
	}
	rc := http.NewResponseController(w)
	if err := rc.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, data); err != nil {
		return err
	}
	return rc.Flush()
}

// refuse answers with a status of our own. What went wrong in detail is for
// our log: it is no business of the browser's.
func refuse(w http.ResponseWriter, err error) {
	log.Print(err)
	var (
		invalid *clawhq.InvalidRequestError
		missing *clawhq.NotFoundError
		limited *clawhq.RateLimitError
		agent   *clawhq.AgentError
	)
	status := http.StatusBadGateway
	switch {
	case errors.As(err, &invalid):
		http.Error(w, invalid.Message, http.StatusBadRequest)
		return
	case errors.As(err, &missing):
		status = http.StatusNotFound
	case errors.As(err, &limited):
		status = http.StatusServiceUnavailable
		// The live service asks for 56,000 years at times: not passed on.
		if s := math.Ceil(limited.RetryAfter.Seconds()); s > 0 && s < 3600 {
			w.Header().Set("Retry-After", strconv.Itoa(int(s)))
		}
	case errors.As(err, &agent), errors.Is(err, clawhq.ErrThrottled), errors.Is(err, context.Canceled):
		status = http.StatusServiceUnavailable
	case errors.Is(err, context.DeadlineExceeded):
		status = http.StatusGatewayTimeout
	}
	http.Error(w, http.StatusText(status), status)
}
