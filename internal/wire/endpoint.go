package wire

import (
	"net/url"
	"strings"
)

// An Endpoint is written down once, in the list below: client, server and
// playground read the same value.
type Endpoint struct {
	Method string
	Path   string // below the base URL, with wildcards as net/http has them
	Auth   Auth
	Window Window    // where the live service counts its calls
	Page   PageRange // of its limit parameter; zero where there are no pages
}

// Auth says which credential an endpoint asks for.
type Auth int

const (
	KeyAuth     Auth = iota // an API key, as a bearer token
	SessionAuth             // the dashboard's session cookie
)

// A Window is what calls are counted in: so many in any RateWindow. The
// documentation counts all /v1 calls of a key together; the live service does
// so for KeyWindow only, and gives every other window to an account, shared by
// its keys. The zero Window is none: such calls are not counted.
type Window struct {
	Name  string
	Limit int // calls; of KeyWindow it is the key's tier
}

// KeyWindow is a key's own window, as large as its tier.
var KeyWindow = Window{Name: "key"}

// OtherWindow is where a client has endpoints count that it does not know: what
// their replies tell is not taken for the key's limit.
var OtherWindow = Window{Name: "other"}

// PageRange is what a page may hold: Default rows without a limit parameter,
// Most at most, 1 at least.
type PageRange struct{ Default, Most int }

// Pattern returns the endpoint's pattern for http.ServeMux, with the base
// path.
func (e Endpoint) Pattern() string { return e.Method + " " + BasePath + e.Path }

// Expand returns the path with each wildcard replaced by an id, which is
// escaped to one path segment. It panics if there are not as many ids as
// wildcards.
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

// Match returns the ids in an escaped path below the base URL, if it is one of
// the endpoint's: the inverse of Expand.
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

// escapeSegment escapes id for use as one segment of a path. The dots of
// segments that would lead elsewhere are escaped too, though a URL parser of
// a browser's kind still takes them for dots (WHATWG URL, section 4.4): a
// client refuses such ids.
func escapeSegment(id string) string {
	if id == "." || id == ".." {
		return strings.ReplaceAll(id, ".", "%2E")
	}
	return url.PathEscape(id)
}
