package clawhq_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"golang.org/x/time/rate"
)

// exampleServer returns a server in memory for the examples. A program would call
// NewClient instead.
func exampleServer() *clawhqtest.Server {
	return clawhqtest.NewServer(clawhqtest.WithInMemory(), clawhqtest.WithAgent("greeter", clawhqtest.Reply("Hello, ", "world", "!")))
}

func ExampleNewClient() {
	client, err := clawhq.NewClient(
		clawhq.WithAPIKey("clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"), // or set CLAWHQ_API_KEY
		clawhq.WithUserAgent("shop/1.4"),
		clawhq.WithAttemptTimeout(30*time.Second),
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client)
	// Output: clawhq.Client(https://app.clawhq.tech/api)
}

// A client for a server of one's own, which does not use TLS.
func ExampleWithBaseURL() {
	client, err := clawhq.NewClient(
		clawhq.WithAPIKey("clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"),
		clawhq.WithBaseURL("http://clawhq.test:4646/api"),
		clawhq.WithInsecureHTTP(), // or NewClient refuses a host that is not this machine
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client)
	// Output: clawhq.Client(http://clawhq.test:4646/api)
}

func ExampleDefaultRetryPolicy() {
	policy := clawhq.DefaultRetryPolicy()
	policy.MaxAttempts = 6
	client, err := clawhq.NewClient(clawhq.WithAPIKey("clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"), clawhq.WithRetry(policy))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client)
	// Output: clawhq.Client(https://app.clawhq.tech/api)
}

func ExampleClient_Chat() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()

	resp, err := client.Chat(context.Background(), clawhq.ChatRequest{
		Message: "Say hello.",
		Agent:   "greeter",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Agent, "says:", resp.Response)
	// Output: greeter says: Hello, world!
}

func ExampleClient_ChatStream() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()

	for chunk, err := range client.ChatStream(context.Background(), clawhq.ChatRequest{Message: "Say hello.", Agent: "greeter"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", chunk.Content)
	}
	// Output:
	// "Hello, "
	// "world"
	// "!"
}

// A stream that was cut off ends with an error; a complete stream does not.
func ExampleStreamError() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()

	server.Inject(clawhqtest.FaultStreamCut(2))
	text, err := clawhq.CollectText(client.ChatStream(context.Background(), clawhq.ChatRequest{Message: "Say hello.", Agent: "greeter"}))
	var cut *clawhq.StreamError
	if errors.As(err, &cut) {
		fmt.Printf("%q, and then %s\n", text, cut.Code)
	}
	// Output: "Hello, world", and then stream_truncated
}

func ExampleAPIError() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()

	_, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: "hi", Agent: "nobody"})
	var missing *clawhq.NotFoundError
	fmt.Println("not found:", errors.As(err, &missing))
	var api *clawhq.APIError
	if errors.As(err, &api) {
		fmt.Println(api.StatusCode, api.Code, api.RequestID != "")
	}
	// Output:
	// not found: true
	// 404 agent_not_found true
}

func ExampleWithResponseInfo() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()

	var info clawhq.ResponseInfo
	server.Inject(clawhqtest.FaultStatus(http.StatusServiceUnavailable, clawhq.CodeAgentOffline))
	_, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: "hi"}, clawhq.WithResponseInfo(&info))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.StatusCode, "after", info.Attempts, "attempts,", info.RateLimit.Remaining, "calls left")
	// Output: 200 after 2 attempts, 59 calls left
}

// Options of a single call: an id and a header of the caller's, and a trace.
func ExampleWithHeader() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()

	trace := &clawhq.Trace{CallEnd: func(_ context.Context, e clawhq.TraceCallEnd) { fmt.Println(e.StatusCode, e.Err) }}
	_, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: "hi"},
		clawhq.WithClientRequestID("order-1234"),
		clawhq.WithHeader("X-Team", "shop"),
		clawhq.WithCallTrace(trace),
	)
	if err != nil {
		log.Fatal(err)
	}
	sent := server.Requests()[0].Header
	fmt.Println(sent.Get("X-Client-Request-Id"), sent.Get("X-Team"))
	// Output:
	// 200 <nil>
	// order-1234 shop
}

// Bulk work in the background does not hold up a customer's question.
func ExampleWithBackground() {
	server := exampleServer()
	defer server.Close()
	client := server.Client()
	ctx := context.Background()

	var bulk sync.WaitGroup
	for _, text := range []string{"Summarize ticket 1.", "Summarize ticket 2."} {
		bulk.Go(func() {
			if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: text}, clawhq.WithBackground()); err != nil {
				log.Print(err)
			}
		})
	}
	if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: "What are your business hours?"}); err == nil {
		fmt.Println("answered")
	}
	bulk.Wait()
	// Output: answered
}

// A custom Limiter, for example one that several machines share, replaces the
// client's rate shaping.
func ExampleWithLimiter() {
	server := exampleServer()
	defer server.Close()
	client := server.Client(clawhq.WithLimiter(rate.NewLimiter(rate.Every(time.Minute), 1)))

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for range 2 {
		_, err := client.Chat(ctx, clawhq.ChatRequest{Message: "hi"})
		fmt.Println(errors.Is(err, clawhq.ErrThrottled), errors.Is(err, context.DeadlineExceeded))
	}
	// Output:
	// false false
	// true true
}

func ExampleKeysService() {
	server := exampleServer()
	defer server.Close()
	client := server.Client() // with the dashboard's session: see WithSession
	ctx := context.Background()

	created, err := client.Keys.Create(ctx, clawhq.CreateKeyRequest{Name: "staging", RateLimit: clawhq.RPM120})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.Name, created.RateLimit, len(created.Secret.Reveal()))
	if err := client.Keys.Revoke(ctx, created.ID); err != nil {
		log.Fatal(err)
	}
	keys, err := client.Keys.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, k := range keys {
		fmt.Println(k.Name, k.Status)
	}
	// Output:
	// staging 120 RPM 36
	// staging revoked
	// default active
}

// A test of a program can define how the agent answers, and inject faults.
func Example_testing() {
	server := clawhqtest.NewServer(clawhqtest.WithInMemory()) // NewTestServer(t) in a test
	defer server.Close()
	server.HandleAgent("echo", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) { yield("You said: "+m.Text, nil) }
	})
	server.Inject(clawhqtest.FaultReset()) // the first request is lost

	resp, err := server.Client().Chat(context.Background(), clawhq.ChatRequest{Message: "hi", Agent: "echo"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Response)
	fmt.Println(len(server.Requests()), "requests")
	// Output:
	// You said: hi
	// 2 requests
}
