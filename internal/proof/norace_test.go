//go:build !race

package proof_test

import (
	"time"
)

// tortured is how many calls TestTorture makes.
const tortured = 10_000

// poissonCalls is how many calls TestFiguresPoisson makes for each load.
const poissonCalls = 2_400

// waiters is how many callers wait at once.
const waiters = 10_000

// burstCalls is how many calls are made in bursts of each kind.
const burstCalls = 2_400

// soaked is how long TestSoak lasts, in virtual time.
const soaked = time.Hour

// figureLimits are the limits that are simulated.
var figureLimits = []int{30, 60, 120, 300}

// unevenRuns is how often each scenario of unequal callers is simulated.
const unevenRuns = 2
