//go:build !race

package clawhq_test

// tortured is how many calls TestTorture makes.
const tortured = 10_000
