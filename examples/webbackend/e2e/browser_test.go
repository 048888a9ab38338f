// Package e2e drives examples/webbackend, and what package relay says to a
// page, with a real browser.
package e2e

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	chromium = "/usr/bin/chromium"

	// stepTimeout bounds one step of a test: what does not happen by then
	// does not happen.
	stepTimeout = 20 * time.Second
)

// A tab is a browser of its own with one page. It fails the test for what the
// page reports as an error.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func openTab(t *testing.T, url string) tab {
	t.Helper()
	if _, err := os.Stat(chromium); err != nil {
		t.Fatalf("these tests drive Chromium, which is not at %s; install it with: apt-get install chromium", chromium)
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(time.Minute),
	}
	for _, flag := range []string{
		"headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, closeAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	// The driver reports events of newer browsers that it does not know.
	ctx, closeTab := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	var (
		mu       sync.Mutex
		problems []string
	)
	t.Cleanup(func() {
		chromedp.Cancel(ctx)
		closeTab()
		closeAllocator()
		mu.Lock()
		defer mu.Unlock()
		for _, problem := range problems {
			t.Errorf("the page reported: %s", problem)
		}
	})
	chromedp.ListenTarget(ctx, func(event any) {
		problem := ""
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			problem = e.ExceptionDetails.Error()
		case *log.EventEntryAdded:
			// Replies such as a 503 are the network's errors, not the page's.
			if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork {
				problem = e.Entry.Text
			}
		}
		if problem != "" {
			mu.Lock()
			defer mu.Unlock()
			problems = append(problems, problem)
		}
	})
	// The first Run starts the browser and must not be given a deadline, at
	// which the browser would end.
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	b := tab{t, ctx}
	b.run("open the page", log.Enable(), emulation.SetFocusEmulationEnabled(true), chromedp.Navigate(url))
	return b
}

// run does actions, and fails the test if they are not done in time.
func (b tab) run(what string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

func (b tab) click(selector string) {
	b.t.Helper()
	b.run("click "+selector, chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// enter types a text and the Enter key. Sent as text, the key would insert a
// line even where the page prevents it.
func (b tab) enter(selector, text string) {
	b.t.Helper()
	key := func(kind input.KeyType) *input.DispatchKeyEventParams {
		return input.DispatchKeyEvent(kind).WithKey("Enter").WithCode("Enter").WithWindowsVirtualKeyCode(13)
	}
	b.run("type into "+selector, chromedp.SendKeys(selector, text, chromedp.ByQuery), key(input.KeyDown).WithText("\r"), key(input.KeyUp))
}

// until waits for an expression to become true.
func (b tab) until(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(stepTimeout); ; time.Sleep(20 * time.Millisecond) {
		var holds bool // an evaluation fails while a page is being loaded
		err := chromedp.Run(b.ctx, chromedp.Evaluate("Boolean("+expression+")", &holds))
		if err == nil && holds {
			return
		}
		if time.Now().Before(deadline) {
			continue
		}
		state := ""
		chromedp.Run(b.ctx, chromedp.Evaluate(`document.body.innerText`, &state))
		b.t.Fatalf("never true: %s: %v; the page says:\n%s", expression, err, state)
	}
}

// wantText waits until an element's text is as wanted.
func (b tab) wantText(selector, want string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%q)?.textContent === %q`, selector, want))
}

// count waits until there are so many elements.
func (b tab) count(selector string, want int) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelectorAll(%q).length === %d`, selector, want))
}
