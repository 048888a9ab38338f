package proof_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
)

// A program is alone on its key and calls every service as fast as
// allowed, besides a busy chat. It gets no 429 in ten minutes, whether each
// endpoint has its own window, as in the live service, or all share the key's
// window, as in the documentation.
func TestMixedTraffic(t *testing.T) {
	t.Parallel()
	for _, profile := range []clawhqtest.Profile{clawhqtest.Live, clawhqtest.Documented} {
		for _, tier := range []int{30, 300} {
			t.Run(fmt.Sprint(profile, " ", tier), func(t *testing.T) {
				t.Parallel()
				testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) { mixTraffic(t, s, tier) },
					clawhqtest.WithProfile(profile), clawhqtest.WithAgent("greeter", clawhqtest.Reply("Hello.")))
			})
		}
	}
}

func mixTraffic(t *testing.T, s *clawhqtest.Server, tier int) {
	s.SetRateLimit(s.KeyID(), tier)
	client := s.Client()
	conversation := s.AddConversation(clawhqtest.Conversation{Messages: []clawhqtest.StoredMessage{{Role: "user", Content: "hi"}}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()

	var wg sync.WaitGroup
	program := func(step func() error) {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := step(); errors.Is(err, context.DeadlineExceeded) {
					return // the call may end ahead of the deadline if the rate limit has no room before
				} else if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 4 {
		program(func() error {
			_, err := client.Chat(ctx, clawhq.ChatRequest{Message: "hi", Agent: "greeter"})
			return err
		})
	}
	for _, step := range mixedSteps(ctx, client, conversation) {
		program(step)
	}
	wg.Wait()

	answered := map[string]int{}
	for _, r := range s.Requests() {
		answered[fmt.Sprint(r.Status)]++
		if r.Status == http.StatusTooManyRequests {
			t.Errorf("%s %s at %v: 429", r.Method, r.Path, r.Time)
		}
	}
	t.Logf("tier %d: answered %v", tier, answered)
	if answered["200"] < 9*tier {
		t.Errorf("answered %v, want %d calls at least", answered, 9*tier)
	}
}

// mixedSteps returns the calls that the program repeats, one function for each
// service.
func mixedSteps(ctx context.Context, c *clawhq.Client, conversation string) []func() error {
	page := clawhq.ListOptions{Limit: 5}
	return []func() error{
		func() error { _, err := c.Health(ctx); return err },
		func() error { _, err := c.Usage(ctx, 7); return err },
		func() error { _, err := c.Models.List(ctx); return err },
		func() error {
			for agent, err := range c.Agents.All(ctx, clawhq.ListOptions{Limit: 1}) {
				if err != nil {
					return err
				}
				if _, err := c.Agents.Get(ctx, agent.ID); err != nil {
					return err
				}
			}
			return gone(c.Agents.Undeploy(ctx, "nobody"))
		},
		func() error { return drain(c.Conversations.All(ctx, clawhq.ConversationOptions{ListOptions: page})) },
		func() error { return drain(c.Conversations.AllMessages(ctx, conversation, page)) },
		func() error {
			thread, err := c.Threads.Create(ctx, clawhq.CreateThreadRequest{Agent: "greeter"})
			if err != nil {
				return err
			}
			for range 3 {
				if _, err := c.Threads.Send(ctx, thread.ID, "hi"); err != nil {
					return err
				}
			}
			if err := drain(c.Threads.AllMessages(ctx, thread.ID, page)); err != nil {
				return err
			}
			if _, err := c.Threads.Get(ctx, thread.ID); err != nil {
				return err
			}
			return c.Threads.Delete(ctx, thread.ID)
		},
		func() error { _, err := c.Threads.List(ctx, page); return err },
		func() error {
			batch, err := c.Batches.Create(ctx, clawhq.CreateBatchRequest{Requests: []clawhq.BatchRequest{
				{CustomID: "a", Message: "hi", Agent: "greeter"}, {CustomID: "b", Message: "hi", Agent: "greeter"}}})
			if err != nil {
				return err
			}
			_, err = c.Batches.Wait(ctx, batch.ID)
			return err
		},
		func() error {
			file, err := c.Files.Upload(ctx, clawhq.UploadFileRequest{Name: "a.txt", Content: bytes.NewReader([]byte("hi"))})
			if err != nil {
				return err
			}
			if _, err := c.Files.Get(ctx, file.ID); err != nil {
				return err
			}
			return c.Files.Delete(ctx, file.ID)
		},
		func() error { _, err := c.Files.List(ctx, page); return err },
		func() error { return drain(c.AuditLog.All(ctx, clawhq.AuditLogOptions{ListOptions: page})) },
		func() error { return gone(c.Do(ctx, "GET", "/v1/predictions/pred_1", nil, nil)) },
	}
}

// drain reads a list to its end.
func drain[T any](list iter.Seq2[T, error]) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

// gone returns err, or nil if err reports that something was not found.
func gone(err error) error {
	var missing *clawhq.NotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	return err
}
