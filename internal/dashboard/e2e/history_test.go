package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// exported clicks a button, and returns the file that the browser gets to
// store.
func (b *tab) exported(button string) string {
	b.t.Helper()
	b.eval(`(() => {
		const make = URL.createObjectURL;
		URL.createObjectURL = (blob) => { window.exported = blob; return make.call(URL, blob); };
		return true;
	})()`, new(bool))
	b.click(button)
	var text string
	b.eval(`window.exported.text()`, &text)
	return text
}

// reload loads the playground anew.
func (b *tab) reload() {
	b.t.Helper()
	b.eval(`window.old = true`, new(bool))
	b.run("load anew", chromedp.Reload())
	b.until(`!window.old && document.querySelector('#endpoint')?.checkVisibility()`)
}

// TestHistoryIsKept loads the page anew: what was sent is there again, and can
// be sent again; no key, secret or session is in what the browser keeps, nor
// in what is exported.
func TestHistoryIsKept(t *testing.T) {
	s := startServer(t)
	b := openPlayground(t, s, "chat")
	b.fill("#parameter-message", "before the reload, with "+s.key)
	b.send()
	b.wantText("#response-time", "first byte 0.")
	b.choose("#endpoint", "webhooks.create")
	b.fill("#parameter-url", "https://example.com/")
	b.send()
	b.wantText("#response-body", `"secret": "whsec_••••••••"`)
	b.choose("#endpoint", "keys.create")
	b.fill("#parameter-name", "new")
	b.send()
	b.wantText("#response-body", "••••••••")
	b.click("#response-reveal")
	b.until(`/"clw_[A-Za-z0-9]{32}"/.test(document.querySelector('#response-body').textContent)`)
	var full string
	b.eval(`JSON.parse(document.querySelector('#response-body .rows').textContent).key.full_key`, &full)
	if !fullKey.MatchString(full) {
		t.Fatalf("the full key is %q", full)
	}
	b.choose("#endpoint", "any")
	b.fill("#parameter-path", "/api/v1/health")
	b.choose("#parameter-method", "GET")
	b.fill("#parameter-headers", "Cookie: session="+s.session+"; other=secret-cookie; secret-value\nProxy-Authorization: Basic secret-basic\nAuthorization: Bearer "+full)
	b.wantText("#request-code", full[:12]+"••••••••")
	b.wantText("#request-code", "Proxy-Authorization: Basic ••••••••")
	b.wantText("#request-code", "Cookie: session=••••••••; other=••••••••;••••••••")
	b.send()
	b.wantStatus("200 OK")
	b.fill("#parameter-headers", "authorization: Bearer secret-bearer")
	b.send()
	b.wantStatus("401 Unauthorized")

	// A request saved, with what must not be.
	b.choose("#endpoint", "chat.stream")
	b.fill("#parameter-message", "saved with "+full)
	b.click(".saved summary")
	b.fill("#save-name", "my stream")
	b.click("#save")
	b.wantText("#saved", "my stream")

	files := b.exported("#history-export") + b.exported("#saved-export")
	var archive struct {
		Log struct {
			Entries []struct {
				Request  struct{ Method, URL string }
				Response struct{ Status int }
			}
		}
	}
	if err := json.Unmarshal([]byte(b.exported("#history-export")), &archive); err != nil || len(archive.Log.Entries) != 5 {
		t.Fatalf("the exported history: %v, %d entries", err, len(archive.Log.Entries))
	}
	if e := archive.Log.Entries[0]; e.Request.URL != s.base+"/v1/chat" || e.Request.Method != "POST" || e.Response.Status != 200 {
		t.Errorf("the first entry exported is %+v", e)
	}
	if !strings.Contains(files, "### my stream\nPOST "+s.base+"/v1/chat\nAuthorization: Bearer {{CLAWHQ_API_KEY}}\n") {
		t.Errorf("the files exported are\n%s", files)
	}
	var kept string
	b.eval(`new Promise((resolve) => setTimeout(() => resolve(JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state])), 200))`, &kept)
	if !strings.Contains(kept, "before the reload") || !strings.Contains(kept, "saved with") {
		t.Fatalf("the browser keeps %s", kept)
	}
	for _, secret := range []string{s.key, full, s.session, "whsec_0", "whsec_1", "secret-"} {
		if strings.Contains(kept+files, secret) {
			t.Errorf("%s is kept or exported", secret)
		}
	}

	b.reload()
	b.until(`document.querySelectorAll('#history > li').length === 5`)
	b.click(`[data-key="1-pick"]`)
	b.wantText("#request-code", "before the reload")
	b.wantText("#response-body", "before the reload")
	b.wantStatus("200 OK")
	b.click(`[data-key="1-resend"]`)
	b.until(`document.querySelectorAll('#history > li').length === 6 && document.querySelector('#response').dataset.state === 'done' && document.querySelector('#send').ariaDisabled !== 'true'`)
	b.wantStatus("200 OK")
	b.click(`[data-key="3-edit"]`)
	b.until(`document.querySelector('#endpoint').value === 'keys.create' && document.querySelector('#parameter-name').value === 'new'`)

	b.click(".saved summary")
	b.click("#saved .pick")
	b.until(`document.querySelector('#endpoint').value === 'chat.stream' && document.querySelector('#parameter-message').value.startsWith('saved with')`)
	b.send()
	b.wantStatus("200 OK")
	b.click("#saved li > :last-child")
	b.wantText("#saved-count", "none")
}

// TestPlaygroundLayout looks at what is beside, above and below what, from
// where request and response are side by side.
func TestPlaygroundLayout(t *testing.T) {
	s := startServer(t, "-key", "other:30", "-key", "another:120")
	b := openPlayground(t, s, "chat")
	b.wantText("#request-code", s.key[:12]) // the key that the server calls api_key
	b.wantText("#send", "Ctrl")
	b.until(`[...document.querySelectorAll('#parameter-agent-list option')].map((o) => o.value).sort().join() === 'sales-assistant,support-bot'`)
	b.click(".more summary")
	for _, size := range [][2]int64{{1280, 720}, {1024, 768}, {390, 844}} {
		b.size(size[0], size[1])
		var covered []string
		b.eval(`[...document.querySelectorAll('#playground-form :is(input, textarea, summary), .toolbar select')].filter((field) => field.checkVisibility()).filter((field) => {
			field.scrollIntoView({ block: 'nearest' });
			const { left, top, width, height } = field.getBoundingClientRect();
			const there = document.elementFromPoint(left + width / 2, top + height / 2);
			return !(field === there || field.contains(there) || there?.contains(field));
		}).map((field) => field.id || field.textContent)`, &covered)
		if len(covered) > 0 {
			t.Errorf("at %d × %d, covered: %v", size[0], size[1], covered)
		}
		var beside bool
		b.eval(`document.querySelector('#request').getBoundingClientRect().top === document.querySelector('#response').getBoundingClientRect().top`, &beside)
		if beside != (size[0] >= 1024) {
			t.Errorf("at %d px, request and response side by side: %v", size[0], beside)
		}
		for _, form := range []string{"curl", "go", "python", "javascript", "http"} {
			b.click(`#request-forms input[value=` + form + `]`)
			var clipped int
			b.eval(`new Promise(requestAnimationFrame).then(() => { const box = document.querySelector('#request-code .rows'); return box.scrollWidth - box.clientWidth; })`, &clipped)
			if clipped > 0 {
				t.Errorf("at %d px, %d px of %s are clipped", size[0], clipped, form)
			}
		}
	}
	b.size(1280, 720)
	width := func() (w float64) {
		b.eval(`document.querySelector('#request').getBoundingClientRect().width`, &w)
		return w
	}
	small := width()
	b.click("#request [data-enlarge]")
	if large := width(); large < 1.8*small {
		t.Errorf("enlarged from %.0f to %.0f px", small, large)
	}
	b.click("#request [data-enlarge]")
	if again := width(); again != small {
		t.Errorf("back at %.0f px, want %.0f", again, small)
	}

	// A URL of 4 KB.
	b.choose("#endpoint", "any")
	b.eval(fmt.Sprintf(`(() => { const p = document.querySelector('#parameter-path'); p.value = '/api/v1/agents?limit=5&long=%s'; p.dispatchEvent(new Event('input', { bubbles: true })); return true; })()`, strings.Repeat("x", 4000)), new(bool))
	b.choose("#parameter-method", "GET")
	b.send()
	b.wantStatus("200 OK")
	b.everywhere("playground-long-url")
}
