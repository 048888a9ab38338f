// Package dashboard serves the API Access page with its playground, and on the
// same origin the API of the reference server, which the page calls like any
// other client:
//
//	d := dashboard.New(dashboard.Config{API: s.Handler(), Session: s.Session()})
//	http.Serve(listener, d) // open d.LoginPath() in a browser
//
// The HTML, CSS and ES modules of the page are embedded. They need no build step
// and load nothing from other servers.
//
// The page's own calls, such as listing the keys, get no faults and no 429, since
// these are meant for the program under test. Calls from the playground do.
//
// The dashboard is meant for a developer's own machine. It refuses DNS rebinding
// and requests from other sites, scripts and other sites cannot read its session
// cookie, and the browser stores no keys.
package dashboard

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"

	"github.com/clawhq/clawhq-go/internal/server"
	"github.com/clawhq/clawhq-go/internal/wire"
)

//go:embed static
var files embed.FS

//go:embed page
var pages embed.FS

// index is the page, put together from its parts, which hold no actions but
// those that do so.
var index = func() []byte {
	var b bytes.Buffer
	err := template.Must(template.ParseFS(pages, "page/*.html")).ExecuteTemplate(&b, "index.html", nil)
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}()

// contentPolicy lets the page use what this server serves and nothing else:
// no inline script or style, no other host, no frame around it.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Config is what a dashboard needs of the server it belongs to. All fields
// but APIKeys and Hosts are required.
type Config struct {
	// API answers everything below wire.BasePath.
	API http.Handler
	// Session is the value of the session cookie that API accepts.
	Session string
	// APIKeys are the keys that the server printed when it started. Whoever
	// is signed in can use them in the playground.
	APIKeys []string
	// Hosts are the names or addresses, without port, that the server may be
	// called by besides localhost and the loopback addresses. An unspecified
	// address (0.0.0.0 or ::) stands for every IP address: those cannot be
	// rebound.
	Hosts []string
	// Profile is the name of the server's profile, to be shown.
	Profile string
	// Faults is the queue of faults that the API's next requests meet.
	Faults FaultQueue
	// Events are those that webhooks can subscribe to.
	Events []string
	// Attempts returns what was sent to a webhook, oldest first.
	Attempts func(webhookID string) []Attempt
}

// Dashboard is an http.Handler for everything on the server's origin.
type Dashboard struct {
	config  Config
	token   string // what the login link carries
	cookie  string // value of the cookie that a browser is signed in by
	handler http.Handler
}

// ownPath is where the page's own calls of the API go: the API's paths, below
// this one.
const ownPath = "/dashboard"

// New returns a dashboard for a server.
func New(config Config) *Dashboard {
	d := &Dashboard{config: config, token: rand.Text(), cookie: rand.Text()}
	mux := http.NewServeMux()
	api := d.withSession(config.API)
	mux.Handle(wire.BasePath+"/", api)
	mux.Handle(ownPath+wire.BasePath+"/", d.page(d.signedIn(func(w http.ResponseWriter, r *http.Request) {
		http.StripPrefix(ownPath, api).ServeHTTP(w, server.FromDashboard(r))
	})))
	mux.Handle("GET /{$}", d.page(func(w http.ResponseWriter, _ *http.Request) { writePage(w, http.StatusOK) }))
	mux.Handle("GET /static/", d.page(http.FileServerFS(files).ServeHTTP))
	mux.Handle("GET /login", d.page(d.login))
	mux.Handle("GET /dashboard/endpoints", d.page(d.showsToken(d.catalog)))
	mux.Handle("GET /dashboard/attempts", d.page(d.signedIn(d.attempts)))
	mux.Handle("GET /dashboard/faults", d.page(d.signedIn(d.listFaults)))
	mux.Handle("POST /dashboard/faults", d.page(d.signedIn(d.armFaults)))
	mux.Handle("DELETE /dashboard/faults", d.page(d.signedIn(d.clearFaults)))
	d.handler = Guard(config.Hosts, mux)
	return d
}

// ServeHTTP answers a request of the page, or of any client of the API.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// LoginPath is the path and query that sign a browser in. It works as long as
// the dashboard lives and is to be shown to the person who started it only.
func (d *Dashboard) LoginPath() string { return "/login?" + url.Values{"token": {d.token}}.Encode() }

// page sets the headers that everything but the API's replies bears.
func (d *Dashboard) page(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next(w, r)
	})
}

func writePage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(index)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", wire.ContentTypeJSON)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // fails only when the client is gone
}

func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, wire.FlatError{Error: message})
}
