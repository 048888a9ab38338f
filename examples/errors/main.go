// Errors shows what can go wrong with a call and how to tell it apart. It has
// the reference server inside itself play each failure in turn.
//
//	go run ./examples/errors
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

func main() {
	server := clawhqtest.NewServer()
	defer server.Close()
	// Without retries and rate shaping, each failure shows at once.
	client := server.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}), clawhq.WithRateLimit(0))
	hello := clawhq.ChatRequest{Message: "Hello?"}

	for _, fault := range []clawhqtest.Fault{
		clawhqtest.FaultRateLimit("1793675129406"), // the live service asks for 56,000 years
		clawhqtest.FaultStatus(503, clawhq.CodeAgentOffline),
		clawhqtest.FaultHTML(502),
		clawhqtest.FaultReset(),
		clawhqtest.FaultStreamCut(2),
	} {
		server.Inject(fault)
		text, err := clawhq.CollectText(client.ChatStream(context.Background(), hello))
		explain(text, err)
	}

	_, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: " "})
	explain("", err)

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	server.Inject(clawhqtest.FaultDelay(time.Minute))
	_, err = client.Chat(ctx, hello)
	explain("", err)
}

// explain says what a program would do about err.
func explain(text string, err error) {
	var (
		limited *clawhq.RateLimitError
		invalid *clawhq.InvalidRequestError
		auth    *clawhq.AuthenticationError
		agent   *clawhq.AgentError
		stream  *clawhq.StreamError
		api     *clawhq.APIError
	)
	fmt.Println(err)
	switch {
	case errors.Is(err, clawhq.ErrThrottled):
		fmt.Println("  -> the rate limit leaves no room before the deadline: shed load")
	case errors.As(err, &limited):
		fmt.Printf("  -> rate limited; the server asks for %v\n", limited.RetryAfter)
	case errors.As(err, &invalid):
		fmt.Printf("  -> a mistake in the request: %q (sent: %t)\n", invalid.Param, invalid.StatusCode != 0)
	case errors.As(err, &auth):
		fmt.Println("  -> the key is wrong or revoked: page somebody")
	case errors.As(err, &agent):
		fmt.Printf("  -> the agent failed with %s: try again later\n", agent.Code)
	case errors.As(err, &stream):
		fmt.Printf("  -> the answer is incomplete after %q (cut off: %t)\n", text, errors.Is(err, io.ErrUnexpectedEOF))
	case errors.As(err, &api):
		fmt.Printf("  -> status %d; tell support about request %q\n", api.StatusCode, api.RequestID)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		fmt.Println("  -> our own context ended")
	default:
		fmt.Println("  -> the network failed, and there was no reply")
	}
}
