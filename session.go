package clawhq

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// A session is a session of the dashboard. It consists of cookies, which any
// reply to a call may renew.
type session struct {
	current atomic.Pointer[cookies]
	mu      sync.Mutex // guards changes of current and of the cookies' underWay and heard
}

// cookies are the cookies of a session at one time. A renewed session has new
// cookies.
type cookies struct {
	list   []cookie
	header string           // the Cookie header
	former []string         // values of earlier cookies of the session
	blocks map[string]block // of all these values

	underWay int           // how many attempts were sent with these cookies and have no reply yet
	heard    chan struct{} // closed when a reply to one of them comes; nil if nobody waits for it
}

type cookie struct{ name, value string }

// newSession reads the value of a Cookie header (RFC 6265 §4.2.1), or the
// value alone of the cookie named session.
func newSession(header string) (*session, error) {
	if !headerSafe(header) {
		return nil, fmt.Errorf("session cookie is not printable ASCII")
	}
	var list []cookie
	if _, value, _ := strings.Cut(header, "="); strings.Trim(value, "=") == "" && !strings.Contains(header, ";") {
		list = []cookie{{wire.SessionCookie, header}} // there is no name: the = is the padding of Base64
	} else {
		list = splitCookies(header)
	}
	for i, c := range list {
		if !token(c.name) || c.value == "" {
			return nil, fmt.Errorf("cookie %d of the session is not of the form name=value", i+1)
		}
	}
	s := &session{}
	s.current.Store(newCookies(list, nil))
	return s, nil
}

func newCookies(list []cookie, former []string) *cookies {
	values := slices.Clone(former)
	for _, c := range list {
		values = append(values, c.value)
	}
	return &cookies{list: list, header: cookieHeader(list), former: former, blocks: blocksOf(values)}
}

// cookieHeader returns the value of a Cookie header.
func cookieHeader(list []cookie) string {
	var pairs []string
	for _, c := range list {
		pairs = append(pairs, c.name+"="+c.value)
	}
	return strings.Join(pairs, "; ")
}

// splitCookies reads the value of a Cookie header.
func splitCookies(header string) (list []cookie) {
	for pair := range strings.SplitSeq(header, ";") {
		if pair = strings.TrimSpace(pair); pair != "" {
			name, value, _ := strings.Cut(pair, "=")
			list = append(list, cookie{name, value})
		}
	}
	return list
}

// send returns the cookies for an attempt. heard must be called for it later.
func (s *session) send() *cookies {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.current.Load()
	c.underWay++
	return c
}

// heard renews the session by the cookies that the reply to an attempt has set;
// set is nil if there is no reply. It reports whether this has changed the
// session. If another reply has renewed the session since the attempt was sent,
// the session stays as it is: set is then out of date.
func (s *session) heard(sent *cookies, set []*http.Cookie) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent.underWay--
	if next := sent.renewed(set); next != nil {
		changed = s.current.CompareAndSwap(sent, next)
	}
	if sent.heard != nil {
		close(sent.heard)
		sent.heard = nil
	}
	return changed
}

// renewedSince reports whether a reply has renewed the session since the given
// cookies were sent. The reply that renews the session may arrive after a reply
// that refuses the old cookies, so renewedSince waits for all replies to
// attempts with these cookies.
func (s *session) renewedSince(ctx context.Context, sent *cookies) bool {
	for {
		s.mu.Lock()
		renewed, settled := s.current.Load() != sent, sent.underWay == 0
		if sent.heard == nil && !renewed && !settled {
			sent.heard = make(chan struct{})
		}
		heard := sent.heard
		s.mu.Unlock()
		if renewed || settled {
			return renewed
		}
		select {
		case <-heard:
		case <-ctx.Done():
			return false
		}
	}
}

// sentCookies are the cookies of a session that an attempt has sent. The zero
// value is that of an attempt without a session.
type sentCookies struct {
	session *session // set by send
	cookies *cookies // set by send; nil without a session
	replied bool     // a reply has come, and the session has taken its cookies
	renewed bool     // that reply has changed the session
}

// send returns the Cookie header of an attempt: the session's present cookies
// beside those of the caller's Jar. end must be called later.
func (sent *sentCookies) send(s *session, jar string) string {
	sent.session, sent.cookies = s, s.send()
	return sent.cookies.beside(jar)
}

// heard gives the session the cookies of the reply.
func (sent *sentCookies) heard(resp *http.Response) {
	if sent.cookies != nil {
		sent.replied, sent.renewed = true, sent.session.heard(sent.cookies, resp.Cookies())
	}
}

// overtaken reports whether another reply has renewed the session that this
// reply refuses. It waits until ctx ends.
func (sent *sentCookies) overtaken(ctx context.Context) bool {
	return sent.cookies != nil && !sent.renewed && sent.session.renewedSince(ctx, sent.cookies)
}

// end tells the session if no reply has come.
func (sent *sentCookies) end() {
	if sent.cookies != nil && !sent.replied {
		sent.session.heard(sent.cookies, nil)
	}
}

// renewed returns the cookies as a reply changes them, or nil if it does not. A
// long value is sent in parts, named name.0, name.1 and so on. Since the number
// of parts may change, a new first part removes all old parts.
func (c *cookies) renewed(set []*http.Cookie) *cookies {
	list := slices.Clone(c.list)
	drop := func(which func(name string) bool) {
		list = slices.DeleteFunc(list, func(old cookie) bool { return which(old.name) })
	}
	set = slices.DeleteFunc(set, func(n *http.Cookie) bool { return !c.owns(n.Name) })
	for _, n := range set {
		if whole := wholeName(n.Name); !expired(n) && (n.Name == whole || n.Name == whole+".0") {
			drop(func(name string) bool { return wholeName(name) == whole })
		}
	}
	for _, n := range set {
		drop(func(name string) bool { return name == n.Name })
		if !expired(n) {
			value := n.Value
			if n.Quoted {
				value = `"` + value + `"`
			}
			list = append(list, cookie{n.Name, value})
		}
	}
	if slices.Equal(list, c.list) {
		return nil
	}
	former := slices.Clone(c.former)
	for _, old := range c.list {
		former = append(former, old.value)
	}
	return newCookies(list, former[max(0, len(former)-maxFormer):])
}

// owns reports whether a cookie is one of these, or a part of one.
func (c *cookies) owns(name string) bool {
	return slices.ContainsFunc(c.list, func(own cookie) bool { return wholeName(own.name) == wholeName(name) })
}

// wholeName returns the name of a cookie without the number of its part.
func wholeName(name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 && digits(name[i+1:]) {
		return name[:i]
	}
	return name
}

func expired(c *http.Cookie) bool {
	return c.MaxAge < 0 || c.MaxAge == 0 && !c.Expires.IsZero() && c.Expires.Before(time.Now())
}

// beside returns a Cookie header with these cookies and with those of jar, which
// is the Cookie header of a Jar, except for cookies of the session.
func (c *cookies) beside(jar string) string {
	others := slices.DeleteFunc(splitCookies(jar), func(o cookie) bool { return c.owns(o.name) })
	if len(others) == 0 {
		return c.header
	}
	return cookieHeader(append(slices.Clone(c.list), others...))
}

// redact removes the values of the session's cookies from a text, also parts of
// values, and where characters of theirs are escaped.
func (s *session) redact(text string) string {
	return wire.Secrets(text, s.current.Load().pieces)
}

// maxFormer is how many values of earlier cookies are still redacted.
const maxFormer = 32

// minSecret is the length of the shortest value, and of the shortest part of one,
// that is redacted. A shorter one may be an ordinary word.
const minSecret = 8

// A block is a part of a value, minSecret bytes from a multiple of minSecret on. Any
// part of a value that is twice as long has a block in it.
type block struct {
	value string
	at    int
}

// blocksOf returns the blocks of the values, by their text.
func blocksOf(values []string) map[string]block {
	blocks := map[string]block{}
	for _, value := range values {
		for at := 0; at+minSecret <= len(value); at += minSecret {
			blocks[value[at:at+minSecret]] = block{value, at}
		}
	}
	return blocks
}

// pieces returns the parts of a text that are parts of the session's values: those
// that have a block in them.
func (c *cookies) pieces(text string) (spans []wire.Span) {
	for i := 0; i+minSecret <= len(text); i++ {
		b, found := c.blocks[text[i:i+minSecret]]
		if !found {
			continue
		}
		from, at := i, b.at
		for from > 0 && at > 0 && text[from-1] == b.value[at-1] && (len(spans) == 0 || from > spans[len(spans)-1].To) {
			from, at = from-1, at-1
		}
		to, at := i+minSecret, b.at+minSecret
		for to < len(text) && at < len(b.value) && text[to] == b.value[at] {
			to, at = to+1, at+1
		}
		spans = append(spans, wire.Span{From: from, To: to})
		i = to - 1
	}
	return spans
}

// redactSetCookie removes the value from a Set-Cookie header.
func redactSetCookie(header string) string {
	pair, attributes, more := strings.Cut(header, ";")
	name, _, _ := strings.Cut(pair, "=")
	if more {
		attributes = ";" + attributes
	}
	return name + "=…" + attributes
}
