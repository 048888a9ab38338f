// Files uploads files to the knowledge base that agents answer from, waits until
// they are indexed, and lists all files.
//
//	go run ./examples/files handbook.md prices.csv
//	go run ./examples/files -delete file_…
//	go run ./examples/files # uploads a note of its own
//
// If CLAWHQ_API_KEY is set, it calls the real service; otherwise it starts the
// reference server in its own process.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	log.SetFlags(0)
	remove := flag.String("delete", "", "`id` of a file to delete")
	flag.Parse()
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, client, flag.Args(), *remove); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, client *clawhq.Client, names []string, remove string) error {
	if remove != "" {
		return client.Files.Delete(ctx, remove)
	}
	for _, name := range names {
		if err := uploadFile(ctx, client, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(names) == 0 {
		if err := upload(ctx, client, "note.txt", strings.NewReader("Our office is open from nine to five.\n")); err != nil {
			return err
		}
	}
	fmt.Println("in the knowledge base:")
	for file, err := range client.Files.All(ctx, clawhq.ListOptions{}) {
		if err != nil {
			return err
		}
		fmt.Printf("  %s  %-20s %8d bytes  %s\n", file.ID, file.Name, file.Size, file.Status)
	}
	return nil
}

func uploadFile(ctx context.Context, client *clawhq.Client, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return upload(ctx, client, filepath.Base(name), file)
}

// upload sends a file and waits until it is indexed.
func upload(ctx context.Context, client *clawhq.Client, name string, content io.Reader) error {
	file, err := client.Files.Upload(ctx, clawhq.UploadFileRequest{
		Name:    name,
		Content: content,
		Progress: func(sent, total int64) {
			fmt.Printf("\r%s: %d of %d bytes", name, sent, total)
		},
	})
	fmt.Println()
	var invalid *clawhq.InvalidRequestError
	if errors.As(err, &invalid) { // too large, of another type, with a name that cannot be
		return errors.New(invalid.Message)
	}
	if err != nil {
		return err
	}

	// The service gives up after five minutes.
	ctx, cancel := context.WithTimeout(ctx, 6*time.Minute)
	defer cancel()
	for file.Status == clawhq.FileProcessing {
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if file, err = client.Files.Get(ctx, file.ID); err != nil {
			return err
		}
	}
	fmt.Printf("%s: %s, pieces: %d\n", name, file.Status, file.Chunks)
	return nil
}

// newClient stands for clawhq.NewClient, so that this runs without a key.
func newClient() (*clawhq.Client, error) {
	if os.Getenv(clawhq.EnvAPIKey) != "" {
		return clawhq.NewClient()
	}
	log.Printf("(%s is not set: this is the reference server)", clawhq.EnvAPIKey)
	return clawhqtest.NewServer().Client(), nil
}
