//go:build race

package shaping

// comeAndGo is how often TestOthersComeAndGo simulates three hours at 60 RPM, in each
// scenario, which is slow under the race detector.
const comeAndGo = 1

// limits are the limits that are simulated: the highest takes the longest.
var limits = []int{60}
