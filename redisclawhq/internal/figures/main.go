//go:build unix

// Figures measures how much of a key's limit machines use that share a Redis. It
// runs four processes, a real redis-server and the reference server, in real time.
//
//	go run ./internal/figures                    # everything, about six minutes
//	go run ./internal/figures -only faults
//	go run ./internal/figures -picture ../docs/images/machines.svg
//
// It exits with status 1 if a figure is not what the documentation promises.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/redisclawhq/internal/processes"
)

const (
	machines = 4
	workers  = 8 // of each machine
)

func main() {
	processes.Main()
	only := flag.String("only", "", "measure nothing but quota, faults or admission")
	picture := flag.String("picture", "", "file to draw the requests a minute into, as SVG")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		fail(err)
	}
	defer os.RemoveAll(dir)
	good := true
	for _, part := range []struct {
		name    string
		measure func(context.Context, string) (bool, error)
	}{
		{"admission", admission},
		{"faults", faults},
		{"quota", quota},
	} {
		if ctx.Err() != nil || *picture != "" || *only != "" && *only != part.name {
			continue
		}
		ok, err := part.measure(ctx, dir)
		if err != nil {
			fail(err)
		}
		good = good && ok
	}
	if *picture != "" {
		if err := paint(ctx, dir, *picture); err != nil {
			fail(err)
		}
	}
	if !good {
		os.RemoveAll(dir)
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "figures:", err)
	os.Exit(1)
}

// A run is one measurement of several machines that use a key.
type run struct {
	limit  int
	shared bool          // the machines share a Redis
	even   time.Duration // see processes.Machine
	length time.Duration
	fault  func(ctx context.Context, r *processes.Redis) error // nil for none
	begin  time.Duration                                       // of the fault

	over     time.Duration // end of the fault
	requests []clawhqtest.Request
	reports  []processes.Report
	start    time.Time
}

// do carries out the run, which ends early with ctx.
func (r *run) do(ctx context.Context, dir string) error {
	server := clawhqtest.NewServer(clawhqtest.WithPlainHTTP())
	defer server.Close()
	server.SetRateLimit(server.KeyID(), r.limit)
	store, err := processes.StartRedis(dir, "")
	if err != nil {
		return err
	}
	defer store.Close()
	r.start = time.Now().Add(time.Second)
	var wait []func() (processes.Report, error)
	for i := range machines {
		every := time.Minute * machines / time.Duration(r.limit)
		m := processes.Machine{
			Name: fmt.Sprintf("machine/%d", i+1), URL: server.URL(), Key: server.APIKey(), Workers: workers,
			Start: r.start, Length: r.length, Even: r.even, Every: every, First: every * time.Duration(i) / machines,
			Delay: [2]time.Duration{20 * time.Millisecond, 100 * time.Millisecond},
		}
		if r.shared {
			m.Redis = store.Socket()
		}
		w, err := m.Process(ctx)
		if err != nil {
			return err
		}
		wait = append(wait, w)
	}
	if r.fault != nil {
		time.Sleep(time.Until(r.start.Add(r.begin)))
		if err := r.fault(ctx, store); err != nil {
			return err
		}
		r.over = time.Since(r.start)
	}
	for _, w := range wait {
		report, err := w()
		if err != nil {
			return err
		}
		r.reports = append(r.reports, report)
	}
	r.requests = server.Requests()
	return nil
}

// figures are the results of a part of a run.
type figures struct {
	quota            float64 // share of the limit that was used
	served, rejected int
	trips            float64       // per served call
	p99              time.Duration // of a trip
}

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

func (f figures) String() string {
	return fmt.Sprintf("%6.1f%% | %4d of %4d (%.1f%%) | %4.2f | %7.2f ms", 100*f.quota, f.rejected, f.rejected+f.served,
		100*float64(f.rejected)/float64(max(f.rejected+f.served, 1)), f.trips, float64(f.p99.Microseconds())/1000)
}

func (r *run) failed() (errors []string) {
	for _, report := range r.reports {
		errors = append(errors, report.Failed...)
	}
	return errors
}

// quota measures how much of a key's limit is used.
func quota(ctx context.Context, dir string) (good bool, err error) {
	const length = 4 * time.Minute
	runs := []*run{{limit: 60, shared: true}, {limit: 120, shared: true}, {limit: 300, shared: true}, {limit: 120}}
	err = together(runs, func(i int, r *run) error {
		r.length = length
		return r.do(ctx, filepath.Join(dir, fmt.Sprint("quota", i)))
	})
	fmt.Printf("\nFour processes of %d workers, %v\n", workers, length)
	fmt.Println("| key | of the quota | rejected | trips a call | p99 of a trip | failed calls | calls of a machine |")
	fmt.Println("|---|---|---|---|---|---|---|")
	good = true
	for _, r := range runs {
		f, name := r.figures(0, length), fmt.Sprintf("%d RPM", r.limit)
		if r.shared {
			good = good && f.quota >= 0.99 && f.rejected == 0 && len(r.failed()) == 0
		} else {
			name += ", no Redis"
		}
		var calls []int
		for _, report := range r.reports {
			calls = append(calls, report.Calls)
		}
		fmt.Printf("| %s | %v | %d | %v |\n", name, f, len(r.failed()), calls)
		show(r)
	}
	return good, err
}

// show prints the errors of failed calls.
func show(r *run) {
	for _, text := range r.failed() {
		fmt.Println("    ", text)
	}
}

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
