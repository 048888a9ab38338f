// Chat asks an agent one question and prints its answer.
//
//	go run ./examples/chat What are your business hours?
//
// If CLAWHQ_API_KEY is set, it calls the real service; otherwise it starts the
// reference server in its own process.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	log.SetFlags(0)
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	message := cmp.Or(strings.Join(os.Args[1:], " "), "What are your business hours?")
	resp, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: message})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Response)
}

// newClient stands for clawhq.NewClient, so that this runs without a key.
func newClient() (*clawhq.Client, error) {
	if os.Getenv(clawhq.EnvAPIKey) != "" {
		return clawhq.NewClient()
	}
	log.Printf("(%s is not set: this is the reference server)", clawhq.EnvAPIKey)
	return clawhqtest.NewServer().Client(), nil
}
