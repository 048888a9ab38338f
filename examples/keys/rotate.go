package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go"
)

// rotate replaces the key in the file by a new one of the same tier. connect returns
// a client that has a session. After an error there may be two keys, but never
// none.
func rotate(ctx context.Context, file KeyFile, drain time.Duration, connect func(...clawhq.Option) (*clawhq.Client, error)) error {
	oldKey, err := file.Key(ctx)
	if err != nil {
		return err
	}
	admin, err := connect(clawhq.WithAPIKeyFunc(file.Key))
	if err != nil {
		return err
	}
	keys, err := admin.Keys.List(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(keys, func(k clawhq.Key) bool { return k.Prefix != "" && strings.HasPrefix(oldKey, k.Prefix) })
	if i < 0 {
		return errors.New("the key in use does not belong to the account")
	}
	old := keys[i]
	fmt.Printf("in use:    %s (%s, %v)\n", old.Prefix, old.Name, old.RateLimit)

	created, err := admin.Keys.Create(ctx, clawhq.CreateKeyRequest{
		Name:      "rotated " + time.Now().Format(time.DateTime),
		RateLimit: old.RateLimit,
	})
	if err != nil {
		return err
	}
	fmt.Printf("created:   %v (%s)\n", created.Secret, created.Name) // prints redacted
	err = publish(ctx, file, created.Secret, connect)
	if err != nil { // the new key is of no use to anyone
		return errors.Join(err, admin.Keys.Revoke(context.WithoutCancel(ctx), created.ID))
	}
	fmt.Printf("published: in %s\n", file)

	// The key of an attempt is asked for just before it is sent, so that calls
	// that wait, for the rate limit or to be repeated, go on with the new key.
	// Those that are under way have the old one.
	select {
	case <-time.After(drain):
	case <-ctx.Done():
		return fmt.Errorf("both keys are active, revoke %s later: %w", old.Prefix, context.Cause(ctx))
	}
	fmt.Printf("drained:   for %v\n", drain)

	// NotFoundError: it is revoked already, though an earlier reply got lost.
	var gone *clawhq.NotFoundError
	if err := admin.Keys.Revoke(ctx, old.ID); err != nil && !errors.As(err, &gone) {
		return err
	}
	fmt.Printf("revoked:   %s\n", old.Prefix)
	return nil
}

// publish publishes a key that works.
func publish(ctx context.Context, file KeyFile, key clawhq.Secret, connect func(...clawhq.Option) (*clawhq.Client, error)) error {
	client, err := connect(clawhq.WithAPIKey(key.Reveal()))
	if err != nil {
		return err
	}
	if _, err := client.Health(ctx); err != nil {
		return fmt.Errorf("the new key does not work: %w", err)
	}
	return file.Publish(key.Reveal())
}
