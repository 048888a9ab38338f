package main

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// A figure is what a subject cost beside its floor.
type figure struct {
	ratio  float64       // median over rounds
	each   time.Duration // median
	allocs float64
}

// measure times f beside floor in pairs of rounds, of which each takes about
// length, so that whatever else the machine does hits both.
func measure(rounds int, length time.Duration, floor, f func()) figure {
	n := runs(length, floor)
	m := runs(length, f)
	var ratios, times []float64
	for i := range rounds {
		var a, b float64
		if i%2 == 0 {
			a, b = timed(n, floor), timed(m, f)
		} else {
			b, a = timed(m, f), timed(n, floor)
		}
		ratios, times = append(ratios, b/a), append(times, b)
	}
	return figure{median(ratios), time.Duration(median(times)), testing.AllocsPerRun(100, f)}
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
	slices.Sort(v)
	return v[len(v)/2]
}
