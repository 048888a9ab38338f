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

// EventType names an event. The service may add some at any time.
type EventType string

// The events, with the type that each one's data decode into.
const (
	EventMessageReceived     EventType = wire.EventMessageReceived     // [MessageReceived]
	EventMessageSent         EventType = wire.EventMessageSent         // [MessageSent]; on the product's page only, the service refuses to subscribe to it
	EventAgentDeployed       EventType = wire.EventAgentDeployed       // [AgentDeployed]
	EventAgentUndeployed     EventType = wire.EventAgentUndeployed     // [AgentUndeployed]
	EventChannelConnected    EventType = wire.EventChannelConnected    // [ChannelConnected]
	EventChannelDisconnected EventType = wire.EventChannelDisconnected // [ChannelDisconnected]
	EventTicketCreated       EventType = wire.EventTicketCreated       // [TicketCreated]; as message.sent
	EventTicketResolved      EventType = wire.EventTicketResolved      // [TicketResolved]; as message.sent
	EventAPIRequest          EventType = wire.EventAPIRequest          // [APIRequest]
	EventDocumentIndexed     EventType = wire.EventDocumentIndexed     // [DocumentIndexed]
	EventSessionStarted      EventType = wire.EventSessionStarted      // [SessionStarted]
	EventVPSStatusChanged    EventType = wire.EventVPSStatusChanged    // [VPSStatusChanged]

	// EventTest is the type of a delivery that somebody asked for to test the
	// webhook. Its data are those of its Sample, or a [TestMessage]. Nobody
	// subscribes to it.
	EventTest EventType = wire.EventTest
)

// Event is what a delivery tells of.
type Event struct {
	// Type is what happened; EventTest if nothing did.
	Type EventType

	// Timestamp is when it happened. Retries and replays keep it; a test and a
	// transformed delivery have the time they were sent.
	Timestamp time.Time

	// Test is set if the delivery is a test.
	Test bool

	// Sample is, of a test, the event that Data belongs to: the newest real one,
	// long since delivered, or EventTest if there has been none.
	Sample EventType

	// Data is the event's data, or the whole body if Transformed is set.
	Data json.RawMessage

	// Transformed is set if the body is not the service's own but what the
	// webhook's transformation made. Type then stands in the unsigned header
	// alone.
	Transformed bool

	// DeliveredAt is when the service sent this delivery, by its clock.
	DeliveredAt time.Time
}

// Decode decodes Data into v, a pointer to the type that stands beside the
// event's constant, or to any other that encoding/json can fill.
func (e *Event) Decode(v any) error {
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("webhook: data of %s: %w", e.Type, err)
	}
	return nil
}

// Fingerprint names the event: 64 hexadecimal digits, the same for its first
// delivery, its retries and its replays, and for no other event. It is made of
// Type, Timestamp and Data, whatever the order of Data's members, for that is
// all that repeats have in common. Two events of one type and data that
// happened in the same millisecond are one by it, and a transformed delivery
// is another than its retries, which come without the transformation.
func (e *Event) Fingerprint() string {
	var data any
	d := json.NewDecoder(bytes.NewReader(e.Data))
	d.UseNumber() // their text, for a float64 cannot tell all of them apart
	if d.Decode(&data) != nil {
		data = string(e.Data)
	}
	// Go writes the members of a map in order. The rest cannot fail to encode.
	text, _ := json.Marshal([]any{e.Type, e.Timestamp.UTC().Format(time.RFC3339Nano), data})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
