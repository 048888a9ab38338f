package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/creack/pty"
)

// TestMain makes the test's program the example's, if it is told to.
func TestMain(m *testing.M) {
	if os.Getenv("BULK_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A bench is a service and an input of some questions.
type bench struct {
	service *clawhqtest.Server
	in, out string
	want    string // the output
}

func newBench(t *testing.T, n int) bench {
	t.Helper()
	service := clawhqtest.NewTestServer(t, clawhqtest.WithPlainHTTP(), clawhqtest.WithAgent("support-bot", func(ctx context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			time.Sleep(10 * time.Millisecond)
			yield("re: "+m.Text, nil)
		}
	}))
	service.SetRateLimit(service.KeyID(), 10_000)
	dir := t.TempDir()
	b := bench{service: service, in: filepath.Join(dir, "questions.csv"), out: filepath.Join(dir, "answers.csv")}
	var in, out strings.Builder
	in.WriteString("customer,id,question\n")
	out.WriteString("customer,id,question,answer,error\n")
	for i := range n {
		fmt.Fprintf(&in, "\"Ada, %d\",k%[1]d,question %[1]d\n", i)
		fmt.Fprintf(&out, "\"Ada, %d\",k%[1]d,question %[1]d,re: question %[1]d,\n", i)
	}
	b.want = out.String()
	if err := os.WriteFile(b.in, []byte(in.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// program returns the example as a command that uses the service of the bench.
func (b bench) program(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"-in", b.in, "-out", b.out}, args...)...)
	cmd.Env = append(os.Environ(), "BULK_MAIN=1", clawhq.EnvAPIKey+"="+b.service.APIKey(), clawhq.EnvBaseURL+"="+b.service.URL())
	return cmd
}

func (b bench) wantOutput(t *testing.T) {
	t.Helper()
	if got, err := os.ReadFile(b.out); err != nil || string(got) != b.want {
		t.Errorf("got %v:\n%.400s\nwant\n%.400s", err, got, b.want)
	}
}

// The output has the rows of the input in their order; the second time nothing is
// asked.
func TestBulk(t *testing.T) {
	t.Parallel()
	b := newBench(t, 100)
	for range 2 {
		out, err := b.program(t).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "100 answered, 0 failed") {
			t.Fatalf("%v\n%s", err, out)
		}
		b.wantOutput(t)
		if n := len(b.service.Requests()); n != 100 {
			t.Errorf("made %d requests, want 100", n)
		}
	}
}

// The program is killed, and interrupted, again and again: the output is that of a
// program that was not.
func TestKillAndInterrupt(t *testing.T) {
	t.Parallel()
	b := newBench(t, 400)
	stops := 0
	for {
		cmd := b.program(t)
		var text strings.Builder
		cmd.Stdout, cmd.Stderr = &text, &text
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var err error
		select {
		case <-time.After(50*time.Millisecond + rand.N(100*time.Millisecond)):
			if stops++; stops%2 == 0 {
				cmd.Process.Signal(os.Interrupt)
			} else {
				cmd.Process.Kill()
			}
			err = <-ended
		case err = <-ended:
		}
		if err == nil {
			break
		}
		if code := cmd.ProcessState.ExitCode(); code != -1 && code != 130 {
			t.Fatalf("ended with status %d:\n%s", code, &text)
		}
		if _, err := os.Stat(b.out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("there is an output before the end: %v", err)
		}
	}
	b.wantOutput(t)
	if stops < 2 {
		t.Errorf("the program was stopped %d times", stops)
	}
}

// What is refused stands in the output; what failed for a time does too, and is
// asked again the next time.
func TestFailures(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	in, err := os.ReadFile(b.in)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.in, append(in, ",long,"+strings.Repeat("x", 10_001)+"\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := b.program(t).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "3 answered, 1 failed") {
		t.Fatalf("%v\n%s", err, out)
	}
	file, err := os.Open(b.out)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) != 5 || rows[4][3] != "" || !strings.Contains(rows[4][4], "10000") {
		t.Errorf("got %q, %v", rows, err)
	}
}

// A bad input is told before anything is asked.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"id,text\n1,hi\n":              `no column is named "question"`,
		"id,question\n1,hi\n2\n":       "wrong number of fields",
		"id,question\n1,hi\n1,hello\n": `the ID "1" has come before`,
		"id,question\n,hi\n":           "has no ID",
	} {
		b := newBench(t, 0)
		if err := os.WriteFile(b.in, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := b.program(t).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: got %v, %s", content, err, out)
		}
	}
}

// A dry run asks nothing and makes no file.
func TestDryRun(t *testing.T) {
	t.Parallel()
	b := newBench(t, 600)
	out, err := b.program(t, "-dry-run").CombinedOutput()
	if err != nil || string(out) != "600 questions, 0 of them answered\nat 30 RPM: 20m0s\nat 60 RPM: 10m0s\nat 120 RPM: 5m0s\nat 300 RPM: 2m0s\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if n := len(b.service.Requests()); n != 0 {
		t.Errorf("made %d requests", n)
	}
	if _, err := os.Stat(b.out + ".state"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state: %v", err)
	}
	if out, err := b.program(t).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err = b.program(t, "-dry-run").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "600 questions, 600 of them answered\nat 30 RPM: 0s\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// On a terminal there is a bar.
func TestBar(t *testing.T) {
	t.Parallel()
	b := newBench(t, 50)
	terminal, err := pty.StartWithSize(b.program(t), &pty.Winsize{Rows: 25, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	out, _ := io.ReadAll(terminal) // the error is that of a closed terminal
	for _, want := range []string{"█", "(50/50)", "50 answered, 0 failed", "/min"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("does not show %q:\n%q", want, out)
		}
	}
	b.wantOutput(t)
}

// Without a key and an input, it shows what it does.
func TestByItself(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "BULK_MAIN=1", clawhq.EnvAPIKey+"=", clawhq.EnvBaseURL+"=")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "reference server") || !strings.Contains(string(out), "4 answered, 0 failed") {
		t.Errorf("%v\n%s", err, out)
	}
}
