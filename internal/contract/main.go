// Contract reads a running service, and prints where it differs from the document of its
// API. Run it nightly against the live service to see when that has moved:
//
//	cd internal/contract && go build -o drift .
//	CLAWHQ_API_KEY=clw_… ./drift
//
// It sends GET requests only: each operation that an API key may call, page by page where
// there are pages, with the ids that the lists have, with an id that does not exist, and
// once without a key. With -chat it also sends chats, which the account pays for.
//
// The exit status is 1 if the service differs, else 2 if something could not be tried,
// such as an operation for which the account has no data. go run makes 1 of both. README.md
// says more.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/internal/contract/spec"
	"github.com/clawhq/clawhq-go/internal/openapi"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Getenv, http.DefaultTransport, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// The exit statuses.
const (
	same     = 0
	differs  = 1
	notTried = 2
)

// run is the program. It never writes the key.
func run(ctx context.Context, args []string, getenv func(string) string, transport http.RoundTripper, stdout, stderr io.Writer) int {
	key := getenv(clawhq.EnvAPIKey)
	fail := func(err error) int {
		fmt.Fprintln(stderr, "contract:", redact(err.Error(), key))
		return notTried
	}
	flags := flag.NewFlagSet("contract", flag.ContinueOnError)
	flags.SetOutput(stderr)
	baseURL := flags.String("base-url", getenv(clawhq.EnvBaseURL), "URL of the service; default CLAWHQ_BASE_URL, else the live service")
	profile := flags.String("profile", "live", "what to expect: the document as it is (documented), or as its x-live change it (live)")
	chat := flags.Bool("chat", false, "also send chats, a batch and a prediction")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return notTried
	}
	if *baseURL == "" {
		*baseURL = clawhq.DefaultBaseURL
	}
	base, err := url.Parse(*baseURL)
	switch {
	case flags.NArg() > 0:
		return fail(fmt.Errorf("there are no arguments, such as %q", flags.Arg(0)))
	case key == "":
		return fail(fmt.Errorf("%s is not set", clawhq.EnvAPIKey))
	case *profile != "live" && *profile != "documented":
		return fail(fmt.Errorf("-profile has to be live or documented, not %q", *profile))
	case err != nil || base.Host == "" || base.RawQuery != "" || base.Fragment != "" || base.Scheme != "https" && !(base.Scheme == "http" && isLoopback(base.Hostname())):
		return fail(fmt.Errorf("the base URL has to be an https URL, without a query"))
	}
	if transport, err = trusting(transport, getenv("CLAWHQ_CA_FILE")); err != nil {
		return fail(err)
	}
	document, err := spec.Parse(openapi.API().At(openapi.ServiceURL, openapi.ServiceDescription))
	if err != nil {
		return fail(err)
	}
	d := &drift{
		document:   document,
		documented: *profile == "documented",
		base:       strings.TrimSuffix(base.String(), "/"),
		key:        key,
		client:     &http.Client{Transport: transport, Timeout: 2 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		report:     Report{Service: base.Redacted(), Profile: *profile},
	}
	d.read(ctx)
	if *chat {
		d.chat(ctx)
	}
	d.leaveOut(*chat)

	var out bytes.Buffer
	if *asJSON {
		d.report.writeJSON(&out)
	} else {
		d.report.writeTable(&out)
	}
	io.WriteString(stdout, redact(out.String(), key))
	return d.report.status()
}

// redact removes the key from a text, whatever has sent it back.
func redact(text, key string) string {
	if key == "" {
		return text
	}
	return strings.ReplaceAll(text, key, "…")
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// trusting returns a transport that trusts the certificates in a file too.
func trusting(transport http.RoundTripper, file string) (http.RoundTripper, error) {
	if file == "" {
		return transport, nil
	}
	certificates, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !roots.AppendCertsFromPEM(certificates) {
		return nil, fmt.Errorf("%s has no certificate in it", file)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots}
	return t, nil
}
