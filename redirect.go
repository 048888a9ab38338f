package clawhq

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
)

// follows reports whether the reply is a redirect that is followed. It must lead
// to the same origin, since the request has credentials; it must keep the method,
// as 307 and 308 do, and any redirect of a GET or HEAD (RFC 9110 §15.4); and the
// call must have an attempt left for it.
func (c *call) follows(req *http.Request, resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		if c.request.method != http.MethodGet && c.request.method != http.MethodHead {
			return false
		}
	default:
		return false
	}
	location := resp.Header.Get("Location")
	base := c.core.base
	to, err := req.URL.Parse(location)
	if err != nil || location == "" || !sameOrigin(to, base) || c.tries.counted() >= c.tries.policy.MaxAttempts {
		return false
	}
	// Then http.Client does not take another spelling of the host for another
	// host.
	to.Scheme, to.Host, to.User = base.Scheme, base.Host, nil
	resp.Header = resp.Header.Clone()
	resp.Header.Set("Location", to.String())
	return true
}

// sameOrigin reports whether two URLs have the same scheme, host and port.
func sameOrigin(u, v *url.URL) bool {
	return u.Scheme == v.Scheme && strings.EqualFold(u.Hostname(), v.Hostname()) && portOf(u) == portOf(v)
}

// portOf returns the port of a URL. A missing port is the default port of the
// scheme.
func portOf(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}
