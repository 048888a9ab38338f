package redisclawhq_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// Machines that share a Redis use all of their key's quota, in equal parts, and
// never get a 429.
func TestFigures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit, machines, workers int
		spread                   float64 // greatest minus smallest part of a machine, divided by the mean
		trips                    float64 // a call
	}{
		{60, 4, 8, 0.3, 1.2}, {120, 4, 8, 0.2, 1.2}, {300, 4, 8, 0.1, 1.2}, {300, 50, 4, 0.6, 1.6},
	} {
		inFleet(t, tt.limit, func(t *testing.T, fl *fleet) {
			const length = 5 * time.Minute
			parts := make([]atomic.Int64, tt.machines)
			for i := range parts {
				client := fl.machine()
				fl.work(client, tt.workers, time.Minute, nil) // who comes first has most of the first minute
				time.AfterFunc(time.Minute, func() { fl.work(client, tt.workers, length-time.Minute, &parts[i]) })
			}
			fl.group.Wait()
			served, rejected := fl.seen(0, length)
			quota := float64(served) / float64(tt.limit) / length.Minutes()
			trips := float64(fl.trips.Load()) / float64(served)
			var calls []int64
			for i := range parts {
				calls = append(calls, parts[i].Load())
			}
			mean := float64(served) / float64(tt.machines)
			spread := float64(slices.Max(calls)-slices.Min(calls)) / mean
			t.Logf("%d RPM, %d machines of %d workers: %.1f%% of the quota, %d rejected, %.2f trips a call, %.0f calls a machine, from %d to %d",
				tt.limit, tt.machines, tt.workers, 100*quota, rejected, trips, mean, slices.Min(calls), slices.Max(calls))
			if quota < 0.99 || rejected > 0 || trips > tt.trips || spread > tt.spread {
				t.Errorf("want at least 99%% of the quota, nothing rejected, at most %.1f trips a call, a spread of at most %.2f; got %.2f", tt.trips, tt.spread, spread)
			}
		})
	}
}
