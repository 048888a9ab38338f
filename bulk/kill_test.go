package bulk_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/bulk"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// childFile is the name of the variable that makes this program a child of
// TestKill: it has the path of the File.
const childFile = "BULK_TEST_FILE"

const killed = 150 // items of TestKill

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		os.Exit(child(path))
	}
	os.Exit(m.Run())
}

// child runs the job of TestKill.
func child(path string) int {
	client, err := clawhq.NewClient()
	if err != nil {
		return 2
	}
	store, err := bulk.OpenFile(path)
	if err != nil {
		os.Stderr.WriteString(err.Error())
		return 3
	}
	for r, err := range bulk.Run(context.Background(), client, numbered(killed), bulk.Options{Job: "kill", Store: store, Workers: 4}) {
		if err != nil || r.Err != nil {
			return 4
		}
	}
	return 0
}

// A job whose process is killed, again and again, ends with every answer, and asks
// no question whose answer was saved.
func TestKill(t *testing.T) {
	t.Parallel()
	service := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP(), clawhqtest.WithAgent("support-bot", thinks(20*time.Millisecond)))
	service.SetRateLimit(service.KeyID(), 10_000)
	path := filepath.Join(t.TempDir(), "answers")
	saved, keys := map[string]bool{}, map[string]string{}
	kills := 0
	for {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childFile+"="+path, clawhq.EnvAPIKey+"="+service.APIKey(), clawhq.EnvBaseURL+"="+service.URL())
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		running, end := context.WithCancel(t.Context())
		go func() {
			defer end()
			ended <- cmd.Wait()
		}()
		// It is killed after some requests, if it has so many to make.
		if _, err := service.WaitRequests(running, 1+rand.N(50), func(clawhqtest.Request) bool { return true }); err == nil {
			cmd.Process.Kill()
			kills++
		}
		err := <-ended
		// A question that is asked again while its agent runs still would wait.
		service.WaitRequests(t.Context(), len(service.Requests()), func(r clawhqtest.Request) bool { return r.Duration > 0 })
		for _, r := range service.Requests() {
			var body struct{ Message string }
			if err := json.Unmarshal(r.Body, &body); err != nil {
				continue // the kill has cut it off
			}
			key := r.Header.Get("X-Idempotency-Key")
			if first := keys[body.Message]; saved[body.Message] || first != "" && first != key {
				t.Errorf("%q is asked again: saved %t, key %s, then %s", body.Message, saved[body.Message], first, key)
			}
			keys[body.Message] = key
		}
		service.ClearRequests()
		store := openFile(t, path)
		for r, err := range store.Load(t.Context(), "kill") {
			if err != nil {
				t.Fatal(err)
			}
			saved[r.Response] = true
		}
		store.Close()
		if err == nil {
			break
		}
	}
	if len(saved) != killed || kills < 1 {
		t.Errorf("%d answers are saved after %d kills, want %d, after some", len(saved), kills, killed)
	}
}
