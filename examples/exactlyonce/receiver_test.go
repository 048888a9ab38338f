//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/webhook"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

func open(t *testing.T, dsn string) *pgxpool.Pool {
	t.Helper()
	db, err := Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func createWebhook(t *testing.T, service *clawhqtest.Server) *clawhq.CreatedWebhook {
	t.Helper()
	hook, err := service.Client().Webhooks.Create(t.Context(), clawhq.CreateWebhookRequest{
		URL: "https://hooks.example.com/", Events: []webhook.EventType{webhook.EventAPIRequest},
	})
	if err != nil {
		t.Fatal(err)
	}
	return hook
}

// A fleet is several processes behind a load balancer. One that was killed is
// started again.
type fleet struct {
	addrs [4]atomic.Pointer[string] // nil while a process is being started
	next  atomic.Int64
	kills struct {
		sync.Mutex
		at map[string]int // by place
	}
}

// run runs one of the processes until ctx ends.
func (f *fleet) run(ctx context.Context, t *testing.T, i int, dsn, secret string) {
	for ctx.Err() == nil {
		p := startProcess(t, dsn, secret, afterInsert, beforeCommit, beforeDone)
		f.addrs[i].Store(&p.addr)
		stop := context.AfterFunc(ctx, func() { p.alive.Close() })
		place := p.line() // where it ends, or nothing at ctx's end
		f.addrs[i].Store(nil)
		stop()
		p.end()
		if place != "" {
			f.kills.Lock()
			f.kills.at[place]++
			f.kills.Unlock()
		}
	}
}

// ServeHTTP passes a delivery on to one of the processes. A delivery that the
// process does not answer is one that the service sends again.
func (f *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for range f.addrs {
		addr := f.addrs[f.next.Add(1)%int64(len(f.addrs))].Load()
		if addr == nil {
			continue
		}
		proxy := httputil.ReverseProxy{
			Rewrite:  func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", *addr },
			ErrorLog: log.New(io.Discard, "", 0),
		}
		proxy.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}

// 1,000 events, delivered to four processes that kill themselves at all the places
// that matter: none is lost, and none is counted twice.
func TestKilled(t *testing.T) {
	dsn := startPostgres(t)
	db := open(t, dsn)
	service := clawhqtest.NewTestServer(t)
	hook := createWebhook(t, service)
	f := &fleet{}
	f.kills.at = map[string]int{}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for i := range f.addrs {
		running.Go(func() { f.run(ctx, t, i, dsn, hook.Secret.Reveal()) })
	}
	service.DeliverTo(f)

	const events = 1000
	var next atomic.Int64
	var emitting sync.WaitGroup
	for range 16 {
		emitting.Go(func() {
			for n := next.Add(1); n <= events; n = next.Add(1) {
				service.Emit(webhook.EventAPIRequest, webhook.APIRequest{Agent: fmt.Sprint(n)})
				if n%100 == 0 {
					service.AdvanceClock(30 * time.Second) // the first retries come between the events
				}
			}
		})
	}
	emitting.Wait()

	// What failed is sent again, until nothing does. A webhook that has failed too
	// often is resumed.
	resume := false
	for failed := true; failed; {
		for _, wait := range []time.Duration{30 * time.Second, 5 * time.Minute, 30 * time.Minute} {
			service.AdvanceClock(wait)
		}
		if _, err := service.Client().Webhooks.Update(t.Context(), hook.ID, clawhq.UpdateWebhookRequest{Paused: &resume}); err != nil {
			t.Fatal(err)
		}
		result, err := service.Client().Webhooks.RetryFailed(t.Context(), hook.ID)
		if err != nil {
			t.Fatal(err)
		}
		failed = result.Retried > 0
	}

	// Some are replayed, though they were handled.
	deliveries, err := service.Client().Webhooks.Deliveries(t.Context(), hook.ID)
	if err != nil {
		t.Fatal(err)
	}
	replayed := 0
	for i, d := range deliveries {
		if i%8 == 0 {
			service.AdvanceClock(time.Minute) // ten may be replayed in a minute
		}
		if _, err := service.Client().Webhooks.Replay(t.Context(), hook.ID, d.ID); err == nil {
			replayed++ // and no process was killed by it
		}
	}
	stop()
	running.Wait()

	rows, err := db.Query(t.Context(), `SELECT agent, chats FROM usage`)
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]int{}
	var agent string
	var chats int
	if _, err := pgx.ForEachRow(rows, []any{&agent, &chats}, func() error { counted[agent] = chats; return nil }); err != nil {
		t.Fatal(err)
	}
	lost, twice := 0, 0
	for n := 1; n <= events; n++ {
		switch times := counted[fmt.Sprint(n)]; {
		case times == 0:
			lost++
		case times > 1:
			twice++
		}
	}
	t.Logf("%d deliveries of %d events, %d of them replays; kills by place %v; %d lost, %d twice",
		len(service.Deliveries()), events, replayed, f.kills.at, lost, twice)
	if lost > 0 || twice > 0 || len(counted) != events || replayed == 0 {
		t.Errorf("%d lost, %d twice, %d agents, %d replays", lost, twice, len(counted), replayed)
	}
	for _, place := range []string{afterInsert, beforeCommit, beforeDone} {
		if f.kills.at[place] == 0 {
			t.Errorf("no process was killed at %s", place)
		}
	}
}

// deliver sends an event as the service does, and returns the status of the answer.
func deliver(t *testing.T, addr, secret, data string, at time.Time) int {
	t.Helper()
	body := fmt.Appendf(nil, `{"event":"api.request","data":%s,"timestamp":%q}`, data, at.UTC().Format(time.RFC3339Nano))
	req, err := http.NewRequest(http.MethodPost, "http://"+addr, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	webhook.Sign(req.Header, body, secret, webhook.EventAPIRequest, time.Now())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func chats(t *testing.T, db *pgxpool.Pool, agent string) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), `SELECT coalesce(sum(chats), 0) FROM usage WHERE agent = $1`, agent).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A process that stops in its transaction, as a machine that has lost its network
// does, keeps another from handling the event only for a time. When it goes on, its
// work is not counted.
func TestFrozen(t *testing.T) {
	dsn := startPostgres(t)
	db := open(t, dsn)
	const secret = "whsec_of_this_test"
	impatient := dsn + " idle_in_transaction_session_timeout=1s"
	stopped, other := startProcess(t, impatient, secret, frozen), startProcess(t, impatient, secret)
	defer stopped.end()
	defer other.end()
	data, at := `{"agent":"`+frozen+`"}`, time.Now()
	first := make(chan int, 1)
	go func() { first <- deliver(t, stopped.addr, secret, data, at) }()
	if said := stopped.line(); said != frozen {
		t.Fatalf("the process said %q", said)
	}
	if status := deliver(t, other.addr, secret, data, at); status != 200 {
		t.Errorf("the other process answered %d, want 200", status)
	}
	stopped.cmd.Process.Signal(syscall.SIGCONT)
	if status := <-first; status != 500 {
		t.Errorf("the stopped process answered %d, want 500", status)
	}
	if n := chats(t, db, frozen); n != 1 {
		t.Errorf("counted %d times, want once", n)
	}
	var patience string
	if err := db.QueryRow(t.Context(), `SHOW idle_in_transaction_session_timeout`).Scan(&patience); err != nil || patience != "15s" {
		t.Errorf("by default the database waits %s, %v, want 15s", patience, err)
	}
}

// Fingerprints are kept for as long as an event may be handled.
func TestForget(t *testing.T) {
	dsn := startPostgres(t)
	db := open(t, dsn)
	open(t, dsn) // the tables may be there
	const secret = "whsec_of_this_test"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go http.Serve(listener, NewReceiver(db, webhook.Options{Secrets: []string{secret}, Logger: slog.New(slog.DiscardHandler)}, Count))
	young, old := time.Now().Add(-keep+time.Hour), time.Now().Add(-keep-time.Hour)
	for _, step := range []struct {
		data   string
		at     time.Time
		status int
		chats  int
	}{
		{`{"agent":"a"}`, young, 200, 1},
		{`{"agent":"a"}`, young, 200, 1},
		{`{"agent":"a"}`, old, 500, 1},
		{`{"agent":7}`, young, 500, 1},
		{`{"agent":"a"}`, young.Add(time.Millisecond), 200, 2},
	} {
		if err := Forget(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if status := deliver(t, listener.Addr().String(), secret, step.data, step.at); status != step.status || chats(t, db, "a") != step.chats {
			t.Errorf("%s of %v: got %d and %d chats, want %d and %d", step.data, step.at, status, chats(t, db, "a"), step.status, step.chats)
		}
	}
	if _, err := db.Exec(t.Context(), `UPDATE webhook_events SET happened_at = $1`, old.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	var kept int
	if err := Forget(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM webhook_events`).Scan(&kept); err != nil || kept != 0 {
		t.Errorf("%d old fingerprints are left, %v", kept, err)
	}
}

// What the program shows by itself.
func TestShow(t *testing.T) {
	db := open(t, startPostgres(t))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := show(t.Context(), listener, db, &out); err != nil {
		t.Fatal(err)
	}
	if want := "support-bot: 3 chats\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}
