package outbox_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/internal/outbox"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// silent is a transport whose receivers do not answer.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Deliveries beyond the slots wait. Those beyond the places to wait fail, and the
// error says why. All are tried again.
func TestSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := outbox.New(outbox.Config{Policy: logging, Transport: silent{}, Slots: outbox.NewSlots(2, 3)})
		defer o.Close()
		if _, err := o.Create(wire.Webhook{URL: "https://hooks.example.com/", Events: []string{"api.request"}}); err != nil {
			t.Fatal(err)
		}
		for range 7 {
			o.Emit(t.Context(), "api.request", json.RawMessage(`{}`))
		}
		synctest.Wait()
		failed := 0
		for _, a := range o.Attempts() {
			if strings.HasPrefix(a.Err, "not sent: 2 deliveries are under way and 3 wait already") {
				failed++
			}
		}
		if failed != 2 || o.UnderWay() != 5 {
			t.Errorf("%d failed, %d are under way; want 2 and 5", failed, o.UnderWay())
		}
		time.Sleep(wire.DeliveryTimeout + time.Second)
		synctest.Wait()
		if o.UnderWay() != 3 {
			t.Errorf("%d are under way after the first have timed out", o.UnderWay())
		}
		time.Sleep(90 * time.Second)
		again := 0
		for _, a := range o.Attempts() {
			if a.Number == 2 {
				again++
			}
		}
		if again != 7 {
			t.Errorf("%d were tried again, want all 7", again)
		}
	})
}

// WaitAttempts waits for attempts that match, even if they match only when they are
// answered.
func TestWaitAttempts(t *testing.T) {
	t.Parallel()
	bubble(t, logging, func(t *testing.T, o *outbox.Outbox, r *receiver, id string) {
		waited := make(chan int)
		go func() {
			got, _ := o.WaitAttempts(t.Context(), 2, func(a outbox.Attempt) bool { return a.Status == 200 && a.WebhookID == id })
			waited <- len(got)
		}()
		emit(o, `{}`)
		emit(o, `{}`)
		if got := <-waited; got != 2 {
			t.Errorf("%d attempts", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, err := o.WaitAttempts(ctx, 3, func(outbox.Attempt) bool { return true }); len(got) != 2 || err != context.DeadlineExceeded {
			t.Errorf("%d attempts, %v", len(got), err)
		}
	})
}
