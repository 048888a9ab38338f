//go:build race

package proof_test

import (
	"time"
)

// tortured is how many calls TestTorture makes. They are fewer here, since a call
// takes ten times as long under the race detector.
const tortured = 2_000

// poissonCalls is how many calls TestFiguresPoisson makes for each load.
const poissonCalls = 1_000

// waiters is how many callers wait at once.
const waiters = 5_000

// burstCalls is how many calls are made in bursts of each kind.
const burstCalls = 600

// soaked is how long TestSoak lasts, in virtual time.
const soaked = 5 * time.Minute

// figureLimits are the limits that are simulated: the highest take the longest.
var figureLimits = []int{30, 60}

// unevenRuns is how often each scenario of unequal callers is simulated.
const unevenRuns = 1
