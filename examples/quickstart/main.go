// Quickstart shows the three main uses of ClawHQ: it chats, it streams an answer,
// and it handles an error.
//
//	go run ./examples/quickstart
//
// If CLAWHQ_API_KEY is set, it calls the real service, or the server at
// CLAWHQ_BASE_URL, whose certificate it reads from CLAWHQ_CA_FILE if that is set.
// Otherwise it starts the reference server in its own process.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	log.SetFlags(0)
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	fmt.Println("\n1. A whole answer")
	resp, err := client.Chat(ctx, clawhq.ChatRequest{Message: "What are your business hours?"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("   %s: %s\n", resp.Agent, resp.Response)

	fmt.Println("\n2. A streamed answer")
	fmt.Print("   ")
	for chunk, err := range client.ChatStream(ctx, clawhq.ChatRequest{Message: "Explain how webhooks work"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(chunk.Content)
	}
	fmt.Println()

	fmt.Println("\n3. An error")
	_, err = client.Chat(ctx, clawhq.ChatRequest{Message: "Hello?", Agent: "no-such-agent"})
	var missing *clawhq.NotFoundError
	if !errors.As(err, &missing) {
		log.Fatalf("expected a NotFoundError, got %v", err)
	}
	fmt.Println("  ", err)
	fmt.Printf("   as a value: code %s, status %d, request id %s\n", missing.Code, missing.StatusCode, missing.RequestID)
}

// newClient returns a client for the real service or, without a key, for a
// reference server. With a key, a program would just call clawhq.NewClient.
func newClient() (*clawhq.Client, error) {
	if os.Getenv(clawhq.EnvAPIKey) != "" {
		httpClient, err := trusting(os.Getenv("CLAWHQ_CA_FILE"))
		if err != nil {
			return nil, err
		}
		return clawhq.NewClient(clawhq.WithHTTPClient(httpClient))
	}
	server := clawhqtest.NewServer(clawhqtest.WithAgentDelay(60 * time.Millisecond))
	fmt.Printf("%s is not set: this program starts its own reference server, at %s.\n", clawhq.EnvAPIKey, server.URL())
	return server.Client(), nil
}

// trusting returns an HTTP client that trusts the certificates in a file
// besides those that the system trusts. No file is none.
func trusting(file string) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if file != "" {
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
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &http.Client{Transport: transport}, nil
}
