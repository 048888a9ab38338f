//go:build unix

// Figures measures how much of a key's limit machines use that share a Redis. It
// runs processes, real redis-servers and the reference server, in real time.
//
//	cd redisclawhq/internal/figures
//	go run .                                  # everything, about 25 minutes
//	go run . -only faults
//	go run . -picture ../../../docs/images/machines.svg
//
// It exits with status 1 if a figure is not what the documentation promises. It is a
// module of its own, since it measures other modules as well.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/clawhq/clawhq-go/redisclawhq/internal/processes"
)

// parts are the measurements, in the order in which they are printed.
var parts = []struct {
	name    string
	measure func(ctx context.Context, dir string) (good bool, err error)
}{
	{"admission", admission},
	{"quota", quota},
	{"rivals", besideRivals},
	{"faults", faults},
	{"processes", shortLived},
	{"deploys", deploys},
	{"crowd", crowd},
}

func main() {
	processes.Main()
	only := flag.String("only", "", "measure nothing but admission, quota, rivals, faults, processes, deploys or crowd")
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
	for _, part := range parts {
		if ctx.Err() != nil || *picture != "" || *only != "" && *only != part.name {
			continue
		}
		ok, err := part.measure(ctx, dir)
		if err != nil {
			fail(err)
		}
		if !ok {
			fmt.Printf("     %s: not as promised\n", part.name)
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

// quota measures how much of a key's limit is used in steady state.
func quota(ctx context.Context, dir string) (good bool, err error) {
	const length = 4 * time.Minute
	runs := []*run{
		{limit: 60, machines: 2, shared: true}, {limit: 60, machines: 4, shared: true}, {limit: 120, machines: 4, shared: true},
		{limit: 300, machines: 4, shared: true}, {limit: 300, machines: 50, shared: true}, {limit: 120, machines: 4},
	}
	err = together(runs, func(i int, r *run) error {
		r.even, r.length = time.Minute, length
		return r.do(ctx, filepath.Join(dir, fmt.Sprint("quota", i)))
	})
	if err != nil {
		return false, err
	}
	fmt.Printf("\nProcesses of %d workers, %v\n", workers, length)
	fmt.Println("| key | processes | of the quota | rejected | trips a call | p99 of a trip | failed calls | calls of a process |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	good = true
	for _, r := range runs {
		f, name := r.figures(0, length), fmt.Sprintf("%d RPM", r.limit)
		if r.shared {
			good = good && f.quota >= 0.99 && f.rejected == 0 && len(r.failed()) == 0
		} else {
			name += ", no Redis"
		}
		fmt.Printf("| %s | %d | %v | %d | %s |\n", name, r.machines, f, len(r.failed()), r.parts())
		show(r)
	}
	return good, nil
}
