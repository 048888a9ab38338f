package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/clawhq/clawhq-go/internal/wire"
	"github.com/clawhq/clawhq-go/webhook"
)

// receiver is a receiver of webhooks on this machine.
type receiver struct {
	*httptest.Server
	secret  atomic.Value // string
	status  atomic.Int32
	genuine atomic.Int32 // deliveries that verified
	forged  atomic.Int32 // deliveries that did not
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.status.Store(http.StatusNoContent)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		secret, _ := r.secret.Load().(string)
		if _, err := webhook.Verify(q.Header, body, webhook.Options{Secrets: []string{secret}}); err != nil {
			r.forged.Add(1)
		} else {
			r.genuine.Add(1)
		}
		w.Header().Set("X-Receiver", "here")
		w.WriteHeader(int(r.status.Load()))
		if r.status.Load() == http.StatusInternalServerError {
			io.WriteString(w, "out of order")
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// openWebhooks opens the page with one webhook that leads to the receiver.
func openWebhooks(t *testing.T, s server, r *receiver) *tab {
	t.Helper()
	b := openTab(t, s)
	b.open(s.dashboard)
	b.click(`nav a[href="#webhooks"]`)
	b.until(`document.querySelector('#webhooks-empty').checkVisibility()`)
	b.click("#webhook-create-open")
	b.click("#webhook-save")
	b.wantText("#webhook-message", "A webhook needs a URL.")
	b.fill("#webhook-url", "http://example.com/hooks")
	b.click("#webhook-save")
	b.wantText("#webhook-message", "http:// works only for a receiver on this machine")
	b.until(`document.activeElement.id === 'webhook-url'`)
	b.fill("#webhook-url", r.URL)
	b.fill("#webhook-description", "the test's own")
	b.click("#webhook-save")
	b.until(`document.querySelector('#webhook-secret-dialog').open`)
	secret := b.text("#webhook-secret-value")
	if !regexp.MustCompile(`^whsec_[0-9a-f]{48}$`).MatchString(secret) {
		t.Fatalf("the secret shown is %q", secret)
	}
	b.click("#webhook-secret-copy")
	b.wantText("#webhook-secret-copy", "Copied")
	var copied string
	b.eval(`navigator.clipboard.readText()`, &copied)
	if copied != secret {
		t.Errorf("copied %q, shown %q", copied, secret)
	}
	r.secret.Store(secret)
	b.click("#webhook-secret-dialog [data-close]")
	b.until(`document.querySelector('#webhook-secret-value').textContent === '' && !document.querySelector('main').textContent.includes('whsec_')`)
	return b
}

// act chooses an action from the menu of the only webhook, by the keyboard: a
// pointer would miss it where the driver scrolls the page and the menu follows.
func (b *tab) act(action string) {
	b.t.Helper()
	b.click(`#webhooks-rows [data-action=menu]`)
	b.until(`document.activeElement.dataset.action === 'test'`)
	b.eval(`document.querySelector('#menu [data-action=`+action+`]').focus() ?? true`, new(bool))
	b.press(kb.Enter)
	b.until(`!document.querySelector('#menu').matches(':popover-open')`)
}

// TestWebhooks leads a webhook's life: made, tested, told of a chat, failing,
// replayed, paused, disabled, edited, deleted.
func TestWebhooks(t *testing.T) {
	for _, profile := range []string{"documented", "live"} {
		t.Run(profile, func(t *testing.T) { leadWebhook(t, startServer(t, "-profile", profile), newReceiver(t)) })
	}
}

func leadWebhook(t *testing.T, s server, r *receiver) {
	b := openWebhooks(t, s, r)
	b.wantText("#webhooks-rows", "the test's own")
	b.wantText("#webhooks-rows .badge", "active")

	// A test arrives, verified, and is shown from both sides.
	b.act("test")
	b.wantText("#deliveries-message", "Delivered: the receiver answered 204.")
	b.wantText("#delivery-request", "POST "+r.URL)
	b.wantText("#delivery-request", "X-Clawhq-Event: test")
	b.wantText("#delivery-response", "X-Receiver: here")
	b.until(`document.querySelector('#delivery-replay').disabled`)

	// A chat is told of, and its delivery shows up by itself.
	if status := s.post(t, "/v1/chat", s.key, `{"message":"hi"}`); status != http.StatusOK {
		t.Fatalf("chat: status %d", status)
	}
	b.wantText("#deliveries-list", "first attempt")
	b.click("#deliveries-list .pick")
	b.wantText("#delivery-payload", `"event": "api.request"`)

	// Its signature is verified before one's eyes: by the webhook's secret, by
	// another one, and by the secret as it was copied.
	b.wantText("#signature-verdict", "valid")
	b.click("#signature summary")
	var signed string
	b.eval(`document.querySelector('#signature-text .rows').textContent`, &signed)
	if timestamp, body, _ := strings.Cut(signed, "."); !strings.HasPrefix(timestamp, "20") || !strings.Contains(body, `Z.{"event":"api.request",`) {
		t.Errorf("the signed text is %q", signed)
	}
	if computed, header := b.text("#signature-computed"), b.text("#signature-header"); computed != header || len(header) != 64 {
		t.Errorf("computed %q, the header has %q", computed, header)
	}
	for _, tt := range []struct{ secret, verdict string }{{"whsec_wrong", "not valid"}, {r.secret.Load().(string), "valid"}} {
		b.fill("#signature-secret", tt.secret)
		b.until(fmt.Sprintf(`document.querySelector('#signature-verdict').textContent === %q`, tt.verdict))
	}

	// The receiver fails; once it is well again, a replay and a retry arrive.
	r.status.Store(http.StatusInternalServerError)
	b.click("#delivery-replay")
	b.wantText("#deliveries-message", "Failed: the receiver answered 500.")
	b.wantText("#delivery-response", "out of order")
	b.wantText("#webhooks-rows", "1 of 2")
	r.status.Store(http.StatusNoContent)
	b.click("#deliveries-retry")
	b.wantText("#deliveries-message", "1 sent again, 1 of them delivered.")
	if genuine, forged := r.genuine.Load(), r.forged.Load(); genuine != 4 || forged != 0 {
		t.Errorf("%d deliveries verified and %d did not, want 4 and 0", genuine, forged)
	}

	// Paused, it is told of nothing, which the log says.
	b.act("pause")
	b.wantText("#webhooks-rows .badge", "paused")
	s.post(t, "/v1/chat", s.key, `{"message":"hi"}`)
	b.wantText("#deliveries-list", "not sent")
	b.click("#deliveries-list .pick")
	b.wantText("#delivery-response", "Delivery paused")
	b.act("pause")
	b.wantText("#webhooks-rows .badge", "active")
	b.act("enable")
	b.wantText("#webhooks-rows .badge", "disabled")
	b.act("enable")
	b.wantText("#webhooks-rows .badge", "active")

	b.act("edit")
	b.fill("#webhook-description", "edited")
	b.click(`#webhook-events input[value="agent.deployed"]`)
	b.press(kb.Tab)
	b.click("#webhook-save")
	b.until(`!document.querySelector('dialog[open]') && document.activeElement.closest('#webhooks-rows')`)
	b.wantText("#webhooks-rows", "edited")
	b.wantText("#webhooks-rows", "2 events")
	b.wantText("#webhook-facts", "agent.deployedapi.request")

	b.act("delete")
	b.click("#webhook-delete-form [type=submit]")
	b.until(`document.querySelector('#webhooks-empty').checkVisibility() && document.querySelector('#deliveries').hidden`)
	b.until(`document.activeElement.id === 'webhooks-title'`)
}

// TestWebhooksWithoutAnswer tests a webhook that leads nowhere.
func TestWebhooksWithoutAnswer(t *testing.T) {
	s, r := startServer(t), newReceiver(t)
	b := openWebhooks(t, s, r)
	r.Close()
	b.act("test")
	b.wantText("#deliveries-message", "The receiver did not answer.")
	b.wantText("#delivery-response", "refused")
}

func TestWebhooksAccessible(t *testing.T) {
	s, r := startServer(t), newReceiver(t)
	b := openWebhooks(t, s, r)
	b.act("test")
	b.wantText("#delivery-response", "204")
	b.click("#signature summary")
	b.loadAxe()
	b.wantAccessible("the webhooks and a delivery")
	b.everywhere("webhooks")
	b.act("edit")
	b.wantAccessible("the webhook dialog")
	b.everywhere("webhook-dialog")
	b.click("#webhook-dialog [data-close]")
	b.act("delete")
	b.wantAccessible("the delete dialog")

	// The keyboard reaches every action.
	b.press(kb.Escape)
	b.until(`!document.querySelector('dialog[open]') && document.activeElement.dataset.action === 'menu'`)
	b.press(kb.Enter)
	b.until(`document.activeElement.dataset.action === 'test'`)
	b.wantAccessible("the menu")
	for _, tt := range []struct{ key, at string }{{kb.ArrowUp, "delete"}, {kb.ArrowDown, "test"}, {kb.End, "delete"}, {kb.Home, "test"}, {kb.ArrowDown, "edit"}, {kb.Escape, "menu"}} {
		b.press(tt.key)
		b.until(fmt.Sprintf(`document.activeElement.dataset.action === %q`, tt.at))
	}
	b.eval(`document.querySelector('#webhooks-refresh').focus() ?? true`, new(bool))
	var reached []string
	for range 6 {
		b.press(kb.Tab)
		var name string
		b.eval(`document.activeElement.dataset.action ?? document.activeElement.id`, &name)
		reached = append(reached, name)
	}
	if got := strings.Join(reached, " "); !strings.HasPrefix(got, "webhook-create-open open menu deliveries-test deliveries-retry deliveries-close") {
		t.Errorf("Tab reaches %s", got)
	}
}

// TestWebhookRows shows a webhook of all events with the longest URL: its row is
// as high as others, and nothing of it breaks in the middle of a word.
func TestWebhookRows(t *testing.T) {
	s := startServer(t)
	events, err := json.Marshal(wire.WebhookEvents)
	if err != nil {
		t.Fatal(err)
	}
	url := "https://example.com/" + strings.Repeat("x", wire.MaxWebhookURLChars-20)
	body := fmt.Sprintf(`{"url":%q,"events":%s,"description":%q}`, url, events, strings.Repeat("long ", 100))
	if status, reply := s.call(t, http.MethodPost, "/webhooks", "", body); status != http.StatusOK {
		t.Fatalf("status %d, %s", status, reply)
	}
	b := openTab(t, s)
	b.open(s.dashboard)
	b.click(`nav a[href="#webhooks"]`)
	b.wantText("#webhooks-rows", fmt.Sprintf("%d events", len(wire.WebhookEvents)))
	for width, most := range map[int64]float64{1280: 72, 1024: 72, 390: 200} {
		b.size(width, 800)
		var height float64
		b.eval(`document.querySelector('#webhooks-rows tr').getBoundingClientRect().height`, &height)
		if height > most {
			t.Errorf("at %d px, the row is %.0f px high, want at most %.0f", width, height, most)
		}
	}
	b.click(`#webhooks-rows [data-action=open]`)
	b.wantText("#webhook-facts", url)
	b.everywhere("webhook-long")
}
