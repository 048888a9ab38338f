package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// axeSource returns the accessibility checker, installed by npm at first use.
func axeSource(t *testing.T) string {
	t.Helper()
	const file = "node_modules/axe-core/axe.min.js"
	source, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		out, failed := exec.Command("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts").CombinedOutput()
		if failed != nil {
			t.Fatalf("npm install axe-core: %v\n%s", failed, out)
		}
		source, err = os.ReadFile(file)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// loadAxe brings the checker into the page.
func (b *tab) loadAxe() {
	b.t.Helper()
	b.run("load axe", chromedp.Evaluate(axeSource(b.t)+"; true", new(bool)))
}

// wantAccessible fails the test for whatever axe finds on the page as it is,
// in either theme.
func (b *tab) wantAccessible(what string) {
	b.t.Helper()
	for _, theme := range []string{"light", "dark"} {
		b.run("set the theme", emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}))
		var found []string
		b.eval(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
			violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.html.slice(0, 200) + ' ' + n.failureSummary)))`, &found)
		for _, violation := range found {
			b.t.Errorf("%s, %s: %s", what, theme, violation)
		}
	}
}

func TestAccessible(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)

	b.open(s.origin() + "/")
	b.wantText("#signed-out", "Not signed in")
	b.loadAxe()
	b.wantAccessible("signed out")

	b.openKeys()
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)
	b.loadAxe()
	b.createKey("accessible", "30")
	b.wantAccessible("the secret")
	b.click("#secret-dialog [data-close]")
	b.click(`[aria-label="Edit accessible"]`)
	b.wantAccessible("the edit dialog")
	b.click("#edit-dialog [data-close]")
	b.click(`[aria-label="Revoke accessible"]`)
	b.click("#revoke-form [type=submit]")
	b.click("#revoked-toggle")
	b.wantAccessible("the keys")

	b.click(`nav a[href="#playground"]`)
	b.send()
	b.choose("#endpoint", "chat.stream")
	b.send()
	b.click("#response-events .event")
	b.click(".faults summary")
	b.click(".saved summary")
	b.click("#save")
	b.fill("#fault-input", "429:7")
	b.click("#fault-arm")
	b.wantText("#fault-count", "1 armed")
	b.wantAccessible("a stream")
	b.click(`input[name=body-form][value=raw]`)
	b.send()
	b.wantAccessible("a 429 and the raw body")
	b.fill("#response-body input[type=search]", "rate")
	b.click(`#request-forms input[value=go]`)
	b.wantAccessible("a search and a program")
	b.click(`[data-key$="-compare"]`)
	b.until(`document.querySelector('#compare-dialog').open`)
	b.wantAccessible("a comparison")
}

// TestRequestsAccessible looks at the Requests page in its states.
func TestRequestsAccessible(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)
	b.open(s.dashboard)
	b.until(`document.querySelector('#first-code').textContent.includes('curl')`)
	b.loadAxe()
	b.wantAccessible("the first minute")
	s.controls(t, http.MethodPost, "/faults", `[{"fault": "error:stream_error:2", "path": "/v1/chat"}, {"fault": "503", "times": 3, "agent": "support-bot"}]`)
	s.post(t, "/v1/chat", s.key, `{"message":"hi","stream":true}`)
	s.post(t, "/v1/chat", s.key, `{"message":"hi"}`)
	s.call(t, http.MethodGet, "/v1/health", s.key, "")
	b.until(`document.querySelectorAll('#journal-list .j-row').length === 3`)
	for _, tool := range []string{"clock", "aim", "agents"} {
		b.click("#" + tool + "-tool summary")
	}
	b.wantText("#aim-queue", "503")
	b.click("#journal-list .j-row:nth-child(3)")
	b.click("#detail-response-events .event")
	b.wantText("#detail-why", "stream_error")
	b.wantAccessible("the tools, the list and a stream")
}

// TestEveryControlHasAName looks for what a screen reader could not name.
func TestEveryControlHasAName(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)
	b.open(s.dashboard)
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)
	var nameless []string
	b.eval(`[...document.querySelectorAll('button, input, select, textarea, a, dialog, section, meter, progress, pre, [role=table]')].filter((e) => !(
		e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim() && /^(BUTTON|A)$/.test(e.tagName) ||
		document.getElementById(e.getAttribute('aria-labelledby')) || e.caption
	)).map((e) => e.outerHTML)`, &nameless)
	for _, e := range nameless {
		if !strings.Contains(e, `id="revoked-toggle"`) { // named once there is something to show
			t.Errorf("no name: %s", e)
		}
	}
	// The name of a field is apart from what is said of it.
	b.click(`nav a[href="#playground"]`)
	if label := b.text(`label[for="parameter-message"]`); label != "message required" {
		t.Errorf("a field's name is %q", label)
	}
	var doubled []string
	b.eval(`(() => { const ids = [...document.querySelectorAll('[id]')].map((e) => e.id); return ids.filter((id, i) => ids.indexOf(id) !== i); })()`, &doubled)
	if len(doubled) > 0 {
		t.Errorf("ids given twice: %v", doubled)
	}
}

// TestPhone sends from a phone: the reply comes into sight by itself, and the
// bar to send and stop stays there.
func TestPhone(t *testing.T) {
	s := startServer(t, "-agent-delay", "100ms")
	b := openTab(t, s)
	b.run("be a phone", emulation.SetDeviceMetricsOverride(360, 740, 2, true))
	b.open(s.dashboard)
	b.click(`nav a[href="#playground"]`)
	b.choose("#endpoint", "chat.stream")
	b.fill("#parameter-message", "Explain how webhooks work")
	inSight := func(selector string) string {
		return fmt.Sprintf(`(() => {
			const box = document.querySelector(%q).getBoundingClientRect();
			return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight;
		})()`, selector)
	}
	b.until(inSight("#send"))
	b.click("#send")
	b.until(`document.querySelector('#response').dataset.state === 'streaming' && document.querySelectorAll('#response-text .row')[0]?.textContent.length > 10`)
	for _, selector := range []string{"#response-status", "#response-text .rows", "#stop"} {
		b.until(inSight(selector))
	}
	b.click("#stop")
	b.wantText("#response-note", "Stopped by you")
}
