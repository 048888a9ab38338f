package main

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"io/fs"
	"iter"
	"log"
	"net/http"
	"regexp"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/relay"
)

//go:embed static
var static embed.FS

// maxQuestion bounds the body of a request, in bytes: the page allows 10,000
// characters, of which a form makes 9 bytes each at most.
const maxQuestion = 128 << 10

// NewHandler serves a page to chat with an agent at /, answers questions at
// POST /ask as server-sent events, and begins a new conversation at POST /new. A
// question is a form with the field q, and an id that the page has made up: with
// it and a Last-Event-ID, a page that has lost its connection gets the rest of the
// answer, until a minute after its end. DELETE /ask ends the call.
//
// An answer may take as long as patience, the wait for the rate limit included,
// and ends with ctx.
func NewHandler(ctx context.Context, client *clawhq.Client, patience time.Duration) http.Handler {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the name is not that of the folder above
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("POST /new", func(w http.ResponseWriter, r *http.Request) {
		begin(w, r)
		w.WriteHeader(http.StatusNoContent)
	})
	kept := &answers{ctx: ctx, patience: patience, latest: map[string]*answer{}}
	mux.HandleFunc("POST /ask", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxQuestion)
		question, id, visitor := r.PostFormValue("q"), r.PostFormValue("id"), conversation(w, r)
		var answer iter.Seq2[clawhq.ChatChunk, error]
		if r.Header.Get("Last-Event-ID") == "" {
			answer = kept.begin(visitor, id, func(ctx context.Context) iter.Seq2[clawhq.ChatChunk, error] {
				return client.ChatStream(ctx, clawhq.ChatRequest{Message: question, SessionID: visitor})
			}).from(r.Context(), 0)
		}
		err := relay.SSE(w, r, answer, relay.Options{
			Resume: func(r *http.Request, after int) iter.Seq2[clawhq.ChatChunk, error] {
				if answer := kept.find(visitor, id); answer != nil {
					return answer.from(r.Context(), after)
				}
				return nil
			},
		})
		// The log gets the error. The browser is told less.
		if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, relay.ErrReconnected) {
			log.Print(err)
		}
	})
	mux.HandleFunc("DELETE /ask", func(w http.ResponseWriter, r *http.Request) {
		kept.stop(conversation(w, r))
		w.WriteHeader(http.StatusNoContent)
	})
	// Other sites may neither ask in a visitor's name nor show the page in a
	// frame of theirs.
	own := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src data:; frame-ancestors 'none'")
		own.ServeHTTP(w, r)
	})
}

// cookie is the name of the cookie with a visitor's conversation: the
// session_id of its chats. Nobody can guess another visitor's.
const cookie = "conversation"

var conversationID = regexp.MustCompile("^[A-Z2-7]{26}$") // as rand.Text makes them

// conversation returns the visitor's conversation, and begins one if there is
// none.
func conversation(w http.ResponseWriter, r *http.Request) string {
	if c, err := r.Cookie(cookie); err == nil && conversationID.MatchString(c.Value) {
		return c.Value
	}
	return begin(w, r)
}

// begin begins a conversation.
func begin(w http.ResponseWriter, r *http.Request) string {
	id := rand.Text()
	http.SetCookie(w, &http.Cookie{
		Name:     cookie,
		Value:    id,
		Path:     "/",
		MaxAge:   24 * 60 * 60,
		HttpOnly: true,
		Secure:   r.TLS != nil, // always, behind a proxy that does TLS
		SameSite: http.SameSiteStrictMode,
	})
	return id
}
