package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"net/http"
	"strconv"

	"github.com/clawhq/clawhq-go"
)

//go:embed index.html
var index []byte

// NewHandler serves a page with a question box at / and relays answers at
// /ask?q=…, as server-sent events: data events with pieces of text, and at the
// end one named done, or one named failure.
func NewHandler(client *clawhq.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(index)
	})
	mux.HandleFunc("GET /ask", func(w http.ResponseWriter, r *http.Request) { relay(w, r, client) })
	return mux
}

func relay(w http.ResponseWriter, r *http.Request, client *clawhq.Client) {
	// The request's context ends when the browser leaves, and the stream with
	// it, and so the agent.
	request := clawhq.ChatRequest{Message: r.FormValue("q"), SessionID: r.FormValue("session")}
	begun := false
	for chunk, err := range client.ChatStream(r.Context(), request) {
		switch {
		case r.Context().Err() != nil:
			return // nobody is listening
		case err != nil && !begun:
			refuse(w, err)
			return
		case err != nil:
			log.Print(err)
			send(w, "failure", "The answer was cut off. Please ask again.")
			return
		}
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Cache-Control", "no-cache")
		}
		if !send(w, "", chunk.Content) {
			return
		}
	}
	if !begun {
		w.Header().Set("Content-Type", "text/event-stream")
	}
	send(w, "done", "")
}

// send writes an event, its text as JSON so that it fits in a line, and
// reports whether the browser can still have got it.
func send(w http.ResponseWriter, event, text string) bool {
	data, err := json.Marshal(text)
	if err != nil {
		return false
	}
	if event != "" {
		fmt.Fprintf(w, "event: %s\n", event)
	}
	if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil {
		return false
	}
	return http.NewResponseController(w).Flush() == nil
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
		if s := math.Ceil(limited.RetryAfter.Seconds()); s > 0 && s < 3600 {
			w.Header().Set("Retry-After", strconv.Itoa(int(s)))
		}
	case errors.As(err, &agent), errors.Is(err, clawhq.ErrThrottled):
		status = http.StatusServiceUnavailable
	}
	http.Error(w, http.StatusText(status), status)
}
