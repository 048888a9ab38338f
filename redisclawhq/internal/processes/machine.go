// Package processes runs machines that share a key, each as a process, and a Redis
// that can be broken in many ways. The tests and the figures of the module use it.
package processes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// A Machine describes what one process does.
type Machine struct {
	Name    string        // the product in its User-Agent
	URL     string        // of the service
	Key     string        // API key
	Redis   string        // socket or address; empty for a machine without a Limiter
	Workers int           // number of goroutines that call without a pause
	Start   time.Time     // of all machines
	Length  time.Duration // from Start to the end

	// Until Start plus Even, calls are made at regular times: the first at Start
	// plus First, and then one each Every. Workers that begin all at once would
	// use the window in one burst in every later minute as well.
	Even, Every, First time.Duration

	Delay [2]time.Duration // one-way delay of the network: least and most
}

// A Report is the result of a machine.
type Report struct {
	Calls  int      // number of calls that succeeded
	Failed []string // errors of the other calls
	Trips  []Trip   // to Redis
	Log    string   // of the Limiter
}

// A Trip is one command to Redis.
type Trip struct {
	At   time.Duration // since Start
	Took time.Duration
}

const variable = "CLAWHQ_FLEET_MACHINE"

// Main runs a machine, and does not return, if Machine.Process has started this
// process. A program that starts machines must call Main first. Main also turns
// off the log of go-redis, which reports each broken connection.
func Main() {
	logging.Disable()
	config := os.Getenv(variable)
	if config == "" {
		return
	}
	var m Machine
	if err := json.Unmarshal([]byte(config), &m); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	report, err := m.run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(report)
	os.Exit(0)
}

// Process starts the machine as a new process of the running program. The returned
// function waits for its report.
func (m Machine) Process(ctx context.Context) (wait func() (Report, error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), variable+"="+string(config))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = tied()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() (r Report, err error) {
		text, err := io.ReadAll(out)
		if err = errors.Join(err, cmd.Wait()); err != nil {
			return r, err
		}
		return r, json.Unmarshal(text, &r)
	}, nil
}

// run makes the calls of the machine.
func (m Machine) run() (Report, error) {
	recorder := &recorder{start: m.Start}
	opts := []clawhq.Option{
		clawhq.WithBaseURL(m.URL), clawhq.WithAPIKey(m.Key), clawhq.WithUserAgent(m.Name),
		clawhq.WithHTTPClient(&http.Client{Transport: network{http.DefaultTransport, m.Delay}}),
	}
	if m.Redis != "" {
		kind := "unix"
		if _, _, err := net.SplitHostPort(m.Redis); err == nil {
			kind = "tcp"
		}
		rdb := redis.NewClient(&redis.Options{Network: kind, Addr: m.Redis})
		defer rdb.Close()
		rdb.AddHook(recorder)
		limiter, err := redisclawhq.NewLimiter(rdb, m.Key, redisclawhq.WithLogger(slog.New(slog.NewTextHandler(recorder, nil))))
		if err != nil {
			return Report{}, err
		}
		defer limiter.Close()
		opts = append(opts, clawhq.WithLimiter(limiter))
	}
	client, err := clawhq.NewClient(opts...)
	if err != nil {
		return Report{}, err
	}
	ctx, cancel := context.WithCancel(context.Background()) // with a deadline, calls would be refused ahead of it
	defer cancel()
	defer time.AfterFunc(time.Until(m.Start.Add(m.Length)), cancel).Stop()

	var mu sync.Mutex
	var report Report
	call := func() {
		_, err := client.Chat(ctx, clawhq.ChatRequest{Message: "hi"})
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			report.Calls++
		case ctx.Err() == nil:
			report.Failed = append(report.Failed, err.Error())
		}
	}
	var group sync.WaitGroup
	for at := m.First; at < m.Even; at += m.Every {
		if !sleepUntil(ctx, m.Start.Add(at)) {
			break
		}
		group.Go(call)
	}
	sleepUntil(ctx, m.Start.Add(m.Even))
	for range m.Workers {
		group.Go(func() {
			for ctx.Err() == nil {
				call()
			}
		})
	}
	group.Wait()
	recorder.mu.Lock()
	defer recorder.mu.Unlock()
	report.Trips, report.Log = recorder.trips, string(recorder.log)
	return report, nil
}

func sleepUntil(ctx context.Context, t time.Time) bool {
	select {
	case <-time.After(time.Until(t)):
		return true
	case <-ctx.Done():
		return false
	}
}

// network delays requests and replies.
type network struct {
	http.RoundTripper
	delay [2]time.Duration
}

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.sleep()
	resp, err := n.RoundTripper.RoundTrip(r)
	n.sleep()
	return resp, err
}

func (n network) sleep() {
	time.Sleep(n.delay[0] + rand.N(n.delay[1]-n.delay[0]+1))
}

// A recorder keeps the trips of a Redis client, and a log.
type recorder struct {
	start time.Time
	mu    sync.Mutex
	trips []Trip
	log   []byte
}

func (r *recorder) DialHook(next redis.DialHook) redis.DialHook { return next }

func (r *recorder) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (r *recorder) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		begun := time.Now()
		err := next(ctx, cmd)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.trips = append(r.trips, Trip{begun.Sub(r.start), time.Since(begun)})
		return err
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, p...)
	return len(p), nil
}
