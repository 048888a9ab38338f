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
	given http.RoundTripper // the caller's; nil stands for http.DefaultTransport
	http1 atomic.Bool       // the latest reply came over HTTP/1
	clone atomic.Pointer[clonedTransport]
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

// heard is told of each reply.
func (t *transports) heard(resp *http.Response) {
	if http1 := resp.ProtoMajor < 2; http1 != t.http1.Load() {
		t.http1.Store(http1)
	}
}

// giveUp is told that an attempt ran out of time, and through what it was sent.
// Later attempts then use other connections. A RoundTripper that is not an
// *http.Transport decides by itself.
func (t *transports) giveUp(used http.RoundTripper) {
	transport, ok := used.(*http.Transport)
	if !ok || t.http1.Load() {
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
