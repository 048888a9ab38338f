// Fleet runs four processes that share one key through Redis, and prints every
// second how many calls each of them has made. Kill Redis to see that no call fails.
//
//	go run ./examples/fleet                      # starts its own redis-server
//	go run ./examples/fleet -redis localhost:6379
//	go run ./examples/fleet -rpm 300 -for 3m
//
// If CLAWHQ_API_KEY is set, Fleet calls the real service. Otherwise it starts the
// reference server in its own process, with a key that allows -rpm calls a minute.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

const (
	machines = 4
	workers  = 8 // of each machine
)

func main() {
	log.SetFlags(0)
	address := flag.String("redis", "", "address of the Redis, like localhost:6379")
	rpm := flag.Int("rpm", 60, "calls a minute that the reference server's key allows")
	length := flag.Duration("for", 2*time.Minute, "how long to run")
	machine := flag.Bool("machine", false, "be one of the machines")
	flag.Parse()
	if *rpm < 1 {
		log.Fatalf("-rpm is %d, want at least 1", *rpm)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, *length, errOver)
	defer cancel()

	work := fleet
	if *machine {
		work = call
	}
	if err := work(ctx, *address, *rpm); err != nil {
		log.Fatal(err)
	}
}

var errOver = errors.New("the time is over")

// call is one machine. Its workers pause at random between calls, so that all
// machines together would call a quarter more often than the key allows. For each
// call it prints the number of attempts, or the error.
func call(ctx context.Context, address string, rpm int) error {
	logging.Disable() // go-redis would log each connection that fails; the Limiter logs the loss of Redis once
	pause := time.Minute * machines * workers / time.Duration(rpm) * 4 / 5
	rdb := redis.NewClient(&redis.Options{Addr: address})
	defer rdb.Close()
	limiter, err := redisclawhq.NewLimiter(rdb, "fleet",
		redisclawhq.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))))
	if err != nil {
		return err
	}
	defer limiter.Close()
	client, err := clawhq.NewClient(clawhq.WithLimiter(limiter))
	if err != nil {
		return err
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx)) // without the deadline, ahead of which calls would be refused
	defer stop()
	context.AfterFunc(ctx, stop)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				select {
				case <-time.After(rand.N(2 * pause)):
				case <-working.Done():
					return
				}
				var info clawhq.ResponseInfo
				_, err := client.Chat(working, clawhq.ChatRequest{Message: "hi"}, clawhq.WithResponseInfo(&info))
				switch {
				case err == nil:
					fmt.Println(info.Attempts)
				case working.Err() == nil:
					fmt.Println(err)
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// fleet starts the machines and prints their calls.
func fleet(ctx context.Context, address string, rpm int) error {
	if address == "" {
		dir, err := os.MkdirTemp("", "fleet")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if address, err = startRedis(ctx, dir); err != nil {
			return err
		}
	}
	env := os.Environ()
	if os.Getenv(clawhq.EnvAPIKey) == "" {
		log.Printf("(%s is not set: this is the reference server, with a key of %d calls a minute)", clawhq.EnvAPIKey, rpm)
		server := clawhqtest.NewServer(clawhqtest.WithPlainHTTP())
		defer server.Close()
		server.SetRateLimit(server.KeyID(), rpm)
		env = append(env, clawhq.EnvAPIKey+"="+server.APIKey(), clawhq.EnvBaseURL+"="+server.URL())
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var totals totals
	var wg sync.WaitGroup
	for i := range machines {
		cmd := exec.CommandContext(ctx, self, "-machine", "-redis", address, "-rpm", strconv.Itoa(rpm), "-for", "24h")
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 5 * time.Second
		cmd.Env, cmd.Stderr = env, os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		wg.Go(func() {
			totals.read(i, out)
			cmd.Wait()
		})
	}
	start := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			fmt.Println(totals.line(time.Since(start)))
		case <-ctx.Done():
		}
	}
	wg.Wait()
	fmt.Println(totals.sum())
	if totals.failed > 0 {
		return fmt.Errorf("%d calls failed", totals.failed)
	}
	return nil
}

// totals counts the calls of the machines.
type totals struct {
	mu              sync.Mutex
	calls, second   [machines]int // all calls, and those since the last line
	times           []time.Time
	retries, failed int
}

// read counts what a machine prints.
func (t *totals) read(machine int, out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var attempts int
		_, err := fmt.Sscanf(lines.Text(), "%d", &attempts)
		t.mu.Lock()
		if err != nil {
			t.failed++
			log.Print(lines.Text())
		} else {
			t.calls[machine]++
			t.second[machine]++
			t.retries += attempts - 1
			t.times = append(t.times, time.Now())
		}
		t.mu.Unlock()
	}
}

// line describes the calls of the last second, and of the last minute.
func (t *totals) line(at time.Duration) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%4.0fs ", at.Seconds())
	for i, n := range t.second {
		fmt.Fprintf(&b, "  machine %d: %3d (%3d)", i+1, n, t.calls[i])
	}
	t.second = [machines]int{}
	within := 0
	for _, at := range t.times {
		if time.Since(at) < time.Minute {
			within++
		}
	}
	fmt.Fprintf(&b, "   %d in the last minute, %d retries, %d failed", within, t.retries, t.failed)
	return b.String()
}

func (t *totals) sum() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("calls of the machines: %v, %d retries, %d failed", t.calls, t.retries, t.failed)
}

// startRedis starts a redis-server that ends with ctx, and returns the address of
// its socket, which is in dir.
func startRedis(ctx context.Context, dir string) (string, error) {
	socket := filepath.Join(dir, "redis.sock")
	cmd := exec.CommandContext(ctx, "redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("give the address of a Redis by -redis, or install redis-server: %w", err)
	}
	log.Printf("(-redis is not set: started a redis-server, process %d)", cmd.Process.Pid)
	go cmd.Wait()
	for range 500 {
		if _, err := os.Stat(socket); err == nil {
			return socket, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return "", errors.New("redis-server did not start")
}
