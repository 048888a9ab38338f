package consumer

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	_ "modernc.org/sqlite"
)

// A database that runs in the process works in a bubble, if it is opened and closed
// there. This one has a table of jobs; one job waits for the rate limit, and is tried
// again when Retryable says so.
func TestDatabaseInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "jobs.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		exec := func(query string, args ...any) {
			t.Helper()
			if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
				t.Fatal(err)
			}
		}
		exec("CREATE TABLE jobs (id TEXT PRIMARY KEY, due INTEGER, answer TEXT)")
		for i := range 3 {
			exec("INSERT INTO jobs (id, due) VALUES (?, ?)", fmt.Sprint("job-", i), time.Now().Unix())
		}
		server := clawhqtest.NewTestServer(t, clawhqtest.WithInMemory())
		server.Inject(clawhqtest.FaultRateLimit("600"))
		client := server.Client()
		start := time.Now()
		for {
			var id string
			var due int64
			err := db.QueryRowContext(t.Context(), "SELECT id, due FROM jobs WHERE answer IS NULL ORDER BY due, id").Scan(&id, &due)
			if err == sql.ErrNoRows {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Until(time.Unix(due, 0)))
			resp, err := client.Chat(t.Context(), clawhq.ChatRequest{Message: id}, clawhq.WithIdempotencyKey(id))
			if err == nil {
				exec("UPDATE jobs SET answer = ? WHERE id = ?", resp.Response, id)
			} else if after, again := clawhq.Retryable(err); again {
				exec("UPDATE jobs SET due = ? WHERE id = ?", time.Now().Add(max(after, time.Minute)).Unix(), id)
			} else {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("took %v, want the 10 minutes that the service asked for", took)
		}
	})
}

// While a goroutine of a bubble waits for a socket, virtual time stands still, so
// that a deadline does not end the wait.
func TestSocketInABubble(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			time.Sleep(50 * time.Millisecond)
			io.WriteString(conn, "row\n")
			conn.Close()
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		row, err := io.ReadAll(conn)
		if string(row) != "row\n" || err != nil || ctx.Err() != nil || !time.Now().Equal(start) {
			t.Errorf("got %q, %v after %v of virtual time; the context: %v", row, err, time.Since(start), ctx.Err())
		}
	})
}
