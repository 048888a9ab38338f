package server

import (
	"context"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Everything that the server does follows its clock.
func TestNoOtherTime(t *testing.T) {
	other := regexp.MustCompile(`time\.(Now|Since|Until|Sleep|After|AfterFunc|Tick|NewTimer|NewTicker)\b|context\.With(Timeout|Deadline)`)
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		code, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := other.Find(code); found != nil {
			t.Errorf("%s has %s", name, found)
		}
	}
}

// A full window has room again as soon as the clock says so.
func TestAdvancePastRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		health := request{method: "GET", path: "/api/v1/health"}
		for range wire.DefaultTier {
			s.send(health)
		}
		for _, step := range []struct {
			advance    time.Duration
			status     int
			retryAfter string
		}{
			{0, 429, "60"},
			{45 * time.Second, 429, "15"},
			{15*time.Second - 1, 429, "1"},
			{1, 200, ""},
		} {
			s.AdvanceClock(step.advance)
			w := s.send(health)
			if got := w.Header().Get(wire.HeaderRetryAfter); w.Code != step.status || got != step.retryAfter {
				t.Errorf("%v later: status %d, Retry-After %q, want %d, %q", step.advance, w.Code, got, step.status, step.retryAfter)
			}
		}
	})
}

// Every time that the server records is the clock's.
func TestAdvancedTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		at := time.Now().Add(48 * time.Hour)
		if w := s.send(request{method: "GET", path: "/api/v1/health"}); w.Header().Get("Date") != "" {
			t.Errorf("Date %q, which net/http sets", w.Header().Get("Date"))
		}
		s.AdvanceClock(48 * time.Hour)
		w := s.send(request{method: "GET", path: "/api/v1/health"})
		if got, want := w.Header().Get("Date"), at.UTC().Format(http.TimeFormat); got != want {
			t.Errorf("Date %q, want %q", got, want)
		}
		if journal := s.Requests(); !journal[1].Time.Equal(at) || journal[1].Duration > 1 {
			t.Errorf("the journal says %v for %v", journal[1].Time, journal[1].Duration)
		}
		keys := decode[wire.KeyList](t, s.send(request{method: "GET", path: "/api/keys"}).Body)
		if stats := keys.KeyStats[s.FirstKeyID()]; stats.Today != 1 || stats.Week != 2 {
			t.Errorf("key statistics %+v", stats)
		}
		id := s.AddAuditEntry(AuditEntry{Action: "api_key_created"})
		if entry := s.state.audit[0]; entry.ID != id || !entry.CreatedAt.Equal(at.Truncate(time.Microsecond)) {
			t.Errorf("audit entry of %v", entry.CreatedAt)
		}
		if created := decode[wire.ThreadReply](t, s.send(request{path: "/api/v1/threads", body: `{}`}).Body).Thread.CreatedAt; !created.Time().Equal(at.Truncate(time.Millisecond)) {
			t.Errorf("thread of %v", created)
		}
	})
}

// An idempotency key is forgotten after a day of the clock.
func TestAdvancePastIdempotency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		replayed := func() bool {
			w := s.send(request{header: map[string]string{wire.HeaderIdempotencyKey: "k"}, body: `{"message": "hi"}`})
			return w.Header().Get(wire.HeaderIdempotencyReplay) != ""
		}
		replayed()
		s.AdvanceClock(wire.IdempotencyTTL - 1)
		if !replayed() {
			t.Error("forgotten too early")
		}
		s.AdvanceClock(1)
		if replayed() {
			t.Error("kept for longer than a day")
		}
	})
}

// Pauses and timeouts of agents, delays by faults, and batches go on with the clock.
func TestAdvanceUnderWay(t *testing.T) {
	slowly := Config{AgentDelay: time.Minute / 2}
	for name, tc := range map[string]struct {
		config  Config
		fault   Fault
		body    string
		advance time.Duration
		status  int
	}{
		"agent's pause":   {config: slowly, body: `{"message": "hi", "stream": true}`, advance: slowly.AgentDelay, status: 200},
		"agent's timeout": {body: `{"message": "1h", "agent": "slow"}`, advance: wire.AgentTimeout, status: 504},
		"fault's delay":   {fault: FaultDelay(time.Hour), body: `{"message": "hi"}`, advance: time.Hour, status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, tc.config)
				s.HandleAgent("slow", s.slow)
				if tc.fault != (Fault{}) {
					s.Inject(tc.fault)
				}
				start := time.Now()
				status := make(chan int)
				go func() { status <- s.send(request{body: tc.body}).Code }()
				for {
					synctest.Wait()
					select {
					case got := <-status:
						if got != tc.status || time.Since(start) != 0 {
							t.Errorf("status %d after %v", got, time.Since(start))
						}
						return
					default:
						s.AdvanceClock(tc.advance)
					}
				}
			})
		})
	}
}

// A batch and the indexing of a file go on with the clock.
func TestAdvanceStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		s.HandleAgent("slow", s.slow)
		start := time.Now()
		file := s.upload(t, "a.md", "text/markdown", "text").FileID
		batch := newBatch(t, s, `{"requests": [{"custom_id": "a", "message": "50s", "agent": "slow"}]}`)
		synctest.Wait()
		s.AdvanceClock(50 * time.Second)
		synctest.Wait()
		got := get[wire.BatchReply](t, s, "/v1/chat/batch/"+batch).Batch
		if got.Status != wire.BatchCompleted || !got.CompletedAt.Time().Equal(start.Add(50*time.Second)) {
			t.Errorf("batch %s at %v", got.Status, got.CompletedAt)
		}
		if status := get[wire.File](t, s, "/v1/files/"+file).Status; status != wire.FileProcessed {
			t.Errorf("file %s", status)
		}
	})
}

// slow is an agent that takes as long as the message says, by the server's
// clock.
func (s service) slow(ctx context.Context, m Message) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		d, err := time.ParseDuration(m.Text)
		if err == nil {
			err = s.Sleep(ctx, d)
		}
		yield(m.Text, err)
	}
}
