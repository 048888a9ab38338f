package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/clawhq/clawhq-go/clawhqtest"
)

// TestTenThousandRows holds the list to its figures: 10,000 requests come at once, are
// filtered and walked through, and no task of the page takes longer than 100 ms.
func TestTenThousandRows(t *testing.T) {
	s := serve(t, map[string]clawhqtest.AgentFunc{"quick": clawhqtest.Reply("yes")})
	s.api.SetRateLimit(s.api.KeyID(), 100_000)
	b := openTab(t, s)
	b.open(s.dashboard)
	b.until(`document.querySelector('#first').checkVisibility()`)
	b.eval(watchTasks, new(bool))
	// What else the machine does is in these times: the best of three counts.
	longest := func(what string, act func()) {
		t.Helper()
		var task float64
		for try := range 3 {
			b.eval(`window.longest = 0`, new(float64))
			act()
			b.eval(`new Promise((resolve) => setTimeout(() => resolve(window.longest), 100))`, &task)
			t.Logf("%s: longest task %.0f ms", what, task)
			if task <= 100 {
				return
			}
			if try == 2 {
				t.Errorf("%s: longest task %.0f ms, want 100 at most", what, task)
			}
		}
	}
	send := func(n int) {
		var calls sync.WaitGroup
		handler := s.api.Handler()
		for worker := range 4 {
			calls.Go(func() {
				for i := range n / 4 {
					r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("https://clawhq.test/api/v1/health?n=%d-%d", worker, i), nil)
					r.Header.Set("Authorization", "Bearer "+s.key)
					handler.ServeHTTP(httptest.NewRecorder(), r)
				}
			})
		}
		calls.Wait()
	}
	longest("10,000 requests as they come", func() {
		send(10_000)
		b.wantText("#journal-count", "10,000 requests")
	})
	longest("10,000 more", func() {
		send(4000)
		s.post(t, "/v1/chat", s.key, `{"message":"the last","agent":"quick"}`)
		b.wantText(newest, "/api/v1/chat")
		b.wantText("#journal-count", "10,000 requests")
	})
	longest("a reload", func() {
		b.run("load anew", chromedp.Reload())
		b.wantText("#journal-count", "10,000 requests")
		b.eval(watchTasks, new(bool))
	})
	longest("a filter", func() {
		b.fill("#filter-path", "n=3-")
		b.until(`document.querySelector('#journal-count').textContent.includes(' of 10,000')`)
		b.fill("#filter-path", "")
		b.wantText("#journal-count", "10,000 requests")
	})
	longest("to the end and back", func() {
		b.eval(`document.querySelector('#journal-list').focus() ?? true`, new(bool))
		b.press(kb.End)
		b.until(`document.querySelector('#journal-list [aria-selected=true]')?.ariaPosInSet === '10000'`)
		b.press(kb.Home)
		b.until(`document.querySelector('#journal-list [aria-selected=true]')?.ariaPosInSet === '1'`)
	})
	var rows int
	b.eval(`document.querySelectorAll('#journal-list .j-row').length`, &rows)
	if rows > 200 {
		t.Errorf("%d rows are in the document, want a window of them", rows)
	}

	// Who reads further down is not disturbed by what comes.
	b.press(kb.PageDown)
	b.press(kb.PageDown)
	b.press(kb.PageDown)
	b.press(kb.PageDown)
	var before, after string
	inSight := `document.elementFromPoint(...(({ left, top }) => [left + 20, top + 40])(document.querySelector('#journal-list').getBoundingClientRect())).closest('.j-row').dataset.id`
	b.eval(inSight, &before)
	send(40)
	b.until(`Number(document.querySelector('#journal-list .j-row').ariaPosInSet) > 1 && document.querySelector('#journal-count').textContent === '10,000 requests'`)
	b.eval(`new Promise((resolve) => setTimeout(() => resolve(`+inSight+`), 200))`, &after)
	if before != after {
		t.Errorf("the row in sight was %s, and is %s", before, after)
	}
}

// TestTools uses what stands above the list: agents, faults and the clock.
func TestTools(t *testing.T) {
	s := startServer(t, "-agent-delay", "10s")
	b := openTab(t, s)
	b.open(s.dashboard)
	b.wantText("#agents-state", "2 deployed")

	// Agents.
	b.click("#agents-tool summary")
	b.fill("#agent-slug", "helper")
	b.eval(`(() => { document.querySelector('#agent-replies').value = 'Hello.\n{"chunks": ["a", "b"], "error": "out of memory"}'; return true; })()`, new(bool))
	b.click("#agent-form [type=submit]")
	b.wantText("#agents-list", "helper2 replies, fails")
	b.click(`#agents-list [aria-label="Edit helper"]`)
	b.until(`document.querySelector('#agent-replies').value.split('\n')[0] === 'Hello.'`)
	b.fill("#agent-delay", "soon")
	b.click("#agent-form [type=submit]")
	b.wantText("#agents-message", `delay "soon": it must be a duration`)
	if status := s.post(t, "/v1/chat", s.key, `{"message":"hi","agent":"helper"}`); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	b.click("#agents-offline")
	b.wantText("#agents-state", "offline")
	if status := s.post(t, "/v1/chat", s.key, `{"message":"hi"}`); status != http.StatusServiceUnavailable {
		t.Errorf("offline: status %d", status)
	}
	b.click("#agents-reset")
	b.wantText("#agents-state", "2 deployed")

	// Faults, aimed and more than once.
	b.click("#aim-tool summary")
	b.fill("#aim-fault", "nonsense")
	b.click("#aim-form [type=submit]")
	b.wantText("#aim-message", `fault "nonsense": unknown`)
	b.fill("#aim-fault", "429:7")
	b.wantText("#aim-meaning", "Retry-After")
	b.choose("#aim-path", "GET /v1/health")
	b.eval(`(() => { const key = document.querySelector('#aim-key'); key.selectedIndex = 1; return true; })()`, new(bool))
	b.fill("#aim-times", "2")
	b.click("#aim-form [type=submit]")
	b.wantText("#aim-queue", "for the next 2 requests to GET /v1/health with default")
	for i, want := range []int{429, 429, 200} {
		if status, _ := s.call(t, http.MethodGet, "/v1/health", s.key, ""); status != want {
			t.Errorf("request %d: status %d, want %d", i, status, want)
		}
	}
	b.wantText("#aim-count", "none armed")

	// A test changes things, too.
	s.controls(t, http.MethodPost, "/faults", `{"fault": "500", "times": 0}`)
	b.wantText("#aim-queue", "500 for all requests")
	b.click("#aim-clear")
	b.wantText("#aim-count", "none armed")

	// The clock: a stream that takes 10 s for each chunk, and a retry.
	b.click("#clock-tool summary")
	b.until(`document.querySelector('#clock-next').disabled`)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	defer receiver.Close()
	if status := s.post(t, "/webhooks", "", `{"url":"`+receiver.URL+`","events":["api.request"]}`); status >= 300 {
		t.Fatalf("status %d", status)
	}
	answered := make(chan int, 1)
	go func() { answered <- s.post(t, "/v1/chat", s.key, `{"message":"Hello","stream":true}`) }()
	b.wantText(newest, "…")
	b.click("[data-advance='1m']")
	b.wantText("#clock-ahead", "+1 min")
	if status := <-answered; status != 200 {
		t.Errorf("status %d", status)
	}
	b.until(`!document.querySelector('#clock-next').disabled`)
	b.click("#clock-next")
	b.until(fmt.Sprintf(`document.querySelector('#clock-ahead').textContent.includes(%q)`, "1 min 3")) // 30 s after the first attempt
	if deliveries := string(s.controls(t, http.MethodGet, "/deliveries", "")); strings.Count(deliveries, `"attempt":`) != 2 {
		t.Errorf("deliveries: %s", deliveries)
	}
}
