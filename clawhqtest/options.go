package clawhqtest

import "github.com/clawhq/clawhq-go"

// CallOptions is what the options of a call set.
type CallOptions = clawhq.CallOptions

// OptionsOf returns what opts set, for a fake of a client that is called with them.
// If WithResponseInfo is among them, Info points to the caller's ResponseInfo, which
// the fake can fill in.
func OptionsOf(opts ...clawhq.CallOption) CallOptions {
	var o CallOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return o
}
