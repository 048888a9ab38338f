//go:build !race

package proof_test

import "time"

// tortured is how many calls TestTorture makes.
const tortured = 10_000

// soaked is how long TestSoak lasts, in virtual time.
const soaked = time.Hour

// figureLimits are the limits that are simulated.
var figureLimits = []int{30, 60, 120, 300}
