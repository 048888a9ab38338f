package clawhq

import (
	"net/http"
	"sync/atomic"
	"time"
)

// transports chooses the http.RoundTripper that sends an attempt: that of the
// caller's http.Client, or a clone of it after an attempt has run out of time.
//
// A NAT that has forgotten a connection drops what is sent through it without a
// word. Over HTTP/1.1, an attempt that runs out of time closes its connection.
// Over HTTP/2 it ends only its stream, and net/http keeps using the connection.
// The clone makes connections of its own, and pings them when they are silent.
type transports struct {
	given  http.RoundTripper // the caller's; nil stands for http.DefaultTransport
	clone  atomic.Pointer[clonedTransport]
	latest atomic.Int64 // when anything was received, by clock
}

type clonedTransport struct{ base, clone *http.Transport }

// How long a connection of a clone may be silent before it is pinged, how long
// the answer to a ping may take, and how long a connection may be idle, unless
// the caller's Transport says otherwise.
const (
	pingAfter   = 15 * time.Second
	pingTimeout = 15 * time.Second
	idleTimeout = 90 * time.Second
)

// get returns what sends the next attempt. It looks up http.DefaultTransport each
// time, as net/http does, since tests replace it.
func (t *transports) get() http.RoundTripper {
	base := t.given
	if base == nil {
		base = http.DefaultTransport
	}
	if c := t.clone.Load(); c != nil {
		if base, ok := base.(*http.Transport); ok && base == c.base {
			return c.clone
		}
	}
	return base
}

// began is what clock counts from.
var began = time.Now()

// clock returns a time for transports.latest.
func clock() int64 { return int64(time.Since(began)) }

// giveUp makes later attempts use other connections than an attempt that was sent
// through used and ran out of time. last is when it last received anything, or was
// sent: if another attempt has received something since, the connections live. A
// RoundTripper that is not an *http.Transport decides by itself.
func (t *transports) giveUp(used http.RoundTripper, last int64) {
	transport, ok := used.(*http.Transport)
	if !ok || t.latest.Load() > last {
		return
	}
	old := t.clone.Load()
	base := transport
	if old != nil && transport == old.clone {
		base = old.base
	}
	if old != nil && base == old.base && transport != old.clone {
		return // another attempt has given that one up
	}
	clone := base.Clone()
	config := http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout}
	if base.HTTP2 != nil {
		config = *base.HTTP2
		if config.SendPingTimeout == 0 {
			config.SendPingTimeout = pingAfter
		}
	}
	clone.HTTP2 = &config
	if clone.IdleConnTimeout == 0 {
		clone.IdleConnTimeout = idleTimeout
	}
	if clone.TLSNextProto["h2"] != nil { // golang.org/x/net/http2 has configured it, with its own connections
		clone.TLSNextProto, clone.ForceAttemptHTTP2 = nil, true
	}
	if t.clone.CompareAndSwap(old, &clonedTransport{base, clone}) && old != nil {
		old.clone.CloseIdleConnections()
	}
}
