// Keys replaces an API key without a failed call, while programs use it. They read
// it from a file, by clawhq.WithAPIKeyFunc, which the client calls for each attempt:
//
//	client, err := clawhq.NewClient(clawhq.WithAPIKeyFunc(KeyFile("clawhq.key").Key))
//
// This program creates a new key, checks that it works, publishes it in the file,
// waits until no request with the old key can be under way, and revokes that.
//
//	go run ./examples/keys
//	CLAWHQ_API_KEY=clw_… CLAWHQ_SESSION=… go run ./examples/keys -file clawhq.key
//
// The real service needs the dashboard's session cookie, in CLAWHQ_SESSION, since
// an API key cannot manage keys. CLAWHQ_API_KEY is needed only the first time, when
// there is no file. Without CLAWHQ_SESSION, the program starts the reference server
// in its own process, and makes calls while it rotates their key.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	log.SetFlags(0)
	path := flag.String("file", "clawhq.key", "`file` with the key, as programs read it")
	drain := flag.Duration("drain", 2*time.Minute, "how long requests with the old key may be under way: at least the programs' attempt timeout")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := service
	if os.Getenv("CLAWHQ_SESSION") == "" {
		log.Print("(CLAWHQ_SESSION is not set: this is the reference server)")
		run = reference
	}
	if err := run(ctx, KeyFile(*path), *drain); err != nil {
		log.Fatal(err)
	}
}

// service rotates a key of the real service.
func service(ctx context.Context, file KeyFile, drain time.Duration) error {
	if _, err := file.Key(ctx); errors.Is(err, fs.ErrNotExist) {
		if err := file.Publish(os.Getenv(clawhq.EnvAPIKey)); err != nil {
			return err
		}
	}
	return rotate(ctx, file, drain, func(opts ...clawhq.Option) (*clawhq.Client, error) {
		return clawhq.NewClient(append(opts, clawhq.WithSession(os.Getenv("CLAWHQ_SESSION")))...)
	})
}

// reference rotates a key of a reference server while calls are made with it.
func reference(ctx context.Context, _ KeyFile, _ time.Duration) error {
	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server := clawhqtest.NewServer(clawhqtest.WithAgentDelay(20 * time.Millisecond))
	defer server.Close()
	file := KeyFile(filepath.Join(dir, "clawhq.key"))
	if err := file.Publish(server.APIKey()); err != nil {
		return err
	}
	connect := func(opts ...clawhq.Option) (*clawhq.Client, error) { return server.Client(opts...), nil }

	// The program that uses the key knows nothing of the rotation.
	client := server.Client(clawhq.WithAPIKeyFunc(file.Key))
	var made, failed atomic.Int32
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: "hi"}); ctx.Err() == nil {
				made.Add(1)
				if err != nil {
					failed.Add(1)
					log.Print(err)
				}
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	err = rotate(ctx, file, time.Second, connect)
	stop()
	<-ended
	fmt.Printf("meanwhile %d calls were made, %d failed\n", made.Load(), failed.Load())
	return err
}
