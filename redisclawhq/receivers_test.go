package redisclawhq_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/redis/go-redis/v9"
)

const receiverVariable = "CLAWHQ_SEEN_RECEIVER"

// receive handles the events that it reads, a line each, if this process is a
// receiver. It writes to a file, which all receivers share, that it handles an event,
// and that the event is done.
func receive() {
	socket, file, ok := strings.Cut(os.Getenv(receiverVariable), " ")
	if !ok {
		return
	}
	record, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	seen := redisclawhq.NewSeen(redis.NewClient(&redis.Options{Network: "unix", Addr: socket}), redisclawhq.SeenOptions{Lease: time.Second})
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		event := lines.Text()
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			claimed, err := seen.Claim(ctx, event)
			if err == nil && claimed {
				fmt.Fprintln(record, "handle", event)
				time.Sleep(rand.N(200 * ms))
				if err = seen.Done(ctx, event); err == nil {
					fmt.Fprintln(record, "done", event)
				}
			}
			if err == nil {
				fmt.Println(event) // answered well
			}
		}()
	}
	os.Exit(0)
}

// receivers are processes that are replaced when they are killed.
type receivers struct {
	t    *testing.T
	env  string
	mu   sync.Mutex
	cmds [8]*exec.Cmd
	ins  [8]io.Writer
	good map[string]bool // events that a receiver has answered well
}

// start starts the i-th receiver. The caller holds the mutex.
func (r *receivers) start(i int) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), r.env)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		r.t.Error(err)
		return
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Error(err)
		return
	}
	if err := cmd.Start(); err != nil {
		r.t.Error(err)
		return
	}
	r.cmds[i], r.ins[i] = cmd, in
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			r.mu.Lock()
			r.good[lines.Text()] = true
			r.mu.Unlock()
		}
		cmd.Wait()
	}()
}

// Receivers that are killed at random handle no event again after it was done, and
// lose none.
func TestReceiversKilledAtRandom(t *testing.T) {
	t.Parallel()
	store := startRedis(t)
	file := filepath.Join(t.TempDir(), "record")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := &receivers{t: t, env: receiverVariable + "=" + store.Socket() + " " + file, good: make(map[string]bool)}
	r.mu.Lock()
	for i := range r.cmds {
		r.start(i)
	}
	r.mu.Unlock()
	t.Cleanup(func() {
		for _, cmd := range r.cmds {
			cmd.Process.Kill()
		}
	})
	stop, killer := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(killer)
		for {
			select {
			case <-stop:
				return
			case <-time.After(rand.N(300 * ms)):
			}
			r.mu.Lock()
			i := rand.N(len(r.cmds))
			r.cmds[i].Process.Kill()
			r.start(i)
			r.mu.Unlock()
		}
	}()
	const events = 100
	var group sync.WaitGroup
	for i := range events {
		event := fmt.Sprint("event", i)
		group.Go(func() { // the sender repeats a delivery that was not answered well
			for end := time.Now().Add(time.Minute); ; {
				r.mu.Lock()
				good := r.good[event]
				for range 2 { // to two receivers at a time
					fmt.Fprintln(r.ins[rand.N(len(r.ins))], event)
				}
				r.mu.Unlock()
				if good { // also delivered once more
					return
				}
				if time.Now().After(end) {
					t.Errorf("%s: never answered well", event)
					return
				}
				time.Sleep(time.Second + rand.N(time.Second))
			}
		})
		time.Sleep(20 * ms)
	}
	group.Wait()
	close(stop)
	<-killer
	time.Sleep(time.Second)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	done, twice := map[string]bool{}, 0
	handled := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		verb, event, _ := strings.Cut(strings.TrimSpace(line), " ")
		if verb == "done" {
			done[event] = true
			continue
		}
		if done[event] {
			t.Errorf("%s was handled again after it was done", event)
		}
		if handled[event] {
			twice++
		}
		handled[event] = true
	}
	t.Logf("%d events handled, %d of them more than once", len(handled), twice)
	if len(handled) != events {
		t.Errorf("%d events were handled, want %d", len(handled), events)
	}
}
