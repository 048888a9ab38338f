package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// openPlayground opens the playground, signed in, with an endpoint chosen.
func openPlayground(t *testing.T, s server, endpoint string) *tab {
	t.Helper()
	b := openTab(t, s)
	b.open(s.dashboard)
	b.click(`nav a[href="#playground"]`)
	b.choose("#endpoint", endpoint)
	return b
}

func (b *tab) press(keys string, modifiers ...chromedp.KeyOption) {
	b.t.Helper()
	b.run("press a key", chromedp.KeyEvent(keys, modifiers...))
}

// TestRequestStaysWithItsReply looks at what the two panels show of each
// other while the form goes on.
func TestRequestStaysWithItsReply(t *testing.T) {
	s := startServer(t)
	b := openPlayground(t, s, "chat")
	b.fill("#parameter-message", "the first")
	b.wantText("#request-code", "the first")
	b.send()
	b.fill("#parameter-message", "the second")
	if shown := b.text("#request-code"); !strings.Contains(shown, "the first") {
		t.Errorf("with the reply to the first, the request shown is:\n%s", shown)
	}
	b.click("#request-which [value=next]")
	b.wantText("#request-code", "the second")
	b.click("#request-which [value=sent]")
	b.wantText("#request-code", "the first")
	b.wantText("#rate-meter", "default")
	b.wantText("#rate-meter", "59 of 60 left")

	// A reply without the limit's headers has no meter.
	b.choose("#endpoint", "keys.list")
	b.send()
	b.until(`document.querySelector('#rate-meter').hidden`)
}

func TestHistory(t *testing.T) {
	s := startServer(t)
	b := openPlayground(t, s, "chat")
	for _, message := range []string{"the first", "the second"} {
		b.fill("#parameter-message", message)
		b.send()
	}
	b.click(`[data-key="1-pick"]`)
	b.wantText("#request-code", "the first")
	b.wantText("#response-body", "the first")
	b.wantText("#rate-meter", "59 of 60 left")
	b.until(`document.querySelector('[data-key="1-pick"]').ariaCurrent === 'true' && document.activeElement.dataset.key === '1-pick'`)

	b.click(`[data-key="2-compare"]`)
	b.until(`document.querySelector('#compare-dialog').open`)
	var differing []string
	b.eval(`[...document.querySelectorAll('#compare-rows tr[data-kind=changed]')].map((row) => row.textContent)`, &differing)
	if lines := strings.Join(differing, "\n"); !strings.Contains(lines, `"message": "the second"`) || !strings.Contains(lines, `"message": "the first"`) || strings.Contains(lines, "POST") {
		t.Errorf("the lines said to differ are:\n%s", lines)
	}
	b.press(kb.Escape)

	b.click(`[data-key="1-resend"]`)
	b.wantText("#history [data-shown=true]", "Chat")
	b.until(`document.querySelectorAll('#history > li').length === 3 && document.querySelector('#response').dataset.state === 'done'`)
	b.wantText("#request-code", "the first")
	b.click("#history-clear")
	b.until(`document.querySelectorAll('#history > li').length === 1`)
}

// TestReader uses the tools of a reply's box.
func TestReader(t *testing.T) {
	s := startServer(t)
	b := openPlayground(t, s, "health")
	b.send()
	pretty := func() string { t.Helper(); return b.text("#response-body .rows") }
	if text := pretty(); !strings.Contains(text, "{\n  \"status\": \"ok\",\n") {
		t.Errorf("indented, the body is:\n%s", text)
	}
	b.click("#response-body .reader-tools button:first-child")
	if text := pretty(); !strings.HasPrefix(text, `{"status":"ok",`) {
		t.Errorf("as it came, the body is:\n%s", text)
	}
	b.click("#response-body .reader-tools button:first-child")

	b.fill("#response-body input[type=search]", "S")
	b.wantText("#response-body .found", "1 of ")
	b.press(kb.Enter)
	b.wantText("#response-body .found", "2 of ")
	b.press(kb.Enter, chromedp.KeyModifiers(8)) // Shift
	b.wantText("#response-body .found", "1 of ")
	b.until(`document.querySelectorAll('#response-body mark').length > 1 && document.querySelectorAll('#response-body mark.current').length === 1`)
	b.fill("#response-body input[type=search]", "(nothing")
	b.wantText("#response-body .found", "not found")
	b.fill("#response-body input[type=search]", "")

	// Wrapped, a long line takes several rows; otherwise one.
	b.choose("#endpoint", "chat")
	b.fill("#parameter-message", strings.Repeat("many words ", 30))
	b.send()
	rows := func() (n int) {
		t.Helper()
		b.eval(`document.querySelectorAll('#response-body .row').length`, &n)
		return n
	}
	wrapped := rows()
	b.click("#response-body .reader-tools button:nth-child(2)")
	if unwrapped := rows(); unwrapped >= wrapped {
		t.Errorf("%d rows wrapped, %d not wrapped", wrapped, unwrapped)
	}
}

func TestRawBody(t *testing.T) {
	s := startServer(t)
	b := openPlayground(t, s, "chat")
	b.fill("#parameter-message", "from the form")
	b.click("#body-forms [value=raw]")
	b.until(`JSON.parse(document.querySelector('#raw-body').value).message === 'from the form'`)
	b.until(`!document.querySelector('#parameter-message').checkVisibility()`)
	b.fill("#raw-body", `{"message": `)
	b.click("#send")
	b.wantText("#raw-message", "This is not JSON.")
	b.click("#skip-checks")
	b.send()
	b.wantStatus("400 Bad Request")
	b.fill("#raw-body", `{"message": "by hand", "extra": [1, null]}`)
	b.send()
	b.wantStatus("200 OK")
	b.wantText("#response-body", "by hand")
	b.click("#body-forms [value=form]")
	b.until(`document.querySelector('#parameter-message').value === 'by hand'`)
}

// TestOpenPlayground opens the playground with requests from elsewhere on the
// page, and sends them.
func TestOpenPlayground(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)
	b.open(s.dashboard)
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)
	for _, tt := range []struct{ name, request, endpoint, shown, status string }{
		{"what a form says", `{ method: 'POST', path: '/api/v1/chat', headers: { Authorization: 'Bearer x', 'X-Client-Request-Id': 'mine', 'User-Agent': 'go' }, body: '{"agent":"support-bot","message":"again"}' }`,
			"chat", "X-Client-Request-Id: mine", "200 OK"},
		{"a stream", `{ method: 'POST', path: '/api/v1/chat', body: '{"message":"again","stream":true}' }`, "chat.stream", `"stream": true`, "200 OK"},
		{"a body that no form says", `{ method: 'POST', path: '/api/v1/chat', body: '{"message":7}' }`, "chat", `"message": 7`, "400 Bad Request"},
		{"an id and a query", `{ method: 'GET', path: '/api/v1/agents/none%2Fhere', query: '' }`, "agents.get", "/agents/none%2Fhere", "404 Not Found"},
		{"a query", `{ method: 'GET', path: '/api/v1/usage', query: { days: '7' } }`, "usage", "/usage?days=7", "200 OK"},
		{"a query that no form says", `{ method: 'GET', path: '/api/v1/usage', query: 'days=7&more=1' }`, "any", "/usage?days=7&more=1", "200 OK"},
		{"a header that no form says", `{ method: 'GET', path: '/api/v1/health', headers: [['X-Tenant', 'a']] }`, "any", "X-Tenant: a", "200 OK"},
		{"no endpoint", `{ method: 'PUT', path: '/api/v1/nothing', body: 'not JSON' }`, "any", "not JSON", "404 Not Found"},
		{"the session's", `{ method: 'GET', path: '/api/keys' }`, "keys.list", "session=…", "200 OK"},
	} {
		b.eval(`import('/static/openplayground.js').then(({ openPlayground }) => openPlayground(`+tt.request+`)).then(() => true)`, new(bool))
		b.until(`document.querySelector('#endpoint').checkVisibility() && document.querySelector('#response').dataset.state === 'idle' && document.activeElement.id === 'send'`)
		if got := b.text("#request-code"); !strings.Contains(got, tt.shown) {
			t.Errorf("%s: the request is\n%s", tt.name, got)
		}
		b.until(`document.querySelector('#endpoint').value === '` + tt.endpoint + `'`)
		b.send()
		b.wantStatus(tt.status)
	}

	// A key that the page does not hold is asked for.
	_, reply := s.call(t, http.MethodPost, "/keys", "", `{"name":"elsewhere"}`)
	var created struct{ Key struct{ ID string } }
	if err := json.Unmarshal(reply, &created); err != nil {
		t.Fatal(err)
	}
	b.click(`nav a[href="#keys"]`)
	b.wantText("#keys-rows", "elsewhere")
	b.eval(`import('/static/openplayground.js').then(({ openPlayground }) => openPlayground({ method: 'GET', path: '/api/v1/health', keyID: '`+created.Key.ID+`' })).then(() => true)`, new(bool))
	b.wantText("#key-message", "sent with the key elsewhere")
	b.until(`document.querySelector('#paste').checkVisibility()`)
}

// TestReload loads the page anew in the middle of typing.
func TestReload(t *testing.T) {
	s := startServer(t)
	b := openPlayground(t, s, "chat.stream")
	b.fill("#parameter-message", "half a mess")
	b.fill("#parameter-agent", "sales-assistant")
	b.until(`history.state?.playground?.values.agent === 'sales-assistant'`)
	var state string
	b.eval(`JSON.stringify(history.state)`, &state)
	if strings.Contains(state, s.key) {
		t.Error("the browser keeps a key")
	}
	b.run("load anew", chromedp.Reload())
	b.until(`document.querySelector('#endpoint')?.value === 'chat.stream' && document.querySelector('#parameter-message').value === 'half a mess'`)
	b.until(`document.querySelector('#parameter-agent').value === 'sales-assistant' && !document.querySelector('[data-view=playground]').hidden`)
}

// TestEscape stops by the keyboard, from wherever the focus is.
func TestEscape(t *testing.T) {
	s := startServer(t)
	b := openPlayground(t, s, "chat.stream")
	b.click(".faults summary")
	b.fill("#fault-input", "stall:1,delay:1h")
	b.click("#fault-arm")
	b.wantText("#fault-count", "2 armed")
	for _, state := range []string{"streaming", "waiting"} {
		b.click("#send")
		b.until(fmt.Sprintf(`document.querySelector('#response').dataset.state === %q`, state))
		b.until(`document.activeElement.id === 'send'`)
		if state == "waiting" { // for long enough to be told
			b.wantText("#response-note", "Nothing has arrived for")
		}
		b.press(kb.Escape)
		b.wantText("#response-note", "Stopped by you")
		b.until(`document.querySelector('#stop').hidden && document.activeElement.id === 'send'`)
		b.wantText("#announcer", "Stopped by you")
	}
}

// TestDeceivingText sends what would turn or hide the text around it.
func TestDeceivingText(t *testing.T) {
	s := startServer(t)
	const name = "abc\u202egpj.exe\u200b"
	if status := s.post(t, "/keys", "", `{"name":"`+name+`"}`); status != 200 {
		t.Fatalf("status %d", status)
	}
	b := openTab(t, s)
	b.open(s.dashboard)
	b.wantText("#keys-rows", "abcU+202Egpj.exe")
	b.click(`nav a[href="#playground"]`)
	b.wantText("#key", "abc⟨U+202E⟩gpj.exe")
	b.choose("#endpoint", "chat")
	b.eval(`(() => { const m = document.querySelector('#parameter-message'); m.value = 'a\u202eb'; m.dispatchEvent(new Event('input', { bubbles: true })); return true; })()`, new(bool))
	b.send()
	b.wantText("#request-code", `a\u202eb`)
	b.wantText("#response-body", "aU+202Eb")
	b.choose("#endpoint", "keys.list")
	b.send()
	b.wantText("#response-body", "abcU+202Egpj.exe")
	var deceiving bool
	b.eval(`/[\u202a-\u202e\u2066-\u2069]/.test(document.querySelector('main').innerText) || [...document.querySelectorAll('[aria-label], [title]')].some((e) => /\u202e/.test(e.ariaLabel + e.title))`, &deceiving)
	if deceiving {
		t.Error("the page has the character itself")
	}
}
