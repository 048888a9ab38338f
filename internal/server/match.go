package server

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A match is the conditions of a Fault. The zero match has none: every request meets
// it.
type match struct {
	path   string // below the base URL; may have a method before it
	method string
	key    keyRef
	agent  string // slug or name
	nth    int    // of the requests that meet the other conditions; 0 means the first
}

// A keyRef names a key by its id or by its secret. The secret must not be printed.
type keyRef struct {
	shown string // the whole id, or the beginning of the secret
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

// OnPath is met by requests for a path below the base URL. {id} in path matches any
// segment. path may have a method before it, as in "GET /v1/agents/{id}".
func OnPath(path string) Condition { return Condition{match{path: path}} }

// OnMethod is met by requests with that method.
func OnMethod(method string) Condition { return Condition{match{method: method}} }

// OnNth is met by the n-th request that meets the other conditions. Requests that get
// an earlier fault of the queue are not counted.
func OnNth(n int) Condition {
	if n < 1 {
		panic(fmt.Sprintf("clawhqtest: Nth: there is no request %d", n))
	}
	return Condition{match{nth: n}}
}

// OnKey is met by requests with a key. The argument is the key's id or the key
// itself.
func OnKey(key string) Condition { return Condition{match{key: refTo(key)}} }

// OnAgent is met by requests with a message for an agent, given by slug or name:
// chats, thread messages, and batches with at least one such message.
func OnAgent(agent string) Condition { return Condition{match{agent: agent}} }

// String returns the conditions as Go code.
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

// matches reports whether the call meets all conditions, except for OnNth. Call it
// with s.mu held.
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

// asks reports whether the call has a message for an agent, given by slug or name.
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
