package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/clawhq/clawhq-go/clawhqtest"
)

const (
	chromium = "/usr/bin/chromium"
	root     = "../../.." // of the module that the server is in

	// stepTimeout bounds one step of a test: what does not happen by then
	// does not happen.
	stepTimeout = 20 * time.Second
)

// server is a running server: the program, or one within the test, which can
// then be asked for what no call does.
type server struct {
	base, key, session, dashboard string
	control, token                string             // of the program
	api                           *clawhqtest.Server // nil if it is the program
	certificate                   string             // the file; empty if it is the program
}

func (s server) origin() string { return strings.TrimSuffix(s.base, "/api") }

// binary is the server program, built by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	if _, err := os.Stat(chromium); err != nil {
		fmt.Fprintf(os.Stderr, "FAIL: these tests drive Chromium, which is not at %s; install it with: apt-get install chromium\n", chromium)
		return 1
	}
	dir, err := os.MkdirTemp("", "clawhq-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "clawhq-server")
	command := exec.Command("go", "build", "-o", binary, "./cmd/clawhq-server")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "FAIL: build the server: %v\n%s", err, out)
		return 1
	}
	defer func() { endChrome() }()
	return m.Run()
}

// startServer starts the program on a free port and reads what it prints.
func startServer(t *testing.T, args ...string) server {
	t.Helper()
	command, s := startProgram(t, "127.0.0.1:0", args...)
	t.Cleanup(func() { stop(t, command) })
	return s
}

// startProgram starts the program at an address; ending it is the caller's.
func startProgram(t *testing.T, addr string, args ...string) (*exec.Cmd, server) {
	t.Helper()
	command := exec.Command(binary, append([]string{"-addr", addr}, args...)...)
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var s server
	fields := map[string]*string{"Base URL": &s.base, "API key": &s.key, "Session": &s.session, "Dashboard": &s.dashboard, "Control": &s.control, "Token": &s.token}
	lines := bufio.NewScanner(stdout)
	for len(fields) > 0 && lines.Scan() {
		for name, field := range fields {
			if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
				*field = strings.TrimSpace(value)
				delete(fields, name)
			}
		}
	}
	if len(fields) > 0 {
		t.Fatalf("the server did not print %v", fields)
	}
	go io.Copy(io.Discard, stdout)
	return command, s
}

// post calls the server without the browser and returns the status.
func (s server) post(t *testing.T, path, key, body string) int {
	t.Helper()
	status, _ := s.call(t, http.MethodPost, path, key, body)
	return status
}

// untrusting is a client that takes any certificate.
var untrusting = &http.Client{Transport: &http.Transport{
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	DisableKeepAlives: true,
}}

// call calls the server without the browser, by a key or, if that is empty,
// by the session.
func (s server) call(t *testing.T, method, path, key, body string) (status int, reply []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if key == "" {
		request.AddCookie(&http.Cookie{Name: "session", Value: s.session})
	} else {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := untrusting.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if reply, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, reply
}

// tab is a page of its own, which shares nothing but the browser's program with
// others. It fails the test for what the page reports as an error: exceptions,
// console errors, blocked content.
type tab struct {
	t      *testing.T
	ctx    context.Context
	server server

	mu       sync.Mutex
	problems []string
}

// chrome is the browser, started by the first tab and ended by TestMain.
var chrome = sync.OnceValues(func() (context.Context, error) {
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(chromium), chromedp.WSURLReadTimeout(time.Minute)}
	for _, flag := range []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
		"disable-background-networking", "disable-component-update", "disable-sync",
		"disable-dev-shm-usage", "hide-scrollbars", "ignore-certificate-errors",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, _ := chromedp.NewExecAllocator(context.Background(), options...)
	// The driver reports events of newer browsers that it does not know.
	ctx, end := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	endChrome = func() {
		chromedp.Cancel(ctx)
		end()
	}
	// The first Run starts the browser and must not be given a deadline, at
	// which the browser would end.
	return ctx, chromedp.Run(ctx)
})

var endChrome = func() {}

func openTab(t *testing.T, s server) *tab {
	t.Helper()
	browserCtx, err := chrome()
	if err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	whole := cdp.WithExecutor(browserCtx, chromedp.FromContext(browserCtx).Browser)
	own, err := target.CreateBrowserContext().Do(whole) // cookies and storage of its own
	if err != nil {
		t.Fatal(err)
	}
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(own).WithNewWindow(true).Do(whole)
	if err != nil {
		t.Fatal(err)
	}
	ctx, closeTab := chromedp.NewContext(browserCtx, chromedp.WithTargetID(id))
	b := &tab{t: t, ctx: ctx, server: s}
	t.Cleanup(func() {
		closeTab()
		if err := target.DisposeBrowserContext(own).Do(whole); err != nil {
			t.Error(err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, problem := range b.problems {
			t.Errorf("the page reported: %s", problem)
		}
	})
	chromedp.ListenTarget(ctx, b.listen)
	if err := chromedp.Run(ctx); err != nil { // opens it; as above, without a deadline
		t.Fatalf("open a tab: %v", err)
	}
	b.run("set up the page",
		log.Enable(),
		browser.SetPermission(&browser.PermissionDescriptor{Name: "clipboard-read"}, browser.PermissionSettingGranted).WithOrigin(s.origin()).WithBrowserContextID(own),
		browser.SetPermission(&browser.PermissionDescriptor{Name: "clipboard-write"}, browser.PermissionSettingGranted).WithOrigin(s.origin()).WithBrowserContextID(own),
		emulation.SetFocusEmulationEnabled(true),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(
				`addEventListener('securitypolicyviolation', (e) => console.error('content policy: ' + e.violatedDirective + ' ' + e.blockedURI))`).Do(ctx)
			return err
		}),
	)
	return b
}

func (b *tab) listen(event any) {
	var problem string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		problem = "exception: " + e.ExceptionDetails.Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeAssert {
			problem = "console:"
			for _, arg := range e.Args {
				problem += " " + string(arg.Value) + arg.Description
			}
		}
	case *log.EventEntryAdded:
		// Replies such as a 429 are the network's errors, not the page's.
		if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork {
			problem = fmt.Sprintf("%s: %s", e.Entry.Source, e.Entry.Text)
		}
	}
	if problem != "" {
		b.mu.Lock()
		b.problems = append(b.problems, problem)
		b.mu.Unlock()
	}
}

// run does actions, and fails the test if they are not done in time.
func (b *tab) run(what string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

func (b *tab) open(url string) { b.t.Helper(); b.run("open the page", chromedp.Navigate(url)) }

// size makes the window so large.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.run("set the size", emulation.SetDeviceMetricsOverride(width, height, 1, width < 500))
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.run("click "+selector, chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// fill replaces a field's text as typing would.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.run("fill "+selector, chromedp.WaitVisible(selector, chromedp.ByQuery))
	b.eval(fmt.Sprintf(`(() => {
		const field = document.querySelector(%q);
		field.focus();
		field.select();
		return true;
	})()`, selector), new(bool))
	b.run("type into "+selector, chromedp.KeyEvent("\b"), insertText(text))
}

func insertText(text string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		return chromedp.KeyEvent(text).Do(ctx)
	})
}

// choose picks an option of a select by its value.
func (b *tab) choose(selector, value string) {
	b.t.Helper()
	b.run("choose "+value, chromedp.WaitVisible(selector, chromedp.ByQuery))
	b.eval(fmt.Sprintf(`(() => {
		const select = document.querySelector(%q);
		select.value = %q;
		select.dispatchEvent(new Event('input', { bubbles: true }));
		select.dispatchEvent(new Event('change', { bubbles: true }));
		return select.value === %[2]q;
	})()`, selector, value), new(bool))
}

// eval evaluates an expression, promises awaited.
func (b *tab) eval(expression string, into any) {
	b.t.Helper()
	b.run("evaluate "+expression, chromedp.Evaluate(expression, into, func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
		return p.WithAwaitPromise(true)
	}))
}

// until waits for an expression to become true.
func (b *tab) until(expression string) {
	b.t.Helper()
	deadline := time.Now().Add(stepTimeout)
	for {
		// An evaluation fails where the page is just being loaded.
		var holds bool
		err := chromedp.Run(b.ctx, chromedp.Evaluate("Boolean("+expression+")", &holds))
		if err == nil && holds {
			return
		}
		if time.Now().After(deadline) {
			var state string
			chromedp.Run(b.ctx, chromedp.Evaluate(`document.querySelector('main').innerText`, &state))
			b.t.Fatalf("never true: %s: %v; the page says:\n%s", expression, err, state)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// text returns what an element says.
func (b *tab) text(selector string) string {
	b.t.Helper()
	var text string
	b.eval(fmt.Sprintf(`document.querySelector(%q).textContent`, selector), &text)
	return text
}

// wantText fails the test unless an element comes to say what is wanted.
func (b *tab) wantText(selector, want string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%q)?.textContent.includes(%q)`, selector, want))
}
