// Threads has a conversation that the service stores: it sends each typed line to
// a thread, whose agent knows the earlier messages. With the id of the thread, the
// conversation can be continued later.
//
//	go run ./examples/threads
//	go run ./examples/threads -thread thread_… # continues that thread
//	echo "What are your hours?" | go run ./examples/threads -delete
//
// If CLAWHQ_API_KEY is set, it calls the real service; otherwise it starts the
// reference server in its own process.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	log.SetFlags(0)
	id := flag.String("thread", "", "`id` of the thread to go on with; a new one by default")
	agent := flag.String("agent", "", "`slug` of the agent that a new thread is with; the service's default by default")
	remove := flag.Bool("delete", false, "delete the thread in the end")
	flag.Parse()
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := talk(ctx, client, *id, *agent, *remove); err != nil {
		log.Fatal(err)
	}
}

// talk sends each line of the standard input to a thread, and prints what was
// said in it before and what is answered.
func talk(ctx context.Context, client *clawhq.Client, id, agent string, remove bool) error {
	if id == "" {
		thread, err := client.Threads.Create(ctx, clawhq.CreateThreadRequest{
			Agent:    agent,
			Metadata: map[string]any{"program": "examples/threads"},
		})
		if err != nil {
			return err
		}
		id = thread.ID
		fmt.Println("new thread", id)
	}
	for message, err := range client.Threads.AllMessages(ctx, id, clawhq.ListOptions{}) {
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s\n", message.Role, message.Content)
	}

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := say(ctx, client, id, lines.Text()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil || !remove {
		return err
	}
	fmt.Println("deleted", id)
	return client.Threads.Delete(ctx, id)
}

// say sends one message. If the agent fails, the message stays in the thread,
// unanswered: to send it again would add it again, so the user is asked.
func say(ctx context.Context, client *clawhq.Client, id, message string) error {
	reply, err := client.Threads.Send(ctx, id, message)
	var failed *clawhq.AgentError
	var invalid *clawhq.InvalidRequestError
	switch {
	case errors.As(err, &failed):
		fmt.Printf("(no answer, %s: try again)\n", failed.Code)
	case errors.As(err, &invalid): // a blank line, for example
		fmt.Printf("(not sent, %s)\n", invalid.Message)
	case err != nil:
		return err
	default:
		fmt.Printf("%s: %s\n", clawhq.RoleAssistant, cmp.Or(reply.Response, "(nothing)"))
	}
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
