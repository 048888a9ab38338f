package e2e

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
)

// start runs the example in front of a service and returns its address.
func start(t *testing.T, service *clawhqtest.Server) (url string, program *exec.Cmd) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "webbackend")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	program = exec.Command(binary, "-addr", "127.0.0.1:0")
	program.Env = append(os.Environ(), clawhq.EnvAPIKey+"="+service.APIKey(), clawhq.EnvBaseURL+"="+service.URL())
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		program.Process.Signal(os.Interrupt)
		if err := program.Wait(); err != nil {
			t.Errorf("the program did not end cleanly: %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), program
}

// An agent that a test leads by the hand.
type puppet struct {
	says    chan string // piece by piece; closed at the end
	stopped chan struct{}
}

func (p puppet) answer(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for {
			select {
			case text, more := <-p.says:
				if !more || !yield(text, nil) {
					return
				}
			case <-ctx.Done():
				close(p.stopped)
				return
			}
		}
	}
}

func perform(service *clawhqtest.Server) puppet {
	p := puppet{make(chan string), make(chan struct{})}
	service.HandleAgent("support-bot", p.answer)
	return p
}

func TestChat(t *testing.T) {
	service := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP())
	url, _ := start(t, service)
	b := openTab(t, url)

	t.Run("an answer appears as it is made", func(t *testing.T) {
		b.t = t
		agent := perform(service)
		b.enter("textarea", "Is <b>this</b> safe?")
		b.wantText("li:nth-child(1).you", "Is <b>this</b> safe?")
		agent.says <- "one <i>"
		b.wantText("li:nth-child(2).agent[aria-busy=true]", "one <i>")
		agent.says <- "two\nthree"
		b.wantText("li:nth-child(2).agent[aria-busy=true]", "one <i>two\nthree")
		close(agent.says)
		b.wantText("li:nth-child(2).agent[aria-busy=false]", "one <i>two\nthree")
		b.until(`document.activeElement.name === "q" && document.activeElement.value === ""`)
	})

	t.Run("the conversation goes on, over a reload too", func(t *testing.T) {
		b.t = t
		service.HandleAgent("support-bot", func(_ context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { yield(fmt.Sprint(len(m.History)), nil) }
		})
		b.run("reload", chromedp.Reload())
		b.count("li", 2)
		b.enter("textarea", "How long is our history?")
		b.wantText("li:nth-child(4).agent[aria-busy=false]", "2")
		b.click("#new")
		b.count("li", 0)
		b.enter("textarea", "And now?")
		b.wantText("li:nth-child(2).agent[aria-busy=false]", "0")
	})

	t.Run("Stop stops the agent within a second", func(t *testing.T) {
		b.t = t
		agent := perform(service)
		b.enter("textarea", "Think.")
		agent.says <- "Well"
		b.wantText("li:last-child.agent", "Well")
		clicked := time.Now()
		b.click("#stop")
		<-agent.stopped
		if took := time.Since(clicked); took > time.Second {
			t.Errorf("the agent went on for %v, want 1 s at most", took)
		}
		b.wantText("li:last-child.agent[aria-busy=false]", "WellStopped.")
	})

	t.Run("errors are told", func(t *testing.T) {
		b.t = t
		service.HandleAgent("support-bot", clawhqtest.Reply("one ", "two "))
		for _, tt := range []struct {
			fault clawhqtest.Fault
			want  string
		}{
			{clawhqtest.FaultStatus(404, clawhq.CodeAgentNotFound), "There is no such agent."},
			{clawhqtest.FaultStreamError(clawhq.CodeStreamError, 1), "one The answer could not be made. Please try again."},
			{clawhqtest.FaultStreamCut(1), "one The answer could not be made. Please try again."},
		} {
			service.Inject(tt.fault)
			b.enter("textarea", "hi")
			b.wantText("li:last-child.agent[aria-busy=false]", tt.want)
		}
	})

	t.Run("an answer goes on after a reload", func(t *testing.T) {
		b.t = t
		before := len(service.Requests())
		agent := perform(service)
		b.enter("textarea", "Think.")
		agent.says <- "Well"
		b.wantText("li:last-child.agent[aria-busy=true]", "Well")
		b.run("reload", chromedp.Reload())
		b.wantText("li:last-child.agent[aria-busy=true]", "Well")
		agent.says <- ", yes"
		b.wantText("li:last-child.agent[aria-busy=true]", "Well, yes")
		b.run("leave", chromedp.Navigate("about:blank"))
		agent.says <- ", and no"
		close(agent.says)
		b.run("come back", chromedp.Navigate(url))
		b.wantText("li:last-child.agent[aria-busy=false]", "Well, yes, and no")
		if n := len(service.Requests()) - before; n != 1 {
			t.Errorf("the agent was asked %d times, want 1", n)
		}
	})
}

// A page is told when the program stops in the middle of an answer.
func TestShutdown(t *testing.T) {
	service := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP())
	url, program := start(t, service)
	b := openTab(t, url)
	agent := perform(service)
	b.enter("textarea", "Think.")
	agent.says <- "Well. "
	b.wantText("li:last-child.agent", "Well. ")
	program.Process.Signal(os.Interrupt)
	b.wantText("li:last-child.agent[aria-busy=false]", "Well. There is no answer at the moment. Please try again later.")
	<-agent.stopped
	b.enter("textarea", "Hello?")
	b.wantText("li:last-child.agent[aria-busy=false]", "The server cannot be reached.")
}
