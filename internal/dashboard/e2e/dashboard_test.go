package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// openKeys opens the dashboard at its API Access page.
func (b *tab) openKeys() {
	b.t.Helper()
	b.open(b.server.dashboard)
	b.click(`nav a[href="#keys"]`)
}

// createKey makes a key on the API Access page and returns its full key, with
// the dialog that shows it left open.
func (b *tab) createKey(name, tier string) string {
	b.t.Helper()
	b.click("#create-open")
	b.fill("#create-name", name)
	b.choose("#create-tier", tier)
	b.click("#create-form [type=submit]")
	b.until(`document.querySelector('#secret-dialog').open`)
	return b.text("#secret-value")
}

// send sends the playground's request and waits for the end of the reply.
func (b *tab) send() {
	b.t.Helper()
	b.eval(`document.querySelector('#response').dataset.state = 'idle'`, new(string))
	b.click("#send")
	b.until(`document.querySelector('#response').dataset.state === 'done' && document.querySelector('#send').ariaDisabled !== 'true'`)
}

// wantStatus fails the test unless the reply has this status.
func (b *tab) wantStatus(want string) {
	b.t.Helper()
	if got := b.text("#response-status"); got != want {
		b.t.Fatalf("the reply's status is %q, want %q; body:\n%s", got, want, b.text("#response-body"))
	}
}

var fullKey = regexp.MustCompile(`^clw_[A-Za-z0-9]{32}$`)

// TestKeyFromCreationToRevocation is a key's life as a newcomer leads it: made
// and copied, used for a chat and a stream, used up, raised, revoked.
func TestKeyFromCreationToRevocation(t *testing.T) {
	s := startServer(t, "-agent-delay", "40ms")
	b := openTab(t, s)

	b.open(s.origin() + "/")
	b.wantText("#signed-out", "This page is for whoever started the server")
	b.openKeys()
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)

	// What is wrong is said in the page's own words.
	b.click("#create-open")
	b.click("#create-form [type=submit]")
	b.wantText("#create-message", "A key needs a name.")
	b.run("close the dialog", chromedp.KeyEvent(kb.Escape))

	key := b.createKey("e2e-key", "30")
	if !fullKey.MatchString(key) {
		t.Fatalf("the full key shown is %q", key)
	}
	b.click("#secret-copy")
	b.wantText("#secret-copy", "Copied")
	var copied string
	b.eval(`navigator.clipboard.readText()`, &copied)
	if copied != key {
		t.Errorf("copied %q, shown %q", copied, key)
	}
	b.click("#secret-try")

	// A chat, whose message stays text.
	b.until(`!document.querySelector('[data-view=playground]').hidden`)
	const markup = `<img src=x onerror="document.title='run'">`
	b.fill("#parameter-message", markup)
	b.wantText("#request-code", key[:12]+"•")
	if shown := b.text("#request-code"); strings.Contains(shown, key) {
		t.Errorf("the key is not masked in the request:\n%s", shown)
	}
	b.click("#request-reveal")
	b.wantText("#request-code", key)
	b.click("#request-reveal")
	b.send()
	b.wantStatus("200 OK")
	b.wantText("#request-code", `<img src=x onerror=`)
	b.wantText("#response-headers", "x-request-id: req_")
	b.wantText("#rate-meter", "29 of 30 left")
	var images int
	b.eval(`document.querySelectorAll('main img').length`, &images)
	if title := b.text("title"); images != 0 || title != "Playground · ClawHQ" {
		t.Errorf("markup came alive: %d images, title %q", images, title)
	}

	// A stream, whose events appear while it goes on.
	b.choose("#endpoint", "chat.stream")
	b.fill("#parameter-message", "Explain how webhooks work")
	b.click("#send")
	b.until(`document.querySelector('#response').dataset.state === 'streaming' && document.querySelectorAll('#response-events .event').length >= 2`)
	b.until(`document.querySelector('#response').dataset.state === 'done'`)
	b.wantText("#response-events .event:last-child", "[DONE]")
	var distinct int
	b.eval(`new Set([...document.querySelectorAll('#response-events .offset')].map((o) => o.textContent)).size`, &distinct)
	if distinct < 3 {
		t.Errorf("the events came at %d distinct times: they were not shown as they arrived", distinct)
	}
	var whole bool
	b.eval(`document.querySelector('#response-text .rows').textContent === [...document.querySelectorAll('#response-events .event[data-kind=content] code')].map((c) => JSON.parse(c.textContent).content).join('')`, &whole)
	if !whole {
		t.Errorf("the text %q is not what the events say", b.text("#response-text"))
	}

	// A stream that is stopped.
	b.click("#send")
	b.until(`document.querySelectorAll('#response-events .event').length >= 1`)
	b.click("#stop")
	b.wantText("#response-note", "Stopped by you")

	// Past the limit.
	var calls sync.WaitGroup
	for range 30 {
		calls.Go(func() { s.post(t, "/v1/chat", key, `{"message":"hi"}`) })
	}
	calls.Wait()
	b.choose("#endpoint", "chat")
	b.send()
	b.wantStatus("429 Too Many Requests")
	b.wantText("#response-body", "rate_limited")
	b.wantText("#countdown", "Retry in ")
	b.until(`(() => {
		const bar = document.querySelector('#countdown progress');
		window.before ??= bar.value;
		return bar.value > window.before;
	})()`)

	// A higher tier counts at once.
	b.click(`nav a[href="#keys"]`)
	b.click(`[aria-label="Edit e2e-key"]`)
	b.fill("#edit-name", "e2e-renamed")
	b.choose("#edit-tier", "120")
	b.click("#edit-form [type=submit]")
	b.wantText("#keys-rows", "e2e-renamed")
	b.until(`[...document.querySelectorAll('#keys-rows tr')].some((row) => row.textContent.includes('e2e-renamed') && row.querySelector('.tier').textContent === '120')`)
	b.click(`nav a[href="#playground"]`)
	b.send()
	b.wantStatus("200 OK")
	b.wantText("#rate-meter", "of 120 left")

	// Revocation counts at once, too.
	b.click(`nav a[href="#keys"]`)
	b.click(`[aria-label="Revoke e2e-renamed"]`)
	b.click("#revoke-form [type=submit]")
	b.until(`!document.querySelector('#revoke-dialog').open && !document.querySelector('[aria-label="Revoke e2e-renamed"]')`)
	b.click(`nav a[href="#playground"]`)
	b.wantText("#key", "revoked")
	b.send()
	b.wantStatus("401 Unauthorized")
	b.wantText("#response-body", "revoked_api_key")
}

// TestPlaygroundForm holds the generated form against the catalog's checks.
func TestPlaygroundForm(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)
	b.open(s.dashboard)
	b.click(`nav a[href="#playground"]`)

	// The printed key is there from the start; others can be pasted.
	b.wantText("#request-code", "Bearer "+s.key[:12])
	b.choose("#key", "paste")
	b.click("#send")
	b.wantText("#key-message", "Choose or paste a key")
	b.until(`document.activeElement.id === 'paste-value'`)
	b.fill("#paste-value", "clw_short")
	b.click("#paste-use")
	b.wantText("#paste-message", "A full key is clw_")
	b.fill("#paste-value", s.key)
	b.click("#paste-use")
	b.wantText("#request-code", "Bearer "+s.key[:12])

	b.click(".more summary")
	for _, tt := range []struct{ field, value, problem string }{
		{"message", "   ", "Required."},
		{"session_id", "not valid!", "Must match"},
		{"X-Idempotency-Key", strings.Repeat("k", 65), "At most 64 characters; this has 65."},
	} {
		field := "#parameter-" + tt.field
		b.fill(field, tt.value)
		b.click("#send")
		b.wantText(field+"-error", tt.problem)
		b.until(fmt.Sprintf(`document.activeElement.id === 'parameter-%s'`, tt.field))
		b.fill(field, map[string]string{"message": "hi"}[tt.field])
	}
	if status := b.text("#response-status"); status != "Nothing sent yet." {
		t.Errorf("a request that fails the checks was sent: %s", status)
	}

	// The checks can be passed by, to see what the server says.
	b.fill("#parameter-message", "")
	b.click("#skip-checks")
	b.send()
	b.wantStatus("400 Bad Request")
	b.wantText("#response-body", "missing_parameter")

	// Key endpoints: by the session, a created key is kept for use.
	b.choose("#endpoint", "keys.create")
	b.fill("#parameter-name", "from-playground")
	b.send()
	b.wantStatus("200 OK")
	b.wantText("#response-body", `"full_key"`)
	b.wantText("#request-code", "session=…")
	b.wantText("#key", "from-playground")
	var id string
	b.eval(`JSON.parse(document.querySelector('#response-body .rows').textContent).key.id`, &id)
	b.choose("#endpoint", "keys.update")
	b.fill("#parameter-id", id)
	b.choose("#parameter-rate_limit_per_min", "120")
	b.send()
	b.wantText("#key", "from-playground · 120 RPM")
	b.choose("#endpoint", "keys.list")
	b.send()
	b.wantStatus("200 OK")
	b.wantText("#response-body", "from-playground")
	b.wantText("#key", "from-playground")
}

// TestFaults arms faults on the page and looks at what becomes of them.
func TestFaults(t *testing.T) {
	s := startServer(t, "-agent-delay", "20ms") // so that what is cut off has begun before
	b := openTab(t, s)
	b.open(s.dashboard)
	b.click(`nav a[href="#playground"]`)
	b.click(".faults summary")

	arm := func(faults string) {
		t.Helper()
		b.fill("#fault-input", faults)
		b.click("#fault-arm")
		b.wantText("#fault-queue", faults[strings.LastIndex(faults, ",")+1:])
	}
	b.fill("#fault-input", "nonsense")
	b.click("#fault-arm")
	b.wantText("#fault-message", `fault "nonsense": unknown`)

	arm("429:1793675129406,500")
	b.wantText("#fault-count", "2 armed")
	b.send()
	b.wantStatus("429 Too Many Requests")
	b.wantText("#countdown", "The server asks to wait 56,8")
	b.wantText("#countdown", "years")
	b.wantText("#fault-count", "1 armed")
	b.click("#fault-clear")
	b.wantText("#fault-count", "none armed")
	b.send()
	b.wantStatus("200 OK")

	arm("reset")
	b.send()
	b.wantText("#response-note", "closed without a reply")

	arm("html:502")
	b.send()
	b.wantStatus("502 Bad Gateway")
	b.wantText("#response-body", "<html")

	b.choose("#endpoint", "chat.stream")
	for fault, note := range map[string]string{
		"cut:2":                "The connection was lost before the reply was complete.",
		"error:stream_error:1": "The stream reported an error.",
		"malformed:1":          "An event is not JSON",
	} {
		arm(fault)
		b.send()
		b.wantStatus("200 OK")
		b.until(fmt.Sprintf(`!document.querySelector('#response-note').hidden && document.querySelector('#response-note').textContent.includes(%q)`, note))
	}

	arm("stall:2")
	b.click("#send")
	b.until(`document.querySelectorAll('#response-events .event').length === 2`)
	b.click("#stop")
	b.wantText("#response-note", "Stopped by you.")
}

// TestKeyboard goes the newcomer's way without a pointer.
func TestKeyboard(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)
	b.openKeys()
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)

	// tabTo presses Tab until an element has the focus, which must be visible.
	tabTo := func(selector string) {
		t.Helper()
		for range 40 {
			b.run("press Tab", chromedp.KeyEvent(kb.Tab))
			var there bool
			b.eval(fmt.Sprintf(`document.activeElement.matches(%q)`, selector), &there)
			if there {
				var outlined bool
				b.eval(`getComputedStyle(document.activeElement).outlineStyle !== 'none' || getComputedStyle(document.activeElement.nextElementSibling ?? document.body).outlineStyle !== 'none'`, &outlined)
				if !outlined {
					t.Errorf("%s: the focus cannot be seen", selector)
				}
				return
			}
		}
		t.Fatalf("Tab never reaches %s", selector)
	}
	press := func(keys string) { t.Helper(); b.run("press a key", chromedp.KeyEvent(keys)) }

	tabTo("#create-open")
	press(kb.Enter)
	b.until(`document.activeElement.id === 'create-name'`)
	press("by-keyboard")
	press(kb.Enter)
	b.until(`document.activeElement.id === 'secret-copy'`)
	press(kb.Enter)
	b.wantText("#secret-copy", "Copied")
	press(kb.Escape)
	b.until(`!document.querySelector('dialog[open]')`)
	b.until(`document.querySelector('#secret-value').textContent === ''`)

	tabTo(`[aria-label="Revoke by-keyboard"]`)
	press(kb.Enter)
	b.until(`document.querySelector('#revoke-dialog').open && document.activeElement.matches('[data-close]')`)
	press(kb.Escape)
	b.until(`!document.querySelector('dialog[open]')`)

	b.open(s.origin() + "/#playground")
	b.until(`!document.querySelector('[data-view=playground]').hidden`)
	b.run("load anew", chromedp.Reload())
	b.until(`document.querySelector('#key')?.checkVisibility()`)
	tabTo("#key")
	press("P") // the option by its first letter
	b.until(`document.querySelector('#paste').checkVisibility()`)
	tabTo("#paste-value")
	press(s.key)
	press(kb.Enter)
	b.until(`document.activeElement.id === 'key'`)
	tabTo("#parameter-message")
	b.run("press Ctrl-Enter", chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(2)))
	b.wantText("#response-status", "200 OK")
	tabTo("#request-forms input")
	press(kb.ArrowRight)
	b.wantText("#request-code", "curl --cacert clawhq-server.pem")
	b.until(`document.querySelector('#announcer').textContent.includes('200 OK')`)
}

// TestOtherSiteIsRefused calls the server from a page of another origin.
func TestOtherSiteIsRefused(t *testing.T) {
	s, other := startServer(t), startServer(t)
	b := openTab(t, s)
	b.open(s.dashboard)
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)
	if status := s.post(t, "/keys", "", `{"name":"by-hand"}`); status != http.StatusOK {
		t.Fatalf("a client with the session gets %d", status)
	}
	// The other server's own content policy would not let its page call: its
	// API's replies have none.
	b.open(other.base + "/v1/nothing")
	var outcome string
	b.eval(fmt.Sprintf(`fetch(%q, { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{"name":"stolen"}' }).then((r) => r.type, (e) => 'refused')`, s.base+"/keys"), &outcome)
	b.open(s.origin() + "/")
	b.wantText("#keys-rows", "by-hand")
	if rows := b.text("#keys-rows"); strings.Contains(rows, "stolen") {
		t.Errorf("a page of another origin made a key (%s)", outcome)
	}
}

// TestThousandKeys finds one of very many keys.
func TestThousandKeys(t *testing.T) {
	s := serve(t, nil)
	for i := range 1000 {
		s.api.CreateKey(fmt.Sprintf("key-%03d", i), 60)
	}
	b := openTab(t, s)
	b.openKeys()
	b.until(`document.querySelectorAll('#keys-rows tr').length === 100`)
	b.wantText("#keys-shown", "100 of 1,001 keys")
	b.click("#keys-show-more")
	b.until(`document.querySelectorAll('#keys-rows tr').length === 200 && document.activeElement.ariaLabel === 'Edit key-899'`)
	b.fill("#keys-find", "KEY-07")
	b.until(`document.querySelectorAll('#keys-rows tr').length === 10 && !document.querySelector('#keys-more').checkVisibility()`)
	b.fill("#keys-find", "none of them")
	b.wantText("#keys-empty", "No key matches.")

	// The playground offers the key that it holds.
	b.click(`nav a[href="#playground"]`)
	b.until(`document.querySelector('#key').selectedOptions[0].textContent.startsWith('default') && document.querySelector('#key').options.length < 30`)
}
