package proof_test

import (
	"context"
	"iter"

	"github.com/clawhq/clawhq-go"
)

// familyCalls are the calls of the services beside chat and keys, with the key
// wherever it may be taken for something else.
func familyCalls(ctx context.Context, client *clawhq.Client) []func(...clawhq.CallOption) (any, error) {
	return []func(...clawhq.CallOption) (any, error){
		func(o ...clawhq.CallOption) (any, error) { return client.Health(ctx, o...) },
		func(o ...clawhq.CallOption) (any, error) { return client.Usage(ctx, 7, o...) },
		func(o ...clawhq.CallOption) (any, error) { return client.Models.List(ctx, o...) },
		func(o ...clawhq.CallOption) (any, error) { return client.Agents.List(ctx, clawhq.ListOptions{}, o...) },
		func(o ...clawhq.CallOption) (any, error) { return first(client.Agents.All(ctx, clawhq.ListOptions{}, o...)) },
		func(o ...clawhq.CallOption) (any, error) { return client.Agents.Get(ctx, testKey, o...) },
		func(o ...clawhq.CallOption) (any, error) { return nil, client.Agents.Undeploy(ctx, testKey, o...) },
		func(o ...clawhq.CallOption) (any, error) {
			return client.Conversations.List(ctx, clawhq.ConversationOptions{Agent: testKey}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return client.Conversations.Messages(ctx, testKey, clawhq.ListOptions{}, o...)
		},
	}
}

func first[T any](seq iter.Seq2[T, error]) (v T, err error) {
	for v, err := range seq {
		return v, err
	}
	return v, nil
}

// familyValues are values of the types of those services.
func familyValues() []any {
	return []any{
		&clawhq.AgentsService{}, &clawhq.ModelsService{}, &clawhq.ConversationsService{},
		clawhq.ListOptions{Limit: 1}, clawhq.Page[clawhq.Model]{Items: []clawhq.Model{{ID: "m"}}}, clawhq.Model{ID: "m"},
		clawhq.Agent{ID: "a"}, clawhq.AgentModel{Primary: "m"},
		clawhq.Health{Status: "ok"}, clawhq.Usage{Period: "7d"}, clawhq.UsageDay{Requests: 1}, clawhq.UsageTotals{Requests: 1},
		clawhq.ConversationOptions{Agent: "a"}, clawhq.Conversation{ID: "c"}, clawhq.StoredMessage{ID: "m"}, clawhq.RoleUser,
	}
}
