package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
)

// A run that was stopped leaves the rows that were answered, and the next one goes on
// after them, wherever a crash has cut the file off.
func TestResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
		server.HandleAgent("echo", func(_ context.Context, m clawhqtest.Message) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				time.Sleep(3 * time.Second)
				yield(m.Text+"!", nil)
			}
		})
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out.csv")
		var questions, answers strings.Builder
		for i := range 130 { // five batches
			fmt.Fprintf(&questions, "\"q\n%d\",x\n", i)
			fmt.Fprintf(&answers, "\"q\n%d\",x,\"q\n%[1]d!\",\n", i)
		}
		if err := os.WriteFile(in, []byte(questions.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		if err := run(ctx, server.Client(), "echo", in, out); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v", err)
		}
		part, err := os.ReadFile(out)
		if err != nil || len(part) == 0 || len(part) == answers.Len() || !strings.HasPrefix(answers.String(), string(part)) {
			t.Fatalf("after the first run got %v:\n%s", err, part)
		}
		for _, cut := range []int{len(part), len(part) - 1, len(part) - 2, len(part) - 5, 3, 0} {
			if err := os.WriteFile(out, part[:cut], 0o600); err != nil {
				t.Fatal(err)
			}
			if err := run(t.Context(), server.Client(), "echo", in, out); err != nil {
				t.Errorf("cut at %d: %v", cut, err)
			}
			if got, _ := os.ReadFile(out); string(got) != answers.String() {
				t.Errorf("cut at %d: got\n%s", cut, got)
			}
		}
		// The output of another input is left alone.
		if err := os.WriteFile(in, []byte("other,x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), server.Client(), "echo", in, out); err == nil {
			t.Error("the output of another input was taken for one's own")
		}
		if got, _ := os.ReadFile(out); string(got) != answers.String() {
			t.Error("the output of another input has changed")
		}
	})
}
