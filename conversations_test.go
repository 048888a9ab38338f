package clawhq_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

func TestConversationRequests(t *testing.T) {
	t.Parallel()
	wantRequests(t, []requestCase{
		{"GET", "/v1/conversations?agent=A%26B&limit=5&offset=10", "", func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Conversations.List(ctx, clawhq.ConversationOptions{ListOptions: secondPage, Agent: "A&B"})
			return err
		}},
		{"GET", "/v1/conversations/c1/messages?limit=5&offset=10", "", func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Conversations.Messages(ctx, "c1", secondPage)
			return err
		}},
	})
}

// Conversations as the reference pages describe them.
func TestDocumentedConversations(t *testing.T) {
	t.Parallel()
	client, _ := catch(t, `{"conversations":[{"id":"c","agent":"support-bot","session_id":"s","message_count":3,"started_at":"2026-03-10T14:30:00Z","status":"open"}],"total":5,"limit":1,"offset":2}`)
	got, err := client.Conversations.List(t.Context(), clawhq.ConversationOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := &clawhq.Page[clawhq.Conversation]{Total: 5, HasMore: true, Items: []clawhq.Conversation{{
		ID: "c", AgentName: "support-bot", SessionID: "s", MessageCount: 3, Status: "open", CreatedAt: time.Date(2026, 3, 10, 14, 30, 0, 0, time.UTC),
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Conversations and their messages are listed, the latest conversation and the oldest
// message first.
func TestConversations(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
		at := time.Now().UTC()
		s.AddConversation(clawhqtest.Conversation{ID: "c1", Agent: "greeter", CreatedAt: at, Messages: []clawhqtest.StoredMessage{
			{ID: "m1", Role: clawhqtest.RoleUser, Content: "hi", CreatedAt: at}, {ID: "m2", Role: clawhqtest.RoleAssistant, Content: "Hello.", CreatedAt: at.Add(time.Second)},
		}})
		s.AddConversation(clawhqtest.Conversation{ID: "c2", Agent: "greeter", CreatedAt: at.Add(time.Minute)})
		var ids []string
		for _, c := range collect(t, client.Conversations.All(t.Context(), clawhq.ConversationOptions{ListOptions: clawhq.ListOptions{Limit: 1}})) {
			ids = append(ids, c.ID)
		}
		if diff := cmp.Diff([]string{"c2", "c1"}, ids); diff != "" {
			t.Errorf("conversations (-want +got):\n%s", diff)
		}
		want := []clawhq.StoredMessage{{ID: "m1", Role: clawhq.RoleUser, Content: "hi", CreatedAt: at}, {ID: "m2", Role: clawhq.RoleAssistant, Content: "Hello.", CreatedAt: at.Add(time.Second)}}
		if diff := cmp.Diff(want, collect(t, client.Conversations.AllMessages(t.Context(), "c1", clawhq.ListOptions{Limit: 1}))); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
		var missing *clawhq.NotFoundError
		if _, err := client.Conversations.Messages(t.Context(), "c3", clawhq.ListOptions{}); !errors.As(err, &missing) {
			t.Errorf("messages of no conversation: %v", err)
		}
	}, clawhqtest.WithAgent("greeter", clawhqtest.Reply("Hello.")))
}
