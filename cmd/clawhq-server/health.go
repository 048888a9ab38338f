package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// healthTimeout is how long -health waits for a reply.
const healthTimeout = 5 * time.Second

// checkHealth gets a URL, and returns an error unless the reply has status 200. For a
// loopback address it accepts any certificate, since the server makes its own.
func checkHealth(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("-health %q: it must be a URL, for example https://127.0.0.1:8787/ready", address)
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("-health: %w", err)
	}
	client := http.Client{
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: wire.Loopback(u.Hostname())},
			DisableKeepAlives: true,
			// No proxy: to a proxy, a loopback address would mean its own machine.
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("-health: %w", err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("-health %s: status %d", address, response.StatusCode)
	}
	return nil
}
