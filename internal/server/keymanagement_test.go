package server

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clawhq/clawhq-go/internal/wire"
)

var keysPath = wire.BasePath + wire.ListKeys.Path

func (s service) createKey(body string) *httptest.ResponseRecorder {
	return s.send(request{path: keysPath, body: body})
}

func checkFlat(t *testing.T, w *httptest.ResponseRecorder, status int, message string) {
	t.Helper()
	if got := decode[wire.FlatError](t, w.Body); w.Code != status || got != (wire.FlatError{Error: message}) {
		t.Errorf("status %d, error %+v; want %d, %q", w.Code, got, status, message)
	}
}

func TestCreateKey(t *testing.T) {
	t.Parallel()
	const tiers = "Rate limit must be one of: 30, 60, 120, 300"
	for _, tc := range []struct {
		body     string
		profile  Profile
		name     string
		rpm      int
		mistaken string
	}{
		{body: `{"name":"plain"}`, name: "plain", rpm: 60},
		{body: `{"name":"  trimmed\n","rate_limit_per_min":null}`, name: "trimmed", rpm: 60},
		{body: `{"name":"fast","rate_limit_per_min":300}`, name: "fast", rpm: 300},
		{body: `{"name":"` + strings.Repeat("é", 100) + `"}`, name: strings.Repeat("é", 100), rpm: 60},
		{body: `{"name":"odd","rate_limit_per_min":45}`, mistaken: tiers},
		{body: `{"name":"odd","rate_limit_per_min":"60"}`, mistaken: tiers},
		{body: `{"name":"odd","rate_limit_per_min":0}`, mistaken: tiers},
		{body: `{"name":"odd","rate_limit_per_min":45}`, profile: Live, name: "odd", rpm: 60},
		{body: `{"name":"fast","rate_limit_per_min":120}`, profile: Live, name: "fast", rpm: 120},
		{body: `{}`, mistaken: "Key name is required"},
		{body: `{"name":" "}`, mistaken: "Key name is required"},
		{body: `{"name":5}`, mistaken: "Key name is required"},
		{body: `{"name":"` + strings.Repeat("é", 101) + `"}`, mistaken: "Key name must be 100 characters or less"},
		{body: `{`, mistaken: "Invalid request body"},
		{body: strings.Repeat(" ", 102_401), mistaken: "Request body too large (max 100KB)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t, Config{Profile: tc.profile})
			w := s.createKey(tc.body)
			if tc.mistaken != "" {
				checkFlat(t, w, 400, tc.mistaken)
				return
			}
			got := decode[wire.KeyReply[wire.CreatedKey]](t, w.Body).Key
			want := wire.CreatedKey{ID: got.ID, Name: tc.name, KeyPrefix: got.FullKey[:12], Status: "active", RateLimitPerMin: tc.rpm, CreatedAt: tc.profile.time(time.Now()), FullKey: got.FullKey}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("key (-want +got):\n%s", diff)
			}
			if uuid.Validate(got.ID) != nil || !wire.ValidKey(got.FullKey) {
				t.Errorf("id %q, key %q", got.ID, got.FullKey)
			}
			w = s.send(request{key: got.FullKey, body: hi})
			if w.Code != 200 || w.Header().Get(wire.HeaderRateLimitLimit) != strconv.Itoa(tc.rpm) {
				t.Errorf("the new key: status %d, header %v", w.Code, w.Header())
			}
		})
	}
}

func TestFiveActiveKeys(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{}) // has one key
	for range 3 {
		s.CreateKey("k", 1)
	}
	if w := s.createKey(`{"name":"fifth"}`); w.Code != 200 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	checkFlat(t, s.createKey(`{"name":"sixth"}`), 400, "Maximum 5 active keys allowed. Revoke an existing key first.")
	id, _ := s.CreateKey("sixth, by the object", 1)
	s.RevokeKey(id)
	checkFlat(t, s.createKey(`{"name":"sixth"}`), 400, "Maximum 5 active keys allowed. Revoke an existing key first.")
	s.RevokeKey(s.FirstKeyID())
	if w := s.createKey(`{"name":"instead of the first"}`); w.Code != 200 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestUpdateKey(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	id, key := s.CreateKey("old", 60)
	gone, _ := s.CreateKey("gone", 60)
	s.RevokeKey(gone)
	for _, tc := range []struct {
		id, body string
		want     wire.UpdatedKey
		status   int
		mistaken string
	}{
		{id: id, body: `{"name":" new "}`, want: wire.UpdatedKey{ID: id, Name: "new", RateLimitPerMin: 60}},
		{id: id, body: `{"rate_limit_per_min":30}`, want: wire.UpdatedKey{ID: id, Name: "new", RateLimitPerMin: 30}},
		{id: id, body: `{"name":"both","rate_limit_per_min":120}`, want: wire.UpdatedKey{ID: id, Name: "both", RateLimitPerMin: 120}},
		{id: id, body: `{}`, status: 400, mistaken: "Nothing to update"},
		{id: id, body: `{"name":null}`, status: 400, mistaken: "Nothing to update"},
		{id: id, body: `{"name":""}`, status: 400, mistaken: "Name must be 1-100 characters"},
		{id: id, body: `{"name":"x","rate_limit_per_min":45}`, status: 400, mistaken: "Rate limit must be one of: 30, 60, 120, 300"},
		{id: id, body: `[]`, status: 400, mistaken: "Invalid JSON body"},
		{id: "nope", body: `{"name":"x"}`, status: 404, mistaken: "Key not found"},
		{id: gone, body: `{"name":"x"}`, status: 404, mistaken: "Key not found"},
	} {
		w := s.send(request{method: "PATCH", path: keysPath + "/" + tc.id, body: tc.body})
		if tc.mistaken != "" {
			checkFlat(t, w, tc.status, tc.mistaken)
		} else if got := decode[wire.KeyReply[wire.UpdatedKey]](t, w.Body).Key; got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.body, got, tc.want)
		}
	}
	if got := s.send(request{key: key, body: hi}).Header().Get(wire.HeaderRateLimitLimit); got != "120" {
		t.Errorf("the next call has a limit of %s, want 120", got)
	}
}

func TestRevokeKey(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	id, key := s.CreateKey("k", 60)
	w := s.send(request{method: "DELETE", path: keysPath + "/" + id})
	if w.Code != 200 || w.Body.String() != `{"success":true}` {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	for _, id := range []string{id, "nope"} {
		checkFlat(t, s.send(request{method: "DELETE", path: keysPath + "/" + id}), 404, "Key not found or already revoked")
	}
	checkError(t, s.send(request{key: key, body: hi}), 401,
		wire.Error{Code: "revoked_api_key", Message: "API key has been revoked", Type: "authentication_error"})
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	for _, r := range []request{
		{auth: "Bearer " + s.key},
		{auth: "-"},
		{auth: "-", header: map[string]string{"Cookie": "session=" + s.Session() + "x"}},
		{auth: "-", header: map[string]string{"Cookie": "session="}},
		{auth: "-", header: map[string]string{"Cookie": "other=" + s.Session()}},
	} {
		for _, endpoint := range []struct{ method, path string }{{"GET", keysPath}, {"POST", keysPath}, {"PATCH", keysPath + "/1"}, {"DELETE", keysPath + "/1"}} {
			r.method, r.path = endpoint.method, endpoint.path
			checkFlat(t, s.send(r), 401, "Unauthorized")
		}
	}
}

func TestManagementLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		for _, tc := range []struct {
			method, path string
			limit        int
		}{
			{"GET", keysPath, 20},
			{"POST", keysPath, 5},
			{"PATCH", keysPath + "/1", 10},
			{"DELETE", keysPath + "/1", 10},
		} {
			call := func() *httptest.ResponseRecorder {
				return s.send(request{method: tc.method, path: tc.path, body: `{"name":""}`})
			}
			for i := range tc.limit {
				if w := call(); w.Code == http.StatusTooManyRequests {
					t.Errorf("%s: 429 at call %d", tc.method, i+1)
				}
			}
			time.Sleep(59 * time.Second)
			w := call()
			if _, ok := w.Header()["Retry-After"]; ok {
				t.Errorf("%s: Retry-After", tc.method)
			}
			checkFlat(t, w, 429, "Too many requests")
			time.Sleep(time.Second)
			if w := call(); w.Code == http.StatusTooManyRequests {
				t.Errorf("%s: 429 after a minute", tc.method)
			}
		}
	})
}

func TestListKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		start := time.Now().UTC()
		time.Sleep(time.Hour + 1234567*time.Nanosecond)
		used, key := s.CreateKey("used", 7)
		created := time.Now().UTC().Truncate(time.Millisecond)
		time.Sleep(time.Minute)
		s.send(request{key: key, body: hi})
		s.send(request{key: key, body: "{"})
		last := time.Now().UTC().Truncate(time.Millisecond)
		s.RevokeKey(used)
		s.send(request{key: key, body: hi}) // refused, so not counted

		w := s.send(request{method: "GET", path: keysPath})
		if strings.Contains(w.Body.String(), key) {
			t.Error("the list shows a full key")
		}
		want := wire.KeyList{
			Keys: []wire.Key{
				{ID: used, Name: "used", KeyPrefix: key[:12], UsageCount: 2, LastUsedAt: wire.HandlerTime(last), Status: "revoked", RateLimitPerMin: 7, CreatedAt: wire.HandlerTime(created)},
				{ID: s.FirstKeyID(), Name: "default", KeyPrefix: s.key[:12], Status: "active", RateLimitPerMin: 60, CreatedAt: wire.HandlerTime(start)},
			},
			KeyStats: map[string]wire.KeyStats{used: {Today: 2, Week: 2, Errors: 1}, s.FirstKeyID(): {}},
		}
		if diff := cmp.Diff(want, decode[wire.KeyList](t, w.Body)); diff != "" {
			t.Errorf("list (-want +got):\n%s", diff)
		}
		if ct := w.Header().Get("Content-Type"); ct != wire.ContentTypeJSON {
			t.Errorf("Content-Type %q", ct)
		}
	})
}

func TestUsageByDay(t *testing.T) {
	t.Parallel()
	var u usage
	midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	at := func(days, hours int) time.Time {
		return midnight.AddDate(0, 0, days).Add(time.Duration(hours) * time.Hour)
	}
	u.called(at(0, 23))
	u.failed(at(1, 0)) // a call that ends on the next day
	u.called(at(1, 5))
	u.called(at(6, 0))
	u.failed(at(6, 0))
	for _, tc := range []struct {
		now  time.Time
		want wire.KeyStats
	}{
		{at(6, 23), wire.KeyStats{Today: 1, Week: 3, Errors: 2}},
		{at(7, 0), wire.KeyStats{Today: 0, Week: 2, Errors: 2}},
		{at(8, 0), wire.KeyStats{Today: 0, Week: 1, Errors: 1}},
		{at(30, 0), wire.KeyStats{}},
	} {
		if got := u.stats(tc.now); got != tc.want {
			t.Errorf("%v: %+v, want %+v", tc.now, got, tc.want)
		}
	}
	u.called(at(7, 1)) // replaces day 0
	if got, want := u.stats(at(7, 1)), (wire.KeyStats{Today: 1, Week: 3, Errors: 2}); got != want || u.calls != 4 {
		t.Errorf("%+v of %d calls, want %+v of 4", got, u.calls, want)
	}
}

func TestFailuresCountOnce(t *testing.T) {
	t.Parallel()
	for profile, want := range map[Profile]wire.KeyStats{
		Documented: {Today: 6, Week: 6, Errors: 6}, // a refusal counts as an error, but not as a call
		Live:       {Today: 5, Week: 5, Errors: 4}, // only chats that reached an agent count
	} {
		s := newService(t, Config{Profile: profile})
		s.HandleAgent("broken", agentOf(saysThen(errors.New("no"))))
		s.HandleAgent("a", agentOf(says("yes")))
		s.Inject(FaultStreamError("stream_error", 1), FaultStreamError("model_timeout", 0))
		for _, body := range []string{stream, hi, `{"message":"hi","agent":"broken"}`, `{"message":"hi","agent":"broken","stream":true}`, hi, `{}`} {
			s.send(request{body: strings.Replace(body, `"hi"}`, `"hi","agent":"a"}`, 1)})
		}
		s.SetRateLimit(s.FirstKeyID(), 6)
		if got := s.send(request{body: hi}).Code; got != http.StatusTooManyRequests {
			t.Errorf("%v: call 7 of 6: status %d, want 429", profile, got)
		}
		list := decode[wire.KeyList](t, s.send(request{method: "GET", path: keysPath}).Body)
		if got := list.KeyStats[s.FirstKeyID()]; got != want {
			t.Errorf("%v: %+v, want %+v", profile, got, want)
		}
		if got, want := list.Keys[0].UsageCount, map[Profile]int64{Documented: 6, Live: 1}[profile]; got != want {
			t.Errorf("%v: used %d times, want %d", profile, got, want)
		}
	}
}

func TestMisuseOfKeysPanics(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	for want, misuse := range map[string]func(){
		"clawhqtest: CreateKey: Key name is required":               func() { s.CreateKey(" ", 60) },
		"clawhqtest: CreateKey: rate limit of 0 calls a minute":     func() { s.CreateKey("k", 0) },
		`clawhqtest: RevokeKey: no key has the id "nope"`:           func() { s.RevokeKey("nope") },
		`clawhqtest: SetRateLimit: no key has the id "nope"`:        func() { s.SetRateLimit("nope", 1) },
		"clawhqtest: SetRateLimit: rate limit of -1 calls a minute": func() { s.SetRateLimit(s.FirstKeyID(), -1) },
		"clawhqtest: FaultStatus: no reply can have status 100":     func() { FaultStatus(100, "") },
		"clawhqtest: FaultHTML: no reply can have status 600":       func() { FaultHTML(600) },
		"clawhqtest: FaultLegacyError: no reply can have status 0":  func() { FaultLegacyError(0, "") },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %q", got, want)
				}
			}()
			misuse()
		}()
	}
}

// Keys with the same prefix are distinguished by their hashes.
func TestKeysWithOnePrefix(t *testing.T) {
	t.Parallel()
	const a, b, c = "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6", "clw_a1b2c3d4000000000000000000000000", "clw_a1b2c3d4111111111111111111111111"
	var r keyring
	for _, secret := range []string{a, b} {
		r.add(hashedKey("id of "+secret, "k", 60, secret), time.Now())
	}
	for _, secret := range []string{a, b} {
		if k := r.find(secret); k == nil || k.id != "id of "+secret {
			t.Errorf("%s: found %+v", secret, k)
		}
	}
	if k := r.find(c); k != nil {
		t.Errorf("%s: found %s", c, k.id)
	}
}

// In profile Live, a revoked key has no statistics.
func TestStatisticsOfRevokedKeys(t *testing.T) {
	t.Parallel()
	for profile, want := range map[Profile]bool{Documented: true, Live: false} {
		s := newService(t, Config{Profile: profile})
		id, _ := s.CreateKey("old", 60)
		s.RevokeKey(id)
		list := decode[wire.KeyList](t, s.send(request{method: "GET", path: keysPath}).Body)
		if _, has := list.KeyStats[id]; has != want || len(list.Keys) != 2 {
			t.Errorf("%v: %+v", profile, list)
		}
	}
}
