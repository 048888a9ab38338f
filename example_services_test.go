package clawhq_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func ExampleClient_Health() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()

	health, err := client.Health(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(health.Status, health.Plan)
	// Output: ok pro
}

func ExampleClient_Usage() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()
	ctx := context.Background()

	for range 3 {
		if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: "Say hello.", Agent: "greeter"}); err != nil {
			log.Fatal(err)
		}
	}
	usage, err := client.Usage(ctx, 7)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(usage.Period, usage.Totals.Requests, "requests,", usage.Totals.Errors, "errors")
	// Output: 7d 3 requests, 0 errors
}

// Do calls endpoints for which there is no method, with the same retries, rate
// shaping and options as other calls.
func ExampleClient_Do() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()

	var health struct{ Status string }
	if err := client.Do(context.Background(), "GET", "/v1/health", nil, &health); err != nil {
		log.Fatal(err)
	}
	fmt.Println(health.Status)
	// Output: ok
}

func ExampleAgentsService_All() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()

	for agent, err := range client.Agents.All(context.Background(), clawhq.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(agent.Slug, agent.Status)
		if agent.Slug == "greeter" {
			break // requests no further pages
		}
	}
	// Output: greeter deployed
}

func ExampleModelsService_List() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()

	models, err := client.Models.List(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	large := slices.IndexFunc(models, func(m clawhq.Model) bool { return m.ContextWindow >= 100_000 })
	fmt.Println("a model of 100,000 tokens:", large >= 0)
	// Output: a model of 100,000 tokens: true
}

func ExampleConversationsService() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()
	ctx := context.Background()
	server.AddConversation(clawhqtest.Conversation{Agent: "greeter", Messages: []clawhqtest.StoredMessage{
		{Role: clawhqtest.RoleUser, Content: "Say hello."},
		{Role: clawhqtest.RoleAssistant, Content: "Hello, world!"},
	}})

	for conversation, err := range client.Conversations.All(ctx, clawhq.ConversationOptions{Agent: "greeter"}) {
		if err != nil {
			log.Fatal(err)
		}
		for message, err := range client.Conversations.AllMessages(ctx, conversation.ID, clawhq.ListOptions{}) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%s: %s\n", message.Role, message.Content)
		}
	}
	// Output:
	// user: Say hello.
	// assistant: Hello, world!
}

func ExampleThreadsService() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()
	ctx := context.Background()

	thread, err := client.Threads.Create(ctx, clawhq.CreateThreadRequest{Agent: "greeter", Metadata: map[string]any{"ticket": 7}})
	if err != nil {
		log.Fatal(err)
	}
	reply, err := client.Threads.Send(ctx, thread.ID, "Say hello.")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.Response)
	page, err := client.Threads.Messages(ctx, thread.ID, clawhq.ListOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(page.Total, "messages, with", string(thread.Metadata))
	// Output:
	// Hello, world!
	// 2 messages, with {"ticket":7}
}

func ExampleBatchesService() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()
	ctx := context.Background() // a deadline is advisable

	batch, err := client.Batches.Create(ctx, clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{
		{CustomID: "first", Message: "Say hello.", Agent: "greeter"},
		{CustomID: "second", Message: "Say hello.", Agent: "greeter"},
	}})
	if err != nil {
		log.Fatal(err)
	}
	if batch, err = client.Batches.Wait(ctx, batch.ID); err != nil {
		log.Fatal(err)
	}
	fmt.Println(batch.Status, batch.Completed, "of", batch.Total)
	if result, ok := batch.Result("second"); ok {
		fmt.Println(result.Response, result.Error)
	}
	// Output:
	// completed 2 of 2
	// Hello, world!
}

func ExampleFilesService() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()
	ctx := context.Background()

	file, err := client.Files.Upload(ctx, clawhq.UploadFileRequest{
		Name:    "hours.txt",
		Content: strings.NewReader("We are open from 9 to 5."), // an *os.File, for example
		Progress: func(sent, total int64) {
			fmt.Println(sent, "of", total, "bytes")
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(file.Name, file.MIMEType, file.Status)
	if err := client.Files.Delete(ctx, file.ID); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 24 of 24 bytes
	// hours.txt text/plain processing
}

func ExampleAuditLogService() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()
	ctx := context.Background()

	if _, err := client.Keys.Create(ctx, clawhq.CreateKeyRequest{Name: "staging"}); err != nil {
		log.Fatal(err)
	}
	for entry, err := range client.AuditLog.All(ctx, clawhq.AuditLogOptions{Category: "api_key"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(entry.Action, entry.EntityType)
	}
	// Output: api_key_created api_key
}

func ExampleVerifyAuditLog() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()
	ctx := context.Background()
	for second := range 3 {
		server.AddAuditEntry(clawhqtest.AuditEntry{
			Action: "api_key_created", EntityType: "api_key", Category: "api_key", CreatedAt: time.Date(2026, 3, 16, 10, 0, second, 0, time.UTC),
		})
	}

	var entries []clawhq.AuditEntry
	for entry, err := range client.AuditLog.All(ctx, clawhq.AuditLogOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		entries = append(entries, entry)
	}
	slices.Reverse(entries) // the oldest first
	fmt.Println(len(entries), clawhq.VerifyAuditLog(server.AccountID(), entries))

	entries[1].Action = "api_key_revoked"
	err := clawhq.VerifyAuditLog(server.AccountID(), entries)
	fmt.Println(errors.Is(err, clawhq.ErrAuditLogBroken), strings.Contains(err.Error(), "entry 2 of 3"))

	entries[1].IntegrityHash = ""
	err = clawhq.VerifyAuditLog(server.AccountID(), entries[1:2])
	fmt.Println(errors.Is(err, clawhq.ErrAuditLogUnhashed))
	// Output:
	// 3 <nil>
	// true true
	// true
}
