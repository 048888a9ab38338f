// Bulk asks an agent the questions of a CSV file, at the full rate of the API key,
// and writes the same rows with an answer and an error added.
//
//	cd examples/bulk
//	go run . -in questions.csv -out answers.csv -agent support-bot
//	go run . -in questions.csv -dry-run # how long it will take
//
// The first row has the names of the columns. One is "question"; one may be "id",
// the row's key, which is the same in every run. Without it, the number of the row
// is its key.
//
// Ctrl-C or a crash loses nothing: start the program again. Each answer is saved in
// a file beside the output, named like it with .state added, and is not asked for
// again. The output is written when all questions were asked, in the order of the
// input, all at once. Questions that failed for a time are asked again if the
// program is started again.
//
// On a terminal it shows a progress bar, elsewhere a line every 10 seconds. If
// CLAWHQ_API_KEY is set, it calls the real service; otherwise it starts the
// reference server in its own process. Without -in it asks questions of its own.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// A job is what the program is told to do.
type job struct {
	name, in, out, agent string
}

func main() {
	log.SetFlags(0)
	var j job
	flag.StringVar(&j.in, "in", "", "CSV `file` of questions")
	flag.StringVar(&j.out, "out", "answers.csv", "CSV `file` of answers")
	flag.StringVar(&j.agent, "agent", "", "`slug` of the agent to ask; the one deployed last by default")
	flag.StringVar(&j.name, "job", "", "`name` of the job, other than that of any other job of the account; the name of the input by default")
	dry := flag.Bool("dry-run", false, "say how long it will take, and ask nothing")
	flag.Parse()
	if j.in == "" {
		var err error
		if j.in, j.out, err = samples(); err != nil {
			log.Fatal(err)
		}
		log.Print("(there is no -in: these are questions of its own)")
	}
	j.name = cmp.Or(j.name, filepath.Base(j.in))

	// A second Ctrl-C ends the program at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	var err error
	if *dry {
		err = j.estimate(ctx)
	} else {
		err = j.run(ctx)
	}
	switch {
	case errors.Is(err, context.Canceled):
		log.Print("stopped: start it again to go on")
		os.Exit(130)
	case err != nil:
		log.Fatal(err)
	}
}

// state is the name of the file with the answers so far.
func (j job) state() string { return j.out + ".state" }

// run asks the questions and writes the answers.
func (j job) run(ctx context.Context) error {
	total, err := count(j.in)
	if err != nil {
		return err
	}
	client, err := newClient()
	if err != nil {
		return err
	}
	store, err := bulk.OpenFile(j.state())
	if err != nil {
		return err
	}
	defer store.Close()

	failed := map[string]error{} // those that are not in the store
	show := newDisplay(os.Stderr, total)
	for result, err := range bulk.Run(ctx, client, items(j.in, j.agent), bulk.Options{
		Job:      j.name,
		Store:    store,
		Total:    total,
		Progress: show.progress,
	}) {
		if err != nil {
			show.end()
			return err
		}
		if refused := (*clawhq.InvalidRequestError)(nil); result.Err != nil && !errors.As(result.Err, &refused) {
			failed[result.ID] = result.Err
		}
	}
	show.end()
	if err := write(ctx, j, store, failed); err != nil {
		return err
	}
	log.Printf("%d rows are in %s", total, j.out)
	if len(failed) > 0 {
		return fmt.Errorf("%d questions failed for a time: start it again to ask them again", len(failed))
	}
	return store.Close()
}

// estimate says how long the questions that are left will take, for each rate that
// a key can have.
func (j job) estimate(ctx context.Context) error {
	total, err := count(j.in)
	if err != nil {
		return err
	}
	left := total
	if _, err := os.Stat(j.state()); err == nil {
		store, err := bulk.OpenFile(j.state())
		if err != nil {
			return err
		}
		defer store.Close()
		for item, err := range items(j.in, j.agent) {
			if err != nil {
				return err
			}
			_, found, err := store.Find(ctx, j.name, item.ID)
			if err != nil {
				return err
			}
			if found {
				left--
			}
		}
	}
	fmt.Printf("%d questions, %d of them answered\n", total, total-left)
	for _, rpm := range []clawhq.RateTier{clawhq.RPM30, clawhq.RPM60, clawhq.RPM120, clawhq.RPM300} {
		fmt.Printf("at %v: %v\n", rpm, time.Duration(float64(left)/float64(rpm)*float64(time.Minute)).Round(time.Second))
	}
	return nil
}

// newClient stands for clawhq.NewClient, so that this runs without a key.
func newClient() (*clawhq.Client, error) {
	if os.Getenv(clawhq.EnvAPIKey) != "" {
		return clawhq.NewClient()
	}
	log.Printf("(%s is not set: this is the reference server)", clawhq.EnvAPIKey)
	return clawhqtest.NewServer(clawhqtest.WithAgentDelay(100 * time.Millisecond)).Client(), nil
}
