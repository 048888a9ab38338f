package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestOwnCalls arms a fault and lists the keys more often than the API allows:
// neither meets the page.
func TestOwnCalls(t *testing.T) {
	s := startServer(t, "-fault", "500")
	b := openTab(t, s)
	b.openKeys()
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)
	for range 25 {
		b.click("#keys-refresh")
		b.until(`document.querySelector('#keys-card').ariaBusy === 'false'`)
	}
	b.until(`document.querySelector('#keys-message').hidden`)
	b.click(`nav a[href="#playground"]`)
	b.wantText("#fault-count", "1 armed")
	b.send()
	b.wantStatus("500 Internal Server Error")
}

// TestSignIn comes without a link, with a wrong one and with the right one.
func TestSignIn(t *testing.T) {
	s, other := startServer(t), startServer(t)
	b := openTab(t, s)
	b.open(s.origin() + "/login?token=of-an-earlier-server")
	b.wantText("#signed-out-reason", "That link is not valid")
	b.until(`document.activeElement.id === 'login-link'`)
	for link, message := range map[string]string{
		s.origin() + "/": "Paste the whole link",
		other.dashboard:  "This link is not valid",
	} {
		b.fill("#login-link", link)
		b.press(kb.Enter)
		b.wantText("#login-message", message)
	}
	b.fill("#login-link", s.dashboard)
	b.press(kb.Enter)
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)

	// A server of plain HTTP signs in, too.
	plain := startServer(t, "-http")
	b.open(plain.dashboard)
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)

	// A second server on this host leaves the first one signed in.
	b.open(other.dashboard)
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)
	b.open(s.origin() + "/")
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)
}

// TestServerStartsAnew ends the server behind two pages and starts another one
// at its address: both notice it by themselves.
func TestServerStartsAnew(t *testing.T) {
	command, s := startProgram(t, "127.0.0.1:0")
	watching := openTab(t, s)
	watching.open(s.dashboard)
	watching.wantText("#journal-state", "Live")
	b := openTab(t, s)
	b.open(s.dashboard)
	b.click(`nav a[href="#playground"]`)
	b.fill("#parameter-message", "typed before")
	stop(t, command)
	b.click("#send")
	b.wantText("#response-note", "closed without a reply")
	b.wantText("#offline", "did not answer")
	b.click("#offline-retry")
	b.wantText("#offline-reason", "Tried again")

	command, again := startProgram(t, strings.TrimPrefix(s.origin(), "https://"))
	defer stop(t, command)
	for _, tab := range []*tab{watching, b} {
		tab.until(`document.querySelector('#signed-out').checkVisibility()`)
		tab.wantText("#signed-out-reason", "has stopped or was restarted")
	}
	b.fill("#login-link", again.dashboard)
	b.press(kb.Enter)
	b.until(`document.querySelector('#parameter-message')?.checkVisibility() && document.querySelector('#parameter-message').value === 'typed before'`)
	b.send()
	b.wantStatus("200 OK")
}

func stop(t *testing.T, command *exec.Cmd) {
	t.Helper()
	command.Process.Signal(os.Interrupt)
	if err := command.Wait(); err != nil {
		t.Errorf("the server did not end cleanly: %v", err)
	}
}

// TestFocus follows the focus through what one does to keys.
func TestFocus(t *testing.T) {
	s := serve(t, nil)
	s.api.CreateKey("odd", 45)
	b := openTab(t, s)
	b.openKeys()
	b.until(`document.querySelectorAll('#keys-rows tr').length === 2`)

	// A key whose limit is no tier can be renamed, and keeps its limit.
	b.click(`[aria-label="Edit odd"]`)
	b.until(`document.querySelector('#edit-tier').selectedOptions[0]?.value === '45'`)
	b.fill("#edit-name", "even")
	b.click("#edit-form [type=submit]")
	b.until(`document.activeElement.ariaLabel === 'Edit even' && document.activeElement.closest('tr').querySelector('.tier').textContent === '45'`)

	b.createKey("focused", "30")
	b.press(kb.Escape)
	b.until(`document.activeElement.id === 'create-open'`)
	b.click(`[aria-label="Edit focused"]`)
	b.fill("#edit-name", "renamed")
	b.press(kb.Enter)
	b.until(`document.activeElement.ariaLabel === 'Edit renamed'`)
	b.wantText("#announcer", "Key renamed saved.")
	b.click(`[aria-label="Revoke renamed"]`)
	b.click("#revoke-form [type=submit]")
	b.until(`document.activeElement.id === 'keys-title'`)
	b.wantText("#announcer", "Key renamed revoked.")

	// Revoked keys are folded away.
	b.wantText("#revoked-toggle", "Show 1 revoked key")
	b.until(`!document.querySelector('#revoked-rows').checkVisibility()`)
	b.click("#revoked-toggle")
	b.until(`document.querySelector('#revoked-rows').checkVisibility() && document.querySelector('#revoked-rows').textContent.includes('renamed')`)

	// The skip link skips, and does not change the view.
	b.click(`nav a[href="#playground"]`)
	b.until(`!document.querySelector('[data-view=playground]').hidden`)
	b.run("go to the skip link", chromedp.Evaluate(`document.querySelector('.skip').focus()`, nil))
	b.press(kb.Enter)
	b.until(`document.activeElement.id === 'main' && !document.querySelector('[data-view=playground]').hidden`)
}

// TestWaiting holds back the page's own calls, and looks at what it says.
func TestWaiting(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)
	b.run("have the page wait for a tenth of the time", chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(`AbortSignal.timeout = ((timeout) => (ms) => timeout.call(AbortSignal, ms / 10))(AbortSignal.timeout)`).Do(ctx)
		return err
	}))
	b.openKeys()
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`)
	hold := func(path string) {
		t.Helper()
		b.run("hold "+path, fetch.Enable().WithPatterns([]*fetch.RequestPattern{{URLPattern: "*" + path}}))
	}
	hold("/dashboard/endpoints")
	b.run("load anew", chromedp.Reload())
	b.until(`document.querySelector('#loading')?.checkVisibility()`)
	b.run("let go", fetch.Disable())
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1 && !document.querySelector('#loading').checkVisibility()`)

	hold("/dashboard/api/keys")
	b.click("#keys-refresh")
	b.until(`document.querySelector('#keys-card').ariaBusy === 'true'`)
	b.wantText("#offline-reason", "The server has not answered for 10 s.")
	b.until(`document.querySelectorAll('#keys-rows tr').length === 1`) // still there
	b.run("let go", fetch.Disable())
	b.click("#keys-refresh")
	b.until(`!document.querySelector('#offline').checkVisibility()`)
}
