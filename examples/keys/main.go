// Keys replaces an API key without an interruption: it creates a new key, stores
// it, checks that it works, and only then revokes the old key.
//
//	go run ./examples/keys
//	CLAWHQ_API_KEY=clw_… CLAWHQ_SESSION=… go run ./examples/keys -out new.key
//
// The real service needs the dashboard's session cookie, in CLAWHQ_SESSION, since
// an API key cannot manage keys. Without the two variables, the program starts
// the reference server in its own process.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	log.SetFlags(0)
	out := flag.String("out", "", "`file` to append the new key to")
	flag.Parse()
	oldKey, connect := os.Getenv(clawhq.EnvAPIKey), service
	if oldKey == "" || os.Getenv("CLAWHQ_SESSION") == "" {
		log.Printf("(%s and CLAWHQ_SESSION are not both set: this is the reference server)", clawhq.EnvAPIKey)
		oldKey, connect = reference()
		*out = cmp.Or(*out, os.DevNull)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := rotate(ctx, oldKey, connect, *out); err != nil {
		log.Fatal(err)
	}
}

// rotate replaces oldKey by a new key of the same tier, appended to the file
// out. An error may leave both keys active, but never neither.
func rotate(ctx context.Context, oldKey string, connect func(key string) (*clawhq.Client, error), out string) error {
	// The new key is shown only once, so there must be a place for it before.
	file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("no place for the new key (-out): %w", err)
	}
	defer file.Close()

	client, err := connect(oldKey)
	if err != nil {
		return err
	}
	keys, err := client.Keys.List(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(keys, func(k clawhq.Key) bool { return k.Prefix != "" && strings.HasPrefix(oldKey, k.Prefix) })
	if i < 0 {
		return errors.New("the key in use does not belong to the account")
	}
	old := keys[i]
	fmt.Printf("in use:  %s (%s, %v)\n", old.Prefix, old.Name, old.RateLimit)

	created, err := client.Keys.Create(ctx, clawhq.CreateKeyRequest{
		Name:      "rotated " + time.Now().Format(time.DateTime),
		RateLimit: old.RateLimit,
	})
	if err != nil {
		return err
	}
	fmt.Printf("created: %v (%s)\n", created.Secret, created.Name) // prints redacted
	_, err = fmt.Fprintln(file, created.Secret.Reveal())
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("the new key is lost, revoke it: %w", err)
	}
	fmt.Printf("stored:  in %s\n", file.Name())

	// A program that serves meanwhile would keep its client in an
	// atomic.Pointer, swap it here, and let calls that use the old key finish
	// before that is revoked.
	if client, err = connect(created.Secret.Reveal()); err != nil {
		return err
	}
	if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: "Are you there?"}); err != nil {
		return fmt.Errorf("the new key does not work, and both stay: %w", err)
	}
	fmt.Println("works:   switched over to the new key")

	// NotFoundError: it is revoked already, though an earlier reply got lost.
	var gone *clawhq.NotFoundError
	if err := client.Keys.Revoke(ctx, old.ID); err != nil && !errors.As(err, &gone) {
		return err
	}
	fmt.Printf("revoked: %s\n", old.Prefix)
	return nil
}

// service returns a client of the real service.
func service(key string) (*clawhq.Client, error) {
	return clawhq.NewClient(clawhq.WithAPIKey(key), clawhq.WithSession(os.Getenv("CLAWHQ_SESSION")))
}

// reference starts a reference server, and returns its key and what connects
// to it with any key.
func reference() (key string, connect func(key string) (*clawhq.Client, error)) {
	server := clawhqtest.NewServer()
	return server.APIKey(), func(key string) (*clawhq.Client, error) {
		return server.Client(clawhq.WithAPIKey(key)), nil
	}
}
