// Command clawhq-server serves the ClawHQ API on this machine, with a
// dashboard to manage keys and a playground to try calls and faults. It is
// made for development and tests in any language: all state is in memory and
// gone when it ends.
//
//	go run github.com/clawhq/clawhq-go/cmd/clawhq-server
//
// It prints the base URL, an API key, a session for key management and the
// dashboard's address. By default it speaks HTTPS, as the service does, with
// a certificate made at start.
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
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/dashboard"
	"github.com/clawhq/clawhq-go/internal/server"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// shutdownTimeout is how long requests in flight may take to end after a
// signal.
const shutdownTimeout = 5 * time.Second

// The program stays under 256 MB. Of them the server keeps a quarter at most;
// the rest is for connections, bodies that are read, and what the collector
// has not collected yet, which it is told to do in time.
const (
	keptBytes = 64 << 20
	heapBytes = 176 << 20
)

func main() {
	debug.SetMemoryLimit(heapBytes)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it serves until ctx ends and returns the exit status, 0
// after a clean end, 1 where it could not serve, 2 for bad flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "clawhq-server: %v (see -help)\n", err)
		return 2
	}
	if err := serve(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "clawhq-server: %v\n", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	var logger *slog.Logger
	if o.logJSON {
		logger = slog.New(slog.NewJSONHandler(stderr, nil))
	} else {
		logger = slog.New(slog.NewTextHandler(stderr, nil))
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", o.addr, errors.Unwrap(err))
	}
	defer listener.Close()

	serverOptions := []clawhqtest.Option{
		clawhqtest.WithInMemory(),
		clawhqtest.WithProfile(o.profile),
		clawhqtest.WithPlan(o.plan),
		clawhqtest.WithAgentDelay(o.agentDelay),
		clawhqtest.WithLogger(logger),
		clawhqtest.WithMemoryLimit(keptBytes),
	}
	if o.plain {
		serverOptions = append(serverOptions, clawhqtest.WithPlainHTTP())
	}
	api := clawhqtest.NewServer(serverOptions...)
	defer api.Close()
	api.SetRateLimit(api.KeyID(), o.rpm)
	faults := &faultQueue{server: api}
	for _, notation := range o.faults {
		if err := faults.Arm(notation); err != nil {
			return err
		}
	}
	page := dashboard.New(dashboard.Config{
		API:      api.Handler(),
		Session:  api.Session(),
		APIKeys:  []string{api.APIKey()},
		Hosts:    []string{o.host},
		Profile:  o.profile.String(),
		Faults:   faults,
		Events:   o.events(),
		Attempts: func(webhookID string) []dashboard.Attempt { return attempts(api, webhookID) },
	})
	listener = server.LimitConns(listener, server.MaxConns)
	httpServer := server.NewHTTPServer(page)
	httpServer.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelDebug) // mostly browsers that distrust the certificate
	scheme := "http"
	start := func() error { return httpServer.Serve(listener) }
	if !o.plain {
		certificate, err := selfSigned(o.host)
		if err != nil {
			return err
		}
		scheme = "https"
		httpServer.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		start = func() error { return httpServer.ServeTLS(server.HTTPSOnly(listener), "", "") }
	}
	greet(stdout, scheme+"://"+reachable(listener.Addr().String(), o.host), page.LoginPath(), api)

	served := make(chan error, 1)
	go func() { served <- start() }()
	select {
	case err := <-served:
		return fmt.Errorf("cannot serve: %w", err)
	case <-ctx.Done():
	}
	api.Close() // ends live streams, which Shutdown would wait for
	timeout, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := httpServer.Shutdown(timeout); err != nil {
		httpServer.Close()
	}
	<-served
	logger.Info("stopped")
	return nil
}

// reachable returns the address to show: the listener's, with a name one can
// call where it listens on every address, and host as it was given otherwise.
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

// greet tells the person who started the server how to use it.
func greet(w io.Writer, origin, loginPath string, api *clawhqtest.Server) {
	fmt.Fprintf(w, "Base URL   %s\n", origin+wire.BasePath)
	fmt.Fprintf(w, "API key    %s\n", api.APIKey())
	fmt.Fprintf(w, "Session    %s\n", api.Session())
	fmt.Fprintf(w, "Dashboard  %s\n\n", origin+loginPath)
	curl := "curl"
	if strings.HasPrefix(origin, "https:") {
		curl = "curl -k"
		fmt.Fprintf(w, "The certificate was made at start: browsers warn about it, -k makes curl accept it.\n\n")
	}
	fmt.Fprintf(w, "%s %s \\\n  -H 'Content-Type: %s' \\\n  -H 'Authorization: Bearer %s' \\\n  -d '{\"message\": \"What are your business hours?\"}'\n\n",
		curl, origin+wire.BasePath+wire.Chat.Path, wire.ContentTypeJSON, api.APIKey())
	fmt.Fprintf(w, "Ctrl-C ends it.\n")
}
