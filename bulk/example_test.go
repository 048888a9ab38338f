package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// A run that was stopped goes on where it was, with the answers in a file.
func Example() {
	service := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer service.Close()
	service.HandleAgent("support-bot", clawhqtest.Reply("Thank you."))
	dir, err := os.MkdirTemp("", "bulk")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	tickets := []string{"Where is my parcel?", "It is broken.", "I want my money back."}
	items := func(yield func(bulk.Item, error) bool) {
		for i, text := range tickets {
			if !yield(bulk.Item{ID: fmt.Sprint("ticket-", i), Request: clawhq.ChatRequest{Message: text}}, nil) {
				return
			}
		}
	}
	run := func(atMost int) (answered, resumed int) {
		store, err := bulk.OpenFile(filepath.Join(dir, "answers.jsonl"))
		if err != nil {
			log.Fatal(err)
		}
		defer store.Close()
		for result, err := range bulk.Run(context.Background(), service.Client(), items, bulk.Options{Job: "tickets", Store: store, Workers: 1}) {
			if err != nil {
				log.Fatal(err)
			}
			if result.Err == nil {
				answered++
			}
			if result.Resumed {
				resumed++
			}
			if answered == atMost {
				break
			}
		}
		return answered, resumed
	}
	fmt.Println(run(3))
	tickets = append(tickets, "Hello?")
	fmt.Println(run(4))
	// Output:
	// 3 0
	// 4 3
}

// A question that is refused is a result; the run goes on.
func ExampleRun() {
	service := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer service.Close()
	service.HandleAgent("support-bot", clawhqtest.Reply("Thank you."))
	items := func(yield func(bulk.Item, error) bool) {
		_ = yield(bulk.Item{ID: "a", Request: clawhq.ChatRequest{Message: "Hello."}}, nil) &&
			yield(bulk.Item{ID: "b", Request: clawhq.ChatRequest{Message: " "}}, nil)
	}
	var lines []string
	for result, err := range bulk.Run(context.Background(), service.Client(), items, bulk.Options{}) {
		if err != nil {
			log.Fatal(err)
		}
		if refused := (*clawhq.InvalidRequestError)(nil); errors.As(result.Err, &refused) {
			lines = append(lines, fmt.Sprint(result.ID, ": refused: ", refused.Message))
		} else if result.Err != nil {
			lines = append(lines, fmt.Sprint(result.ID, ": ", result.Err)) // the next run asks again
		} else {
			lines = append(lines, fmt.Sprint(result.ID, ": ", result.Response.Response))
		}
	}
	slices.Sort(lines) // results come in any order
	for _, line := range lines {
		fmt.Println(line)
	}
	// Output:
	// a: Thank you.
	// b: refused: message is required
}

// Progress says how far the run is.
func ExampleProgress() {
	service := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer service.Close()
	opts := bulk.Options{Total: 3, Foreground: true, Progress: func(p bulk.Progress) {
		fmt.Printf("%d of %d, %d failed\n", p.Answered, p.Total, p.Failed)
	}}
	for _, err := range bulk.Run(context.Background(), service.Client(), numbered(3), opts) {
		if err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 1 of 3, 0 failed
	// 2 of 3, 0 failed
	// 3 of 3, 0 failed
}
