//go:build unix

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/redisclawhq/internal/processes"
)

// workers is how many workers a machine has that call without a pause.
const workers = 8

// A run is one measurement of several machines that use a key.
type run struct {
	name     string
	limit    int
	machines int
	count    int           // see processes.Machine
	shared   bool          // the machines share a Redis
	linked   bool          // by a proxy
	limiter  string        // see processes.Machine
	even     time.Duration // see processes.Machine
	length   time.Duration
	fault    func(ctx context.Context, r *run) error // nil for none
	begin    time.Duration                           // of the fault

	over     time.Duration // end of the fault
	dir      string
	server   *clawhqtest.Server
	store    *processes.Redis
	proxy    *processes.Proxy // nil if machines connect without one
	running  []*processes.Process
	requests []clawhqtest.Request
	reports  []processes.Report
	start    time.Time
}

// open starts the service and Redis.
func (r *run) open(dir string) (err error) {
	r.dir = dir
	if r.store, err = processes.StartRedis(dir, ""); err != nil {
		return err
	}
	if r.linked {
		if r.proxy, err = processes.StartProxy(filepath.Join(dir, "proxy.sock"), r.store.Socket()); err != nil {
			return err
		}
	}
	r.server = clawhqtest.NewServer(clawhqtest.WithPlainHTTP())
	r.server.SetRateLimit(r.server.KeyID(), r.limit)
	r.start = time.Now().Add(time.Second)
	return nil
}

// close ends both, and keeps the requests.
func (r *run) close() {
	r.requests = r.server.Requests()
	r.server.Close()
	r.store.Close()
	if r.proxy != nil {
		r.proxy.Close()
	}
}

// machine returns the i-th machine of the run.
func (r *run) machine(i int) processes.Machine {
	every := time.Minute * time.Duration(r.machines) / time.Duration(r.limit)
	m := processes.Machine{
		Name: fmt.Sprintf("machine/%d", i+1), URL: r.server.URL(), Key: r.server.APIKey(), Workers: workers,
		Start: r.start, Length: r.length, Even: r.even, Every: every, First: every * time.Duration(i) / time.Duration(r.machines),
		Delay:   [2]time.Duration{20 * time.Millisecond, 100 * time.Millisecond},
		Limiter: r.limiter, Limit: r.limit, Count: r.count,
	}
	switch {
	case r.proxy != nil:
		m.Redis = r.proxy.Socket()
	case r.shared:
		m.Redis = r.store.Socket()
	}
	return m
}

// do carries out the run, which ends early with ctx.
func (r *run) do(ctx context.Context, dir string) error {
	if err := r.open(dir); err != nil {
		return err
	}
	defer r.close()
	for i := range r.machines {
		p, err := r.machine(i).Process(ctx)
		if err != nil {
			return err
		}
		r.running = append(r.running, p)
	}
	if r.fault != nil {
		time.Sleep(time.Until(r.start.Add(r.begin)))
		if err := r.fault(ctx, r); err != nil {
			return err
		}
		r.over = time.Since(r.start)
	}
	for _, p := range r.running {
		report, err := p.Wait()
		if err != nil {
			return err
		}
		r.reports = append(r.reports, report)
	}
	return nil
}

// figures are the results of a part of a run.
type figures struct {
	quota            float64 // share of the limit that was used
	served, rejected int
	trips            float64       // per served call
	p99              time.Duration // of a trip
}

// figures counts the requests of this run from one time to another.
func (r *run) figures(from, to time.Duration) (f figures) {
	for _, q := range r.requests {
		switch at := q.Time.Sub(r.start); {
		case at < from || at >= to:
		case q.Status == 429:
			f.rejected++
		default:
			f.served++
		}
	}
	var took []time.Duration
	for _, report := range r.reports {
		for _, t := range report.Trips {
			if t.At >= from && t.At < to {
				took = append(took, t.Took)
			}
		}
	}
	slices.Sort(took)
	if len(took) > 0 {
		f.p99 = took[len(took)*99/100]
	}
	f.quota = float64(f.served) / (float64(r.limit) * (to - from).Minutes())
	f.trips = float64(len(took)) / float64(max(f.served, 1))
	return f
}

// share is the share of requests that were rejected.
func (f figures) share() float64 {
	return float64(f.rejected) / float64(max(f.rejected+f.served, 1))
}

func (f figures) String() string {
	return fmt.Sprintf("%6.1f%% | %4d of %4d (%.1f%%) | %4.2f | %7.2f ms", 100*f.quota, f.rejected, f.rejected+f.served,
		100*f.share(), f.trips, float64(f.p99.Microseconds())/1000)
}

func (r *run) failed() (errors []string) {
	for _, report := range r.reports {
		errors = append(errors, report.Failed...)
	}
	return errors
}

// parts returns the least and the most calls of a machine.
func (r *run) parts() string {
	var calls []int
	for _, report := range r.reports {
		calls = append(calls, report.Calls)
	}
	return fmt.Sprintf("%d to %d", slices.Min(calls), slices.Max(calls))
}

// show prints what may explain a rejected request: answers of Redis that came late,
// and callers that were sent to their client's own shaping. It also prints the errors
// of failed calls.
func show(r *run) {
	late, sentOff := int64(0), int64(0)
	for _, report := range r.reports {
		late += report.Stats.Timeouts
		sentOff += report.Stats.Fallbacks
	}
	if late+sentOff > 0 {
		fmt.Printf("     late answers of Redis: %d, callers sent to their own shaping: %d\n", late, sentOff)
	}
	for _, text := range r.failed() {
		fmt.Println("    ", text)
	}
}

// together carries out all runs at the same time.
func together(runs []*run, do func(int, *run) error) error {
	errs := make(chan error, len(runs))
	var group sync.WaitGroup
	for i, r := range runs {
		group.Go(func() { errs <- do(i, r) })
	}
	group.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
