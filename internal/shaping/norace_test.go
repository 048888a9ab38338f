//go:build !race

package shaping

// comeAndGo is how often TestOthersComeAndGo simulates three hours at 60 RPM, in each
// scenario.
const comeAndGo = 10

// limits are the limits that are simulated.
var limits = []int{60, 300}
