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

// Guard refuses requests that only a web page of someone else can send: to a host
// name that was rebound to this server, from another origin, or by a form. Clients
// that are not browsers pass: of the headers that Guard looks at, they send only
// Host.
func Guard(hosts []string, next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection() // checks Sec-Fetch-Site or compares Origin with Host, for unsafe methods only
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !knownHost(r.Host, hosts):
			writeError(w, http.StatusMisdirectedRequest, "this server is not reached by the name "+r.Host)
		case origin.Check(r) != nil || otherOrigin(r) || readFromElsewhere(r):
			writeError(w, http.StatusForbidden, "requests from other sites are refused")
		case jsonOnly(r) && !isJSON(r) && hasBody(r):
			writeError(w, http.StatusUnsupportedMediaType, "the body must be "+wire.ContentTypeJSON)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// knownHost reports whether a Host header names this server: localhost, a loopback
// address, or one of hosts.
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

// otherOrigin reports whether a write has an Origin other than this server's,
// whatever its other headers say.
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

// readFromElsewhere reports whether a page of another origin, which may be another
// port of the same machine, reads from this one. Following a link does not count as
// reading.
func readFromElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site == "" || site == "same-origin" || site == "none" {
		return false
	}
	return r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
}

// jsonOnly reports whether a request writes with the authority of the session. The
// body of such a request must be JSON: a form cannot post JSON, and across origins a
// browser first asks with a preflight request.
func jsonOnly(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	api, inside := strings.CutPrefix(r.URL.Path, wire.BasePath+"/")
	return inside && !strings.HasPrefix(api, "v1/") || strings.HasPrefix(r.URL.Path, ownPath+"/")
}

// hasBody reports whether a request has a body. If the request does not say how long
// it is, hasBody looks for the first byte: over HTTP/2, a request without a body need
// not say so.
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
