//go:build unix

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/clawhq/clawhq-go/redisclawhq/internal/processes"
)

// outage is how long a Redis is away after it was killed or shut down.
const outage = 10 * time.Second

// troubles are the faults that are measured.
var troubles = []struct {
	name string
	do   func(ctx context.Context, r *run) error
}{
	{"kill -9, and back, empty, 10 s later", func(ctx context.Context, r *run) error {
		r.store.Kill()
		time.Sleep(outage)
		return r.store.Start()
	}},
	{"SIGSTOP for 5 s", func(ctx context.Context, r *run) error {
		r.store.Signal(syscall.SIGSTOP)
		time.Sleep(5 * time.Second)
		r.store.Signal(syscall.SIGCONT)
		return nil
	}},
	{"FLUSHALL", func(ctx context.Context, r *run) error { return r.store.FlushAll(ctx).Err() }},
	{"restart, with its data, in 10 s", func(ctx context.Context, r *run) error {
		r.store.Shutdown(ctx)
		time.Sleep(outage)
		return r.store.Start()
	}},
	{"restart at once with data of 15 s ago, and of an older limit", func(ctx context.Context, r *run) error {
		if err := r.store.Save(ctx).Err(); err != nil {
			return err
		}
		r.server.SetRateLimit(r.server.KeyID(), r.limit-1) // a changed plan, which is lost
		time.Sleep(15 * time.Second)
		r.server.SetRateLimit(r.server.KeyID(), r.limit)
		r.store.Kill()
		return r.store.Start()
	}},
	{"kill -9, and a replica promoted 10 s later", promote},
	{"CLIENT PAUSE for 3 s", func(ctx context.Context, r *run) error {
		if err := r.store.ClientPause(ctx, 3*time.Second).Err(); err != nil {
			return err
		}
		time.Sleep(3 * time.Second)
		return nil
	}},
	{"the link takes 60 ms each way for 30 s", func(ctx context.Context, r *run) error {
		r.proxy.Delay(60 * time.Millisecond)
		time.Sleep(30 * time.Second)
		r.proxy.Delay(0)
		return nil
	}},
	{"the link is half-open for 20 s", func(ctx context.Context, r *run) error {
		r.proxy.Stall(true)
		time.Sleep(20 * time.Second)
		r.proxy.Stall(false)
		return nil
	}},
	{"two machines are frozen for 70 s", func(ctx context.Context, r *run) error {
		for _, p := range r.running[:2] {
			p.Signal(syscall.SIGSTOP)
		}
		time.Sleep(70 * time.Second)
		for _, p := range r.running[:2] {
			p.Signal(syscall.SIGCONT)
		}
		return nil
	}},
}

// promote kills the Redis and, after the outage, promotes its replica.
func promote(ctx context.Context, r *run) error {
	replica, err := processes.StartRedis(filepath.Join(r.dir, "replica"), r.store.Socket())
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, replica.Close)
	if err := replica.Follow(ctx, r.store); err != nil {
		return err
	}
	r.store.Kill()
	time.Sleep(outage)
	return replica.Promote(ctx)
}

// faults measures the calls before, during and after each fault. Machines connect
// through a proxy.
func faults(ctx context.Context, dir string) (good bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	const limit, begin, length = 300, 75 * time.Second, 220 * time.Second
	runs := make([]*run, len(troubles))
	for i, trouble := range troubles {
		runs[i] = &run{limit: limit, machines: 4, shared: true, even: time.Minute, length: length, begin: begin, fault: trouble.do, linked: true}
	}
	err = together(runs, func(i int, r *run) error { return r.do(ctx, filepath.Join(dir, fmt.Sprint("fault", i))) })
	if err != nil {
		return false, err
	}
	fmt.Printf("\nFour processes of %d workers on %d RPM; a fault at %v\n", workers, limit, begin)
	fmt.Println("| fault | | of the quota | rejected | trips a call | p99 of a trip | failed calls |")
	fmt.Println("|---|---|---|---|---|---|---|")
	good = true
	for i, r := range runs {
		settled := r.over + 10*time.Second
		before, meanwhile, after := r.figures(0, begin), r.figures(begin, settled), r.figures(settled, length)
		fmt.Printf("| %s | before | %v | |\n", troubles[i].name, before)
		fmt.Printf("| | until 10 s after | %v | |\n", meanwhile)
		fmt.Printf("| | from then on | %v | %d |\n", after, len(r.failed()))
		if before.rejected > 0 || after.rejected > 0 || len(r.failed()) > 0 || meanwhile.share() > 0.02 {
			good = false
			fmt.Printf("     not as promised; machine 1 says:\n%s", indent(r.reports[0].Log))
		}
		show(r)
	}
	return good, nil
}

func indent(text string) string {
	return "     " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n     ") + "\n"
}
