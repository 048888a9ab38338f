// Batch answers a CSV file of questions. It reads the questions from the first
// column, and writes the same rows with an answer and an error added. It sends
// them in batches of up to 50, at most three batches at a time.
//
//	go run ./examples/batch
//	go run ./examples/batch -in questions.csv -out answers.csv -agent support-bot
//
// On a terminal it shows a progress bar. Ctrl-C stops it; it then writes the
// answers that it has. If CLAWHQ_API_KEY is set, it calls the real service;
// otherwise it starts the reference server in its own process.
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	log.SetFlags(0)
	in := flag.String("in", "", "CSV `file` of questions; some of its own by default")
	out := flag.String("out", "", "CSV `file` of answers; the standard output by default")
	agent := flag.String("agent", "support-bot", "`slug` of the agent to ask")
	flag.Parse()
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, client, *agent, *in, *out); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, client *clawhq.Client, agent, in, out string) error {
	source := io.NopCloser(strings.NewReader("What are your business hours?\nHow do I reset my password?\nWhat do you charge?\nDo you ship abroad?\n"))
	if in != "" {
		file, err := os.Open(in)
		if err != nil {
			return err
		}
		source = file
	}
	defer source.Close()
	lines := csv.NewReader(source)
	lines.FieldsPerRecord = -1
	rows, err := lines.ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}

	asked := ask(ctx, client, agent, rows)
	sink := os.Stdout
	if out != "" {
		if sink, err = os.Create(out); err != nil {
			return errors.Join(asked, err)
		}
	}
	return errors.Join(asked, csv.NewWriter(sink).WriteAll(rows), sink.Close())
}

// Limits of the service.
const (
	batchSize   = 30 // 50 at most, and not more than the smallest key's calls a minute
	batchesOpen = 3  // of an account
)

// ask adds an answer and an error to each row, batch by batch.
func ask(ctx context.Context, client *clawhq.Client, agent string, rows [][]string) error {
	progress := newBar(len(rows))
	defer progress.end()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	places := make(chan struct{}, batchesOpen)
	for batch := range slices.Chunk(rows, batchSize) {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			err := askBatch(ctx, client, agent, batch, progress)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
		})
	}
	wg.Wait()
	return failed
}

// askBatch has one batch answered. Its error is of the batch as a whole: what
// became of a question stands in its row.
func askBatch(ctx context.Context, client *clawhq.Client, agent string, rows [][]string, progress *bar) error {
	var req clawhq.CreateBatchRequest
	for i, row := range rows {
		req.Requests = append(req.Requests, clawhq.BatchRequest{CustomID: strconv.Itoa(i), Message: row[0], Agent: agent})
	}
	batch, err := client.Batches.Create(ctx, req)
	if err == nil {
		// A restart of the service leaves a batch processing for ever.
		ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
		defer cancel()
		batch, err = wait(ctx, client, batch.ID, progress)
	}
	for i := range rows {
		result := clawhq.BatchResult{Error: "not done"}
		if batch != nil { // as it was last seen, if there is an error
			if r, ok := batch.Result(strconv.Itoa(i)); ok && r.Status != clawhq.BatchPending {
				result = r
			}
		}
		rows[i] = append(rows[i], result.Response, result.Error)
	}
	return err
}

// wait is Batches.Wait that shows what it sees. Beside an error stands the
// batch as it was last seen.
func wait(ctx context.Context, client *clawhq.Client, id string, progress *bar) (last *clawhq.Batch, err error) {
	done := 0
	for {
		batch, err := client.Batches.Get(ctx, id)
		if err != nil {
			return last, err
		}
		last = batch
		progress.add(batch.Completed + batch.Failed - done)
		if done = batch.Completed + batch.Failed; batch.Done() {
			return batch, nil
		}
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
			return last, context.Cause(ctx)
		}
	}
}

// A bar draws the progress on a terminal; nil draws nothing.
type bar struct {
	mu          sync.Mutex
	done, total int
}

func newBar(total int) *bar {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	b := &bar{total: total}
	b.add(0)
	return b
}

func (b *bar) add(n int) {
	if b == nil || b.total == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done += n
	const width = 40
	full := width * b.done / b.total
	fmt.Fprintf(os.Stderr, "\r[%s%s] %d of %d", strings.Repeat("#", full), strings.Repeat(".", width-full), b.done, b.total)
}

func (b *bar) end() {
	if b != nil {
		fmt.Fprintln(os.Stderr)
	}
}

// newClient stands for clawhq.NewClient, so that this runs without a key.
func newClient() (*clawhq.Client, error) {
	if os.Getenv(clawhq.EnvAPIKey) != "" {
		return clawhq.NewClient()
	}
	log.Printf("(%s is not set: this is the reference server)", clawhq.EnvAPIKey)
	return clawhqtest.NewServer(clawhqtest.WithAgentDelay(100 * time.Millisecond)).Client(), nil
}
