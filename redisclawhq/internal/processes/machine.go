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
	"strings"
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

	Limiter string        // one of Limiters; empty for a redisclawhq.Limiter
	Limit   int           // of the key, which rivals must be told
	Count   int           // how many machines the process plays, each with a connection and a Limiter of its own; 0 is one
	Once    time.Duration // if not 0, the machine makes one call, with this deadline
}

// Limiters are the limiters that a Machine may use instead of a redisclawhq.Limiter.
var Limiters = map[string]func(rdb *redis.Client, limit int) (clawhq.Limiter, error){}

// A Report is the result of a machine.
type Report struct {
	Calls  int               // number of calls that succeeded
	Failed []string          // errors of the other calls
	Trips  []Trip            // to Redis
	Stats  redisclawhq.Stats // of the last Limiter, at the end
	Log    string            // of the Limiter
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

// A Process is a machine that runs.
type Process struct {
	cmd *exec.Cmd
	out io.Reader
}

// Wait waits for the report of the machine.
func (p *Process) Wait() (r Report, err error) {
	text, err := io.ReadAll(p.out)
	if err = errors.Join(err, p.cmd.Wait()); err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// Signal sends the machine a signal.
func (p *Process) Signal(s os.Signal) { p.cmd.Process.Signal(s) }

// Process starts the machine as a new process of the running program.
func (m Machine) Process(ctx context.Context) (*Process, error) {
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
	return &Process{cmd, out}, nil
}

// run makes the calls of the machine.
func (m Machine) run() (Report, error) {
	recorder := &recorder{start: m.Start}
	ctx, cancel := context.WithCancel(context.Background()) // with a deadline, calls would be refused ahead of it
	defer cancel()
	defer time.AfterFunc(time.Until(m.Start.Add(m.Length)), cancel).Stop()
	var group sync.WaitGroup
	for range max(m.Count, 1) {
		client, end, err := m.client(recorder)
		if err != nil {
			return Report{}, err
		}
		group.Go(func() {
			m.work(ctx, client, recorder)
			end()
		})
	}
	group.Wait()
	recorder.mu.Lock()
	defer recorder.mu.Unlock()
	return recorder.report, nil
}

// client returns a client with a connection to Redis and a Limiter of its own, and a
// function that closes these.
func (m Machine) client(recorder *recorder) (client *clawhq.Client, end func(), err error) {
	end = func() {}
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
		rdb.AddHook(recorder)
		if m.Limiter != "" {
			limiter, err := Limiters[m.Limiter](rdb, m.Limit)
			if err != nil {
				return nil, nil, err
			}
			opts = append(opts, clawhq.WithLimiter(limiter))
			end = func() { rdb.Close() }
		} else {
			limiter, err := redisclawhq.NewLimiter(rdb, m.Key, redisclawhq.WithLogger(slog.New(slog.NewTextHandler(recorder, nil))))
			if err != nil {
				return nil, nil, err
			}
			opts = append(opts, clawhq.WithLimiter(limiter))
			end = func() {
				recorder.stats(limiter.Stats())
				limiter.Close()
				rdb.Close()
			}
		}
	}
	client, err = clawhq.NewClient(opts...)
	return client, end, err
}

// work makes the calls of one machine.
func (m Machine) work(ctx context.Context, client *clawhq.Client, recorder *recorder) {
	call := func(ctx context.Context) {
		_, err := client.Chat(ctx, clawhq.ChatRequest{Message: "hi"})
		if err == nil || ctx.Err() == nil {
			recorder.called(err)
		}
	}
	if m.Once > 0 {
		ctx, cancel := context.WithTimeout(ctx, m.Once)
		defer cancel()
		call(ctx)
		return
	}
	var group sync.WaitGroup
	for at := m.First; at < m.Even; at += m.Every {
		if !sleepUntil(ctx, m.Start.Add(at)) {
			break
		}
		group.Go(func() { call(ctx) })
	}
	sleepUntil(ctx, m.Start.Add(m.Even))
	for range m.Workers {
		group.Go(func() {
			for ctx.Err() == nil {
				call(ctx)
			}
		})
	}
	group.Wait()
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

// A recorder makes a Report.
type recorder struct {
	start  time.Time
	mu     sync.Mutex
	report Report
}

// called notes the outcome of a call.
func (r *recorder) called(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.report.Failed = append(r.report.Failed, err.Error())
	} else {
		r.report.Calls++
	}
}

func (r *recorder) stats(s redisclawhq.Stats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Stats = s
}

// trip notes a command that has ended.
func (r *recorder) trip(begun time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Trips = append(r.report.Trips, Trip{begun.Sub(r.start), time.Since(begun)})
}

func (r *recorder) DialHook(next redis.DialHook) redis.DialHook { return next }

func (r *recorder) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if strings.EqualFold(cmds[0].Name(), "client") || strings.EqualFold(cmds[0].Name(), "hello") {
			return next(ctx, cmds) // a part of connecting
		}
		defer r.trip(time.Now())
		return next(ctx, cmds)
	}
}

func (r *recorder) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		defer r.trip(time.Now())
		return next(ctx, cmd)
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Log += string(p)
	return len(p), nil
}
