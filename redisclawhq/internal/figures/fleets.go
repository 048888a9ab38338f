//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/redisclawhq"
	"github.com/clawhq/clawhq-go/redisclawhq/internal/processes"
	"github.com/redis/go-redis/v9"
)

// eachMinute prints the requests of each minute, and reports whether from the second
// minute on 95% of the quota was used, and nothing was rejected.
func eachMinute(r *run) (good bool) {
	for from := time.Duration(0); from < r.length; from += time.Minute {
		f := r.figures(from, from+time.Minute)
		fmt.Printf("| %s | %d | %.1f%% | %d |\n", r.name, int(from.Minutes())+1, 100*f.quota, f.rejected)
	}
	f := r.figures(time.Minute, r.length)
	return f.quota >= 0.95 && f.rejected == 0
}

const eachMinuteHead = "| | minute | of the quota | rejected |\n|---|---|---|---|"

// shortLived measures processes that make one call each, twice as many as the key
// allows.
func shortLived(ctx context.Context, dir string) (good bool, err error) {
	const length, deadline = 4 * time.Minute, 5 * time.Second
	runs := []*run{{name: "closed"}, {name: "killed at random"}}
	err = together(runs, func(i int, r *run) error {
		r.limit, r.machines, r.shared, r.length = 60, 1, true, length
		if err := r.open(filepath.Join(dir, fmt.Sprint("short", i))); err != nil {
			return err
		}
		defer r.close()
		for at := time.Duration(0); at < length && ctx.Err() == nil; at += 500 * time.Millisecond {
			time.Sleep(time.Until(r.start.Add(at)))
			m := r.machine(0)
			m.Start, m.Even, m.Once = time.Now(), 0, deadline
			p, err := m.Process(ctx)
			if err != nil {
				return err
			}
			if i == 1 {
				time.AfterFunc(rand.N(deadline), func() { p.Signal(os.Kill) })
			}
			go p.Wait()
		}
		time.Sleep(deadline)
		return nil
	})
	if err != nil {
		return false, err
	}
	fmt.Printf("\nTwo processes a second, of one call each with %v time, 60 RPM\n%s\n", deadline, eachMinuteHead)
	closed, killed := eachMinute(runs[0]), eachMinute(runs[1])
	return closed && killed, nil
}

// deploys measures 20 machines that are replaced each minute.
func deploys(ctx context.Context, dir string) (good bool, err error) {
	runs := []*run{{name: "60 RPM", limit: 60}, {name: "300 RPM", limit: 300}}
	err = together(runs, func(i int, r *run) error {
		r.machines, r.shared, r.length = 20, true, 5*time.Minute
		if err := r.open(filepath.Join(dir, fmt.Sprint("deploy", i))); err != nil {
			return err
		}
		defer r.close()
		var old []*processes.Process
		for at := time.Duration(0); at < r.length && ctx.Err() == nil; at += time.Minute {
			time.Sleep(time.Until(r.start.Add(at)))
			var running []*processes.Process
			for j := range r.machines {
				m := r.machine(j)
				m.Length = 2 * r.length
				if at == 0 {
					m.Even = time.Minute // and later calls come as these do
				}
				p, err := m.Process(ctx)
				if err != nil {
					return err
				}
				running = append(running, p)
			}
			kill(old)
			old = running
		}
		time.Sleep(time.Until(r.start.Add(r.length)))
		kill(old)
		return nil
	})
	if err != nil {
		return false, err
	}
	fmt.Printf("\n20 processes of %d workers, killed and replaced by as many each minute\n%s\n", workers, eachMinuteHead)
	first, second := eachMinute(runs[0]), eachMinute(runs[1])
	return first && second, nil
}

func kill(old []*processes.Process) {
	for _, p := range old {
		p.Signal(os.Kill)
		go p.Wait()
	}
}

// crowd measures 500 machines, in ten processes, from a cold start, and with a FLUSHALL
// and a 429 at the same time.
func crowd(ctx context.Context, dir string) (good bool, err error) {
	const begin, length = 90 * time.Second, 3 * time.Minute
	r := &run{limit: 300, machines: 10, count: 50, shared: true, length: length, begin: begin, fault: func(ctx context.Context, r *run) error {
		if err := r.store.FlushAll(ctx).Err(); err != nil {
			return err
		}
		rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: r.store.Socket()})
		defer rdb.Close()
		l, err := redisclawhq.NewLimiter(rdb, r.server.APIKey())
		if err != nil {
			return err
		}
		l.ObserveReply(clawhq.LimitReply{Window: "key", Sent: time.Now(), StatusCode: 429, RetryAfter: 2 * time.Second})
		return l.Close()
	}}
	if err := r.do(ctx, filepath.Join(dir, "crowd")); err != nil {
		return false, err
	}
	warnings, fallbacks := 0, int64(0)
	for _, report := range r.reports {
		warnings += strings.Count(report.Log, "level=WARN")
		fallbacks += report.Stats.Fallbacks
	}
	fmt.Printf("\n500 machines of %d workers in ten processes, 300 RPM; FLUSHALL and a 429 at %v\n", workers, begin)
	fmt.Println("| | of the quota | rejected | trips a call | p99 of a trip |")
	fmt.Println("|---|---|---|---|---|")
	cold, before := r.figures(0, 10*time.Second), r.figures(10*time.Second, begin)
	meanwhile, after := r.figures(begin, r.over+10*time.Second), r.figures(r.over+10*time.Second, length)
	for _, line := range []struct {
		name string
		f    figures
	}{{"first 10 s", cold}, {"until the fault", before}, {"until 10 s after", meanwhile}, {"from then on", after}} {
		fmt.Printf("| %s | %v |\n", line.name, line.f)
	}
	fmt.Printf("%d failed calls, %d warnings\n", len(r.failed()), warnings)
	show(r)
	for _, report := range r.reports {
		if report.Log != "" {
			fmt.Print(indent(report.Log))
			break
		}
	}
	return before.rejected == 0 && after.rejected == 0 && meanwhile.share() <= 0.02 && warnings == 0 && len(r.failed()) == 0, nil
}
