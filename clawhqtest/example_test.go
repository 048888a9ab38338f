package clawhqtest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// A test talks to a server of its own. Inside a test, NewTestServer(t) also
// closes it.
func ExampleNewServer() {
	s := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer s.Close()

	reply, err := s.Client().Chat(context.Background(), clawhq.ChatRequest{Message: "What are your business hours?"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Agent)
	fmt.Println(reply.Response)
	// Output:
	// support-bot
	// Thanks for reaching out to support. You asked: “What are your business hours?” Our support hours are Monday to Friday, 9:00 to 18:00 UTC. Is there anything else I can help you with?
}

// An agent answers as the test needs.
func ExampleServer_HandleAgent() {
	s := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer s.Close()
	s.HandleAgent("counter", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			_ = yield("You said ", nil) &&
				yield(m.Text, nil) &&
				yield(fmt.Sprintf(" after %d turns.", len(m.History)), nil)
		}
	})

	client := s.Client()
	for _, text := range []string{"one", "two"} {
		for chunk, err := range client.ChatStream(context.Background(), clawhq.ChatRequest{Message: text, Agent: "counter", SessionID: "s"}) {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Printf("|%s", chunk.Content)
		}
		fmt.Println()
	}
	// Output:
	// |You said |one| after 0 turns.
	// |You said |two| after 2 turns.
}

// Faults show how a program handles failures.
func ExampleServer_Inject() {
	s := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer s.Close()
	client := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))

	s.Inject(clawhqtest.FaultStatus(503, "agent_offline"))
	_, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: "hi"})
	if offline := (*clawhq.AgentError)(nil); errors.As(err, &offline) {
		fmt.Println(offline.StatusCode, offline.Code)
	}

	s.Inject(clawhqtest.FaultStreamCut(2))
	text, err := clawhq.CollectText(client.ChatStream(context.Background(), clawhq.ChatRequest{Message: "hi"}))
	if broken := (*clawhq.StreamError)(nil); errors.As(err, &broken) {
		fmt.Printf("%q %s\n", text, broken.Code)
	}
	// Output:
	// 503 agent_offline
	// "Thanks for " stream_truncated
}

// The journal shows what a program has sent.
func ExampleServer_Requests() {
	s := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer s.Close()

	_, err := s.Client().Chat(context.Background(), clawhq.ChatRequest{Message: "hi"})
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range s.Requests() {
		fmt.Printf("%s %s %s -> %d by %s\n", r.Method, r.Path, r.Body, r.Status, r.Agent)
	}
	// Output:
	// POST /api/v1/chat {"message":"hi"} -> 200 by support-bot
}

// A fault with conditions does not affect other requests.
func ExampleServer_FollowRequests() {
	server := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go server.Client().Health(ctx)
	for r := range server.FollowRequests(ctx, 1, nil) {
		if r.Duration > 0 { // it has ended
			fmt.Println(r.Method, r.Path, r.Status)
			break
		}
	}
	// Output: GET /api/v1/health 200
}

func ExampleServer_Agents() {
	server := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer server.Close()
	for _, agent := range server.Agents() {
		fmt.Println(agent.Slug)
	}
	server.SetOffline(true)
	fmt.Println("offline:", server.Offline())
	// Output:
	// sales-assistant
	// support-bot
	// offline: true
}

func ExampleFault_On() {
	s := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer s.Close()
	client := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))

	s.Inject(clawhqtest.FaultStatus(503, "agent_offline").On(clawhqtest.AgentSlug("sales-assistant")))
	for _, agent := range []string{"support-bot", "sales-assistant", "sales-assistant"} {
		_, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: "hi", Agent: agent})
		fmt.Println(agent, errors.As(err, new(*clawhq.AgentError)))
	}
	// Output:
	// support-bot false
	// sales-assistant true
	// sales-assistant false
}

// A fault for the n-th request does not affect those before it, and the journal shows
// all of them.
func ExampleNth() {
	s := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer s.Close()
	ctx := context.Background()
	client := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))

	s.Inject(clawhqtest.FaultStatus(502, "model_error").On(clawhqtest.Path("/v1/chat"), clawhqtest.Nth(2)))
	go func() {
		for _, message := range []string{"one", "two", "three"} {
			client.Chat(ctx, clawhq.ChatRequest{Message: message})
		}
	}()
	answered := func(r clawhqtest.Request) bool { return r.Status != 0 }
	requests, err := s.WaitRequests(ctx, 3, answered)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range requests {
		fmt.Println(r.Status, string(r.Body))
	}
	// Output:
	// 200 {"message":"one"}
	// 502 {"message":"two"}
	// 200 {"message":"three"}
}

// A test can add what no call can create.
func ExampleServer_AddConversation() {
	s := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer s.Close()
	s.AddConversation(clawhqtest.Conversation{
		Agent: "support-bot",
		Messages: []clawhqtest.StoredMessage{
			{Role: clawhqtest.RoleUser, Content: "How do I reset my password?"},
			{Role: clawhqtest.RoleAssistant, Content: "From the account page."},
		},
	})
	for c, err := range s.Client().Conversations.All(context.Background(), clawhq.ConversationOptions{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(c.AgentName, c.MessageCount)
	}
	// Output:
	// Support Bot 2
}
