package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// EventType is the name of a type of event. The service may add types at any
// time.
type EventType string

// The types of events. The comment names the Go type of each one's data.
const (
	EventMessageReceived     EventType = wire.EventMessageReceived     // [MessageReceived]
	EventMessageSent         EventType = wire.EventMessageSent         // [MessageSent]; documented on the product page, but the live service does not know it
	EventAgentDeployed       EventType = wire.EventAgentDeployed       // [AgentDeployed]
	EventAgentUndeployed     EventType = wire.EventAgentUndeployed     // [AgentUndeployed]
	EventChannelConnected    EventType = wire.EventChannelConnected    // [ChannelConnected]
	EventChannelDisconnected EventType = wire.EventChannelDisconnected // [ChannelDisconnected]
	EventTicketCreated       EventType = wire.EventTicketCreated       // [TicketCreated]; like EventMessageSent, not known to the live service
	EventTicketResolved      EventType = wire.EventTicketResolved      // [TicketResolved]; like EventMessageSent, not known to the live service
	EventAPIRequest          EventType = wire.EventAPIRequest          // [APIRequest]
	EventDocumentIndexed     EventType = wire.EventDocumentIndexed     // [DocumentIndexed]
	EventSessionStarted      EventType = wire.EventSessionStarted      // [SessionStarted]
	EventVPSStatusChanged    EventType = wire.EventVPSStatusChanged    // [VPSStatusChanged]

	// EventTest is the type of a test of the webhook. Its data are those of
	// Event.Sample, or a [TestMessage]. Webhooks cannot subscribe to it.
	EventTest EventType = wire.EventTest
)

// Event is the event that a delivery reports.
type Event struct {
	// Type is the type of the event. It is EventTest for a test.
	Type EventType

	// Timestamp is when the event happened. It is the same in retries and
	// replays. For a test and for a transformed delivery it is the time of
	// sending.
	Timestamp time.Time

	// Test is whether the delivery is a test.
	Test bool

	// Sample is the type of event that the Data of a test belong to: that of
	// the newest real event, or EventTest if there was none. It is empty if the
	// delivery is not a test.
	Sample EventType

	// Data is the event's data or, if Transformed is true, the whole body.
	Data json.RawMessage

	// Transformed is whether the body is the output of the webhook's
	// transformation. Type is then known from the unsigned header only.
	Transformed bool

	// DeliveredAt is when the service sent this delivery, by the service's
	// clock.
	DeliveredAt time.Time
}

// Decode decodes Data into v as json.Unmarshal does. v is a pointer, usually to
// the type that the comment on the event's constant names.
func (e *Event) Decode(v any) error {
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("webhook: data of %s: %w", e.Type, err)
	}
	return nil
}

// Fingerprint returns 64 hexadecimal digits that identify the event: they are
// the same for its first delivery, its retries and its replays, and differ for
// events of another type, time or data. The fingerprint is a hash of these three,
// whatever the order of the members of Data, since repeated deliveries have
// nothing else in common.
//
// Two events with the same type and data that happened in the same millisecond
// have the same fingerprint: for EventAPIRequest, two chats with one agent that
// ended in the same millisecond after the same number of milliseconds.
// docs/webhooks.md says how rare that is. The events of package clawhqtest each
// have a millisecond of their own. A transformed delivery and its retries, which
// are sent without the transformation, have different fingerprints.
func (e *Event) Fingerprint() string {
	var data any
	d := json.NewDecoder(bytes.NewReader(e.Data))
	d.UseNumber() // keeps numbers as text, since a float64 cannot tell all of them apart
	if d.Decode(&data) != nil {
		data = string(e.Data)
	}
	// Go writes the members of a map in order. The rest cannot fail to encode.
	text, _ := json.Marshal([]any{e.Type, e.Timestamp.UTC().Format(time.RFC3339Nano), data})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
