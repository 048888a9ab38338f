package dashboard

import (
	"bufio"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// Guard refuses what only a web page of somebody else can send: a host name
// rebound to this server, a request from another origin, a form posted
// across. Clients that are no browsers send none of the headers it looks at,
// but for Host, and pass.
func Guard(hosts []string, next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection() // Sec-Fetch-Site, then Origin against Host; unsafe methods only
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !knownHost(r.Host, hosts):
			writeError(w, http.StatusMisdirectedRequest, "this server is not reached by the name "+r.Host)
		case origin.Check(r) != nil || otherOrigin(r) || readFromElsewhere(r):
			writeError(w, http.StatusForbidden, "requests from other sites are refused")
		case jsonOnly(r) && !isJSON(r) && hasBody(r):
			writeError(w, http.StatusUnsupportedMediaType, "the body has to be "+wire.ContentTypeJSON)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// knownHost reports whether a Host header names this server: localhost, a
// loopback address, or one of hosts.
func knownHost(header string, hosts []string) bool {
	name := header
	if host, _, err := net.SplitHostPort(header); err == nil {
		name = host
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	is := func(host string) bool { return strings.EqualFold(host, name) }
	if is("localhost") || slices.ContainsFunc(hosts, is) {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && (addr.IsLoopback() || slices.ContainsFunc(hosts, unspecified))
}

func unspecified(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsUnspecified()
}

// otherOrigin reports whether a write bears an Origin that is not the one it
// is sent to, whatever else its headers say.
func otherOrigin(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	origin := r.Header.Get("Origin")
	return origin != "" && !strings.EqualFold(origin, scheme+r.Host)
}

// readFromElsewhere reports whether a page of another origin, be it another
// port of the same machine, reads from this one. Following a link is not
// reading.
func readFromElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site == "" || site == "same-origin" || site == "none" {
		return false
	}
	return r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
}

// jsonOnly reports whether a request writes with the session's authority. If
// it has a body, that has to be JSON, which cannot be posted by a form, nor
// across origins without being asked for first.
func jsonOnly(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	api, inside := strings.CutPrefix(r.URL.Path, wire.BasePath+"/")
	return inside && !strings.HasPrefix(api, "v1/") || strings.HasPrefix(r.URL.Path, ownPath+"/")
}

// hasBody looks for a body's first byte where its length is not told, as over
// HTTP/2 it need not be even if there is none.
func hasBody(r *http.Request) bool {
	if r.ContentLength >= 0 {
		return r.ContentLength > 0
	}
	body := bufio.NewReader(r.Body)
	_, err := body.Peek(1)
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
	return err == nil
}

func isJSON(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == wire.ContentTypeJSON
}
