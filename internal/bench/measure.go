package main

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// A figure is what a subject cost.
type figure struct {
	rounds []float64 // nanoseconds of one run, by round
	allocs float64
}

func (f figure) each() time.Duration { return time.Duration(median(f.rounds)) }

// of returns the median, over rounds, of the cost beside another's.
func (f figure) of(floor figure) float64 {
	ratios := make([]float64, len(f.rounds))
	for i := range ratios {
		ratios[i] = f.rounds[i] / floor.rounds[i]
	}
	return median(ratios)
}

// measure times all of fs in each round, for about length each, so that whatever
// else the machine does hits all of them. The figure of a nil func is zero.
func measure(rounds int, length time.Duration, fs []func()) []figure {
	figures, n := make([]figure, len(fs)), make([]int, len(fs))
	for i, f := range fs {
		if f != nil {
			n[i], figures[i].allocs = runs(length, f), testing.AllocsPerRun(100, f)
		}
	}
	for round := range rounds {
		for i := range fs {
			if round%2 == 1 {
				i = len(fs) - 1 - i
			}
			if fs[i] != nil {
				figures[i].rounds = append(figures[i].rounds, timed(n[i], fs[i]))
			}
		}
	}
	return figures
}

// runs is how often f runs in the given time.
func runs(length time.Duration, f func()) int {
	for n := 1; ; n *= 2 {
		if took := timed(n, f) * float64(n); took > float64(length)/4 {
			return max(1, int(float64(n)*float64(length)/took))
		}
	}
}

// timed returns the nanoseconds of one of n runs of f.
func timed(n int, f func()) float64 {
	runtime.GC()
	start := time.Now()
	for range n {
		f()
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
