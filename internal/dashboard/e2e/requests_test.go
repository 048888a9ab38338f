package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// newest is the row of the newest request.
const newest = `#journal-list .j-row:first-child`

// controls calls the control API, and fails the test unless it does as it is told.
func (s server) controls(t *testing.T, method, path, body string) []byte {
	t.Helper()
	of := server{base: s.control}
	status, reply := of.call(t, method, path, s.token, body)
	if status >= 300 {
		t.Fatalf("%s %s: status %d, %s", method, path, status, reply)
	}
	return reply
}

// TestFirstRequestToRetry is what a developer does who has just started the server:
// he sees his program's first request, finds out why it failed, makes the next one
// fail in the same way, and watches the retry succeed.
func TestFirstRequestToRetry(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)
	b.open(s.dashboard)
	b.until(`document.querySelector('#first').checkVisibility() && document.querySelector('#first-code').textContent.includes('curl')`)

	// The program sends, and fails for a reason that it is not told.
	s.controls(t, http.MethodPost, "/agents", `{"slug": "moody", "replies": [{"chunks": ["Well, "], "error": "out of memory"}, "All is well."]}`)
	if status := s.post(t, "/v1/chat", s.key, `{"message":"How are you?","agent":"moody"}`); status != http.StatusBadGateway {
		t.Fatalf("status %d", status)
	}
	b.wantText(newest, "/api/v1/chat")
	b.wantText(newest, "502")
	b.until(`!document.querySelector('#first').checkVisibility()`)
	b.click(newest)
	b.wantText("#detail-why", "The client was not told: out of memory")
	b.wantText("#detail-status", "502 Bad Gateway")
	b.wantText("#detail-facts", "default")
	b.wantText("#detail-facts", "moody")
	b.wantText("#detail-request", `"message": "How are you?"`)
	b.wantText("#detail-response", `"code": "model_error"`)

	// The next one fails in the same way, and the retry does not.
	b.click("#detail-repeat")
	b.wantText("#detail-message", "Armed: 502:model_error")
	b.wantText("#aim-count", "1 armed")
	b.wantText("#aim-queue", "to POST /v1/chat with default for moody")
	for i, want := range []int{http.StatusBadGateway, http.StatusOK} {
		if status := s.post(t, "/v1/chat", s.key, `{"message":"How are you?","agent":"moody"}`); status != want {
			t.Fatalf("request %d: status %d, want %d", i+1, status, want)
		}
	}
	b.until(`document.querySelectorAll('#journal-list .j-row').length === 3`)
	b.wantText(newest, "200")
	b.wantText("#journal-list .j-row:nth-child(2)", "502")
	b.wantText("#aim-count", "none armed")
	b.click("#journal-list .j-row:nth-child(2)")
	b.wantText("#detail-why", "The fault 502:model_error was played: no agent ran.")
	b.click(newest)
	b.wantText("#detail-response", "All is well.")
	var path string
	b.eval(`location.pathname + location.hash`, &path)
	if path != "/" && path != "/#requests" {
		t.Errorf("he had to leave for %s", path)
	}
}

// TestRequestInFull opens requests of all kinds: nothing of them is markup, what a
// stream said has its times, and what is copied can be sent again.
func TestRequestInFull(t *testing.T) {
	s := startServer(t)
	b := openTab(t, s)
	b.open(s.dashboard)
	const hostile = `<img src=x onerror="document.title='run'">`
	s.controls(t, http.MethodPost, "/agents", `{"slug": "slow", "replies": [{"chunks": ["One ", "two ", "`+strings.ReplaceAll(hostile, `"`, `\"`)+`"], "chunk_delay": "60ms"}]}`)
	s.post(t, "/v1/chat?a="+strings.Repeat("b", 4000)+"&c=%3Cimg%20src=x%3E", s.key, `{"message":"`+strings.ReplaceAll(hostile, `"`, `\"`)+`"}`)
	s.post(t, "/v1/"+"%3Cimg%20src=x%20onerror=alert(1)%3E", s.key, hostile)
	s.post(t, "/v1/chat", s.key, `{"message":"hi","agent":"slow","stream":true}`)
	b.until(`document.querySelectorAll('#journal-list .j-row').length === 3`)

	b.click(newest)
	b.wantText("#detail-event-count", "4")
	var offsets []float64
	b.eval(`[...document.querySelectorAll('#detail-response-events .offset')].map((o) => parseFloat(o.textContent.slice(1)))`, &offsets)
	if len(offsets) != 4 || offsets[1] < 0.05 || offsets[2] < offsets[1]+0.05 {
		t.Errorf("the events came at %v", offsets)
	}
	b.click("#detail-response-events .event:nth-child(3)")
	b.wantText("#detail-event-detail", "onerror")

	// By the keyboard from one to the next.
	b.eval(`document.querySelector('#journal-list').focus() ?? true`, new(bool))
	b.press(kb.ArrowDown)
	b.wantText("#detail-title", "onerror")
	b.wantText("#detail-request", hostile)
	b.press(kb.ArrowDown)
	b.wantText("#detail-title", "/api/v1/chat?a=bbb")
	b.wantText("#detail-request", "onerror=")
	b.press(kb.Enter)
	b.until(`document.activeElement.id === 'detail-title'`)
	var images int
	b.eval(`document.querySelectorAll('main img').length`, &images)
	if title := b.text("title"); images != 0 || title != "Requests · ClawHQ" {
		t.Errorf("markup came alive: %d images, title %q", images, title)
	}
	var credentials bool
	b.eval(fmt.Sprintf(`document.body.textContent.includes(%q)`, s.key), &credentials)
	if credentials {
		t.Error("the page shows a whole key")
	}
	b.click(`#detail-forms input[value=go]`)
	b.wantText("#detail-request", "package main")
	b.click(`#detail-forms input[value=curl]`)
	b.wantText("#detail-request", "curl --cacert clawhq-server.pem -X POST")
	b.click("#detail-copy")
	b.wantText("#detail-copy", "Copied")
	b.click("#detail-resend")
	b.wantText("#request-code", "onerror=")
	b.send()
	b.wantStatus("200 OK")
	b.click(`nav a[href="#requests"]`)
	b.until(`document.querySelectorAll('#journal-list .j-row').length === 4`)

	// Filters.
	for _, tt := range []struct {
		field, value string
		rows         int
	}{{"path", "V1/CHAT", 3}, {"status", "failed", 0}, {"path", "", 1}, {"status", "404", 1}, {"status", "", 4}, {"fault", "with", 0}, {"fault", "without", 4}, {"key", "none", 0}} {
		if tt.field == "path" {
			b.fill("#filter-path", tt.value)
		} else if tt.value == "none" {
			s.post(t, "/v1/health", "clw_00000000000000000000000000000000", "")
			b.until(`[...document.querySelector('#filter-key').options].some((o) => o.value === 'none')`)
			b.choose("#filter-key", "none")
			tt.rows = 1
		} else {
			b.choose("#filter-"+tt.field, tt.value)
		}
		b.until(fmt.Sprintf(`document.querySelectorAll('#journal-list .j-row').length === %d`, tt.rows))
	}
	b.click("#filter-reset")
	b.wantText("#journal-count", "5 requests")
	b.choose("#filter-status", "404")
	b.click("#journal-clear")
	b.until(`document.querySelector('#first').checkVisibility() && !document.querySelector('#detail').checkVisibility()`)
	s.post(t, "/v1/chat", s.key, `{"message":"hi"}`)
	b.wantText("#journal-count", "0 of 1") // a filter stays when no request meets it any more
}
