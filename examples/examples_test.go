// Package examples_test runs every example, as a reader would.
package examples_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/webhook"
)

// What each example prints, among other things. Those that serve until they
// are interrupted have a test below.
var prints = map[string][]string{
	"quickstart": {"its own reference server, at https://127.0.0.1:", "support-bot: Thanks for", "Webhooks are HTTP callbacks", "404 agent_not_found", "request id req_"},
	"chat":       {"reference server", "Our support hours are"},
	"stream":     {"reference server", "Webhooks are HTTP callbacks"},
	"errors": {"shed load for 7s", "shed load for 6s", "revoked_api_key", "deploy the agent", "agent_offline", "tell support about req_",
		"502 Bad Gateway", "no reply", `"Thanks for ", and then`, "stream_truncated", `mend "message" of the request (sent: false)`, "no room before the deadline", "out of time"},
	"keys":       {"reference server", "created:   clw_", "published: in ", "drained:   for 1s", "revoked:   clw_", "calls were made, 0 failed"},
	"threads":    {"reference server", "new thread thread_"},
	"batch":      {"reference server", "What are your business hours?,", "9:00 to 18:00 UTC", "Do you ship abroad?,"},
	"files":      {"reference server", "note.txt: 38 of 38 bytes", "note.txt: processed", "in the knowledge base:\n  file_"},
	"webbackend": nil,
	"webhook":    nil,
	"testing":    nil, // a package with a test of its own
}

// What the examples ask of a service that is not inside themselves: how many
// requests they make, and with which arguments.
var calls = map[string]struct {
	requests int
	args     []string
}{
	"quickstart": {3, nil},
	"chat":       {1, []string{"What", "now?"}},
	"stream":     {1, []string{"What", "now?"}},
	"threads":    {3, []string{"-delete"}},
}

// bin is the folder of the programs, which are built once for all tests.
var bin string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if bin, err = os.MkdirTemp("", "examples"); err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(bin)
		if out, err := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "./...").CombinedOutput(); err != nil {
			log.Printf("%v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for name, want := range prints {
		if want == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := command(t, filepath.Join(bin, name)).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, s := range want {
				if !strings.Contains(string(out), s) {
					t.Errorf("does not print %q:\n%s", s, out)
				}
			}
		})
	}

	// With a key, they talk to the service that the environment names.
	for name, want := range calls {
		t.Run(name+" with a key", func(t *testing.T) {
			t.Parallel()
			service := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP())
			cmd := command(t, filepath.Join(bin, name), want.args...)
			cmd.Env = append(cmd.Env, account(service)...)
			out, err := cmd.CombinedOutput()
			if err != nil || strings.Contains(string(out), "reference server") {
				t.Errorf("%v\n%s", err, out)
			}
			if strings.Contains(string(out), service.APIKey()) {
				t.Errorf("prints its key:\n%s", out)
			}
			if got := len(service.Requests()); got != want.requests {
				t.Errorf("made %d requests, want %d", got, want.requests)
			}
		})
	}

	// The new key is where it was told to be, readable by nobody else, and works;
	// the old one does not any more.
	t.Run("keys stored", func(t *testing.T) {
		t.Parallel()
		service := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP())
		out := filepath.Join(t.TempDir(), "clawhq.key")
		cmd := command(t, filepath.Join(bin, "keys"), "-file", out, "-drain", "1ms")
		cmd.Env = append(cmd.Env, account(service)...)
		text, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(text), "reference server") || strings.Contains(string(text), service.APIKey()) {
			t.Fatalf("%v\n%s", err, text)
		}
		if n := len(service.Requests()); n != 4 {
			t.Errorf("made %d requests, want 4", n)
		}
		key, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(out); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("stored as %v, %v", info.Mode(), err)
		}
		hello := clawhq.ChatRequest{Message: "hi"}
		if _, err := service.Client(clawhq.WithAPIKey(strings.TrimSpace(string(key)))).Chat(t.Context(), hello); err != nil {
			t.Errorf("the new key: %v", err)
		}
		var revoked *clawhq.AuthenticationError
		if _, err := service.Client().Chat(t.Context(), hello); !errors.As(err, &revoked) {
			t.Errorf("the old key: %v", err)
		}
	})

	// A thread goes on where it was left.
	t.Run("threads continued", func(t *testing.T) {
		t.Parallel()
		service := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP())
		say := func(line string, args ...string) string {
			cmd := command(t, filepath.Join(bin, "threads"), args...)
			cmd.Env = append(cmd.Env, account(service)...)
			cmd.Stdin = strings.NewReader(line + "\n\n")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return string(out)
		}
		first := say("What are your hours?", "-agent", "support-bot")
		id, rest, _ := strings.Cut(strings.TrimPrefix(first, "new thread "), "\n")
		if !strings.Contains(rest, "assistant: Thanks for") || !strings.Contains(rest, "(not sent, message is required)") {
			t.Errorf("printed %s", first)
		}
		if second := say("And on Sundays?", "-thread", id); !strings.HasPrefix(second, "user: What are your hours?\nassistant: Thanks for") {
			t.Errorf("printed %s", second)
		}
	})

	// Rows come out as they went in, with an answer or an error.
	t.Run("batch of a file", func(t *testing.T) {
		t.Parallel()
		service := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP(), clawhqtest.WithAgent("echo", func(_ context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				if m.Text == "fail" {
					yield("", errors.New("no"))
				} else {
					yield(m.Text+"!", nil)
				}
			}
		}))
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out.csv")
		var questions, answers strings.Builder
		for i := range 70 { // three batches
			fmt.Fprintf(&questions, "q%d,x\n", i)
			fmt.Fprintf(&answers, "q%d,x,q%[1]d!,\n", i)
		}
		questions.WriteString("fail\n")
		answers.WriteString("fail,,Failed to get response from agent\n")
		if err := os.WriteFile(in, []byte(questions.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := command(t, filepath.Join(bin, "batch"), "-in", in, "-out", out, "-agent", "echo")
		cmd.Env = append(cmd.Env, account(service)...)
		if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
			t.Fatalf("%v\n%s", err, text)
		}
		if got, err := os.ReadFile(out); err != nil || string(got) != answers.String() {
			t.Errorf("got %v:\n%s", err, got)
		}
	})

	t.Run("files uploaded and deleted", func(t *testing.T) {
		t.Parallel()
		service := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP())
		dir := t.TempDir()
		good, bad := filepath.Join(dir, "prices.csv"), filepath.Join(dir, "prices.zip")
		for name, content := range map[string]string{good: "a,b\n", bad: "PK\x03\x04"} {
			if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		run := func(args ...string) (string, error) {
			cmd := command(t, filepath.Join(bin, "files"), args...)
			cmd.Env = append(cmd.Env, account(service)...)
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		out, err := run(good)
		_, list, _ := strings.Cut(out, "in the knowledge base:\n")
		if err != nil || !strings.Contains(list, "prices.csv") || !strings.Contains(list, "processed") {
			t.Fatalf("%v\n%s", err, out)
		}
		if out, err := run(bad); err == nil || !strings.Contains(out, `is of type "application/zip"`) {
			t.Errorf("%v\n%s", err, out)
		}
		if out, err := run("-delete", strings.Fields(list)[0]); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		if out, err := run("-delete", strings.Fields(list)[0]); err == nil || !strings.Contains(out, "404 not_found") {
			t.Errorf("deleted again: %v\n%s", err, out)
		}
	})

	t.Run("webbackend", func(t *testing.T) {
		t.Parallel()
		cmd, out := start(t, filepath.Join(bin, "webbackend"), "-addr", "127.0.0.1:0")
		app, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.PostForm(strings.TrimSpace(app)+"/ask", url.Values{"q": {"Explain how webhooks work"}})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		events, err := io.ReadAll(resp.Body)
		if err != nil || !strings.Contains(string(events), `data: {"content":"callbacks "}`) || !strings.HasSuffix(string(events), "event: done\ndata: [DONE]\n\n") {
			t.Errorf("got %v:\n%s", err, events)
		}
		interrupt(t, cmd)
		if err := cmd.Wait(); err != nil {
			t.Errorf("after an interrupt: %v", err)
		}
	})

	t.Run("webhook", func(t *testing.T) {
		t.Parallel()
		const secret = "whsec_of_this_test"
		cmd := command(t, filepath.Join(bin, "webhook"), "-addr", "127.0.0.1:0")
		cmd.Env = append(cmd.Env, "CLAWHQ_WEBHOOK_SECRET="+secret)
		out := run(t, cmd)
		url, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		body := `{"event":"agent.deployed","data":{"agent_name":"Support Bot"},"timestamp":"2026-11-24T17:41:41.610Z"}`
		req, err := http.NewRequest(http.MethodPost, strings.TrimSpace(url), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		webhook.Sign(req.Header, []byte(body), secret, webhook.EventAgentDeployed, time.Now())
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if line, err := out.ReadString('\n'); !strings.Contains(line, "Support Bot is deployed") || resp.StatusCode != http.StatusOK {
			t.Errorf("got %d, printed %q, %v", resp.StatusCode, line, err)
		}
		interrupt(t, cmd)
		if err := cmd.Wait(); err != nil {
			t.Errorf("after an interrupt: %v", err)
		}
	})

	t.Run("webhook by itself", func(t *testing.T) {
		t.Parallel()
		cmd, out := start(t, filepath.Join(bin, "webhook"), "-addr", "127.0.0.1:0")
		if line, err := out.ReadString('\n'); !strings.Contains(line, "/hooks/clawhq") {
			t.Fatalf("printed %q, %v first, want the URL", line, err)
		}
		// The chat's event goes out beside its reply, so either may come first.
		var events []string
		for range 2 {
			line, err := out.ReadString('\n')
			fields := strings.Fields(line)
			if err != nil || len(fields) < 2 {
				t.Fatalf("printed %q, %v, want an event", line, err)
			}
			events = append(events, fields[1])
		}
		slices.Sort(events)
		if want := []string{"api.request", "test"}; !slices.Equal(events, want) {
			t.Errorf("events are %q, want %q", events, want)
		}
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("after an interrupt: %v", err)
		}
	})

	// Ctrl-C stops the stream where it is.
	t.Run("stream interrupted", func(t *testing.T) {
		t.Parallel()
		cmd, out := start(t, filepath.Join(bin, "stream"))
		if _, err := out.ReadString(' '); err != nil { // the first word
			t.Fatal(err)
		}
		interrupt(t, cmd)
		rest, err := io.ReadAll(out)
		if err != nil || strings.Contains(string(rest), "help you with") {
			t.Errorf("went on with %q, %v", rest, err)
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			t.Errorf("exit code is %d", code)
		}
	})
}

// command returns a command that runs a program for a minute at most, without
// a key.
func command(t *testing.T, program string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CLAWHQ_") })
	return cmd
}

// account is the environment of a program that uses the service.
func account(service *clawhqtest.Server) []string {
	return []string{
		clawhq.EnvAPIKey + "=" + service.APIKey(),
		clawhq.EnvBaseURL + "=" + service.URL(),
		"CLAWHQ_SESSION=" + service.Session(),
	}
}

// start starts a program, and returns what it prints.
func start(t *testing.T, program string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := command(t, program, args...)
	return cmd, run(t, cmd)
}

// run starts a command, and returns what it prints.
func run(t *testing.T, cmd *exec.Cmd) *bufio.Reader {
	t.Helper()
	interruptible(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(stdout)
}
