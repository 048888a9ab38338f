// Keys rotates an API key without a gap: it creates a new one, switches over
// to it, and revokes the old one only when the new one has been seen to work.
//
//	go run ./examples/keys
//
// The real service needs CLAWHQ_API_KEY and, in CLAWHQ_SESSION, the
// dashboard's session cookie, since an API key cannot manage keys; without
// them, the reference server inside this program is used.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	log.SetFlags(0)
	oldKey, options := account()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := rotate(ctx, oldKey, options); err != nil {
		log.Fatal(err)
	}
}

func rotate(ctx context.Context, oldKey string, options []clawhq.Option) error {
	admin, err := clawhq.NewClient(append(options, clawhq.WithAPIKey(oldKey))...)
	if err != nil {
		return err
	}
	keys, err := admin.Keys.List(ctx)
	if err != nil {
		return err
	}
	var old clawhq.Key
	for _, k := range keys {
		if k.Prefix == oldKey[:len(k.Prefix)] {
			old = k
		}
	}
	if old.ID == "" {
		return fmt.Errorf("the key in use is not one of the account's %d", len(keys))
	}
	fmt.Printf("in use:  %s (%s, %v, used %d times)\n", old.Prefix, old.Name, old.RateLimit, old.UsageCount)

	created, err := admin.Keys.Create(ctx, clawhq.CreateKeyRequest{
		Name:      "rotated " + time.Now().Format(time.DateTime),
		RateLimit: old.RateLimit,
	})
	if err != nil {
		return err
	}
	fmt.Printf("created: %v (%s)\n", created.Secret, created.Name) // prints redacted
	// Here a program would store created.Secret.Reveal(): it is shown this once.

	client, err := clawhq.NewClient(append(options, clawhq.WithAPIKey(created.Secret.Reveal()))...)
	if err != nil {
		return err
	}
	if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: "Are you there?"}); err != nil {
		return fmt.Errorf("the new key does not work, and the old one stays: %w", err)
	}
	fmt.Println("works:   switched over to the new key")

	if err := admin.Keys.Revoke(ctx, old.ID); err != nil {
		return err
	}
	fmt.Printf("revoked: %s\n", old.Prefix)
	return nil
}

// account returns the key in use and the options to reach its account.
func account() (key string, options []clawhq.Option) {
	key, session := os.Getenv(clawhq.EnvAPIKey), os.Getenv("CLAWHQ_SESSION")
	if key != "" && session != "" {
		return key, []clawhq.Option{clawhq.WithSession(session)}
	}
	log.Printf("(%s and CLAWHQ_SESSION are not both set: this is the reference server)", clawhq.EnvAPIKey)
	server := clawhqtest.NewServer()
	return server.APIKey(), []clawhq.Option{
		clawhq.WithBaseURL(server.URL()), clawhq.WithHTTPClient(server.HTTPClient()), clawhq.WithSession(server.Session()),
	}
}
