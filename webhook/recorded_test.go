package webhook_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire/recorded"
	"github.com/clawhq/clawhq-go/webhook"
)

// secret is the one that the recorded deliveries are signed with.
const secret = "whsec_00112233445566778899aabbccddeeff0011223344556677"

// Names of the headers, as the service writes them.
const (
	headerSignature = "X-ClawHQ-Signature"
	headerEvent     = "X-ClawHQ-Event"
	headerTimestamp = "X-ClawHQ-Timestamp"
)

// delivery is what the service sends.
type delivery struct {
	header http.Header
	body   []byte
}

// options verify the delivery at the time that it was sent.
func (d delivery) options() webhook.Options {
	at, err := time.Parse(time.RFC3339, d.header.Get(headerTimestamp))
	if err != nil {
		panic(err)
	}
	return webhook.Options{Secrets: []string{secret}, Now: func() time.Time { return at }}
}

// genuine returns a recorded delivery.
func genuine(name string) delivery {
	e := recorded.Get(recordedPrefix + name)
	return delivery{e.Header.Clone(), e.Body()}
}

const recordedPrefix = "webhook_delivery_"

// recordings returns the names of all recorded deliveries.
func recordings(t testing.TB) (names []string) {
	t.Helper()
	for _, e := range recorded.All() {
		if name, ok := strings.CutPrefix(e.Name, recordedPrefix); ok {
			names = append(names, name)
		}
	}
	if len(names) < 11 {
		t.Fatalf("%d recordings, want 11 or more", len(names))
	}
	return names
}

// What each recorded delivery is, and what its data decode into.
var wantRecorded = map[string]struct {
	event webhook.Event // without Data and DeliveredAt; Timestamp is the body's where it differs
	data  any
}{
	"agent_deployed": {
		webhook.Event{Type: webhook.EventAgentDeployed},
		&webhook.AgentDeployed{AgentID: "a3a3a3a3-0000-4000-8000-000000000003", AgentName: "Shelved"},
	},
	"agent_undeployed": {
		webhook.Event{Type: webhook.EventAgentUndeployed},
		&webhook.AgentUndeployed{AgentID: "a1a1a1a1-0000-4000-8000-000000000001", AgentName: "Support Bot", Action: "undeployed"},
	},
	"api_request": {
		webhook.Event{Type: webhook.EventAPIRequest},
		&webhook.APIRequest{Agent: "support_bot", ResponseTime: 63 * time.Millisecond},
	},
	"channel_connected": {
		webhook.Event{Type: webhook.EventChannelConnected},
		&webhook.ChannelConnected{ChannelType: "webchat", ChannelID: "7bf05b4d-b372-4e1f-9674-8d16963592d2"},
	},
	"channel_disconnected": {
		webhook.Event{Type: webhook.EventChannelDisconnected},
		&webhook.ChannelDisconnected{ChannelType: "webchat", ChannelID: "7bf05b4d-b372-4e1f-9674-8d16963592d2"},
	},
	"kb_document_indexed": {
		webhook.Event{Type: webhook.EventDocumentIndexed},
		&webhook.DocumentIndexed{DocumentName: "handbook.txt", ChunkCount: 1, FileSize: 60},
	},
	"message_received": {
		webhook.Event{Type: webhook.EventMessageReceived},
		&webhook.MessageReceived{ConversationID: "22e9718b-8cf8-4269-a143-1ab9f65dae1d", AgentID: "a2a2a2a2-0000-4000-8000-000000000002"},
	},
	"session_started": {
		webhook.Event{Type: webhook.EventSessionStarted},
		&webhook.SessionStarted{
			ConversationID: "22e9718b-8cf8-4269-a143-1ab9f65dae1d",
			AgentID:        "a2a2a2a2-0000-4000-8000-000000000002", AgentName: "sales-assistant",
		},
	},
	"test": {
		webhook.Event{Type: webhook.EventTest, Test: true, Sample: webhook.EventTest},
		&webhook.TestMessage{Message: "This is a test event from ClawHQ", WebhookID: "b5a0544c-4374-4c20-8c76-08b43e3f1c4a"},
	},
	// Its body says kb.document.indexed, and is what was delivered before.
	"test_with_recent_payload": {
		webhook.Event{Type: webhook.EventTest, Test: true, Sample: webhook.EventDocumentIndexed},
		&webhook.DocumentIndexed{DocumentName: "handbook.txt", ChunkCount: 1, FileSize: 60},
	},
	"transformed": {
		webhook.Event{Type: webhook.EventAPIRequest, Transformed: true},
		&map[string]any{"text": "api.request by support_bot at 2026-11-24T17:41:21.718Z", "missing": ""},
	},
}

func TestRecordedDeliveries(t *testing.T) {
	t.Parallel()
	for _, name := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, ok := wantRecorded[name]
			if !ok {
				t.Fatal("nobody says what this recording is")
			}
			d := genuine(name)
			got, err := webhook.Verify(d.header, d.body, d.options())
			if err != nil {
				t.Fatal(err)
			}
			data := newLike(want.data)
			if err := got.Decode(data); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.data, data); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
			want.event.Data = got.Data
			want.event.DeliveredAt = d.options().Now().UTC()
			want.event.Timestamp = want.event.DeliveredAt
			if diff := cmp.Diff(&want.event, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

// Not one bit of the body, the timestamp, the secret or the signature can be
// another.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	for _, name := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := genuine(name)
			opts := d.options()
			verified := func() bool {
				_, err := webhook.Verify(d.header, d.body, opts)
				return err == nil
			}
			if !verified() {
				t.Fatal("is not verified as it is")
			}
			for i := range d.body {
				for bit := range 8 {
					d.body[i] ^= 1 << bit
					if verified() {
						t.Errorf("verified with bit %d of the body's byte %d flipped", bit, i)
					}
					d.body[i] ^= 1 << bit
				}
			}
			flip := func(what, text string, set func(string)) {
				for i := range len(text) {
					for bit := range 8 {
						flipped := []byte(text)
						flipped[i] ^= 1 << bit
						set(string(flipped))
						if verified() {
							t.Errorf("verified with bit %d of the %s's byte %d flipped", bit, what, i)
						}
					}
				}
				set(text)
			}
			flip("timestamp", d.header.Get(headerTimestamp), func(s string) { d.header.Set(headerTimestamp, s) })
			flip("signature", d.header.Get(headerSignature), func(s string) { d.header.Set(headerSignature, s) })
			flip("secret", secret, func(s string) { opts.Secrets = []string{s} })
			if !verified() {
				t.Error("is not verified any more")
			}
		})
	}
}

// What Sign makes of a recorded body is what was recorded.
func TestSignAsRecorded(t *testing.T) {
	t.Parallel()
	for _, name := range recordings(t) {
		d := genuine(name)
		header := make(http.Header)
		webhook.Sign(header, d.body, secret, webhook.EventType(d.header.Get(headerEvent)), d.options().Now())
		d.header.Del("Host")
		d.header.Del("Accept")
		d.header.Del("User-Agent")
		if diff := cmp.Diff(d.header, header); diff != "" {
			t.Errorf("%s (-recorded +signed):\n%s", name, diff)
		}
	}
}

// Handler, too, accepts what was recorded.
func TestHandlerRecorded(t *testing.T) {
	t.Parallel()
	for _, name := range recordings(t) {
		d := genuine(name)
		calls := 0
		h := webhook.Handler(d.options(), count(&calls))
		if status, body := send(h, d); status != http.StatusOK || calls != 1 {
			t.Errorf("%s: got %d %q and %d calls, want 200 and one", name, status, body, calls)
		}
	}
}

func FuzzVerify(f *testing.F) {
	for _, name := range recordings(f) {
		d := genuine(name)
		f.Add(d.header.Get(headerSignature), d.header.Get(headerTimestamp), d.header.Get(headerEvent), d.body)
	}
	f.Add("", "", "", []byte{})
	f.Add(strings.Repeat("0", 64), "2026-11-24T17:41:06Z", "test", []byte(`{"event":1,"data":null,"timestamp":"x"}`))
	known := map[string]bool{}
	for _, name := range recordings(f) {
		d := genuine(name)
		known[d.header.Get(headerSignature)+d.header.Get(headerTimestamp)+string(d.body)] = true
	}
	at := time.Date(2026, 11, 24, 17, 41, 30, 0, time.UTC)
	opts := webhook.Options{Secrets: []string{secret}, Now: func() time.Time { return at }}
	f.Fuzz(func(t *testing.T, signature, timestamp, event string, body []byte) {
		header := http.Header{}
		header.Set(headerSignature, signature)
		header.Set(headerTimestamp, timestamp)
		header.Set(headerEvent, event)
		if _, err := webhook.Verify(header, body, opts); err == nil && !known[signature+timestamp+string(body)] {
			t.Errorf("verified a forgery of %q", body)
		}

		// Signed well, any body is an event or one of the errors.
		webhook.Sign(header, body, secret, webhook.EventType(event), at)
		got, err := webhook.Verify(header, body, opts)
		if err != nil {
			return
		}
		if got.Test != (got.Type == webhook.EventTest) || got.Type == "" {
			t.Errorf("type %q, test %v", got.Type, got.Test)
		}
		var data any
		if err := got.Decode(&data); err != nil {
			t.Error(err)
		}
		if again := *got; again.Fingerprint() != got.Fingerprint() || len(got.Fingerprint()) != 64 {
			t.Errorf("fingerprint %q", got.Fingerprint())
		}
	})
}

// send delivers d to h and returns the answer.
func send(h http.Handler, d delivery) (status int, body string) {
	r, w := request(d)
	h.ServeHTTP(w, r)
	answer, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(bytes.TrimSpace(answer))
}
