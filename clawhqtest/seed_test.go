package clawhqtest_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

const fixedKey = "clw_0123456789abcdef0123456789abcdef"

func TestAddKey(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	id := s.AddKey(" ci ", fixedKey, 7)
	if _, err := s.Client(clawhq.WithAPIKey(fixedKey)).Health(t.Context()); err != nil {
		t.Error(err)
	}
	s.RevokeKey(id)
	if again := s.AddKey("again", fixedKey, 8); again != id {
		t.Errorf("the key has got another id")
	}
	s.Reset()
	if again := s.AddKey("again", fixedKey, 8); again != id {
		t.Errorf("after a reset the key has got another id")
	}
	want := []clawhqtest.KeyInfo{
		{ID: s.KeyID(), Name: "default", Prefix: s.APIKey()[:12], RPM: 60},
		{ID: id, Name: "again", Prefix: "clw_01234567", RPM: 8},
	}
	if diff := cmp.Diff(want, s.Keys()); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	for name, add := range map[string]func(){
		"name": func() { s.AddKey("", fixedKey, 1) }, "key": func() { s.AddKey("a", "clw_1", 1) }, "limit": func() { s.AddKey("a", fixedKey, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a bad %s does not panic", name)
				}
			}()
			add()
		}()
	}
}

func TestAddFileAndSetModels(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	id := s.AddFile(clawhqtest.File{Name: "faq.md", Size: 2500, CreatedAt: at})
	s.AddFile(clawhqtest.File{ID: id, Name: "faq.md", Size: 2500, Status: "failed", CreatedAt: at})
	files, err := s.Client().Files.List(t.Context(), clawhq.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []clawhq.File{{ID: id, Name: "faq.md", MIMEType: "text/markdown", Size: 2500, Status: clawhq.FileFailed, CreatedAt: at}}
	if diff := cmp.Diff(want, files.Items); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	model := clawhq.Model{ID: "m1", Name: "Model One", Description: "the only one", ContextWindow: 1000}
	s.SetModels(model)
	models, err := s.Client().Models.List(t.Context())
	if diff := cmp.Diff([]clawhq.Model{model}, models); diff != "" || err != nil {
		t.Errorf("models: %v (-want +got):\n%s", err, diff)
	}
	s.Reset()
	if models, err := s.Client().Models.List(t.Context()); err != nil || len(models) < 2 {
		t.Errorf("after a reset there are %d models, %v", len(models), err)
	}
}

func TestResetAgents(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithAgent("mine", clawhqtest.Reply("hi")))
	s.HandleAgent("support-bot", nil)
	s.SetOffline(true)
	s.ResetAgents()
	if _, err := s.Client().Chat(t.Context(), hello); err != nil {
		t.Error(err)
	}
	if _, err := s.Client().Chat(t.Context(), clawhq.ChatRequest{Message: "hi", Agent: "mine"}); !errors.Is(err, clawhq.CodeAgentNotFound) {
		t.Errorf("the agent that was added: %v", err)
	}
}

// A wait ends when the last of the requests arrives, or when its context ends.
func TestWaitRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
		start := time.Now()
		go func() {
			for range 3 {
				time.Sleep(time.Second)
				s.Client().Chat(t.Context(), hello)
			}
		}()
		ok := func(r clawhqtest.Request) bool { return r.Status == 200 }
		found, err := s.WaitRequests(t.Context(), 2, ok)
		if took := time.Since(start); err != nil || len(found) != 2 || took != 2*time.Second {
			t.Errorf("%d requests after %v, %v", len(found), took, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if found, err := s.WaitRequests(ctx, 4, ok); !errors.Is(err, context.DeadlineExceeded) || len(found) != 3 {
			t.Errorf("waiting in vain: %d requests, %v", len(found), err)
		}
		s.HandleAgent("support-bot", func(ctx context.Context, _ clawhqtest.Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				yield("first", nil)
				s.Sleep(ctx, time.Second)
			}
		})
		go clawhq.CollectText(s.Client().ChatStream(t.Context(), hello))
		ended := func(r clawhqtest.Request) bool { return r.Duration >= time.Second }
		if found, err := s.WaitRequests(t.Context(), 1, ended); err != nil || found[0].Duration != time.Second {
			t.Errorf("the end of a stream: %+v, %v", found, err)
		}
		if s.ClearRequests(); len(s.Requests()) != 0 {
			t.Errorf("%d requests are left", len(s.Requests()))
		}
	})
}

func TestNthAndMethod(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	s.Inject(clawhqtest.FaultStatus(503, "").On(clawhqtest.Method("POST"), clawhqtest.Nth(2)))
	client := s.Client(clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 1}))
	failed := 0
	for i := range 4 {
		client.Health(t.Context())
		if _, err := client.Chat(t.Context(), hello); err != nil {
			failed = i + 1
		}
	}
	if failed != 2 {
		t.Errorf("chat %d failed, want the second", failed)
	}
	defer func() {
		if recover() == nil {
			t.Error("Nth(0) does not panic")
		}
	}()
	clawhqtest.Nth(0)
}
