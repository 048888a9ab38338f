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

// headerToken has the token of the login link. A browser sends the cookie to servers on
// other ports as well, but the token only if the page says so: the cookie alone does
// nothing.
const headerToken = "X-Dashboard-Token"

// cookieName names the cookie by the port that the browser calls. A browser
// sends cookies to every port of a host (RFC 6265, section 8.5): by one name,
// two servers would sign each other out. For the same reason the cookie's
// value is the dashboard's own and not the account's session, which a server
// on another port could use. Over TLS the name's prefix keeps it from being
// set by anything else (RFC 6265bis, section 4.1.3.2), and a server of plain
// HTTP on the same port, which could not overwrite it, has its own.
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

// isSignedIn reports whether a request is one of the page, in a browser that came by
// the link.
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

// signedIn lets only requests of the page pass.
func (d *Dashboard) signedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !d.isSignedIn(r) {
			writeError(w, http.StatusUnauthorized, "not signed in by the login link")
			return
		}
		next(w, r)
	}
}

// withSession gives the account's session to the requests of the page, in place of
// its own credentials. All others pass as they are.
func (d *Dashboard) withSession(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.isSignedIn(r) {
			r = r.Clone(r.Context())
			r.Header.Del(headerToken)
			r.Header.Del("Cookie")
			r.AddCookie(&http.Cookie{Name: wire.SessionCookie, Value: d.config.Session})
		}
		api.ServeHTTP(w, r)
	})
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
