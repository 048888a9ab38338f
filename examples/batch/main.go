// Batch answers a CSV file of questions with the service's own batches. It reads the
// questions from the first column, and writes the same rows with an answer and an
// error added, as soon as all rows before them are answered.
//
//	go run ./examples/batch
//	go run ./examples/batch -in questions.csv -out answers.csv -agent support-bot
//
// If it is stopped or killed, the output has the rows that were answered so far, and
// the program goes on after them when it is started again.
//
// Batches need few calls: one for up to 50 messages, and one for each look at what
// became of them. So they are better where calls are scarce: for short questions on a
// key of 30 calls a minute, or if the key's calls are needed for people. Otherwise
// examples/bulk is better. The service works on three batches of an account at a
// time, and on three messages of each, so that more than nine questions are never
// under way. Batches have no idempotency keys: what was under way when the service
// or this program stopped is asked again, and the agent runs again. A message that
// fails has only a text for a reason, and is not repeated.
//
// On a terminal it shows a progress bar. If CLAWHQ_API_KEY is set, it calls the real
// service; otherwise it starts the reference server in its own process.
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

	sink := os.Stdout
	if out != "" {
		if sink, err = os.OpenFile(out, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
			return err
		}
		if rows, err = resume(sink, rows); err != nil {
			return fmt.Errorf("%s: %w", out, err)
		}
	}
	return errors.Join(ask(ctx, client, agent, rows, sink), sink.Close())
}

// resume returns the rows that an output lacks, and makes it ready for them. A crash
// may have cut off its last row.
func resume(out *os.File, rows [][]string) ([][]string, error) {
	lines := csv.NewReader(out)
	lines.FieldsPerRecord = -1
	whole := int64(0)
	for len(rows) > 0 {
		row, err := lines.Read()
		if err != nil || len(row) != len(rows[0])+2 {
			break
		}
		end := make([]byte, 1)
		if _, err := out.ReadAt(end, lines.InputOffset()-1); err != nil || end[0] != '\n' {
			break
		}
		if row[0] != rows[0][0] {
			return nil, fmt.Errorf("it is the output of another input, with %q in place of %q", row[0], rows[0][0])
		}
		whole, rows = lines.InputOffset(), rows[1:]
	}
	if err := out.Truncate(whole); err != nil {
		return nil, err
	}
	_, err := out.Seek(whole, io.SeekStart)
	return rows, err
}

// Limits of the service.
const (
	batchSize   = 30 // 50 at most, and not more than the smallest key's calls a minute
	batchesOpen = 3  // of an account
)

// ask has the rows answered, batch by batch, and writes them with an answer and an
// error added, in their order. After an error it begins no further batch.
func ask(ctx context.Context, client *clawhq.Client, agent string, rows [][]string, out io.Writer) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	progress := newBar(len(rows))
	defer progress.end()
	written := make(chan struct{}) // closed when the batches so far are written
	close(written)
	var running sync.WaitGroup
	places := make(chan struct{}, batchesOpen)
	for batch := range slices.Chunk(rows, batchSize) {
		places <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		before, done := written, make(chan struct{})
		written = done
		running.Go(func() {
			defer close(done)
			err := askBatch(ctx, client, agent, batch, progress)
			<-places
			<-before
			if err == nil && ctx.Err() == nil {
				err = csv.NewWriter(out).WriteAll(batch)
			}
			if err != nil {
				stop(err)
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// askBatch has one batch answered. Its error is that of the batch as a whole: what
// became of a question stands in its row.
func askBatch(ctx context.Context, client *clawhq.Client, agent string, rows [][]string, progress *bar) error {
	var req clawhq.CreateBatchRequest
	for i, row := range rows {
		req.Requests = append(req.Requests, clawhq.BatchRequest{CustomID: strconv.Itoa(i), Message: row[0], Agent: agent})
	}
	batch, err := client.Batches.Create(ctx, req)
	if err != nil {
		return err
	}
	// A restart of the service leaves a batch processing for ever.
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	if batch, err = wait(ctx, client, batch.ID, progress); err != nil {
		return err
	}
	for i := range rows {
		result, ok := batch.Result(strconv.Itoa(i))
		if !ok {
			result.Error = "the batch has no result"
		}
		rows[i] = append(rows[i], result.Response, result.Error)
	}
	return nil
}

// wait is Batches.Wait that shows what it sees.
func wait(ctx context.Context, client *clawhq.Client, id string, progress *bar) (*clawhq.Batch, error) {
	done := 0
	for {
		batch, err := client.Batches.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		progress.add(batch.Completed + batch.Failed - done)
		if done = batch.Completed + batch.Failed; batch.Done() {
			return batch, nil
		}
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
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
