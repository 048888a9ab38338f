package shaping

// A Window names the sliding window that an attempt counts in. The zero value
// is the key's own; every other name stands for a window beside it.
type Window struct {
	Name string

	// Limit is the size that the window is expected to have, in attempts a
	// minute, until a reply tells. 0 means that nothing is expected. It only
	// delays: nobody is refused for a limit that no reply has confirmed.
	Limit int
}
