package clawhq_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"net/http"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

// Threads are created, listed, read and deleted. Lists have the order of the live
// service.
func TestThreads(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, _ *clawhqtest.Server, client *clawhq.Client) {
		ctx := t.Context()
		var made []string
		for i := range 10 {
			thread, err := client.Threads.Create(ctx, clawhq.CreateThreadRequest{Agent: "greeter", Metadata: map[string]any{"n": i}})
			if err != nil {
				t.Fatal(err)
			}
			want := &clawhq.Thread{ID: thread.ID, Agent: "greeter", Metadata: fmt.Appendf(nil, `{"n":%d}`, i), CreatedAt: time.Now().UTC()}
			if diff := cmp.Diff(want, thread); diff != "" {
				t.Errorf("created (-want +got):\n%s", diff)
			}
			made = append(made, thread.ID)
			time.Sleep(time.Second)
		}
		slices.Reverse(made) // the newest first
		ids := func() (ids []string) {
			for _, thread := range collect(t, client.Threads.All(ctx, clawhq.ListOptions{Limit: 3})) {
				ids = append(ids, thread.ID)
			}
			return ids
		}
		if diff := cmp.Diff(made, ids()); diff != "" {
			t.Errorf("all (-want +got):\n%s", diff)
		}

		oldest := made[9]
		for range 2 {
			reply, err := client.Threads.Send(ctx, oldest, "hi")
			if err != nil {
				t.Fatal(err)
			}
			if reply.Response != "Hello." || reply.ThreadID != oldest || reply.MessageID == "" || reply.RequestID == "" {
				t.Errorf("got %+v", reply)
			}
			time.Sleep(time.Second)
		}
		var said []string
		for _, m := range collect(t, client.Threads.AllMessages(ctx, oldest, clawhq.ListOptions{Limit: 3})) {
			said = append(said, string(m.Role)+": "+m.Content)
		}
		if diff := cmp.Diff([]string{"user: hi", "assistant: Hello.", "user: hi", "assistant: Hello."}, said); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
		if thread, err := client.Threads.Get(ctx, oldest); err != nil || !thread.UpdatedAt.After(thread.CreatedAt) {
			t.Errorf("got %+v, %v", thread, err)
		}

		if err := client.Threads.Delete(ctx, oldest); err != nil {
			t.Fatal(err)
		}
		var missing *clawhq.NotFoundError
		if _, err := client.Threads.Get(ctx, oldest); !errors.As(err, &missing) || missing.Code != clawhq.CodeThreadNotFound {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(made[:9], ids()); diff != "" {
			t.Errorf("all but one (-want +got):\n%s", diff)
		}
	}, clawhqtest.WithAgent("greeter", clawhqtest.Reply("Hello.")))
}

func TestThreadRequests(t *testing.T) {
	t.Parallel()
	wantRequests(t, []requestCase{
		{"POST", "/v1/threads", `{}`, func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Threads.Create(ctx, clawhq.CreateThreadRequest{})
			return err
		}},
		{"POST", "/v1/threads", `{"agent":"a","metadata":{"ticket":7}}`, func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Threads.Create(ctx, clawhq.CreateThreadRequest{Agent: "a", Metadata: map[string]any{"ticket": 7}})
			return err
		}},
		{"POST", "/v1/threads", `{"metadata":{}}`, func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Threads.Create(ctx, clawhq.CreateThreadRequest{Metadata: map[string]any{}})
			return err
		}},
		{"GET", "/v1/threads?limit=5&offset=10", "", func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Threads.List(ctx, secondPage)
			return err
		}},
		{"GET", "/v1/threads/t%201", "", func(ctx context.Context, c *clawhq.Client) error { _, err := c.Threads.Get(ctx, "t 1"); return err }},
		{"DELETE", "/v1/threads/t1", "", func(ctx context.Context, c *clawhq.Client) error { return c.Threads.Delete(ctx, "t1") }},
		{"POST", "/v1/threads/t1/messages", `{"message":"hi"}`, func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Threads.Send(ctx, "t1", "hi")
			return err
		}},
		{"GET", "/v1/threads/t1/messages?limit=5&offset=10", "", func(ctx context.Context, c *clawhq.Client) error {
			_, err := c.Threads.Messages(ctx, "t1", secondPage)
			return err
		}},
	})
}

func TestThreadsRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	create := func(req clawhq.CreateThreadRequest) func(context.Context, *clawhq.Client) error {
		return func(ctx context.Context, c *clawhq.Client) error { _, err := c.Threads.Create(ctx, req); return err }
	}
	wantRefusals(t, map[string]refusalCase{
		"metadata too long": {create(clawhq.CreateThreadRequest{Metadata: map[string]any{"a": strings.Repeat("😀", 2000)}}),
			refusal{clawhq.CodeInvalidParameter, "metadata", "/v1/threads", "metadata has 4008 characters as JSON, at most 4000 are allowed"}},
		"metadata one deeper": {create(clawhq.CreateThreadRequest{Metadata: map[string]any{"a": map[string]any{"b": []any{map[string]any{"c": []any{1}}}}}}),
			refusal{clawhq.CodeInvalidParameter, "metadata", "/v1/threads", "metadata has 6 levels, at most 5 are allowed"}},
		"metadata that is no JSON": {create(clawhq.CreateThreadRequest{Metadata: map[string]any{"a": make(chan int)}}),
			refusal{clawhq.CodeInvalidParameter, "metadata", "/v1/threads", "metadata cannot be encoded: json: unsupported type: chan int"}},
		"thread's agent": {create(clawhq.CreateThreadRequest{Agent: "\xff"}),
			refusal{clawhq.CodeInvalidParameter, "agent", "/v1/threads", "agent is not valid UTF-8"}},
	})
}

// A thread has the reference pages' title and number of messages where they come.
func TestThreadOfThePages(t *testing.T) {
	t.Parallel()
	for profile, want := range map[clawhqtest.Profile]clawhq.Thread{
		clawhqtest.Documented: {Title: "Help", MessageCount: 2},
		clawhqtest.Live:       {}, // it takes neither
	} {
		s := clawhqtest.NewTestServer(t, clawhqtest.WithProfile(profile))
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+"/v1/threads", strings.NewReader(`{"agent":"default","title":"Help","message":"hi"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.APIKey())
		resp, err := s.HTTPClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		list, err := s.Client().Threads.List(t.Context(), clawhq.ListOptions{})
		if err != nil || resp.StatusCode != http.StatusOK || len(list.Items) != 1 {
			t.Fatalf("%v: status %d, %+v, %v", profile, resp.StatusCode, list, err)
		}
		got, err := s.Client().Threads.Get(t.Context(), list.Items[0].ID)
		if err != nil || got.Title != want.Title || got.MessageCount != want.MessageCount || got.Agent != "default" {
			t.Errorf("%v: %+v, %v", profile, got, err)
		}
	}
}

// A thread whose agent is called default is one of the default agent.
func TestThreadOfTheDefaultAgent(t *testing.T) {
	t.Parallel()
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		s := clawhqtest.NewTestServer(t, clawhqtest.WithProfile(profile), clawhqtest.WithInMemory())
		client := s.Client()
		thread, err := client.Threads.Create(t.Context(), clawhq.CreateThreadRequest{Agent: "default"})
		if err != nil || thread.Agent != "default" {
			t.Fatalf("%v: %+v, %v", profile, thread, err)
		}
		if got, err := client.Threads.Send(t.Context(), thread.ID, "hi"); err != nil || got.Response == "" {
			t.Errorf("%v: %+v, %v", profile, got, err)
		}
	}
}
