package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// newWebhook makes a webhook and returns its path.
func (s service) newWebhook(t *testing.T) string {
	t.Helper()
	w := s.send(request{path: "/api/webhooks", body: `{"url":"https://hooks.example.com/x","events":["api.request"]}`})
	return "/api/webhooks/" + decode[wire.WebhookReply](t, w.Body).Webhook.ID
}

// The database of the live service converts the values of an update.
func TestLiveWebhookCasts(t *testing.T) {
	t.Parallel()
	const notSaved = `{"error":"Failed to update webhook"}`
	for body, want := range map[string]string{
		`{"enabled":0}`:                                     `"enabled":false`,
		`{"enabled":"no"}`:                                  `"enabled":false`,
		`{"enabled":" TRUE "}`:                              `"enabled":true`,
		`{"enabled":2}`:                                     notSaved,
		`{"enabled":"maybe"}`:                               notSaved,
		`{"retry_max_attempts":null}`:                       `"retry_max_attempts":1`,
		`{"retry_max_attempts":"5"}`:                        `"retry_max_attempts":5`,
		`{"retry_max_attempts":["0x4"]}`:                    `"retry_max_attempts":4`,
		`{"retry_max_attempts":true}`:                       `"retry_max_attempts":1`,
		`{"retry_max_attempts":99}`:                         `"retry_max_attempts":10`,
		`{"retry_max_attempts":{}}`:                         `"retry_max_attempts":null`,
		`{"retry_max_attempts":2.7}`:                        notSaved,
		`{"retry_max_attempts":0.5}`:                        `"retry_max_attempts":1`,
		`{"retry_interval_seconds":"60"}`:                   `"retry_interval_seconds":30`,
		`{"transformation":{"b":1.0,"1":2}}`:                `"transformation":"{\"1\":2,\"b\":1}"`,
		`{"transformation":5}`:                              `"transformation":"5"`,
		`{"paused_at":"March 7, 2030 10:00 PM"}`:            `"paused_at":"2030-03-07T22:00:00+00:00"`,
		`{"paused_at":"soon"}`:                              notSaved,
		`{"filter_conditions":{"b":1,"a":2e0}}`:             `"filter_conditions":{"a":2,"b":1}`,
		`{"description":"a\u0000"}`:                         notSaved,
		`{"transformation":"\ud800"}`:                       notSaved,
		`{"url":null}`:                                      "",
		`{"url":0}`:                                         "",
		`{"url":""}`:                                        `{"error":"HTTPS URL is required"}`,
		`{"url":"https://fd"}`:                              `{"error":"URL must point to a public endpoint"}`,
		`{"events":null}`:                                   "",
		`{"events":{}}`:                                     "",
		`{"events":""}`:                                     `{"error":"At least one event is required"}`,
		`{"events":["api.request",["api.request"],null,5]}`: `{"error":"Invalid events: api.request, , 5"}`,
		`{"description":0}`:                                 "",
		`null`:                                              "",
		`[]`:                                                `{"error":"No updates provided"}`,
		`"x"`:                                               `{"error":"No updates provided"}`,
		`{`:                                                 `{"error":"Invalid request body"}`,
	} {
		s := newService(t, Config{Profile: Live})
		w := s.send(request{method: "PATCH", path: s.newWebhook(t), body: body})
		if got := w.Body.String(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: status %d, %s; want %s", body, w.Code, got, want)
		}
		status := http.StatusOK
		switch {
		case want == "" || want == notSaved:
			status = 500
		case strings.HasPrefix(want, `{"error"`):
			status = 400
		}
		if w.Code != status {
			t.Errorf("%s: status %d, want %d", body, w.Code, status)
		}
	}
}

// In profile Live, an unknown id is found before the body is read, and the id may be
// in any form of a UUID.
func TestLiveWebhookIDs(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{Profile: Live})
	if w := s.send(request{method: "PATCH", path: "/api/webhooks/00000000-0000-4000-8000-000000000000", body: "{"}); w.Code != 404 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	path := s.newWebhook(t)
	start, id := path[:len(path)-36], path[len(path)-36:]
	for _, spelled := range []string{strings.ToUpper(id), "%7B" + id + "%7D", strings.ReplaceAll(id, "-", "")} {
		if w := s.send(request{method: "GET", path: start + spelled + "/deliveries"}); w.Code != 200 {
			t.Errorf("%s: status %d", spelled, w.Code)
		}
	}
}

func TestWebhookUpdateIsAudited(t *testing.T) {
	t.Parallel()
	for _, profile := range []Profile{Documented, Live} {
		s := newService(t, Config{Profile: profile})
		s.send(request{method: "PATCH", path: s.newWebhook(t), body: `{"retry_max_attempts":99,"description":" x ","enabled":false}`})
		newest := get[wire.AuditLog](t, s, "/v1/audit-log").Entries[0]
		want := `{"enabled":false,"description":"x","retry_max_attempts":10}`
		if diff := cmp.Diff(want, string(newest.Details)); newest.Action != wire.AuditWebhookUpdated || diff != "" {
			t.Errorf("%v: %s (-want +got):\n%s", profile, newest.Action, diff)
		}
	}
}

// In profile Live, a filter that throws keeps the event also from later webhooks, and
// nothing is logged.
func TestThrowingFilter(t *testing.T) {
	t.Parallel()
	for profile, want := range map[Profile][]int{Live: {1, 0, 0}, Documented: {1, 1, 1}} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t, Config{Profile: profile})
			s.DeliverTo(http.NotFoundHandler())
			var paths []string
			for range want {
				paths = append(paths, s.newWebhook(t))
			}
			s.send(request{method: "PATCH", path: paths[1], body: `{"filter_conditions":[null]}`})
			s.Emit(wire.EventAPIRequest, json.RawMessage("{}"))()
			var got []int
			for _, path := range paths {
				got = append(got, len(decode[wire.DeliveryList](t, s.send(request{method: "GET", path: path + "/deliveries"}).Body).Deliveries))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v: deliveries (-want +got):\n%s", profile, diff)
			}
		})
	}
}

// In profile Documented, values must have the right type.
func TestDocumentedWebhookUpdates(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"retry_max_attempts":2.7}`:    `"retry_max_attempts":2`,
		`{"description":null}`:          `"description":null`,
		`{"transformation":null}`:       `"transformation":null`,
		`{"enabled":0}`:                 `{"error":"Failed to update webhook"}`,
		`{"transformation":{}}`:         `{"error":"Failed to update webhook"}`,
		`{"paused_at":20260308}`:        `{"error":"Failed to update webhook"}`,
		`{"url":null}`:                  `{"error":"HTTPS URL is required"}`,
		`{"events":{}}`:                 `{"error":"At least one event is required"}`,
		`{"events":["ticket.created"]}`: `"events":["ticket.created"]`,
		`null`:                          `{"error":"Invalid request body"}`,
		`[]`:                            `{"error":"Invalid request body"}`,
	} {
		s := newService(t, Config{})
		if got := s.send(request{method: "PATCH", path: s.newWebhook(t), body: body}).Body.String(); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}
