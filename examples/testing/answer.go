// Package answer stands for a part of an app that talks to an agent. Its test
// shows how to test such code against the reference server.
package answer

import (
	"context"
	"errors"
	"fmt"

	"github.com/clawhq/clawhq-go"
)

// ErrBusy says that the agent cannot answer now.
var ErrBusy = errors.New("the agent is busy, try again later")

// To returns support's answer to a customer's question.
func To(ctx context.Context, client *clawhq.Client, customer, question string) (string, error) {
	resp, err := client.Chat(ctx, clawhq.ChatRequest{Message: question, Agent: "support-bot", SessionID: customer})
	var agent *clawhq.AgentError
	switch {
	case errors.As(err, &agent):
		return "", fmt.Errorf("%w (%w)", ErrBusy, err)
	case err != nil:
		return "", fmt.Errorf("answering %s: %w", customer, err)
	}
	return resp.Response, nil
}
