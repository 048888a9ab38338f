package server

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

const (
	hi     = `{"message":"hi"}`
	stream = `{"message":"hi","stream":true}`
)

func TestRateLimitSlides(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		s.SetRateLimit(s.FirstKeyID(), 3)
		start := time.Now()
		for _, step := range []struct {
			at     time.Duration
			health bool
			// of a success
			remaining string
			reset     time.Duration
			// of a 429
			retryAfter, message string
		}{
			{at: 0, remaining: "2", reset: 60 * time.Second},
			{at: 10 * time.Second, health: true, remaining: "1", reset: 60 * time.Second},
			{at: 20 * time.Second, remaining: "0", reset: 60 * time.Second},
			{at: 20 * time.Second, retryAfter: "40", message: "Rate limit exceeded. Retry after 40 seconds."},
			{at: 20*time.Second + 1, health: true, retryAfter: "40", message: "Rate limit exceeded. Retry after 40 seconds."},
			{at: 60*time.Second - 1, retryAfter: "1", message: "Rate limit exceeded. Retry after 1 seconds."},
			{at: 60 * time.Second, remaining: "0", reset: 70 * time.Second},
			{at: 60 * time.Second, retryAfter: "10", message: "Rate limit exceeded. Retry after 10 seconds."},
			{at: 90*time.Second + 1, remaining: "1", reset: 120 * time.Second},
		} {
			time.Sleep(time.Until(start.Add(step.at)))
			r := request{body: hi}
			if step.health {
				r = request{method: "GET", path: "/api/v1/health"}
			}
			w := s.send(r)
			if step.retryAfter != "" {
				if got := w.Header().Get("Retry-After"); got != step.retryAfter {
					t.Errorf("at %v: Retry-After %q, want %q", step.at, got, step.retryAfter)
				}
				checkError(t, w, 429, wire.Error{Code: "rate_limited", Message: step.message, Type: "rate_limit_error"})
				continue
			}
			got := []string{w.Header().Get("X-RateLimit-Limit"), w.Header().Get("X-RateLimit-Remaining"), w.Header().Get("X-RateLimit-Reset")}
			want := []string{"3", step.remaining, strconv.FormatInt(start.Add(step.reset).Unix(), 10)}
			if diff := cmp.Diff(want, got); w.Code != 200 || diff != "" {
				t.Errorf("at %v: status %d, headers (-want +got):\n%s", step.at, w.Code, diff)
			}
		}
	})
}

func TestRateLimitIsPerKeyAndChangesAtOnce(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	id, key := s.CreateKey("second", 1)
	status := func(key string) int { return s.send(request{key: key, body: hi}).Code }
	for i, step := range []struct{ rpm, want int }{{1, 200}, {1, 429}, {2, 200}, {2, 429}, {1, 429}, {3, 200}} {
		s.SetRateLimit(id, step.rpm)
		if got := status(key); got != step.want {
			t.Errorf("call %d at %d a minute: status %d, want %d", i, step.rpm, got, step.want)
		}
	}
	if got := status(s.key); got != 200 {
		t.Errorf("another key: status %d", got)
	}
}

func TestInvalidRequestsCountButErrorsShowNoLimit(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	s.send(request{body: "{"})
	if got := s.send(request{body: hi}).Header().Get(wire.HeaderRateLimitRemaining); got != "58" {
		t.Errorf("remaining %s, want 58", got)
	}
}

func TestLiveRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{Profile: Live})
		s.SetRateLimit(s.FirstKeyID(), 1)
		time.Sleep(12*time.Second + time.Millisecond)
		now := time.Now()
		minute := now.Truncate(time.Minute).Add(time.Minute).UnixMilli()
		if got := s.send(request{body: hi}).Header().Get(wire.HeaderRateLimitReset); got != strconv.FormatInt(minute, 10) {
			t.Errorf("reset %s, want %d", got, minute)
		}
		w := s.send(request{body: hi})
		if got := w.Header().Get("Retry-After"); got != strconv.FormatInt(minute-now.Unix(), 10) {
			t.Errorf("Retry-After %s", got)
		}
		checkError(t, w, 429, wire.Error{Code: "rate_limited", Message: "Rate limit exceeded. Try again later.", Type: "api_error"})
	})
}

// The figures are the recorded ones.
func TestLiveRetryAfterAsRecorded(t *testing.T) {
	t.Parallel()
	for now, want := range map[int64]string{1795470806: "1793675369194", 1795470594: "1793675129406"} {
		if got, _ := Live.rateLimited(time.Unix(now, 0), time.Second); got != want {
			t.Errorf("at %d: %s, want %s", now, got, want)
		}
	}
}

func TestProfileString(t *testing.T) {
	t.Parallel()
	for p, want := range map[Profile]string{Documented: "documented", Live: "live", 7: "Profile(7)"} {
		if got := p.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
