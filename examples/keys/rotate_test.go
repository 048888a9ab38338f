package main

import (
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// 180 calls are made at once on 60 calls a minute, and the key is rotated while two
// thirds of them wait: none fails, and none has a key that is revoked.
func TestRotate(t *testing.T) {
	for _, profile := range []clawhqtest.Profile{clawhqtest.Documented, clawhqtest.Live} {
		t.Run(profile.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory(), clawhqtest.WithProfile(profile))
				file := KeyFile(filepath.Join(t.TempDir(), "key"))
				if err := file.Publish(server.APIKey()); err != nil {
					t.Fatal(err)
				}
				client := server.Client(clawhq.WithAPIKeyFunc(file.Key))
				start := time.Now()
				var calls sync.WaitGroup
				var failed atomic.Int32
				for range 180 {
					calls.Go(func() {
						if _, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: "hi"}); err != nil {
							failed.Add(1)
							t.Log(err)
						}
					})
				}
				time.Sleep(30 * time.Second)
				if err := rotate(t.Context(), file, time.Minute, func(opts ...clawhq.Option) (*clawhq.Client, error) {
					return server.Client(opts...), nil
				}); err != nil {
					t.Fatal(err)
				}
				if at := time.Since(start).Round(time.Second); at != 90*time.Second {
					t.Errorf("the old key was revoked after %v, want 90 s", at)
				}
				calls.Wait()
				took := time.Since(start)
				if n := failed.Load(); n > 0 {
					t.Errorf("%d of 180 calls failed", n)
				}
				for _, r := range server.Requests() {
					if r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden {
						t.Errorf("%v after the start: %d", r.Time.Sub(start), r.Status)
					}
				}
				if took > 185*time.Second {
					t.Errorf("the calls took %v, want three windows at most", took)
				}
				if key, err := file.Key(t.Context()); err != nil || key == server.APIKey() {
					t.Errorf("the file has the old key still, %v", err)
				}
			})
		})
	}
}

// If the new key does not work, the old one stays, alone.
func TestRotateFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
		file := KeyFile(filepath.Join(t.TempDir(), "key"))
		if err := file.Publish(server.APIKey()); err != nil {
			t.Fatal(err)
		}
		server.Inject(clawhqtest.FaultStatus(400, clawhq.CodeInvalidRequest).On(clawhqtest.Path("/v1/health")))
		err := rotate(t.Context(), file, time.Minute, func(opts ...clawhq.Option) (*clawhq.Client, error) {
			return server.Client(opts...), nil
		})
		key, _ := file.Key(t.Context())
		keys := server.Keys()
		if err == nil || key != server.APIKey() || len(keys) != 2 || keys[0].Revoked || !keys[1].Revoked {
			t.Errorf("got error %v, keys %+v", err, keys)
		}
	})
}
