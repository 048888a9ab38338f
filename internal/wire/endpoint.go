package wire

import (
	"net/url"
	"strings"
)

// An Endpoint is an endpoint of the API. Each is defined once, in endpoints.go, for
// the client, the server and the playground.
type Endpoint struct {
	Method string
	Path   string // below the base URL, with wildcards as in http.ServeMux
	Auth   Auth
	Window Window    // the window in which the live service counts its calls
	Page   PageRange // the range of its limit parameter; zero if it has none
}

// Auth says which credential an endpoint requires.
type Auth int

const (
	KeyAuth     Auth = iota // an API key, as a bearer token
	SessionAuth             // the dashboard's session cookie
)

// A Window is a rate limit: at most Limit calls in any RateWindow. According to the
// documentation, all /v1 calls of a key count together. The live service counts only
// chats and thread messages in KeyWindow; its other windows belong to the account, so
// that its keys share them. Calls with the zero Window are not counted.
type Window struct {
	Name  string
	Limit int // number of calls; 0 for KeyWindow, whose limit is the key's tier
}

// KeyWindow is the window that belongs to a key.
var KeyWindow = Window{Name: "key"}

// OtherWindow is the window of endpoints that a client does not know. With it, the
// client does not mistake the limits in their replies for the key's limit.
var OtherWindow = Window{Name: "other"}

// PageRange is the range of the limit parameter: 1 to Most. Default is its value if
// it is absent.
type PageRange struct{ Default, Most int }

// Expand returns the path with ids in place of the wildcards. Each id is escaped as
// one segment. Expand panics if there are not as many ids as wildcards.
func (e Endpoint) Expand(ids ...string) string {
	var b strings.Builder
	rest := e.Path
	for {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			break
		}
		_, rest, _ = strings.Cut(after, "}")
		if len(ids) == 0 {
			panic("wire: too few ids for " + e.Path)
		}
		b.WriteString(escapeSegment(ids[0]))
		ids = ids[1:]
	}
	if len(ids) > 0 {
		panic("wire: too many ids for " + e.Path)
	}
	return b.String()
}

// Match is the inverse of Expand: it returns the ids in a path, if the path is one of
// the endpoint's. The path is escaped and lies below the base URL.
func (e Endpoint) Match(path string) (ids []string, ok bool) {
	start, _, wild := strings.Cut(e.Path, "{")
	if !wild || !strings.HasPrefix(path, start) {
		return nil, path == e.Path
	}
	for pattern := range strings.SplitSeq(e.Path, "/") {
		segment, rest, more := strings.Cut(path, "/")
		if path, ok = rest, more; strings.HasPrefix(pattern, "{") {
			id, err := url.PathUnescape(segment)
			if err != nil || id == "" {
				return nil, false
			}
			ids = append(ids, id)
		} else if segment != pattern {
			return nil, false
		}
	}
	return ids, !ok // nothing is left
}

// escapeSegment escapes an id for use as one segment of a path. It also escapes the
// dots of the ids "." and "..". That does not help in browsers, which take escaped
// dots for dots (WHATWG URL §4.4), so the client refuses such ids.
func escapeSegment(id string) string {
	if id == "." || id == ".." {
		return strings.ReplaceAll(id, ".", "%2E")
	}
	return url.PathEscape(id)
}
