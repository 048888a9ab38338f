package clawhq_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/clawhq/clawhq-go/webhook"
	"github.com/jarcoal/httpmock"
)

// TestWebhookRequests checks the request of each call.
func TestWebhookRequests(t *testing.T) {
	t.Parallel()
	type call func(context.Context, *clawhq.WebhooksService) error
	update := func(req clawhq.UpdateWebhookRequest) call {
		return func(ctx context.Context, s *clawhq.WebhooksService) error {
			_, err := s.Update(ctx, "w/1", req)
			return err
		}
	}
	for name, test := range map[string]struct {
		call call
		want string
	}{
		"create": {func(ctx context.Context, s *clawhq.WebhooksService) error {
			_, err := s.Create(ctx, clawhq.CreateWebhookRequest{
				URL: "https://hooks.example.com/ok", Description: "Production", Events: []webhook.EventType{webhook.EventAPIRequest, webhook.EventTicketCreated},
			})
			return err
		}, `POST /api/webhooks {"url":"https://hooks.example.com/ok","events":["api.request","ticket.created"],"description":"Production"}`},
		"url":            {update(clawhq.UpdateWebhookRequest{URL: ptr("https://hooks.example.com/2")}), `{"url":"https://hooks.example.com/2"}`},
		"events":         {update(clawhq.UpdateWebhookRequest{Events: []webhook.EventType{webhook.EventAPIRequest}}), `{"events":["api.request"]}`},
		"enable":         {update(clawhq.UpdateWebhookRequest{Enabled: ptr(true)}), `{"enabled":true}`},
		"disable":        {update(clawhq.UpdateWebhookRequest{Enabled: ptr(false)}), `{"enabled":false}`},
		"pause":          {update(clawhq.UpdateWebhookRequest{Paused: ptr(true)}), `{"paused_at":"20`},
		"resume":         {update(clawhq.UpdateWebhookRequest{Paused: ptr(false)}), `{"paused_at":null}`},
		"retries":        {update(clawhq.UpdateWebhookRequest{RetryInterval: ptr(5 * time.Minute), MaxAttempts: ptr(10)}), `{"retry_max_attempts":10,"retry_interval_seconds":300}`},
		"filters":        {update(clawhq.UpdateWebhookRequest{Filters: &[]clawhq.WebhookFilter{{Field: "agent", Operator: "in", Value: []string{"a"}}}}), `{"filter_conditions":[{"field":"agent","operator":"in","value":["a"]}]}`},
		"no filters":     {update(clawhq.UpdateWebhookRequest{Filters: &[]clawhq.WebhookFilter{}}), `{"filter_conditions":null}`},
		"transformation": {update(clawhq.UpdateWebhookRequest{Transformation: ptr(`{"t":"{{event.type}}"}`)}), `{"transformation":"{\"t\":\"{{event.type}}\"}"}`},
		"as it was":      {update(clawhq.UpdateWebhookRequest{Transformation: ptr("")}), `{"transformation":""}`},
		"test": {func(ctx context.Context, s *clawhq.WebhooksService) error {
			_, err := s.Test(ctx, "w/1")
			return err
		}, `POST /api/webhooks/w%2F1/test `},
		"replay": {func(ctx context.Context, s *clawhq.WebhooksService) error {
			_, err := s.Replay(ctx, "w/1", "d?1")
			return err
		}, `POST /api/webhooks/w%2F1/deliveries/d%3F1/replay `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := ""
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
				body, _ := io.ReadAll(r.Body)
				sent = r.Method + " " + r.URL.EscapedPath() + " " + string(body)
				if r.Header.Get("Cookie") != "session=ok" || r.Header.Get("Authorization") != "" {
					t.Errorf("header is %v", r.Header)
				}
				return httpmock.NewStringResponse(200, `{"webhook":{"id":"w","secret":"whsec_0"}}`), nil
			})
			if err := test.call(t.Context(), testkit.Client(t, mock, clawhq.WithSession("ok")).Webhooks); err != nil {
				t.Fatal(err)
			}
			want := test.want
			if strings.HasPrefix(want, "{") {
				want = "PATCH /api/webhooks/w%2F1 " + want
			}
			if !strings.HasPrefix(sent, want) {
				t.Errorf("sent %s\nwant %s", sent, want)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// The client refuses what the service would refuse, or change without notice.
func TestWebhooksRefused(t *testing.T) {
	t.Parallel()
	ok := clawhq.CreateWebhookRequest{URL: "https://hooks.example.com/", Events: []webhook.EventType{webhook.EventAPIRequest}}
	creating := func(change func(*clawhq.CreateWebhookRequest)) func(*clawhq.WebhooksService) error {
		return func(s *clawhq.WebhooksService) error {
			req := ok
			change(&req)
			_, err := s.Create(t.Context(), req)
			return err
		}
	}
	updating := func(id string, req clawhq.UpdateWebhookRequest) func(*clawhq.WebhooksService) error {
		return func(s *clawhq.WebhooksService) error {
			_, err := s.Update(t.Context(), id, req)
			return err
		}
	}
	for name, test := range map[string]struct {
		call        func(*clawhq.WebhooksService) error
		param, text string
	}{
		"no URL":           {creating(func(r *clawhq.CreateWebhookRequest) { r.URL = "" }), "url", "not an https URL"},
		"http":             {creating(func(r *clawhq.CreateWebhookRequest) { r.URL = "http://hooks.example.com/" }), "url", "not an https URL"},
		"private":          {creating(func(r *clawhq.CreateWebhookRequest) { r.URL = "https://10.0.0.1/x" }), "url", "private or internal"},
		"this machine":     {creating(func(r *clawhq.CreateWebhookRequest) { r.URL = "https://localhost:8090/" }), "url", "private or internal"},
		"long URL":         {creating(func(r *clawhq.CreateWebhookRequest) { r.URL += strings.Repeat("x", 2048) }), "url", "has 2074 characters, at most 2048"},
		"long description": {creating(func(r *clawhq.CreateWebhookRequest) { r.Description = strings.Repeat("😀", 251) }), "description", "has 502 characters, at most 500"},
		"not UTF-8":        {creating(func(r *clawhq.CreateWebhookRequest) { r.Description = "\xff" }), "description", "description is not valid UTF-8"},
		"update not UTF-8": {updating("w1", clawhq.UpdateWebhookRequest{Description: ptr("\xff")}), "description", "description is not valid UTF-8"},
		"transformation":   {updating("w1", clawhq.UpdateWebhookRequest{Transformation: ptr("\xff")}), "transformation", "transformation is not valid UTF-8"},
		"no events":        {creating(func(r *clawhq.CreateWebhookRequest) { r.Events = nil }), "events", "at least one event"},
		"unknown event":    {creating(func(r *clawhq.CreateWebhookRequest) { r.Events = append(r.Events, "nope") }), "events", `"nope"`},
		"test event":       {creating(func(r *clawhq.CreateWebhookRequest) { r.Events = []webhook.EventType{webhook.EventTest} }), "events", `"test"`},
		"no change":        {updating("w1", clawhq.UpdateWebhookRequest{}), "", "nothing to change"},
		"no id":            {updating("", clawhq.UpdateWebhookRequest{Enabled: ptr(true)}), "id", "not an id"},
		"dots":             {updating("..", clawhq.UpdateWebhookRequest{Enabled: ptr(true)}), "id", "not an id"},
		"update http":      {updating("w1", clawhq.UpdateWebhookRequest{URL: ptr("http://hooks.example.com/")}), "url", "not an https URL"},
		"update no events": {updating("w1", clawhq.UpdateWebhookRequest{Events: []webhook.EventType{}}), "events", "at least one event"},
		"interval":         {updating("w1", clawhq.UpdateWebhookRequest{RetryInterval: ptr(45 * time.Second)}), "retry_interval_seconds", "45s is not one of"},
		"part of a second": {updating("w1", clawhq.UpdateWebhookRequest{RetryInterval: ptr(10500 * time.Millisecond)}), "retry_interval_seconds", "10.5s is not one of"},
		"attempts":         {updating("w1", clawhq.UpdateWebhookRequest{MaxAttempts: ptr(11)}), "retry_max_attempts", "11 is not 1 to 10"},
		"no attempts":      {updating("w1", clawhq.UpdateWebhookRequest{MaxAttempts: ptr(0)}), "retry_max_attempts", "0 is not 1 to 10"},
		"filter":           {updating("w1", clawhq.UpdateWebhookRequest{Filters: &[]clawhq.WebhookFilter{{Value: func() {}}}}), "filter_conditions", "cannot be encoded"},
		"delete":           {func(s *clawhq.WebhooksService) error { return s.Delete(t.Context(), " ") }, "id", "not an id"},
		"replay": {func(s *clawhq.WebhooksService) error {
			_, err := s.Replay(t.Context(), "w1", "")
			return err
		}, "id", "not an id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := testkit.Client(t, httpmock.NewMockTransport(), clawhq.WithSession("ok"))
			err := test.call(client.Webhooks)
			var refused *clawhq.InvalidRequestError
			if !errors.As(err, &refused) || refused.StatusCode != 0 || refused.Param != test.param || !strings.Contains(refused.Message, test.text) {
				t.Errorf("got %v, want %q of %q", err, test.text, test.param)
			}
		})
	}
	// An API key cannot manage webhooks.
	var unauthenticated *clawhq.AuthenticationError
	if _, err := testkit.Client(t, httpmock.NewMockTransport()).Webhooks.List(t.Context()); !errors.As(err, &unauthenticated) || unauthenticated.StatusCode != 0 {
		t.Errorf("without a session: got %v", err)
	}
	// A reference server may allow receivers on this machine.
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", "http://127.0.0.1:1/api/webhooks", httpmock.NewStringResponder(200, `{"webhook":{"secret":"whsec_0"}}`))
	client := testkit.Client(t, mock, clawhq.WithSession("ok"), clawhq.WithBaseURL("http://127.0.0.1:1/api"))
	if _, err := client.Webhooks.Create(t.Context(), clawhq.CreateWebhookRequest{URL: "http://127.0.0.1:8090/", Events: ok.Events}); err != nil {
		t.Errorf("refused for a reference server: %v", err)
	}
}

// A call that makes the service send something is repeated only if the call was not
// sent.
func TestWebhookRepeats(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		call     func(context.Context, *clawhq.WebhooksService) error
		repeated bool
	}{
		"Create": {func(ctx context.Context, s *clawhq.WebhooksService) error {
			_, err := s.Create(ctx, clawhq.CreateWebhookRequest{URL: "https://hooks.example.com/", Events: []webhook.EventType{webhook.EventAPIRequest}})
			return err
		}, false},
		"Test": {func(ctx context.Context, s *clawhq.WebhooksService) error {
			_, err := s.Test(ctx, "w")
			return err
		}, false},
		"Replay": {func(ctx context.Context, s *clawhq.WebhooksService) error {
			_, err := s.Replay(ctx, "w", "d")
			return err
		}, false},
		"RetryFailed": {func(ctx context.Context, s *clawhq.WebhooksService) error {
			_, err := s.RetryFailed(ctx, "w")
			return err
		}, false},
		"Update": {func(ctx context.Context, s *clawhq.WebhooksService) error {
			_, err := s.Update(ctx, "w", clawhq.UpdateWebhookRequest{Enabled: ptr(true)})
			return err
		}, true},
		"Delete": {func(ctx context.Context, s *clawhq.WebhooksService) error { return s.Delete(ctx, "w") }, true},
		"List": {func(ctx context.Context, s *clawhq.WebhooksService) error {
			_, err := s.List(ctx)
			return err
		}, true},
	} {
		for status, repeated := range map[int]bool{429: true, 500: test.repeated, 502: test.repeated} {
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(httpmock.NewStringResponder(status, `{"error":"no"}`))
			client := testkit.Client(t, mock, clawhq.WithSession("ok"),
				clawhq.WithRetry(clawhq.RetryPolicy{MaxAttempts: 2, MinWait: time.Microsecond, MaxWait: time.Microsecond, Budget: -1}))
			if err := test.call(t.Context(), client.Webhooks); err == nil {
				t.Errorf("%s: %d is no error", name, status)
			}
			if got := mock.GetTotalCallCount() == 2; got != repeated {
				t.Errorf("%s after %d: repeated is %v, want %v", name, status, got, repeated)
			}
		}
	}
}

// The service sends the secret only once. No odd value in the same reply may lose it,
// and no printer shows it.
func TestCreatedWebhookSecret(t *testing.T) {
	t.Parallel()
	const secret = "whsec_00112233445566778899aabbccddeeff0011223344556677"
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(httpmock.NewStringResponder(200, `{"webhook":{"secret":"`+secret+`","created_at":7,"events":"x","failure_count":"3","enabled":null}}`))
	client := testkit.Client(t, mock, clawhq.WithSession("ok"))
	req := clawhq.CreateWebhookRequest{URL: "https://hooks.example.com/", Events: []webhook.EventType{webhook.EventAPIRequest}}
	created, err := client.Webhooks.Create(t.Context(), req)
	if err != nil || created.Secret.Reveal() != secret {
		t.Fatalf("got %+v, %v", created, err)
	}
	text, _ := json.Marshal(created)
	if printed := fmt.Sprintf("%v %+v %#v %s", created, created, created, text); strings.Contains(printed, secret[6:20]) {
		t.Errorf("the secret is in %s", printed)
	}

	mock.RegisterNoResponder(httpmock.NewStringResponder(200, `{"webhook":{"id":"w"}}`))
	if _, err := client.Webhooks.Create(t.Context(), req); err == nil || !strings.Contains(err.Error(), "secret") {
		t.Errorf("without a secret: got %v", err)
	}
	mock.RegisterNoResponder(httpmock.NewStringResponder(500, secret))
	if _, err := client.Webhooks.Create(t.Context(), req); err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), secret[6:20]) {
		t.Errorf("an error holds the secret: %v", err)
	}
}

// A webhook is created, listed, tested, changed and deleted. Its deliveries are listed,
// counted and sent again.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	testkit.EachProfile(t, func(t *testing.T, s *clawhqtest.Server, client *clawhq.Client) {
		ctx, status := t.Context(), http.StatusInternalServerError
		s.DeliverTo(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		created, err := client.Webhooks.Create(ctx, clawhq.CreateWebhookRequest{URL: "https://hooks.example.com/", Events: []webhook.EventType{webhook.EventAgentDeployed}})
		if err != nil {
			t.Fatal(err)
		}
		if result, err := client.Webhooks.Test(ctx, created.ID); err != nil || result.Success || result.StatusCode != status {
			t.Errorf("test: got %+v, %v", result, err)
		}
		s.Emit(webhook.EventAgentDeployed, webhook.AgentDeployed{AgentName: "Support Bot"})
		deliveries, err := client.Webhooks.Deliveries(ctx, created.ID)
		if err != nil || len(deliveries) != 1 || deliveries[0].Success || deliveries[0].StatusCode != status {
			t.Fatalf("deliveries: got %+v, %v", deliveries, err)
		}
		status = http.StatusNoContent
		if result, err := client.Webhooks.Replay(ctx, created.ID, deliveries[0].ID); err != nil || !result.Success || result.StatusCode != status {
			t.Errorf("replay: got %+v, %v", result, err)
		}
		stats, err := client.Webhooks.Stats(ctx)
		if err != nil || len(stats) != 1 || stats[0].WebhookID != created.ID || stats[0].Total == 0 || stats[0].Failed == 0 {
			t.Errorf("stats: got %+v, %v", stats, err)
		}
		enabled := false
		if updated, err := client.Webhooks.Update(ctx, created.ID, clawhq.UpdateWebhookRequest{Enabled: &enabled}); err != nil || updated.Enabled {
			t.Errorf("update: got %+v, %v", updated, err)
		}
		if list, err := client.Webhooks.List(ctx); err != nil || len(list) != 1 || list[0].ID != created.ID || list[0].Enabled {
			t.Errorf("list: got %+v, %v", list, err)
		}
		if err := client.Webhooks.Delete(ctx, created.ID); err != nil {
			t.Error(err)
		}
		if list, err := client.Webhooks.List(ctx); err != nil || len(list) != 0 {
			t.Errorf("list after deletion: got %+v, %v", list, err)
		}
	})
}

// This example creates a webhook and handles an event. The server in memory hands
// deliveries to the receiver; the service posts them to its URL.
func ExampleWebhooksService() {
	server := exampleServer()
	defer server.Close()
	client := server.Client() // a program would pass WithSession to NewClient
	ctx := context.Background()

	created, err := client.Webhooks.Create(ctx, clawhq.CreateWebhookRequest{
		URL:    "https://hooks.example.com/clawhq",
		Events: []webhook.EventType{webhook.EventAgentDeployed},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("created, its secret is", created.Secret) // printed, it is redacted

	server.DeliverTo(webhook.Handler(webhook.Options{
		Secrets: []string{created.Secret.Reveal()},
		Seen:    new(webhook.MemorySeen),
	}, func(_ context.Context, ev *webhook.Event) error {
		fmt.Printf("came: %s, test: %v, %s\n", ev.Type, ev.Test, ev.Data)
		return nil
	}))
	server.Emit(webhook.EventAgentDeployed, webhook.AgentDeployed{AgentName: "Support Bot"})

	result, err := client.Webhooks.Test(ctx, created.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("tested:", result.StatusCode)

	deliveries, err := client.Webhooks.Deliveries(ctx, created.ID)
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range deliveries {
		result, err := client.Webhooks.Replay(ctx, created.ID, d.ID)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("replayed:", result.StatusCode) // the receiver recognizes the repeated delivery
	}
	// Output:
	// created, its secret is whsec_…
	// came: agent.deployed, test: false, {"agent_name":"Support Bot"}
	// came: test, test: true, {"agent_name":"Support Bot"}
	// tested: 200
	// replayed: 200
}

// A test or a replay that was not made has no result, whatever the status.
func TestDeliveryErrorWithStatus200(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"error":{"code":"not_found","message":"m"}}`: "200 not_found: m",
		`{"error":"Webhook not found"}`:                "200 OK: Webhook not found",
		`{"success":false,"error":"Request failed"}`:   "",
		`{"success":true,"status_code":"204"}`:         "",
	} {
		client, _ := catch(t, body, clawhq.WithSession("sid=a"))
		tested, err := client.Webhooks.Test(t.Context(), "w")
		wantErrorText(t, err, want)
		replayed, err := client.Webhooks.Replay(t.Context(), "w", "d")
		wantErrorText(t, err, want)
		if (tested == nil) != (want != "") || (replayed == nil) != (want != "") {
			t.Errorf("%s: got %+v and %+v", body, tested, replayed)
		}
	}
}
