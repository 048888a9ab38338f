package webhook_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/webhook"
)

// newLike returns a pointer to a zero value of the type that v points to.
func newLike(v any) any { return reflect.New(reflect.TypeOf(v).Elem()).Interface() }

// The data that the product's page on webhooks shows.
func TestDataOfThePage(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]any{
		`{"message_id":"msg_abc123","channel":"web-chat","agent":"support-bot","content":"How do I reset my password?","user_id":"usr_xyz789"}`: &webhook.MessageReceived{
			MessageID: "msg_abc123", Channel: "web-chat", Agent: "support-bot", Content: "How do I reset my password?", UserID: "usr_xyz789",
		},
		`{"message_id":"msg_def456","channel":"web-chat","agent":"support-bot","content":"You can","response_time_ms":1850}`: &webhook.MessageSent{
			MessageID: "msg_def456", Channel: "web-chat", Agent: "support-bot", Content: "You can", ResponseTime: 1850 * time.Millisecond,
		},
		`{"agent_name":"sales-assistant","deployed_by":"admin@company.com"}`:                                         &webhook.AgentDeployed{AgentName: "sales-assistant", DeployedBy: "admin@company.com"},
		`{"agent_name":"old-bot","undeployed_by":"admin@company.com"}`:                                               &webhook.AgentUndeployed{AgentName: "old-bot", UndeployedBy: "admin@company.com"},
		`{"channel_type":"slack","channel_name":"#customer-support"}`:                                                &webhook.ChannelConnected{ChannelType: "slack", ChannelName: "#customer-support"},
		`{"channel_type":"discord","channel_name":"help-desk","reason":"manual"}`:                                    &webhook.ChannelDisconnected{ChannelType: "discord", ChannelName: "help-desk", Reason: "manual"},
		`{"ticket_id":"tkt_001","subject":"Agent not responding","priority":"high","created_by":"user@example.com"}`: &webhook.TicketCreated{TicketID: "tkt_001", Subject: "Agent not responding", Priority: "high", CreatedBy: "user@example.com"},
		`{"ticket_id":"tkt_001","subject":"Agent","resolved_by":"admin@company.com","resolution_time_hours":1.5}`:    &webhook.TicketResolved{TicketID: "tkt_001", Subject: "Agent", ResolvedBy: "admin@company.com", ResolutionTime: 90 * time.Minute},
		`{"method":"POST","path":"/v1/chat","api_key_name":"production-key","status_code":200,"latency_ms":320}`:     &webhook.APIRequest{Method: "POST", Path: "/v1/chat", APIKeyName: "production-key", StatusCode: 200, ResponseTime: 320 * time.Millisecond},
		`{"status":"restarting","action":"restart"}`:                                                                 &webhook.VPSStatusChanged{Status: "restarting", Action: "restart"},
		`{"agent":"a","response_time_ms":0.5}`:                                                                       &webhook.APIRequest{Agent: "a", ResponseTime: 500 * time.Microsecond},
		`{"agent":"a","response_time_ms":1e300}`:                                                                     &webhook.APIRequest{Agent: "a", ResponseTime: 1<<63 - 1},
		`{"agent":"a","response_time_ms":-5,"later":[]}`:                                                             &webhook.APIRequest{Agent: "a"},
		`null`: &webhook.APIRequest{},
	} {
		got := newLike(want)
		if err := (&webhook.Event{Data: json.RawMessage(data)}).Decode(got); err != nil {
			t.Errorf("%s: %v", data, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
	}
}

// A receiver's tests make data of the types: they come back as they were, and
// those of the service's shape look as the service's do.
func TestDataRoundTrip(t *testing.T) {
	t.Parallel()
	for name, want := range wantRecorded {
		text, err := json.Marshal(want.data)
		if err != nil {
			t.Fatal(err)
		}
		d := genuine(name)
		event, err := webhook.Verify(d.header, d.body, d.options())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(members(t, event.Data), members(t, text)); diff != "" {
			t.Errorf("%s (-recorded +encoded):\n%s", name, diff)
		}
	}
	for _, want := range []any{
		&webhook.MessageSent{MessageID: "m", ResponseTime: 1850 * time.Millisecond},
		&webhook.TicketResolved{TicketID: "t", ResolutionTime: 90 * time.Minute},
		&webhook.APIRequest{Agent: "a", StatusCode: 200, ResponseTime: 63 * time.Millisecond},
	} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got := newLike(want)
		if err := json.Unmarshal(text, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func members(t *testing.T, text []byte) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		``:                         "webhook: data of api.request: unexpected end of JSON input",
		`{"agent":1}`:              "cannot unmarshal number",
		`{"response_time_ms":"1"}`: "cannot unmarshal string",
	} {
		event := &webhook.Event{Type: webhook.EventAPIRequest, Data: json.RawMessage(data)}
		if err := event.Decode(new(webhook.APIRequest)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", data, err, want)
		}
	}
}

// A retry or replay has a new time in its header, and its body's members in
// the order of the service's database.
func TestFingerprintOfRepeats(t *testing.T) {
	t.Parallel()
	const first = `{"event":"api.request","data":{"agent":"support_bot","n":1e2,"x":{"b":[1,2],"a":"\u00fc"}},"timestamp":"2026-11-24T17:41:06.118Z"}`
	fingerprint := func(event webhook.EventType, body string, after time.Duration) string {
		t.Helper()
		header := make(http.Header)
		now := time.Date(2026, 11, 24, 17, 41, 6, 118e6, time.UTC).Add(after)
		webhook.Sign(header, []byte(body), secret, event, now)
		e, err := webhook.Verify(header, []byte(body), webhook.Options{Secrets: []string{secret}, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return e.Fingerprint()
	}
	want := fingerprint("api.request", first, 0)
	for name, body := range map[string]string{
		"as it was":     first,
		"members moved": `{"data":{"n":1e2,"x":{"a":"\u00fc","b":[1,2]},"agent":"support_bot"},"event":"api.request","timestamp":"2026-11-24T17:41:06.118Z"}`,
		"blanks":        strings.ReplaceAll(first, ",", " , "),
		"escapes":       strings.ReplaceAll(first, `\u00fc`, "ü"),
		"time zone":     strings.ReplaceAll(first, "17:41:06.118Z", "17:41:06.118+00:00"),
	} {
		if got := fingerprint("api.request", body, 40*time.Minute); got != want {
			t.Errorf("%s: another fingerprint", name)
		}
	}
	for name, body := range map[string]string{
		"a later event":    strings.ReplaceAll(first, ".118Z", ".119Z"),
		"other data":       strings.ReplaceAll(first, "support_bot", "sales_bot"),
		"another order":    strings.ReplaceAll(first, "[1,2]", "[2,1]"),
		"a number as text": strings.ReplaceAll(first, "1e2", `"1e2"`),
		"large numbers":    strings.ReplaceAll(first, "1e2", `9007199254740993`),
	} {
		if fingerprint("api.request", body, 0) == want {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
	if fingerprint("api.request", strings.ReplaceAll(first, "1e2", "9007199254740993"), 0) ==
		fingerprint("api.request", strings.ReplaceAll(first, "1e2", "9007199254740992"), 0) {
		t.Error("two numbers that a float64 cannot tell apart have one fingerprint")
	}
	if fingerprint("test", first, 0) == want {
		t.Error("a test has the fingerprint of the event it is a sample of")
	}
}

// Fingerprints are kept in stores of users: they do not change from version to
// version.
func TestFingerprintStays(t *testing.T) {
	t.Parallel()
	d := genuine("api_request")
	event, err := webhook.Verify(d.header, d.body, d.options())
	if err != nil {
		t.Fatal(err)
	}
	if want := "22364234506bd77d78fe4b424fe5ac154629827881508f37cbd4c827da5a8504"; event.Fingerprint() != want {
		t.Errorf("got %s, want %s", event.Fingerprint(), want)
	}
	// An Event of a user's own making has one too.
	if a, b := (&webhook.Event{}).Fingerprint(), (&webhook.Event{Data: []byte("{")}).Fingerprint(); a == b {
		t.Errorf("both are %s", a)
	}
}
