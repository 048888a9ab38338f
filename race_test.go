//go:build race

package clawhq_test

// tortured is how many calls TestTorture makes: fewer where each takes ten
// times as long.
const tortured = 2_000
