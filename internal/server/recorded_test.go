package server

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/window"
	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/internal/wire/recorded"
)

// notDriven are the recordings whose requests are not sent to the server, by name or
// beginning of the name, and why.
var notDriven = map[string]string{
	"webhook_delivery_":            "the service sends them: TestRecordedDeliveries",
	"cron_":                        "the service's own scheduler calls it, no client does",
	"agent_delete_ssh_failed":      "there is no machine whose SSH could fail; FaultStatus plays it",
	"thread_send_gateway_down":     "there is no gateway that could be down; FaultStatus plays it",
	"file_upload_storage_failed":   "there is no storage that could fail; FaultStatus plays it",
	"file_upload_checked_in_schem": "there is no database whose schema could be wrong; FaultStatus plays it",
	"file_upload_10_mib":           "recorded without the middleware that cuts long bodies; TestLongUploads sends it in profile documented",
	"file_upload_too_large":        "recorded without the middleware that cuts long bodies; TestLongUploads sends it in profile documented",
	"batch_webhook_delivery":       "the service sends it: TestRecordedCallback",
}

func reasonNotDriven(name string) string {
	for prefix, reason := range notDriven {
		if strings.HasPrefix(name, prefix) {
			return reason
		}
	}
	return ""
}

// Every recorded request is sent to a server in profile Live, in the state and at the
// time of the recording. The reply must have the recorded values, except for new ids
// and times.
func TestRecordings(t *testing.T) {
	t.Parallel()
	driven := 0
	stale := maps.Clone(notDriven)
	for _, e := range recorded.All() {
		if reasonNotDriven(e.Name) != "" {
			maps.DeleteFunc(stale, func(prefix, _ string) bool { return strings.HasPrefix(e.Name, prefix) })
			continue
		}
		driven++
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, e)
				got := w.send(e)
				want := recordedReply{e.Status, e.ReplyHeader, e.Reply}
				if diff := cmp.Diff(want.masked(t, e), got.masked(t, e)); diff != "" {
					t.Errorf("reply (-recorded +got):\n%s", diff)
				}
			})
		})
	}
	if driven < 350 {
		t.Errorf("only %d recordings are driven", driven)
	}
	for prefix := range stale {
		t.Errorf("no recording is called %s", prefix)
	}
}

// The callback of a batch gets what was recorded.
func TestRecordedCallback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		want := recorded.Get("batch_webhook_delivery")
		w := newWorld(t, recorded.Get("batch_create_webhook"))
		w.send(recorded.Get("batch_create_webhook"))
		synctest.Wait()
		if len(w.told) != 1 {
			t.Fatalf("told %d times", len(w.told))
		}
		got := w.told[0]
		if url := "https://" + want.Header.Get("Host") + want.URL; got.url != url {
			t.Errorf("told %s, want %s", got.url, url)
		}
		if ct := got.header.Get("Content-Type"); ct != want.Header.Get("Content-Type") {
			t.Errorf("Content-Type %q, want %q", ct, want.Header.Get("Content-Type"))
		}
		varying := []string{"batch_id", "completed_at"}
		if diff := cmp.Diff(maskJSON(t, string(want.Body()), varying), maskJSON(t, got.body, varying)); diff != "" {
			t.Errorf("body (-recorded +got):\n%s", diff)
		}
	})
}

// The service's own limit is only reached without the middleware before it.
func TestLongUploads(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"file_upload_10_mib", "file_upload_too_large"} {
		e := recorded.Get(name)
		s := newService(t, Config{})
		w := s.send(request{path: e.URL, header: map[string]string{"Content-Type": e.Header.Get("Content-Type")}, body: string(e.Body())})
		got, want := maskJSON(t, w.Body.String(), made), maskJSON(t, e.Reply, made)
		if diff := cmp.Diff(want, got); diff != "" || w.Code != e.Status {
			t.Errorf("%s: status %d, want %d; body (-recorded +got):\n%s", name, w.Code, e.Status, diff)
		}
	}
}

// recordedReply is a reply, recorded or received.
type recordedReply struct {
	status int
	header http.Header
	body   string
}

// made are the members to which each creation gives new values.
var made = []string{"request_id", "id", "batch_id", "file_id", "message_id", "created_at", "full_key", "key_prefix", "secret"}

// masked returns a reply in a form that can be compared: without length and id, and
// with types in place of varying values in the body.
func (r recordedReply) masked(t *testing.T, e recorded.Exchange) any {
	t.Helper()
	header := http.Header{}
	for name, values := range r.header {
		switch {
		case name == "Content-Length" || strings.HasPrefix(name, "Access-Control-") || len(values) == 0: // the recordings do not have them
		case name == wire.HeaderRequestID:
			header.Set(name, "req_…")
		default:
			header[name] = values
		}
	}
	varying := made[:1]
	if e.Method == http.MethodPost {
		varying = made
	}
	var body any = r.body
	if header.Get("Content-Type") == wire.ContentTypeJSON && e.Method != http.MethodHead {
		body = maskJSON(t, r.body, varying)
	}
	return map[string]any{"status": r.status, "header": header, "body": body}
}

// maskJSON decodes JSON. It replaces varying values by their types, and brings times
// into one form, since the recordings come from two databases.
func maskJSON(t *testing.T, text string, varying []string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return mask(v, varying)
}

func mask(v any, varying []string) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if text, ok := member.(string); ok && slices.Contains(varying, name) {
				member = "some text"
				if text == "" {
					member = "no text"
				}
			}
			v[name] = mask(member, varying)
		}
	case []any:
		for i := range v {
			v[i] = mask(v[i], varying)
		}
	case string:
		if at, err := time.Parse(time.RFC3339, v); err == nil {
			return at.UTC()
		}
	}
	return v
}

// world is a server in the state in which an exchange was recorded.
type world struct {
	*Server
	t    *testing.T
	key  *key
	told []told // requests to callbacks
}

type told struct {
	url, body string
	header    http.Header
}

// The accounts of the recorded keys.
var accounts = map[string]struct {
	name    string
	rpm     int
	plan    string
	offline bool
	revoked bool
	unknown bool
}{
	"clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6": {name: "prod", rpm: 60},
	"clw_22222222222222222222222222222222": {name: "other", rpm: 30},
	"clw_33333333333333333333333333333333": {name: "free", rpm: 60, plan: "free"},
	"clw_44444444444444444444444444444444": {name: "novps", rpm: 60, offline: true},
	"clw_55555555555555555555555555555555": {name: "stopped", rpm: 60, offline: true},
	"clw_66666666666666666666666666666666": {name: "old", rpm: 60, revoked: true},
	"clw_14d29cab0b394d6f153eb5771392a0f0": {name: "staging-test", rpm: 120, revoked: true},
	"clw_00000000000000000000000000000000": {unknown: true},
}

func newWorld(t *testing.T, e recorded.Exchange) *world {
	t.Helper()
	time.Sleep(time.Until(recordedTime(t, e)))
	secret := bearer(&http.Request{Header: e.Header})
	if _, ok := accounts[secret]; !ok {
		secret = "clw_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"
	}
	account := accounts[secret]
	w := &world{t: t}
	cfg := Config{Profile: Live, Plan: account.plan, Transport: w}
	if e.Name == "keys_plan_required" || e.Name == "webhooks_plan_required" {
		cfg.Plan = "free"
	}
	w.Server, _ = New(cfg)
	t.Cleanup(w.Close)
	w.session = func() string { return "ok" }
	w.SetOffline(account.offline)
	w.state.keys = keyring{}
	if !account.unknown {
		id := "00000000-0000-4000-8000-0000000000b0"
		if e.Name == "keys_list" {
			id = "k1"
		}
		w.key = w.state.keys.add(hashedKey(id, account.name, account.rpm, secret), time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))
		w.key.revoked = account.revoked
	}
	w.deployRecorded(e)
	w.setUp(e)
	w.fillWindow(e)
	return w
}

// RoundTrip plays the receivers of callbacks.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	w.told = append(w.told, told{r.URL.String(), string(body), r.Header})
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, err
}

// recordedTime returns when an exchange was recorded, as far as its headers tell:
// half a minute before X-RateLimit-Reset, or the time from which an absurd
// Retry-After was computed.
func recordedTime(t *testing.T, e recorded.Exchange) time.Time {
	t.Helper()
	number := func(name string) float64 {
		n, _ := strconv.ParseFloat(e.ReplyHeader.Get(name), 64)
		return n
	}
	if end := number(wire.HeaderRateLimitReset); end > 0 {
		return time.UnixMilli(int64(end)).Add(-30 * time.Second)
	}
	if absurd := number(wire.HeaderRetryAfter); absurd > 60 { // 1000 × the minute's end − now
		end := math.Round(absurd/999/60) * 60
		return time.Unix(int64(1000*end-absurd), 0)
	}
	day := 24
	if strings.Contains(e.Reply, `"2026-11-29T`) {
		day = 29
	}
	return time.Date(2026, 11, day, 18, 0, 30, 0, time.UTC)
}

// send sends the recorded request.
func (w *world) send(e recorded.Exchange) recordedReply {
	r := httptest.NewRequest(e.Method, e.URL, bytes.NewReader(e.Body()))
	r = r.WithContext(Secure(r.Context()))
	r.Header = e.Header.Clone()
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return recordedReply{rec.Code, rec.Header(), rec.Body.String()}
}

// fillWindow makes as many calls before as the headers of the exchange imply.
func (w *world) fillWindow(e recorded.Exchange) {
	c := &call{s: w.Server, r: httptest.NewRequest(e.Method, e.URL, nil)}
	if c.findRoute() != nil || w.key == nil || c.route.Window == (wire.Window{}) {
		return
	}
	log, limit := w.state.callLog(c.route.Window, w.key)
	calls := 0
	if remaining, err := strconv.Atoi(e.ReplyHeader.Get(wire.HeaderRateLimitRemaining)); err == nil {
		calls = limit - 1 - remaining - log.Len()
	}
	if strings.HasSuffix(e.Name, "_rate_limited") {
		calls = limit
	}
	for range calls {
		log.Add(window.Unix(time.Now()))
	}
}
