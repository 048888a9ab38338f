package clawhq_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/internal/testkit"
	"github.com/google/go-cmp/cmp"
	"github.com/jarcoal/httpmock"
)

const keysURL = clawhq.DefaultBaseURL + "/keys"

func TestKeys(t *testing.T) {
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		t.Run(profile.String(), func(t *testing.T) {
			t.Parallel()
			testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
				ctx := t.Context()
				client := s.Client()
				created, err := client.Keys.Create(ctx, clawhq.CreateKeyRequest{Name: "  staging ", RateLimit: clawhq.RPM120})
				if err != nil {
					t.Fatal(err)
				}
				key := clawhq.Key{
					ID: created.ID, Name: "staging", Prefix: created.Secret.Reveal()[:12], RateLimit: clawhq.RPM120,
					Status: clawhq.KeyActive, CreatedAt: time.Now().UTC(),
				}
				if diff := cmp.Diff(clawhq.CreatedKey{Key: key, Secret: created.Secret}, *created); diff != "" {
					t.Errorf("created (-want +got):\n%s", diff)
				}

				time.Sleep(time.Second)
				user := s.Client(clawhq.WithAPIKey(created.Secret.Reveal()))
				if _, err := user.Chat(ctx, testkit.Hi); err != nil {
					t.Fatal(err)
				}
				if _, err := user.Chat(ctx, clawhq.ChatRequest{Message: "hi", Agent: "nobody"}); err == nil {
					t.Fatal("no error")
				}
				key.UsageCount, key.LastUsedAt, key.Stats = 2, time.Now().UTC(), clawhq.KeyStats{Today: 2, Week: 2, Errors: 1}
				if profile == clawhqtest.Live { // it counts what came to an agent
					key.UsageCount, key.Stats = 1, clawhq.KeyStats{Today: 1, Week: 1}
				}
				if diff := cmp.Diff([]clawhq.Key{key}, list(t, client)[:1]); diff != "" {
					t.Errorf("list (-want +got):\n%s", diff)
				}

				name, tier := "staging-2", clawhq.RPM30
				updated, err := client.Keys.Update(ctx, key.ID, clawhq.UpdateKeyRequest{Name: &name, RateLimit: &tier})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&clawhq.Key{ID: key.ID, Name: name, RateLimit: tier}, updated); diff != "" {
					t.Errorf("updated (-want +got):\n%s", diff)
				}
				if _, err := user.Chat(ctx, testkit.Hi); err != nil || user.RateLimit().Limit != 30 {
					t.Errorf("the tier did not change with the next request: %+v, %v", user.RateLimit(), err)
				}

				if err := client.Keys.Revoke(ctx, key.ID); err != nil {
					t.Fatal(err)
				}
				var auth *clawhq.AuthenticationError
				if _, err := user.Chat(ctx, testkit.Hi); !errors.As(err, &auth) || auth.Code != clawhq.CodeRevokedAPIKey {
					t.Errorf("with the revoked key: %v", err)
				}
				if k := list(t, client)[0]; k.Status != clawhq.KeyRevoked || k.Name != name {
					t.Errorf("listed as %+v", k)
				}
				var missing *clawhq.NotFoundError
				if err := client.Keys.Revoke(ctx, key.ID); !errors.As(err, &missing) || missing.Message == "" || missing.StatusCode != 404 {
					t.Errorf("revoked again: %v", err)
				}
				if _, err := client.Keys.Update(ctx, key.ID, clawhq.UpdateKeyRequest{Name: &name}); !errors.As(err, &missing) {
					t.Errorf("updated after its revocation: %v", err)
				}
			}, clawhqtest.WithProfile(profile))
		})
	}
}

func list(t *testing.T, client *clawhq.Client) []clawhq.Key {
	t.Helper()
	keys, err := client.Keys.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestKeyLimits(t *testing.T) {
	t.Parallel()
	testkit.Bubble(t, func(t *testing.T, s *clawhqtest.Server) {
		client := s.Client(testkit.OneAttempt)
		for i := range 4 {
			if k, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "k"}); err != nil || k.RateLimit != clawhq.RPM60 {
				t.Fatalf("key %d: %v, %v", i, k, err)
			}
		}
		var invalid *clawhq.InvalidRequestError
		if _, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "a sixth"}); !errors.As(err, &invalid) || invalid.StatusCode != 400 || invalid.Message == "" {
			t.Errorf("more than five active keys: %v", err)
		}
		var limited *clawhq.RateLimitError
		if _, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "k"}); !errors.As(err, &limited) || limited.RetryAfter != 0 {
			t.Errorf("more than five creations a minute: %v", err)
		}
		// Chats go on nevertheless.
		start := time.Now()
		if _, err := client.Chat(t.Context(), testkit.Hi); err != nil || time.Since(start) != 0 {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

func TestKeysRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	client := testkit.Client(t, mock, clawhq.WithSession("s3ss10n"))
	ctx := t.Context()
	name, long, tier := "n", strings.Repeat("é", 101), clawhq.RateTier(45)
	create := func(name string, tier clawhq.RateTier) error {
		_, err := client.Keys.Create(ctx, clawhq.CreateKeyRequest{Name: name, RateLimit: tier})
		return err
	}
	update := func(id string, req clawhq.UpdateKeyRequest) error {
		_, err := client.Keys.Update(ctx, id, req)
		return err
	}
	for what, tt := range map[string]struct {
		err         error
		param, path string
	}{
		"no name":           {create("", 0), "name", "/keys"},
		"blank name":        {create(" \t", 0), "name", "/keys"},
		"long name":         {create(long, 0), "name", "/keys"},
		"name not UTF-8":    {create("\xff", 0), "name", "/keys"},
		"unknown tier":      {create("n", 45), "rate_limit_per_min", "/keys"},
		"negative tier":     {create("n", -60), "rate_limit_per_min", "/keys"},
		"nothing to change": {update("k1", clawhq.UpdateKeyRequest{}), "", "/keys/k1"},
		"long new name":     {update("k1", clawhq.UpdateKeyRequest{Name: &long}), "name", "/keys/k1"},
		"unknown new tier":  {update("k1", clawhq.UpdateKeyRequest{RateLimit: &tier}), "rate_limit_per_min", "/keys/k1"},
		"no id":             {update("", clawhq.UpdateKeyRequest{Name: &name}), "id", "/keys/"},
		"blank id":          {client.Keys.Revoke(ctx, " "), "id", "/keys/%20"},
		"an id that climbs": {client.Keys.Revoke(ctx, ".."), "id", "/keys/%2E%2E"},
	} {
		e, ok := tt.err.(*clawhq.InvalidRequestError)
		if !ok || e.StatusCode != 0 || e.Param != tt.param || e.Path != tt.path || e.Message == "" {
			t.Errorf("%s: got %T: %v", what, tt.err, tt.err)
		}
	}

	// An API key cannot manage keys.
	client = testkit.Client(t, mock)
	_, err := client.Keys.List(ctx)
	if e, ok := err.(*clawhq.AuthenticationError); !ok || e.StatusCode != 0 || !strings.Contains(err.Error(), "WithSession") {
		t.Errorf("without a session: %T: %v", err, err)
	}
	if n := mock.GetTotalCallCount(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// Requests of key management send only the session, in its cookie, and escape ids.
func TestKeyRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	for session, cookie := range map[string]string{
		"abc":         "session=abc",
		"session=abc": "session=abc",
		"sid=abc":     "sid=abc",
		"YWJj==":      "session=YWJj==",
	} {
		var got *http.Request
		mock := httpmock.NewMockTransport()
		mock.RegisterNoResponder(func(r *http.Request) (*http.Response, error) {
			got = r
			return testkit.Reply(200, `{"success":true}`), nil
		})
		if err := testkit.Client(t, mock, clawhq.WithSession(session)).Keys.Revoke(t.Context(), "a/../b?c"); err != nil {
			t.Fatal(err)
		}
		if got.URL.String() != keysURL+"/a%2F..%2Fb%3Fc" || got.Method != "DELETE" {
			t.Errorf("%s %s", got.Method, got.URL)
		}
		h := got.Header
		if h.Get("Cookie") != cookie || h.Get("Authorization") != "" || h.Get("X-Idempotency-Key") != "" || h.Get("Content-Type") != "" {
			t.Errorf("%s: header is %v", session, h)
		}
	}
}

// The caller gets a new key, whatever else is wrong with the reply.
func TestCreateKeepsTheKey(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 10, 14, 30, 0, 0, time.UTC)
	for fields, want := range map[string]clawhq.Key{
		`"id":"1","created_at":"2026-03-10T14:30:00Z"`:      {ID: "1", CreatedAt: at},
		`"id":"1","created_at":"2026-03-10T14:30:00+00:00"`: {ID: "1", CreatedAt: at},
		`"id":"1","created_at":"2026-03-10 14:30:00+00"`:    {ID: "1", CreatedAt: at},
		`"id":"1","created_at":""`:                          {ID: "1"},
		`"id":"1","created_at":1773153000`:                  {ID: "1"},
		`"id":"1","created_at":{}`:                          {ID: "1"},
		`"id":"1","created_at":null`:                        {ID: "1"},
		`"id":7,"name":null,"rate_limit_per_min":"60"`:      {},
	} {
		client := testkit.ClientFunc(t, func(*http.Request) (*http.Response, error) {
			return testkit.Reply(200, `{"key":{`+fields+`,"full_key":"`+testkit.Key+`"}}`), nil
		}, clawhq.WithSession("s"), testkit.OneAttempt)
		created, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "n"})
		if err != nil || created.Secret.Reveal() != testkit.Key {
			t.Errorf("%s: got %v, %v, want the key", fields, created, err)
			continue
		}
		if diff := cmp.Diff(want, created.Key); diff != "" {
			t.Errorf("%s (-want +got):\n%s", fields, diff)
		}
	}
}

// A reply to key management with a success status that is not usable is an error.
func TestUnusableKeyReplies(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(httpmock.NewStringResponder(200, `{"key":{},"keys":null}`))
	client := testkit.Client(t, mock, clawhq.WithSession("s"))
	name := "n"
	_, create := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "n"})
	_, list := client.Keys.List(t.Context())
	_, update := client.Keys.Update(t.Context(), "1", clawhq.UpdateKeyRequest{Name: &name})
	for what, err := range map[string]error{"create": create, "list": list, "update": update, "revoke": client.Keys.Revoke(t.Context(), "1")} {
		var e *clawhq.ServerError
		if !errors.As(err, &e) || e.StatusCode != 200 || e.Body == nil {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// While keys are created, changed and revoked, no call with a revoked key is served.
func TestKeysConcurrently(t *testing.T) {
	t.Parallel()
	s := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
	client := s.Client()
	var wg sync.WaitGroup
	for range 4 { // together with the first key, these are as many as may be active
		wg.Go(func() {
			k, err := client.Keys.Create(t.Context(), clawhq.CreateKeyRequest{Name: "rotating"})
			if err != nil {
				t.Error(err)
				return
			}
			user := s.Client(clawhq.WithAPIKey(k.Secret.Reveal()), clawhq.WithRateLimit(0), testkit.OneAttempt)
			var revoked sync.WaitGroup
			revoked.Add(1)
			for range 12 {
				wg.Go(func() {
					for range 3 {
						if _, err := user.Chat(t.Context(), testkit.Hi); err != nil {
							var auth *clawhq.AuthenticationError
							if !errors.As(err, &auth) {
								t.Error(err)
							}
							break
						}
					}
					revoked.Wait()
					if _, err := user.Chat(t.Context(), testkit.Hi); err == nil {
						t.Error("served with a revoked key")
					}
				})
			}
			tier := clawhq.RPM300
			if _, err := client.Keys.Update(t.Context(), k.ID, clawhq.UpdateKeyRequest{RateLimit: &tier}); err != nil {
				t.Error(err)
			}
			if err := client.Keys.Revoke(context.Background(), k.ID); err != nil {
				t.Error(err)
			}
			revoked.Done()
		})
	}
	wg.Wait()
	active := 0
	for _, k := range list(t, client) {
		if k.Status == clawhq.KeyActive {
			active++
		}
	}
	if active != 1 {
		t.Errorf("%d keys are active", active)
	}
}
