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

// troubles are the faults of Redis that are measured.
var troubles = []struct {
	name string
	do   func(ctx context.Context, r *processes.Redis) error
}{
	{"kill -9, and back, empty, 10 s later", func(ctx context.Context, r *processes.Redis) error {
		r.Kill()
		time.Sleep(outage)
		return r.Start()
	}},
	{"SIGSTOP for 5 s", func(ctx context.Context, r *processes.Redis) error {
		r.Signal(syscall.SIGSTOP)
		time.Sleep(5 * time.Second)
		r.Signal(syscall.SIGCONT)
		return nil
	}},
	{"FLUSHALL", func(ctx context.Context, r *processes.Redis) error { return r.FlushAll(ctx).Err() }},
	{"restart, with its data, in 10 s", func(ctx context.Context, r *processes.Redis) error {
		r.Shutdown(ctx)
		time.Sleep(outage)
		return r.Start()
	}},
	{"kill -9, and a replica promoted 10 s later", promote},
	{"CLIENT PAUSE for 3 s", func(ctx context.Context, r *processes.Redis) error {
		if err := r.ClientPause(ctx, 3*time.Second).Err(); err != nil {
			return err
		}
		time.Sleep(3 * time.Second)
		return nil
	}},
}

// promote kills r and, after the outage, promotes its replica.
func promote(ctx context.Context, r *processes.Redis) error {
	replica, err := processes.StartRedis(filepath.Join(filepath.Dir(r.Socket()), "replica"), r.Socket())
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, replica.Close)
	if err := replica.Follow(ctx, r); err != nil {
		return err
	}
	r.Kill()
	time.Sleep(outage)
	return replica.Promote(ctx)
}

// faults measures the calls before, during and after each fault of Redis.
func faults(ctx context.Context, dir string) (good bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	const limit, begin, length = 300, 75 * time.Second, 165 * time.Second
	runs := make([]*run, len(troubles))
	for i, trouble := range troubles {
		runs[i] = &run{limit: limit, shared: true, even: time.Minute, length: length, begin: begin, fault: trouble.do}
	}
	err = together(runs, func(i int, r *run) error { return r.do(ctx, filepath.Join(dir, fmt.Sprint("fault", i))) })
	if err != nil {
		return false, err
	}
	fmt.Printf("\nFour processes of %d workers on %d RPM; Redis breaks at %v\n", workers, limit, begin)
	fmt.Println("| Redis | | of the quota | rejected | trips a call | p99 of a trip | failed calls |")
	fmt.Println("|---|---|---|---|---|---|---|")
	good = true
	for i, r := range runs {
		settled := r.over + 10*time.Second
		before, meanwhile, after := r.figures(0, begin), r.figures(begin, settled), r.figures(settled, length)
		fmt.Printf("| %s | before | %v | |\n", troubles[i].name, before)
		fmt.Printf("| | until 10 s after | %v | |\n", meanwhile)
		fmt.Printf("| | from then on | %v | %d |\n", after, len(r.failed()))
		if before.rejected > 0 || after.rejected > 0 || len(r.failed()) > 0 || float64(meanwhile.rejected) > 0.08*float64(meanwhile.served+meanwhile.rejected) {
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
