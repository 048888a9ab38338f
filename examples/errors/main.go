// Errors shows the errors that a call can return, and what a backend should do
// about each. The switch in advice is meant to be copied.
//
//	go run ./examples/errors
//
// It starts the reference server in its own process, which plays each failure in
// turn. It does not call the real service, even if CLAWHQ_API_KEY is set.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
		clawhqtest.FaultRateLimit("7"),
		clawhqtest.FaultRateLimit("1793675129406"), // the live service means 6 seconds
		clawhqtest.FaultStatus(401, clawhq.CodeRevokedAPIKey),
		clawhqtest.FaultStatus(404, clawhq.CodeAgentNotFound),
		clawhqtest.FaultStatus(503, clawhq.CodeAgentOffline),
		clawhqtest.FaultStatus(500, clawhq.CodeInternalError),
		clawhqtest.FaultHTML(502),
		clawhqtest.FaultReset(),
		clawhqtest.FaultStreamCut(2),
	} {
		server.Inject(fault)
		text, err := clawhq.CollectText(client.ChatStream(context.Background(), hello))
		if text != "" {
			fmt.Printf("%q, and then ", text)
		}
		explain(err)
	}

	_, err := client.Chat(context.Background(), clawhq.ChatRequest{Message: " "})
	explain(err)

	// A client that shapes its calls knows when there will be no room in time.
	_, key := server.CreateKey("one call a minute", 1)
	shaped := server.Client(clawhq.WithAPIKey(key))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for range 2 {
		_, err = shaped.Chat(ctx, hello)
	}
	explain(err)

	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	server.Inject(clawhqtest.FaultDelay(time.Minute))
	_, err = client.Chat(ctx, hello)
	explain(err)
}

func explain(err error) {
	fmt.Printf("%v\n  -> %s\n", err, advice(err))
}

// advice says what a backend would do about err.
func advice(err error) string {
	var (
		limited *clawhq.RateLimitError
		invalid *clawhq.InvalidRequestError
		missing *clawhq.NotFoundError
		auth    *clawhq.AuthenticationError
		plan    *clawhq.PermissionError
		agent   *clawhq.AgentError
		stream  *clawhq.StreamError
		api     *clawhq.APIError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "our caller has left: do nothing"
	case errors.Is(err, clawhq.ErrThrottled):
		return "the rate limit leaves no room before the deadline: shed load"
	case errors.As(err, &limited):
		return fmt.Sprintf("shed load for %v", min(limited.RetryAfter, time.Minute))
	case errors.As(err, &invalid):
		return fmt.Sprintf("mend %q of the request (sent: %t)", invalid.Param, invalid.StatusCode != 0)
	case errors.As(err, &missing):
		return "deploy the agent, or mend its name"
	case errors.As(err, &auth):
		return "page somebody: the key is no good, " + string(auth.Code)
	case errors.As(err, &plan):
		return "page somebody: the account may not do this, " + string(plan.Code)
	case errors.As(err, &agent):
		return "try again later: " + string(agent.Code)
	case errors.Is(err, context.DeadlineExceeded):
		return "out of time: try again later"
	case errors.As(err, &stream):
		return "drop the text so far, it is not the answer: " + string(stream.Code)
	case errors.As(err, &api): // *ServerError, *ConflictError
		return "tell support about " + cmp.Or(api.RequestID, api.ClientRequestID)
	default:
		return "the network failed, and there was no reply: try again later"
	}
}
