package clawhq_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/google/go-cmp/cmp"
)

// collect reads a list to its end.
func collect[T any](t *testing.T, list iter.Seq2[T, error]) (rows []T) {
	t.Helper()
	for row, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// TestFamilies creates, lists, reads and deletes objects on the reference server.
// Lists have the order of the live service.
func TestFamilies(t *testing.T) {
	t.Parallel()
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		for name, test := range map[string]func(*testing.T, *clawhqtest.Server, *clawhq.Client){
			"threads": useThreads, "files": useFiles, "batches": useBatches, "agents": useAgents,
		} {
			t.Run(profile.String()+"/"+name, func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T, s *clawhqtest.Server) { test(t, s, s.Client()) },
					clawhqtest.WithProfile(profile), clawhqtest.WithAgent("greeter", clawhqtest.Reply("Hello.")))
			})
		}
	}
}

func useThreads(t *testing.T, _ *clawhqtest.Server, client *clawhq.Client) {
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
}

func useFiles(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
	ctx := t.Context()
	for i := range 5 {
		if _, err := client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: fmt.Sprintf("%d.txt", i), Content: strings.NewReader("some text")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second) // the server needs this time to index the file
	}
	files := collect(t, client.Files.All(ctx, clawhq.ListOptions{Limit: 2}))
	if len(files) != 5 || files[0].Name != "4.txt" || files[0].Status != clawhq.FileProcessed || files[0].Size != 9 {
		t.Errorf("got %+v", files)
	}
	if file, err := client.Files.Get(ctx, files[0].ID); err != nil || file.Chunks != 1 {
		t.Errorf("got %+v, %v", file, err)
	}
	for _, file := range files {
		if err := client.Files.Delete(ctx, file.ID); err != nil {
			t.Error(err)
		}
	}
	var missing *clawhq.NotFoundError
	if err := client.Files.Delete(ctx, files[0].ID); !errors.As(err, &missing) {
		t.Errorf("deleted again: %v", err)
	}
	if files := collect(t, client.Files.All(ctx, clawhq.ListOptions{})); len(files) != 0 {
		t.Errorf("left are %+v", files)
	}
}

func useBatches(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
	ctx := t.Context()
	release := make(chan struct{})
	s.HandleAgent("slow", clawhqtest.Reply("Done."))
	s.HandleAgent("stuck", func(context.Context, clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			<-release
			yield("At last.", nil)
		}
	})
	request := func(id, agent string) clawhq.BatchRequest {
		return clawhq.BatchRequest{CustomID: id, Message: "m", Agent: agent}
	}
	var ids []string
	for range 3 {
		batch, err := client.Batches.Create(ctx, batchOf(request("a", "slow"), request("b", "stuck")))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, batch.ID)
	}

	// A fourth batch is refused at once, and chats are not affected.
	start := time.Now()
	var limited *clawhq.RateLimitError
	if _, err := client.Batches.Create(ctx, batchOf(request("a", "slow"))); !errors.As(err, &limited) || limited.Attempts != 1 {
		t.Errorf("a fourth batch: %v", err)
	}
	if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: "hi", Agent: "greeter"}); err != nil || time.Since(start) != 0 {
		t.Errorf("a chat took %v, %v", time.Since(start), err)
	}

	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	batch, err := client.Batches.Wait(bounded, ids[0])
	if !errors.Is(err, context.DeadlineExceeded) || batch == nil || batch.Done() {
		t.Errorf("got %+v, %v", batch, err)
	}
	close(release)
	for _, id := range ids {
		batch, err := client.Batches.Wait(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := batch.Result("b"); batch.Status != clawhq.BatchCompleted || !ok || r.Response != "At last." {
			t.Errorf("got %+v", batch)
		}
	}
}

func useAgents(t *testing.T, _ *clawhqtest.Server, client *clawhq.Client) {
	ctx := t.Context()
	for _, agent := range collect(t, client.Agents.All(ctx, clawhq.ListOptions{Limit: 1})) {
		got, err := client.Agents.Get(ctx, agent.ID)
		if err != nil {
			t.Fatal(err)
		}
		got.Slug = agent.Slug // the live service sends the slug only in lists
		if diff := cmp.Diff(&agent, got); diff != "" {
			t.Errorf("(-listed +got):\n%s", diff)
		}
		if agent.Slug != "greeter" {
			continue
		}
		if err := client.Agents.Undeploy(ctx, agent.ID); err != nil {
			t.Fatal(err)
		}
		var missing *clawhq.NotFoundError
		if _, err := client.Chat(ctx, clawhq.ChatRequest{Message: "hi", Agent: "greeter"}); !errors.As(err, &missing) {
			t.Errorf("a chat with it: %v", err)
		}
		var invalid *clawhq.InvalidRequestError
		if err := client.Agents.Undeploy(ctx, agent.ID); !errors.As(err, &invalid) && !errors.As(err, &missing) {
			t.Errorf("undeployed again: %v", err)
		}
		return
	}
	t.Error("there is no greeter")
}

// The client reads as much of a reply as is usable: a field that is missing or has
// the wrong type is left empty.
func TestLenientReplies(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for body, want := range map[string]*clawhq.Page[clawhq.Agent]{
		`{"agents":[{"id":"a","name":5,"description":[],"model":"m","deployed_at":"soon","new":{}}],"total":"many","has_more":"yes"}`: {Items: []clawhq.Agent{{ID: "a"}}},
		`{"agents":[{"agent_id":"a","model":{"primary":"m","fallback":7},"deployed_at":"2026-03-10 14:30:00"}],"total":1}`: {Items: []clawhq.Agent{
			{ID: "a", Model: clawhq.AgentModel{Primary: "m"}, DeployedAt: time.Date(2026, 3, 10, 14, 30, 0, 0, time.UTC)}}, Total: 1},
		`{"agents":[]}`: {Items: []clawhq.Agent{}},
		`{"agents":{}}`: nil,
		`{}`:            nil,
		`[]`:            nil,
	} {
		client, _ := catch(t, body)
		got, err := client.Agents.List(ctx, clawhq.ListOptions{})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
		var e *clawhq.ServerError
		if want == nil && !errors.As(err, &e) {
			t.Errorf("%s: got %v", body, err)
		}
	}

	// Conversations as the reference pages describe them.
	client, _ := catch(t, `{"conversations":[{"id":"c","agent":"support-bot","session_id":"s","message_count":3,"started_at":"2026-03-10T14:30:00Z","status":"open"}],"total":5,"limit":1,"offset":2}`)
	got, err := client.Conversations.List(ctx, clawhq.ConversationOptions{})
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
