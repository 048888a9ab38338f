package dashboard

import (
	"crypto/subtle"
	"net"
	"net/http"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// login signs in a browser that comes by the printed link. With any other link, the
// browser gets the page, which asks for the right one.
func (d *Dashboard) login(w http.ResponseWriter, r *http.Request) {
	if !same(r.URL.Query().Get("token"), d.token) {
		writePage(w, http.StatusForbidden)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name:     cookieName(r),
		Value:    d.cookie,
		Path:     "/",
		HttpOnly: true,
		Secure:   r.TLS != nil,
		SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, "/#token="+d.token, http.StatusSeeOther) // the page keeps the token
}

// headerToken is the header with the token of the login link. A browser sends cookies
// to servers on other ports too, but it sends the token only if the page does so. The
// cookie alone is therefore worth nothing.
const headerToken = "X-Dashboard-Token"

// cookieName returns the name of the cookie, which contains the port that the browser
// calls. A browser sends cookies to all ports of a host, so with one name two servers
// would sign each other out. For the same reason the cookie's value is not the
// account's session, which a server on another port could use. Over TLS, the name has
// a prefix that prevents anything else from setting the cookie (RFC 6265bis
// §4.1.3.2). A server of plain HTTP on the same port could not overwrite that cookie,
// so it has another name.
func cookieName(r *http.Request) string {
	name := "clawhq-dashboard"
	if r.TLS != nil {
		name = "__Host-" + name
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		name += "-" + port
	}
	return name
}

// isSignedIn reports whether a request comes from the page, in a browser that was
// signed in by the link.
func (d *Dashboard) isSignedIn(r *http.Request) bool {
	if !same(r.Header.Get(headerToken), d.token) {
		return false
	}
	for _, cookie := range r.CookiesNamed(cookieName(r)) {
		if same(cookie.Value, d.cookie) {
			return true
		}
	}
	return false
}

// signedIn passes only requests of the page, in a browser that is signed in.
func (d *Dashboard) signedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !d.isSignedIn(r) {
			writeError(w, http.StatusUnauthorized, "not signed in by the login link")
			return
		}
		next(w, r)
	}
}

// withSession replaces the credentials of the page by the account's session. Other
// requests pass without the token, which the journal would show.
func (d *Dashboard) withSession(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signedIn := d.isSignedIn(r)
		r = r.Clone(r.Context())
		r.Header.Del(headerToken)
		if signedIn {
			r.Header.Del("Cookie")
			r.AddCookie(&http.Cookie{Name: wire.SessionCookie, Value: d.config.Session})
		}
		api.ServeHTTP(w, r)
	})
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
