package server

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A match is the conditions of a Fault. Every request meets those of the zero match.
type match struct {
	path   string // below the base URL, with a method before it or not
	method string
	key    keyRef
	agent  string // slug or name
	nth    int    // of the requests that meet the rest; 0 is 1
}

// A keyRef is the id of a key, or the key itself, which must not be printed.
type keyRef struct {
	shown string // an id whole
	hash  [sha256.Size]byte
}

func refTo(key string) (r keyRef) {
	if key != "" {
		r = keyRef{wire.Redact(key), sha256.Sum256([]byte(key))}
	}
	return r
}

// On returns the fault with additional conditions. Of two conditions of the same
// kind, the last one counts.
func (f Fault) On(conditions ...Condition) Fault {
	for _, c := range conditions {
		f.match.path = cmp.Or(c.match.path, f.match.path)
		f.match.method = cmp.Or(c.match.method, f.match.method)
		f.match.nth = cmp.Or(c.match.nth, f.match.nth)
		f.match.key = cmp.Or(c.match.key, f.match.key)
		f.match.agent = cmp.Or(c.match.agent, f.match.agent)
	}
	return f
}

// A Condition restricts a Fault to certain requests.
type Condition struct{ match match }

// OnPath is met by requests for a path below the base URL. {id} in it matches any
// segment. It may have a method before it.
func OnPath(path string) Condition { return Condition{match{path: path}} }

// OnMethod is met by requests with that method.
func OnMethod(method string) Condition { return Condition{match{method: method}} }

// OnNth is met by the n-th request that meets the other conditions. Requests for
// which an earlier fault is played do not count.
func OnNth(n int) Condition {
	if n < 1 {
		panic(fmt.Sprintf("clawhqtest: Nth: there is no request %d", n))
	}
	return Condition{match{nth: n}}
}

// OnKey is met by requests that bear the key with that id, or the key itself.
func OnKey(key string) Condition { return Condition{match{key: refTo(key)}} }

// OnAgent is met by requests for that agent: chats, messages of its threads
// and batches with a message for it.
func OnAgent(agent string) Condition { return Condition{match{agent: agent}} }

// String returns the conditions as they are written in Go.
func (m match) String() string {
	var conditions []string
	for _, c := range []struct{ name, value string }{
		{"Path", m.path}, {"Method", m.method}, {"Key", m.key.shown}, {"AgentSlug", m.agent},
	} {
		if c.value != "" {
			conditions = append(conditions, fmt.Sprintf("%s(%q)", c.name, c.value))
		}
	}
	if m.nth > 0 {
		conditions = append(conditions, fmt.Sprintf("Nth(%d)", m.nth))
	}
	if conditions == nil {
		return ""
	}
	return ".On(" + strings.Join(conditions, ", ") + ")"
}

// matches reports whether the call matches all conditions except OnNth. Call it with
// s.mu held.
func (m match) matches(c *call) bool {
	path, inside := strings.CutPrefix(c.r.URL.EscapedPath(), wire.BasePath)
	if !inside || m.method != "" && m.method != c.r.Method {
		return false
	}
	if m.path != "" {
		method, pattern, found := strings.Cut(m.path, " ")
		if !found {
			method, pattern = c.r.Method, m.path
		}
		if _, ok := (wire.Endpoint{Path: pattern}).Match(path); !ok || method != c.r.Method {
			return false
		}
	}
	if m.key != (keyRef{}) {
		k := c.state.keys.find(bearer(c.r))
		if k == nil || k.id != m.key.shown && k.hash != m.key.hash {
			return false
		}
	}
	return m.agent == "" || c.asks(m.agent)
}

// asks reports whether the call is a message for an agent, by slug or name.
func (c *call) asks(agent string) bool {
	if c.route == nil {
		return false
	}
	wanted := c.state.find(c.profile, agent)
	is := func(name string) bool {
		a := c.state.find(c.profile, name)
		return a != nil && a == wanted || a == nil && strings.EqualFold(name, agent)
	}
	body, _ := parseObject(c.body)
	named := func(o js.Object) string {
		name, _, _ := field[string](o, "agent")
		return name
	}
	switch c.route.Endpoint {
	case wire.Chat:
		return is(named(body))
	case wire.SendThreadMessage:
		t := c.state.thread(c.ids[0])
		return t != nil && is(lookUp(t.agent))
	case wire.CreateBatch:
		requests, _ := member(body, "requests").([]any)
		for _, r := range requests {
			if o, ok := r.(js.Object); ok && is(named(o)) {
				return true
			}
		}
	}
	return false
}
