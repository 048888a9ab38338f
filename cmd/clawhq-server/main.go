// Command clawhq-server serves the ClawHQ API on this machine, for development and
// for tests in any language. It has a dashboard for keys and webhooks, and a
// playground for calls and faults. All data are in memory, and are lost when it ends.
//
//	go run github.com/clawhq/clawhq-go/cmd/clawhq-server
//
// It prints the base URL, an API key, a session for key management, and the addresses
// of the dashboard and of the control API. With the control API, tests inject faults,
// advance the clock and read the requests that were sent: see docs/server.md. By
// default the server uses HTTPS, as the service does, with a certificate that it
// makes at the start.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/control"
	"github.com/clawhq/clawhq-go/internal/dashboard"
	"github.com/clawhq/clawhq-go/internal/openapi"
	"github.com/clawhq/clawhq-go/internal/server"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// shutdownTimeout is how long requests may take to end after a signal.
const shutdownTimeout = 5 * time.Second

// The program is to stay under 256 MB. The server stores at most keptBytes. The rest
// is for connections, request bodies that are being read, and garbage; with heapBytes
// as its limit, the collector frees garbage in time.
const (
	keptBytes = 64 << 20
	heapBytes = 176 << 20
)

func main() {
	debug.SetMemoryLimit(heapBytes)
	signal.Ignore(syscall.SIGPIPE) // the reader of the output may leave
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it serves until ctx ends. It returns the exit status: 0 after a
// clean end, 1 if it could not serve, 2 for bad flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	log := newOutput(stderr)
	defer log.close()
	o, err := parseOptions(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(log, "clawhq-server: %v (see -help)\n", err)
		return 2
	}
	switch {
	case o.version:
		printVersion(stdout)
	case o.health != "":
		err = checkHealth(ctx, o.health)
	default:
		err = serve(ctx, o, stdout, log)
	}
	if err != nil {
		fmt.Fprintf(log, "clawhq-server: %v\n", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, o options, stdout, log io.Writer) error {
	logger := o.logger(log)
	if o.readyFile != "" {
		if err := checkReadyFile(o.readyFile); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", o.addr, errors.Unwrap(err))
	}
	defer listener.Close()

	h := &host{options: o, serverOptions: o.serverOptions(logger), budget: &control.Budget{}}
	api := clawhqtest.NewServer(h.serverOptions...)
	boxes := &sandboxes{host: h, byID: map[string]*sandbox{}}
	closeAPI := sync.OnceFunc(func() {
		within(shutdownTimeout, func() {
			boxes.close()
			api.Close()
		})
	})
	defer closeAPI()
	controls, err := control.New(control.Config{
		Server: api, RPM: o.rpm, Events: o.events(), Start: o.start, Budget: h.budget,
		Token: o.controlToken, AnyHost: o.controlFromAny, Sandboxes: boxes,
	})
	if err != nil {
		return o.configError(err)
	}
	certificate, err := o.certificate()
	if err != nil {
		return err
	}
	address := listener.Addr().String()
	about := o.about(api, controls)
	page := dashboard.New(dashboard.Config{
		API:      api.Handler(),
		Session:  api.Session(),
		APIKeys:  about.secrets(),
		Hosts:    o.names(),
		Profile:  o.profile.String(),
		Faults:   controls.Queue(),
		Events:   o.events(),
		Attempts: func(webhookID string) []dashboard.Attempt { return attempts(api, webhookID) },

		ControlPath:     control.Path,
		ControlToken:    controls.Token(),
		Certificate:     asPEM(certificate),
		CertificateFile: about.Certificate,
	})
	about.reachedAt(address, o, page.LoginPath())
	boxes.origin, boxes.local = strings.TrimSuffix(about.BaseURL, wire.BasePath), strings.TrimSuffix(about.ControlURL, control.Path)
	listener = server.LimitConns(listener, server.MaxConns)
	httpServer := server.NewHTTPServer(withSandboxes(boxes, o.handler(api.Handler(), controls, page)))
	httpServer.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelDebug) // mostly of browsers that do not trust the certificate
	start := func() error { return httpServer.Serve(listener) }
	if !o.plain {
		httpServer.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
		start = func() error { return httpServer.ServeTLS(server.HTTPSOnly(listener), "", "") }
	}
	served := make(chan error, 1)
	go func() { served <- start() }()
	defer httpServer.Close()
	if o.readyFile != "" {
		file, err := writeReadyFile(o.readyFile, about)
		if err != nil {
			return err
		}
		defer file.remove()
	}
	printed := make(chan error, 1) // may stay empty: nobody need read the output
	go func() { printed <- about.print(stdout, o.json) }()

	for ctx.Err() == nil {
		select {
		case err := <-served:
			return fmt.Errorf("cannot serve: %w", err)
		case err := <-printed:
			if err != nil && o.json && o.readyFile == "" {
				return fmt.Errorf("-json: %w", err) // then nobody knows the keys
			}
		case <-ctx.Done():
		}
	}
	controls.Close()
	closeAPI() // ends streams, for which Shutdown would wait
	timeout, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := httpServer.Shutdown(timeout); err != nil {
		httpServer.Close()
	}
	<-served
	logger.Info("stopped")
	return nil
}

// host has what all servers of the program share.
type host struct {
	options       options
	serverOptions []clawhqtest.Option
	budget        *control.Budget
}

// serverOptions returns the options of each server. With them, the servers share the
// program's memory.
func (o options) serverOptions(logger *slog.Logger) []clawhqtest.Option {
	list := []clawhqtest.Option{
		clawhqtest.WithInMemory(),
		clawhqtest.WithProfile(o.profile),
		clawhqtest.WithPlan(o.plan),
		clawhqtest.WithAgentDelay(o.agentDelay),
		clawhqtest.WithMemoryLimit(keptBytes),
	}
	if o.log != logOff {
		list = append(list, clawhqtest.WithLogger(logger))
	}
	if o.plain {
		list = append(list, clawhqtest.WithPlainHTTP())
	}
	if o.strictWebhooks {
		list = append(list, clawhqtest.WithStrictWebhookTargets())
	}
	return list
}

// withSandboxes passes requests below sandboxPath to the sandboxes, and all others to
// next.
func withSandboxes(boxes, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, sandboxPath) {
			boxes.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// within calls f and waits until it returns, but no longer than d.
func within(d time.Duration, f func()) {
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		f()
	}()
	select {
	case <-returned:
	case <-time.After(d):
	}
}

// reachable returns the address at which the server can be called: host with the port
// of the listener, and localhost if the listener listens on every address.
func reachable(listening, host string) string {
	_, port, err := net.SplitHostPort(listening)
	if err != nil {
		return listening
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// names returns the hosts by which the server may be called, besides those of
// loopback.
func (o options) names() []string { return append([]string{o.host}, o.hosts...) }

// handler returns the handler for the server's origin: /ready, the OpenAPI document,
// the control API, and the dashboard with the API. The API is also open to pages of the
// origins of -cors.
func (o options) handler(api http.Handler, controls, page http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/", http.HandlerFunc(forgottenBase))
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", wire.ContentTypeJSON)
		io.WriteString(w, `{"ready":true}`+"\n")
	})
	mux.Handle("GET "+openapi.Path, api)
	mux.Handle(control.Path+"/", controls)
	mux.Handle("/", page)
	return allowOrigins(o.cors, api, dashboard.Guard(o.names(), mux))
}

// forgottenBase answers requests whose base URL lacks its path.
func forgottenBase(w http.ResponseWriter, r *http.Request) {
	notFound(w, fmt.Sprintf("there is no %s: the base URL ends in %s, so this would be %s", r.URL.Path, wire.BasePath, wire.BasePath+r.URL.Path))
}
